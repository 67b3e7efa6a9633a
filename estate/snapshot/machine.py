"""The machine that the estate runs on, as far as an audit looks at it. Pure; `estate/machine.py` looks."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Timer:
    """A systemd timer, in systemd's own words (systemctl(1), `show`)."""

    loaded: str
    enabled: str
    active: str


@dataclass(frozen=True, slots=True)
class Disk:
    """The file system that a folder is on (statvfs(3)). Bytes, and inodes; 0 inodes: it does not count
    them."""

    size: int
    free: int
    inodes: int = 0
    inodes_free: int = 0


@dataclass(frozen=True, slots=True)
class Machine:
    """Bytes. `timers`: those that the tree has, by their names. `no_systemd`: why it could not be asked.
    `disks`: folder → what it is on, each file system once. `clock`: whether it is set by others' clocks; None
    when nobody could say. `resolvers`: whom it asks for names; None when it was not seen."""

    swap: int
    memory: int
    available: int
    timers: Mapping[str, Timer] = field(default_factory=dict)
    no_systemd: str = ""
    disks: Mapping[str, Disk] = field(default_factory=dict)
    clock: bool | None = None
    resolvers: tuple[str, ...] | None = None
