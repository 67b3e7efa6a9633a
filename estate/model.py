"""The nouns of the estate. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

THROWAWAY = "io.tocsin.throwaway"
"""The label of a container that may be removed at any time. Its value says whose it is."""


class State(StrEnum):
    """A container's state, in the Engine's own words."""

    CREATED = "created"
    RUNNING = "running"
    PAUSED = "paused"
    RESTARTING = "restarting"
    REMOVING = "removing"
    EXITED = "exited"
    DEAD = "dead"


class Health(StrEnum):
    """What the healthcheck says; NONE where there is none."""

    NONE = "none"
    STARTING = "starting"
    HEALTHY = "healthy"
    UNHEALTHY = "unhealthy"


@dataclass(frozen=True, slots=True)
class Container:
    """A container as the Engine's list shows it (one call for all of them)."""

    id: str
    name: str
    host: str
    image: str
    """What was asked for: `grafana/grafana:latest`, or an image id."""
    image_id: str
    state: State
    health: Health
    status: str
    """The Engine's own words: `Up 3 hours (unhealthy)`."""
    created: datetime
    labels: Mapping[str, str] = field(default_factory=dict)

    @property
    def project(self) -> str | None:
        """The Compose project, by label."""
        return self.labels.get("com.docker.compose.project")

    @property
    def service(self) -> str | None:
        """The Compose service, by label."""
        return self.labels.get("com.docker.compose.service")


@dataclass(frozen=True, slots=True)
class Probe:
    """One run of a healthcheck."""

    at: datetime
    exit_code: int
    output: str


@dataclass(frozen=True, slots=True)
class Mount:
    """What a container sees of a disk."""

    kind: str
    """volume | bind | tmpfs | …, in the Engine's words."""
    source: str
    """The path on the Engine's host; empty where there is none."""
    destination: str
    """The path inside the container."""
    name: str = ""
    """The volume's name."""
    writable: bool = True


@dataclass(frozen=True, slots=True)
class Detail:
    """One container, looked at closely (one more call)."""

    container: Container
    started: datetime | None
    finished: datetime | None
    exit_code: int | None
    oom_killed: bool
    restarts: int
    error: str
    failing_streak: int
    probes: tuple[Probe, ...]
    health_command: tuple[str, ...]
    environment: Mapping[str, str] = field(default_factory=dict)
    """Names and values: for the redactor only, never shown."""
    restart_policy: str = "no"
    """no | on-failure | always | unless-stopped"""
    memory_limit: int = 0
    """Bytes; 0: none."""
    patience: timedelta = timedelta(0)
    """How long the healthcheck may take to decide: start period + retries x (interval + time-out)."""
    mounts: tuple[Mount, ...] = ()
    command: tuple[str, ...] = ()
    """What process 1 was started as. May hold passwords: never shown."""
    log_driver: str = ""
    """Which one keeps what it says; empty: not known."""
    log_options: Mapping[str, str] = field(default_factory=dict)
    """With the Engine's own defaults."""


@dataclass(frozen=True, slots=True)
class Executed:
    """How a program that was run inside a container ended."""

    exit_code: int
    """127 also where the container has no such program."""
    errors: str = ""
    """The end of what it said on stderr, as it was written (not redacted)."""


@dataclass(frozen=True, slots=True)
class Throwaway:
    """A container to be made from an image that is here already, without any network."""

    image_id: str
    owner: str
    """The value of the label THROWAWAY."""
    environment: Mapping[str, str] = field(default_factory=dict)
    argv: tuple[str, ...] = ()
    """Instead of the image's own command; empty: the image's own."""


@dataclass(frozen=True, slots=True)
class Image:
    """An image that the Engine has. The list leaves what stands after `created` empty."""

    id: str
    host: str
    tags: tuple[str, ...]
    digests: tuple[str, ...]
    size: int
    """Bytes."""
    created: datetime | None
    os: str = ""
    architecture: str = ""
    variant: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)
    environment: Mapping[str, str] = field(default_factory=dict)
    user: str = ""
    """Whom its programs run as; empty is root."""


@dataclass(frozen=True, slots=True)
class Facts:
    """What an Engine says of itself and its machine (`docker info`)."""

    architecture: str = ""
    """In the kernel's words: `x86_64`, `aarch64`."""
    root: str = ""
    """Where it keeps images and volumes, on its machine."""
    live_restore: bool = True
    """Whether containers go on while the Engine itself is started anew."""
    warnings: tuple[str, ...] = ()
    """In its own words."""
    networks: frozenset[str] = frozenset()
    volumes: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Sample:
    """What a container had used at one moment. `at`: aware, UTC."""

    at: datetime
    cpu: float
    """Seconds of one processor, since it started."""
    memory: int
    """Bytes, without what the kernel may take back at once."""
    memory_limit: int
    """Bytes; the machine's memory where there is none."""


@dataclass(frozen=True, slots=True)
class Service:
    """A service as a compose file configures it."""

    project: str
    name: str
    file: str
    """Relative to the estate's root."""
    image: str | None
    container_name: str | None
    profiles: tuple[str, ...] = ()
    """Why it need not run: profiles, none of which is active (COMPOSE_PROFILES in `.env`)."""
    replicas: int = 1

    @property
    def full_name(self) -> str:
        return f"{self.project}/{self.name}"


@dataclass(frozen=True, slots=True)
class Tree:
    """What the compose tree configures, and which files could not be read, with the reason."""

    services: tuple[Service, ...] = ()
    unreadable: Mapping[str, str] = field(default_factory=dict)
    secrets: frozenset[str] = frozenset()
    """Values from `.env` files and environments that must never be said aloud."""
