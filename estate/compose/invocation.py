"""How Compose is called for a project. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

STANDARD = ("compose.yaml", "compose.yml", "docker-compose.yml", "docker-compose.yaml")
"""In Compose's order: the first that exists is the project's file."""
OVERRIDES = (
    "compose.override.yml",
    "compose.override.yaml",
    "docker-compose.override.yml",
    "docker-compose.override.yaml",
)


@dataclass(frozen=True, slots=True)
class Invocation:
    """`directory` is where it is called; the other paths may be relative to it."""

    directory: Path
    files: tuple[str, ...] = ()
    """`-f`; empty: COMPOSE_FILE, then the standard names."""
    env_files: tuple[str, ...] = ()
    """`--env-file`; empty: `.env`."""
    profiles: tuple[str, ...] = ()
    """`--profile`, beside COMPOSE_PROFILES."""
    project_directory: str | None = None
    name: str | None = None
    """`-p`."""
    shell: Mapping[str, str] = field(default_factory=dict)
    """The environment of whoever calls: it wins over `.env`."""
