"""Where backups lie, and who has locked them, as far as an audit looks at it. Pure."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

STALE = timedelta(minutes=30)
"""restic renews a lock every five minutes, so one this old is nobody's."""


class Where(StrEnum):
    SAME_DISK = "on the same file system"
    HERE = "on this machine"
    ELSEWHERE = "elsewhere"
    UNKNOWN = "unknown"


class Holder(StrEnum):
    """Who holds a lock."""

    LIVES = "lives"
    GONE = "gone"
    ELSEWHERE = "is on another host"


@dataclass(frozen=True, slots=True)
class Held:
    """A lock. `since`: aware, UTC; a program that lives renews it every five minutes (restic)."""

    host: str
    pid: int
    since: datetime | None
    holder: Holder


@dataclass(frozen=True, slots=True)
class Repository:
    """`beside`: the folder of the estate whose file system it shares. `why`: why it is not known where it is.
    `no_locks`: why it is not known who has locked it; empty when it is."""

    where: Where
    beside: str = ""
    why: str = ""
    locks: tuple[Held, ...] = ()
    no_locks: str = ""
