"""The frozen configuration. `config.example.yml` explains every key; this is their shape after reading."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import time, timedelta
from pathlib import Path

from alert_bridge.route import Route
from bot.core.model import People, Room
from bot.core.policy import Policy


@dataclass(frozen=True, slots=True)
class Secret:
    """A secret's value. Its repr never shows it; `origin` says where it came from, for messages."""

    value: str = field(repr=False)
    origin: str

    def __str__(self) -> str:
        return f"<secret from {self.origin}>"


@dataclass(frozen=True, slots=True)
class Http:
    host: str
    port: int


@dataclass(frozen=True, slots=True)
class Retention:
    alerts: timedelta = timedelta(days=90)
    journal: timedelta = timedelta(days=400)
    payloads: timedelta = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class Rate:
    """So many per so long."""

    count: int = 30
    per: timedelta = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Matrix:
    homeserver: str
    user: str
    device: str = "TOCSIN"
    access_token: Secret | None = None
    password: Secret | None = None
    pickle_key: Secret | None = None
    encryption: str = "optional"
    """off | optional | required"""


@dataclass(frozen=True, slots=True)
class Slack:
    team: str
    bot_token: Secret
    app_token: Secret | None = None
    signing_secret: Secret | None = None
    api_url: str = "https://slack.com/api/"


@dataclass(frozen=True, slots=True)
class Credential:
    """What a webhook sender must show: exactly one of the four."""

    bearer: Secret | None = None
    basic: tuple[str, Secret] | None = None
    header: tuple[str, Secret] | None = None
    insecure: bool = False


@dataclass(frozen=True, slots=True)
class Endpoint:
    """`POST /alerts/{name}`."""

    name: str
    credential: Credential
    routes: tuple[Route, ...] = ()


@dataclass(frozen=True, slots=True)
class AlertsConfig:
    endpoints: Mapping[str, Endpoint] = field(default_factory=dict)
    alertmanager: str | None = None
    prometheus: str | None = None


@dataclass(frozen=True, slots=True)
class Backup:
    engine: str = "restic"
    """restic | command | systemd"""
    repository: str | None = None
    password: Secret | None = None
    argv: tuple[str, ...] = ()
    unit: str | None = None
    max_age: timedelta = timedelta(hours=26)
    schedule: time | None = None
    """UTC."""
    trial: bool = False
    """The console's own, to try it with: a repository in its state, which is made at its first use."""


@dataclass(frozen=True, slots=True)
class Audit:
    schedule: time | None = None
    room: str | None = None
    waivers: str = "audit-waivers.yml"


@dataclass(frozen=True, slots=True)
class Estate:
    root: Path | None = None
    docker: str | None = None
    """`unix:///…`, `tcp://…`; None: DOCKER_HOST, else the default socket."""
    compose: tuple[str, ...] | None = None
    paths: Mapping[str, str] = field(default_factory=dict)
    also: tuple[Path, ...] = ()
    services: str = "SERVICES.yml"
    runbooks: str = "runbooks"
    traefik: str | None = None
    git: str = "auto"
    """auto | off"""
    backup: Backup | None = None
    audit: Audit | None = None


@dataclass(frozen=True, slots=True)
class Config:
    """Everything. `warnings` are what was read but is unwise (an inline secret, a file that others read)."""

    state: Path
    http: Http
    name: str = "tocsin"
    prefix: str = "!"
    fallback: str | None = None
    retention: Retention = Retention()
    commands_per_person: Rate | None = Rate()
    """None: exempt (the console)."""
    matrix: Matrix | None = None
    slack: Slack | None = None
    rooms: Mapping[str, tuple[Room, ...]] = field(default_factory=dict)
    people: People = field(default_factory=People)
    policy: Policy = field(default_factory=Policy)
    alerts: AlertsConfig = AlertsConfig()
    estate: Estate = Estate()
    warnings: tuple[str, ...] = ()
