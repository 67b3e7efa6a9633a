"""The backups that the bot itself made, as far as an audit looks at them. Pure."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from estate.snapshot.repository import Repository


@dataclass(frozen=True, slots=True)
class Size:
    """Of one backup of everything that made a snapshot: files, and bytes that were read."""

    at: datetime
    files: int
    size: int


@dataclass(frozen=True, slots=True)
class Backups:
    """Aware times, UTC. `good`: when the last one that saved everything whole began. `since`: since when one
    is expected. `read`: since when every part of the repository has been read back at least once. `drilled`:
    when a service was last restored, and was well."""

    max_age: timedelta
    since: datetime | None = None
    good: datetime | None = None
    read: datetime | None = None
    trouble: str = ""
    """What the last reading back found, when it was not well."""
    drilled: datetime | None = None
    failed_drills: tuple[str, ...] = ()
    """Services whose last drill was not well."""
    sizes: tuple[Size, ...] = ()
    """The oldest first."""
    repository: Repository | None = None
    """None: there is none that the bot could ask: the site's own script or unit makes backups."""
