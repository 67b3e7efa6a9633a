"""The backups that the bot itself made, as far as an audit looks at them. Pure."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from estate.snapshot.repository import Repository

FEWER = 0.5
"""A backup with less than this share of what is usual is looked at by a person."""
USUAL = 5
"""Backups that say what is usual."""


@dataclass(frozen=True, slots=True)
class Made:
    """One backup of everything that made a snapshot: files, and bytes that were read."""

    at: datetime
    files: int
    size: int


@dataclass(frozen=True, slots=True)
class Saved:
    """One thing that containers keep, and whether a snapshot has it. `kind`: volume | bind | database.
    `name`: a volume's, as Docker has it. `source`: its place on the Engine's host; empty for a database
    without a mount. `state`: covered | stale | config-only | uncovered | unknown, `why` says why."""

    title: str
    owners: tuple[str, ...]
    kind: str
    name: str
    source: str
    state: str
    why: str = ""


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
    sizes: tuple[Made, ...] = ()
    """The oldest first."""
    repository: Repository | None = None
    """None: there is none that the bot could ask: the site's own script or unit makes backups."""
    saved: tuple[Saved, ...] = ()
    """Everything that containers keep, by what snapshots really hold."""
    not_saved: str = ""
    """Why it is not known what they hold; empty when it is."""
