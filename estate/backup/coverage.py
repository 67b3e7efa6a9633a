"""What of the need is covered, by what snapshots really hold. Pure."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from estate.backup.item import Item, Method, within
from estate.backup.manifest import Manifest
from estate.backup.message import Snapshot


class Cover(StrEnum):
    COVERED = "covered"
    STALE = "stale"
    """It is in a snapshot, and that one is older than it may be."""
    CONFIG_ONLY = "config-only"
    """Some file says that it is backed up, and no snapshot has it."""
    UNCOVERED = "uncovered"
    UNKNOWN = "unknown"
    """What would show it cannot be read."""


@dataclass(frozen=True, slots=True)
class Holding:
    """One snapshot, as `ls` shows it. `present`: of the paths that were asked about, those that are in it."""

    snapshot: Snapshot
    present: frozenset[str] = frozenset()
    manifest: Manifest | None = None
    saved: str = ""
    """Where its spool is, inside the snapshot."""
    bad: frozenset[str] = frozenset()
    """Titles of items that this run did not save whole."""
    ours: bool = True
    """Made, and checked, by this bot."""


@dataclass(frozen=True, slots=True)
class Covered:
    """One item, and how it stands."""

    item: Item
    cover: Cover
    at: datetime | None = None
    snapshot: str = ""
    why: str = ""


@dataclass(frozen=True, slots=True)
class Listed:
    """What the site's own backup configuration names: paths as it writes them, and containers."""

    file: str = ""
    paths: tuple[str, ...] = ()
    containers: frozenset[str] = field(default_factory=frozenset)

    def names(self, item: Item) -> bool:
        if item.name and item.name in self.containers:
            return True
        return any(within(item.source, path) or within(item.path, path) for path in self.paths if path)


def candidates(
    item: Item, snapshots: Sequence[Snapshot], bad: Mapping[str, frozenset[str]], ours: Collection[str]
) -> list[Snapshot]:
    """The snapshots that might hold it: those that were checked first, then the newest."""
    ordered = sorted(snapshots, key=lambda one: (one.id in ours, one.at), reverse=True)
    return [one for one in ordered if item.title not in bad.get(one.id, frozenset()) and _may_hold(item, one)]


def _may_hold(item: Item, snapshot: Snapshot) -> bool:
    if item.method is Method.DUMP:
        return bool(set(item.owners) & set(snapshot.tagged("svc")))
    return bool(item.path) and any(within(item.path, path) for path in snapshot.paths)


def cover(
    items: Sequence[Item], holdings: Sequence[Holding], listed: Listed, now: datetime, max_age: timedelta
) -> tuple[Covered, ...]:
    """Each item, by the newest holding that has it."""
    newest = sorted(holdings, key=lambda one: one.snapshot.at, reverse=True)
    return tuple(_cover(item, newest, listed, now, max_age) for item in items)


def _cover(
    item: Item, newest: Sequence[Holding], listed: Listed, now: datetime, max_age: timedelta
) -> Covered:
    holding = [one for one in newest if _holds(item, one)]
    found = next((one for one in holding if one.ours), None)
    if found is not None:
        at, short = found.snapshot.at, found.snapshot.short
        return Covered(item, Cover.STALE if now - at > max_age else Cover.COVERED, at, short)
    if holding:
        # Also one of ours whose run was cut off before anybody looked at it.
        at, short = holding[0].snapshot.at, holding[0].snapshot.short
        return Covered(
            item, Cover.UNKNOWN, at, short, f"snapshot {short} has it, and I never checked that one"
        )
    if listed.names(item):
        return Covered(item, Cover.CONFIG_ONLY, why=f"{listed.file} names it, and no snapshot has it")
    return Covered(item, Cover.UNCOVERED, why=item.why or "no snapshot has it")


def _holds(item: Item, holding: Holding) -> bool:
    if item.title in holding.bad:
        return False
    if item.method is not Method.DUMP:
        return bool(item.path) and item.path in holding.present
    if holding.manifest is None:
        return False
    saved = next((one for one in holding.manifest.databases if one.container == item.name), None)
    return (
        saved is not None
        and bool(saved.files)
        and all(f"{holding.saved}/{file.path}" in holding.present for file in saved.files)
    )
