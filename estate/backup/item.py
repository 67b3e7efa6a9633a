"""What there is to save: from the mounts of all containers, not from what a file claims. Pure.

The Engine is asked; what it says is judged here, with a look at the disk that the caller brings.
"""

import posixpath
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from estate.backup.database import Database, Kind, detect
from estate.model import Detail, Mount, State


class Method(StrEnum):
    """How an item is saved."""

    FILES = "files"
    DUMP = "dump"
    """By the database's own tool. Its folder, copied while it writes, would be no backup, and is not."""
    NONE = "none"
    """It cannot be: `why` says what is missing."""


class Sort(StrEnum):
    """What stands at a path of the host."""

    FOLDER = "folder"
    FILE = "file"
    SOCKET = "socket"
    OTHER = "other"
    MISSING = "missing"


@dataclass(frozen=True, slots=True)
class Place:
    """A path of the Engine's host as we see it, symlinks followed."""

    path: str
    sort: Sort
    why: str = ""
    """For MISSING, in words."""
    in_git: bool = False
    """All of it is committed: git has it."""


Look = Callable[[str], Place]
"""From a path on the Engine's host to what is there. Blocks."""


@dataclass(frozen=True, slots=True)
class Item:
    """One volume, bind mount or database, once, whoever mounts it. `owners`: services by their full names."""

    kind: str
    """volume | bind | database"""
    source: str
    """The path on the Engine's host; of a database that keeps its files in no mount: empty."""
    path: str
    """The same place as we see it; empty where we cannot."""
    owners: tuple[str, ...]
    method: Method
    name: str = ""
    """The volume's name, or the database's container."""
    why: str = ""
    database: Database | None = None

    @property
    def title(self) -> str:
        """`volume shop_data`, `bind /srv/shop/data`, `database shop-db-1`."""
        return f"{self.kind} {self.name or self.source}"


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A mount that needs no backup, and the rule that says so."""

    source: str
    owners: tuple[str, ...]
    why: str


@dataclass(frozen=True, slots=True)
class Need:
    """Everything that containers keep on a disk."""

    items: tuple[Item, ...] = ()
    left_out: tuple[LeftOut, ...] = ()

    def of(self, owner: str) -> "Need":
        """What belongs to one service, alone or with others."""
        return Need(
            tuple(one for one in self.items if owner in one.owners),
            tuple(one for one in self.left_out if owner in one.owners),
        )


@dataclass(slots=True)
class _Source:
    """One source with everybody who mounts it."""

    mount: Mount
    owners: list[str]
    destinations: list[str]
    writable: bool = False
    database: Database | None = None


_SYSTEM = ("/proc", "/sys", "/dev", "/run", "/var/run", "/boot", "/lib/modules", "/usr/lib/modules", "/tmp")  # noqa: S108 - compared, not used
_SYSTEM_FILES = {
    "/etc/localtime", "/etc/timezone", "/etc/hostname", "/etc/hosts", "/etc/resolv.conf", "/etc/machine-id",
    "/etc/passwd", "/etc/group",
}  # fmt: skip
_ENGINE = "/var/lib/docker"
_CACHE = re.compile(r"(^|[/_.-])(cache|caches|tmp|temp)$", re.IGNORECASE)


def survey(details: Iterable[tuple[str, Detail]], look: Look) -> Need:
    """What there is to save of these containers, each with its service's full name."""
    sources: dict[tuple[str, str], _Source] = {}
    databases: list[tuple[str, Detail, Database, list[_Source]]] = []
    for owner, detail in details:
        database = detect(detail)
        own: list[_Source] = []
        for mount in detail.mounts:
            if mount.kind not in {"volume", "bind"} or not mount.source:
                continue
            source = sources.setdefault(
                (mount.kind, posixpath.normpath(mount.source)), _Source(mount, [], [])
            )
            source.writable |= mount.writable
            source.destinations.append(posixpath.normpath(mount.destination))
            if owner not in source.owners:
                source.owners.append(owner)
            if database is not None and _holds(mount, database.folder):
                source.database = database
                own.append(source)
        if database is not None:
            databases.append((owner, detail, database, own))
    items: list[Item] = [_database(*one) for one in databases]
    left: list[LeftOut] = []
    for source in sources.values():
        if source.database is None:
            found = _judge(source, look)
            (items if isinstance(found, Item) else left).append(found)  # type: ignore[arg-type]
    items.sort(key=lambda one: (one.owners, one.kind, one.name or one.source))
    return Need(tuple(items), tuple(sorted(left, key=lambda one: one.source)))


def _holds(mount: Mount, folder: str) -> bool:
    """Whether the database's files are in this mount, or in a part of it."""
    place, folder = posixpath.normpath(mount.destination), posixpath.normpath(folder)
    return within(folder, place) or within(place, folder)


def within(path: str, folder: str) -> bool:
    """Whether `path` is `folder` or below it."""
    return path == folder or path.startswith(folder.rstrip("/") + "/")


def _database(owner: str, detail: Detail, database: Database, own: Sequence[_Source]) -> Item:
    source = own[0].mount.source if own else ""
    owners = tuple(
        sorted({owner, *(name for one in own for name in one.owners)}, key=lambda name: name != owner)
    )
    method, why = Method.DUMP, ""
    if database.kind is Kind.OTHER:
        method, why = Method.NONE, f"I have no tool for {database.program}, and its files alone are no backup"
    elif detail.container.state is not State.RUNNING:
        method, why = Method.NONE, f"it is {detail.container.state.value}, so its own tool cannot dump it"
    return Item("database", source, "", owners, method, detail.container.name, why, database)


def _judge(source: _Source, look: Look) -> Item | LeftOut:
    mount, owners = source.mount, tuple(source.owners)
    path = posixpath.normpath(mount.source)
    rule = _by_rule(source, path)
    if rule is not None:
        return LeftOut(path, owners, rule)
    place = look(path)
    if place.sort is Sort.SOCKET:
        return LeftOut(path, owners, "a socket")
    if place.sort is Sort.OTHER:
        return LeftOut(path, owners, "a device or a pipe")
    if place.in_git:
        return LeftOut(path, owners, "git has it")
    name = mount.name if mount.kind == "volume" else ""
    if place.sort is Sort.MISSING:
        return Item(mount.kind, path, "", owners, Method.NONE, name, place.why or "I cannot see it from here")
    if "\n" in place.path:
        return Item(mount.kind, path, "", owners, Method.NONE, name, "its path has a line end in it")
    return Item(mount.kind, path, place.path, owners, Method.FILES, name)


def _by_rule(source: _Source, path: str) -> str | None:
    bind = source.mount.kind == "bind"
    if path == "/":
        return "the whole host"
    if bind and path.endswith(".sock"):
        return "a socket"
    if bind and (path in _SYSTEM_FILES or any(within(path, folder) for folder in _SYSTEM)):
        return "the system's own"
    if bind and within(path, _ENGINE):
        return "the Engine's own"
    names = (source.mount.name or path, *source.destinations)
    if any(_CACHE.search(name) for name in names):
        return "a cache, by its name"
    if source.mount.kind == "bind" and not source.writable:
        return "read-only wherever it is mounted, so nothing here writes it; git should have it"
    return None
