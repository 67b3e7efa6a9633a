"""A drill: the newest snapshot of one service restored into a scratch folder, loaded, and compared."""

import asyncio
import contextlib
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from bot.core.errors import NotDone
from bot.core.steps import Step
from bot.core.text import one_line
from estate.backup import sqlite
from estate.backup.database import Database, Kind
from estate.backup.dialect import Counts, dialect
from estate.backup.item import within
from estate.backup.manifest import Manifest, Sample, SavedDatabase, SavedSqlite, from_json
from estate.backup.message import Node, Snapshot
from estate.backup.restic import Restic, is_locked
from estate.backup.sample import sha256
from estate.backup.save import INSIDE, Tools, say_bytes, who_locks
from estate.backup.shell import Shell
from estate.backup.spool import Spool, free
from estate.backup.throwaway import throwaway
from estate.model import Container, Health, State

MARGIN = 1.2
"""The scratch folder's disk must have this many times what is restored."""
MOST = 20
"""Differences that are named."""


@dataclass(frozen=True, slots=True)
class Target:
    """What is restored: one service's part of one snapshot."""

    owner: str
    snapshot: Snapshot
    saved: str
    """Where the spool is in the snapshot."""
    manifest: Manifest
    folders: tuple[str, ...]
    databases: tuple[SavedDatabase, ...]
    sqlite: tuple[SavedSqlite, ...]

    @property
    def paths(self) -> tuple[str, ...]:
        """Everything that restic restores."""
        dumps = [file for one in self.databases for file in one.files] + [one.file for one in self.sqlite]
        return (*self.folders, *(f"{self.saved}/{file.path}" for file in dumps))


@dataclass(slots=True)
class Evidence:
    """What was seen. Plain JSON when it is written down."""

    owner: str
    snapshot: str
    taken: str
    files: int = 0
    size: int = 0
    hashed: int = 0
    moved: int = 0
    """Sampled files that changed while the snapshot was made, so that nothing can be said of them."""
    databases: list[dict[str, object]] = field(default_factory=list)
    differences: list[str] = field(default_factory=list)
    seconds: dict[str, float] = field(default_factory=dict)
    tools: str = ""


async def find(owner: str, restic: Restic, spool: Spool) -> Target | None:
    """The newest snapshot that holds this service; None when there is none. Raises Upstream, NotDone."""
    for snapshot in reversed(await restic.snapshots(f"svc:{owner}")):
        saved = saved_in(snapshot)
        if saved is None:
            continue
        return target(owner, snapshot, saved, await manifest_of(snapshot, saved, restic, spool))
    return None


def saved_in(snapshot: Snapshot) -> str | None:
    """Where a spool of ours is in this snapshot."""
    return next((path for path in snapshot.paths if path.endswith("/spool/saved")), None)


async def manifest_of(snapshot: Snapshot, saved: str, restic: Restic, spool: Spool) -> Manifest:
    """What the snapshot says of itself. Raises Upstream, NotDone."""
    spool.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    path = spool.folder / f"manifest-{snapshot.short}-{time.monotonic_ns()}"
    try:
        await restic.fetch(snapshot.id, f"{saved}/manifest.json", path)
        return from_json(await asyncio.to_thread(path.read_text, "utf-8"))
    except (ValueError, OSError) as wrong:
        raise NotDone(f"the manifest of snapshot {snapshot.short} cannot be read: {wrong}") from wrong
    finally:
        path.unlink(missing_ok=True)


def target(owner: str, snapshot: Snapshot, saved: str, manifest: Manifest) -> Target:
    """One service's part."""
    return Target(
        owner,
        snapshot,
        saved,
        manifest,
        tuple(one.path for one in manifest.items if owner in one.owners),
        tuple(one for one in manifest.databases if one.owner == owner),
        tuple(one for one in manifest.sqlite if one.owner == owner),
    )


async def drill(wanted: Target, running: Mapping[str, Container], tools: Tools) -> Evidence:
    """Do it. What differs is in the evidence; raises NotDone and Upstream when it could not be done.

    running: the containers of the databases as they are now, by name: their image is taken.
    """
    try:
        await asyncio.to_thread(tools.spool.ready)
        return await _drill(wanted, running, tools)
    except OSError as wrong:
        raise NotDone(f"the scratch folder cannot be used: {wrong.strerror}") from wrong
    finally:
        await asyncio.to_thread(tools.spool.clear)


async def _drill(wanted: Target, running: Mapping[str, Container], tools: Tools) -> Evidence:
    evidence = Evidence(wanted.owner, wanted.snapshot.id, wanted.snapshot.at.isoformat())
    evidence.tools = await tools.restic.version()
    scratch = tools.spool.scratch
    await _room(wanted, tools, evidence)
    await tools.say(f"restoring {say_bytes(evidence.size)} of snapshot {wanted.snapshot.short}")
    began = time.monotonic()
    code, said = await tools.restic.run(Restic.restore_argv(wanted.snapshot.id, scratch, wanted.paths))
    evidence.seconds["restore"] = round(time.monotonic() - began, 1)
    if is_locked(said):
        raise NotDone(f"nothing was restored: the repository is {await who_locks(tools.restic)}")
    if code:
        raise NotDone(f"restic restore ended with {code}: {one_line(' '.join(said[-3:]), 300)}")
    tools.step(Step.DRILL_RESTORED)
    await tools.say("comparing the files")
    await _files(wanted, scratch, tools, evidence)
    for one in wanted.sqlite:
        await asyncio.to_thread(_sqlite, one, scratch / wanted.saved.lstrip("/"), evidence)
    for server in wanted.databases:
        await tools.say(f"loading the dump of {server.container} into a throw-away container")
        await _database(server, wanted, running.get(server.container), tools, evidence)
    tools.step(Step.DRILL_COMPARED)
    return evidence


async def _room(wanted: Target, tools: Tools, evidence: Evidence) -> None:
    """How much it is. Raises NotDone when the disk has no room for it."""

    def take(node: Node) -> None:
        if node.kind == "file" and any(within(node.path, path) for path in wanted.paths):
            evidence.files += 1
            evidence.size += node.size

    await tools.restic.nodes(wanted.snapshot.id, list(wanted.paths), take, deep=True)
    room = free(tools.spool.scratch)
    if room < evidence.size * MARGIN:
        raise NotDone(
            f"nothing was restored: it takes {say_bytes(evidence.size)}, and where {tools.spool.scratch} is, "
            f"{say_bytes(room)} are free"
        )


async def _files(wanted: Target, scratch: Path, tools: Tools, evidence: Evidence) -> None:
    """Every file of the snapshot is there with its size; the sampled ones have their hashes."""
    sampled = {
        one.path: one
        for one in wanted.manifest.samples
        if any(within(one.path, path) for path in wanted.folders)
    }
    hashes: list[tuple[Sample, Path]] = []

    def take(node: Node) -> None:
        if node.kind != "file" or not any(within(node.path, path) for path in wanted.paths):
            return
        restored = scratch / node.path.lstrip("/")
        try:
            size = restored.lstat().st_size
        except OSError as wrong:
            _differs(evidence, f"{node.path} was not restored: {wrong.strerror}")
            return
        if size != node.size:
            _differs(evidence, f"{node.path} has {size} bytes, and {node.size} in the snapshot")
        sample = sampled.pop(node.path, None)
        if sample is not None and _unmoved(sample, node, restored):
            hashes.append((sample, restored))
        elif sample is not None:
            evidence.moved += 1

    await tools.restic.nodes(wanted.snapshot.id, list(wanted.paths), take, deep=True)
    for path in sampled:
        _differs(evidence, f"{path} was there when the snapshot was made, and is not in it")
    for sample, restored in hashes:
        evidence.hashed += 1
        if await asyncio.to_thread(sha256, restored) != sample.sha256:
            _differs(evidence, f"{sample.path} has another sha256 than when it was saved")
    dumps = [file for one in wanted.databases for file in one.files] + [one.file for one in wanted.sqlite]
    for file in dumps:
        dump = scratch / f"{wanted.saved}/{file.path}".lstrip("/")
        evidence.hashed += 1
        if not dump.is_file() or await asyncio.to_thread(sha256, dump) != file.sha256:
            _differs(evidence, f"the dump {file.path} is not what was saved")


def _unmoved(sample: Sample, node: Node, restored: Path) -> bool:
    """Whether restic read the very file that was hashed: the same size and time of change."""
    with contextlib.suppress(OSError):
        return node.size == sample.size and restored.lstat().st_mtime_ns == sample.mtime_ns
    return False


def _differs(evidence: Evidence, what: str) -> None:
    if len(evidence.differences) < MOST:
        evidence.differences.append(what)
    elif len(evidence.differences) == MOST:
        evidence.differences.append("and more")


def _sqlite(one: SavedSqlite, saved: Path, evidence: Evidence) -> None:
    try:
        rows = sqlite.check(saved / one.file.path)
    except NotDone as trouble:
        _differs(evidence, str(trouble))
        return
    for what in compare({"": {table: (n, n) for table, n in one.rows.items()}}, {"": rows}):
        _differs(evidence, f"{one.source}: {what}")
    evidence.databases.append({"sqlite": one.source, "tables": len(rows), "rows": sum(rows.values())})


async def _database(
    server: SavedDatabase, wanted: Target, running: Container | None, tools: Tools, evidence: Evidence
) -> None:
    tongue = dialect(Kind(server.kind))
    container = running or _remembered(server, next(iter(tools.engines)))
    database = Database(Kind(server.kind), container, "", server.user, program=server.program)
    files = {file.path.rpartition("/")[2]: file.path for file in server.files}
    inside = {name: f"{INSIDE}/{name}" for name in files}
    saved = tools.spool.scratch / wanted.saved.lstrip("/")
    copied = {inside[name]: saved / path for name, path in files.items()}
    place = tongue.place(database, tools.owner, inside)
    engine = tools.engines[container.host]
    began = time.monotonic()
    try:
        async with throwaway(engine, place.wanted, copied) as made:
            tools.step(Step.DRILL_CREATED)
            shell = Shell(engine, database, tools.spool.root).at(made, place.user, place.environment)
            await tongue.wait(shell)
            names = await tongue.load(shell, inside)
            loaded = await tongue.count(shell, names)
    except NotDone as trouble:
        _differs(evidence, f"{server.container}: {trouble}")
        return
    evidence.seconds[server.container] = round(time.monotonic() - began, 1)
    for what in compare(server.rows, loaded):
        _differs(evidence, f"{server.container}: {what}")
    tables = [rows for one in loaded.values() for rows in one.values()]
    found: dict[str, object] = {"database": server.container, "image": container.image_id, "loaded": loaded}
    found |= {"tables": len(tables), "rows": sum(tables), "recorded": server.rows}
    if server.why_no_rows:
        found["not counted"] = server.why_no_rows
    evidence.databases.append(found)


def _remembered(server: SavedDatabase, host: str) -> Container:
    """The container as it was, when it is not there any more: its image may still be."""
    from datetime import UTC, datetime

    return Container(
        "", server.container, host, server.image, server.image_id, State.DEAD, Health.NONE, "",
        datetime.fromtimestamp(0, UTC),
    )  # fmt: skip


def compare(recorded: Mapping[str, Mapping[str, tuple[int, int]]], loaded: Counts) -> Sequence[str]:
    """How what was loaded differs from what was counted before and after the dump. Pure.

    A table whose two numbers are the same must have exactly that many rows; another one as many as one of the
    two, or between them.
    """
    found: list[str] = []
    for name, tables in sorted(recorded.items()):
        if name not in loaded:
            found.append(f"the database {name} is not there")
            continue
        there = loaded[name]
        found += [f"the table {table} is not there" for table in sorted(tables.keys() - there.keys())]
        found += [f"the table {table} was not there" for table in sorted(there.keys() - tables.keys())]
        for table in sorted(tables.keys() & there.keys()):
            low, high = sorted(tables[table])
            if not low <= there[table] <= high:
                wanted = f"{low}" if low == high else f"between {low} and {high}"
                found.append(f"the table {table} has {there[table]} rows, not {wanted}")
    return found


def say_database(found: Mapping[str, object]) -> str:
    """One database of the evidence, in words."""
    name = found.get("database") or found.get("sqlite")
    counted = f"tables: {found['tables']}, rows: {found['rows']}"
    if "not counted" in found:
        return f"{name}: {counted} loaded; with how many it was saved is unknown: {found['not counted']}"
    return f"{name}: {counted}, as recorded"
