"""From what there is to save to exactly what will be run. Asks databases what they hold; changes nothing."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from bot.core.errors import NotDone, Upstream
from bot.core.text import one_line
from estate.backup import sqlite
from estate.backup.dialect import dialect
from estate.backup.item import Item, LeftOut, Method, Need
from estate.backup.restic import Restic
from estate.backup.shell import Dump, Inside, Shell
from estate.backup.spool import Spool


@dataclass(frozen=True, slots=True)
class Dumping:
    """One database server, and the commands that are run in its container."""

    item: Item
    dumps: tuple[Dump, ...]


@dataclass(frozen=True, slots=True)
class Copying:
    """One SQLite file in an item."""

    item: Item
    source: Path


@dataclass(frozen=True, slots=True)
class Prepared:
    """Everything that one run will do. `paths`: what restic is given."""

    scope: str
    items: tuple[Item, ...]
    left_out: tuple[LeftOut, ...]
    dumping: tuple[Dumping, ...]
    copying: tuple[Copying, ...]
    paths: tuple[str, ...]
    argv: tuple[str, ...]
    notes: tuple[str, ...] = ()

    @property
    def list(self) -> bytes:
        """The bytes of the list of paths."""
        return "".join(f"{path}\n" for path in self.paths).encode("utf-8", "surrogateescape")

    @property
    def missing(self) -> tuple[Item, ...]:
        """What will not be saved."""
        return tuple(one for one in self.items if one.method is Method.NONE)


async def prepare(need: Need, scope: str, engines: Mapping[str, Inside], spool: Spool, host: str) -> Prepared:
    """Raises nothing that one database's trouble causes: that one is not saved, and says why."""
    asked = await asyncio.gather(*(_look(item, engines, spool.folder) for item in need.items))
    items = tuple(item for item, _ in asked)
    dumping = tuple(Dumping(item, dumps) for item, dumps in asked if dumps)
    copying: list[Copying] = []
    notes: list[str] = []
    for item in items:
        if item.method is Method.FILES:
            found, whole = await asyncio.to_thread(sqlite.find, Path(item.path))
            copying += [Copying(item, path) for path in found]
            notes += [] if whole else [f"{item.title}: too many files to find every SQLite file in it"]
    files = [one.path for one in items if one.method is Method.FILES]
    paths = tuple(dict.fromkeys([*files, str(spool.saved)]))
    services = sorted({owner for one in items if one.method is not Method.NONE for owner in one.owners})
    argv = Restic.backup_argv(spool.list, host, services)
    return Prepared(scope, items, need.left_out, dumping, tuple(copying), paths, argv, tuple(notes))


async def _look(item: Item, engines: Mapping[str, Inside], folder: Path) -> tuple[Item, tuple[Dump, ...]]:
    if item.method is not Method.DUMP or item.database is None:
        return item, ()
    engine = engines[item.database.container.host]
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        return item, await dialect(item.database.kind).look(Shell(engine, item.database, folder))
    except (NotDone, Upstream, OSError) as trouble:
        return replace(item, method=Method.NONE, why=one_line(str(trouble), 300)), ()


def listing(prepared: Prepared) -> str:
    """One line for each item and for each file that is copied, as a difference: + saved, - not saved."""
    rows: list[str] = []
    for item in prepared.items:
        owner = ", ".join(item.owners)
        match item.method:
            case Method.FILES:
                rows.append(f"+ {owner}: {item.title}, its files: {item.path}")
                rows += _copies(item, prepared.copying)
            case Method.DUMP:
                rows.append(f"+ {owner}: {item.title}, by its own tool")
            case Method.NONE:
                rows.append(f"- {owner}: {item.title}, NOT saved: {item.why}")
    return "\n".join(rows)


def _copies(item: Item, copying: Sequence[Copying]) -> list[str]:
    own = [one.source for one in copying if one.item == item]
    return [f"+   by SQLite itself: {path}" for path in own]
