"""One backup, from the databases' dumps to the last look at the snapshot."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

from bot.core.duration import say_duration
from bot.core.errors import NotDone, Upstream
from bot.core.steps import OnStep, Step
from bot.core.text import one_line
from estate.backup import sqlite
from estate.backup.dialect import Counts, Dialect, dialect
from estate.backup.history import Result, iso
from estate.backup.item import Item, Method, within
from estate.backup.manifest import (
    Manifest,
    SavedDatabase,
    SavedFile,
    SavedItem,
    SavedSqlite,
    to_json,
)
from estate.backup.message import Node, Progress, Snapshot
from estate.backup.prepare import Copying, Dumping, Prepared
from estate.backup.restic import RUN, Attempt, Restic, is_locked, now, say_lock
from estate.backup.sample import samples, sha256
from estate.backup.shell import Inside, Shell
from estate.backup.spool import Spool, write
from estate.backup.throwaway import throwaway
from estate.backup.verdict import Problem, Size, problems

EVERY = 2.0
"""Seconds between two words of progress."""
INSIDE = "/tocsin"
"""Where files are put in a throw-away container."""

Say = Callable[[str], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Tools:
    """What a run works with. `say`: a line that stays; `show`: one that the next replaces."""

    restic: Restic
    spool: Spool
    engines: Mapping[str, Inside]
    owner: str
    """Whose the throw-away containers are."""
    host: str
    say: Say
    show: Say
    step: OnStep
    clock: Callable[[], datetime]


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a run ended. `bad`: titles of the items that are not whole."""

    result: Result
    snapshot: Snapshot | None
    size: Size
    added: int
    problems: tuple[Problem, ...]
    bad: tuple[str, ...]
    manifest: Manifest


@dataclass(slots=True)
class _Made:
    """What is in the spool, and what went wrong on the way there."""

    databases: list[SavedDatabase] = field(default_factory=list)
    sqlite: list[SavedSqlite] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)


async def save(prepared: Prepared, tools: Tools, run: str, usual: Sequence[Size]) -> Outcome:
    """Raises NotDone when nothing was saved, and Upstream when that is not known. The spool is removed."""
    try:
        await asyncio.to_thread(tools.spool.ready)
        return await _save(prepared, tools, run, usual)
    except OSError as wrong:
        raise NotDone(f"nothing was saved: the spool cannot be written: {wrong.strerror}") from wrong
    finally:
        await asyncio.to_thread(tools.spool.clear)


async def _save(prepared: Prepared, tools: Tools, run: str, usual: Sequence[Size]) -> Outcome:
    made = _Made()
    made.problems += [Problem(f"not saved: {one.why}", one.title) for one in prepared.missing]
    for dumping in prepared.dumping:
        await tools.say(f"dumping {dumping.item.title}")
        await _dump(dumping, tools, made)
    if prepared.copying:
        await tools.say(f"copying {_many(len(prepared.copying), 'SQLite file')}")
        for copying in prepared.copying:
            await asyncio.to_thread(_copy, copying, tools.spool, made)
    tools.step(Step.BACKUP_DUMPED)
    manifest = await asyncio.to_thread(_manifest, prepared, made, tools, run)
    await asyncio.to_thread(write, tools.spool.manifest, to_json(manifest).encode())
    await asyncio.to_thread(write, tools.spool.list, prepared.list)
    dumps = await asyncio.to_thread(_sizes, tools.spool.saved)
    argv = tuple(f"run:{run}" if word == f"run:{RUN}" else word for word in prepared.argv)
    await tools.say(f"saving {_many(len(prepared.paths) - 1, 'path')} and the dumps with restic")
    async with _shown(tools) as progress:
        attempt = await tools.restic.backup(argv, progress)
    tools.step(Step.BACKUP_STORED)
    await _refuse_nothing(attempt, tools.restic)
    snapshot, held = await _look(prepared, tools, run)
    found = (*made.problems, *problems(prepared.paths, attempt, snapshot, held, dumps, usual))
    found += tuple(await asyncio.to_thread(_empty, prepared, held)) if snapshot is not None else ()
    tools.step(Step.BACKUP_CHECKED)
    summary = attempt.summary
    return Outcome(
        result=Result.PARTIAL if found else Result.OK,
        snapshot=snapshot,
        size=Size(summary.files, summary.size) if summary else Size(0, 0),
        added=summary.added if summary else 0,
        problems=tuple(dict.fromkeys(found)),
        bad=_bad(prepared.items, found),
        manifest=manifest,
    )


# ---- dumps ----------------------------------------------------------------------------------------------


async def _dump(dumping: Dumping, tools: Tools, made: _Made) -> None:
    """One server. What goes wrong is written down, and the others go on."""
    database = dumping.item.database
    assert database is not None  # what is dumped is a database
    engine = tools.engines[database.container.host]
    shell, tongue = Shell(engine, database, tools.spool.root), dialect(database.kind)
    folder = tools.spool.databases / database.container.name
    await asyncio.to_thread(folder.mkdir, 0o700)
    names = [one.name for one in dumping.dumps if one.name or len(dumping.dumps) == 1]
    try:
        before, why = await _count(tongue, shell, names)
        for dump in dumping.dumps:
            await shell.into(dump.argv, folder / dump.file)
            flaw = await asyncio.to_thread(tongue.flaw, folder / dump.file)
            if flaw is not None:
                raise NotDone(f"{dump.file}: {flaw}")
        after, _ = await _count(tongue, shell, names) if not why else ({}, why)
        await _prove(tongue, shell, folder, tools)
    except (NotDone, Upstream) as trouble:
        made.problems.append(Problem(one_line(str(trouble), 600), dumping.item.title))
        await asyncio.to_thread(_forget, folder)
        return
    container = database.container
    saved = SavedDatabase(
        owner=dumping.item.owners[0],
        container=container.name,
        kind=database.kind.value,
        program=database.program,
        image=container.image,
        image_id=container.image_id,
        user=database.user,
        files=await asyncio.to_thread(_files, folder, tools.spool.saved),
        rows=_both(before, after),
        why_no_rows=why,
    )
    made.databases.append(saved)


async def _count(tongue: Dialect, shell: Shell, names: Sequence[str]) -> tuple[Counts, str]:
    """The rows, or why they were not counted: that keeps no dump from being one."""
    try:
        return await tongue.count(shell, names), ""
    except (NotDone, Upstream, ValueError) as trouble:
        return {}, one_line(str(trouble), 200)


def _both(before: Counts, after: Counts) -> dict[str, dict[str, tuple[int, int]]]:
    """Tables that were there before and after."""
    return {
        name: {table: (rows, after[name][table]) for table, rows in tables.items() if table in after[name]}
        for name, tables in before.items()
        if name in after
    }


async def _prove(tongue: Dialect, shell: Shell, folder: Path, tools: Tools) -> None:
    wanted = tongue.idle(shell.database, tools.owner)
    if wanted is None:
        return
    inside = {f"{INSIDE}/{path.name}": path for path in sorted(folder.iterdir())}
    async with throwaway(shell.engine, wanted, inside) as made:
        await tongue.prove(shell.at(made, shell.database.user, {}), list(inside))


def _forget(folder: Path) -> None:
    """A dump that failed is not saved: half of one looks like one."""
    for path in folder.iterdir():
        path.unlink()
    folder.rmdir()


def _files(folder: Path, saved: Path) -> tuple[SavedFile, ...]:
    paths = sorted(folder.iterdir())
    return tuple(SavedFile(str(path.relative_to(saved)), path.stat().st_size, sha256(path)) for path in paths)


def _copy(copying: Copying, spool: Spool, made: _Made) -> None:
    target = spool.sqlite / sqlite.file_name(copying.source)
    try:
        rows = sqlite.copy(copying.source, target)
    except NotDone as trouble:
        made.problems.append(Problem(str(trouble), copying.item.title))
        for path in spool.sqlite.glob(f"{target.name}*"):
            path.unlink()
        return
    file = SavedFile(str(target.relative_to(spool.saved)), target.stat().st_size, sha256(target))
    made.sqlite.append(SavedSqlite(copying.item.owners[0], str(copying.source), file, rows))


def _manifest(prepared: Prepared, made: _Made, tools: Tools, run: str) -> Manifest:
    files = [one for one in prepared.items if one.method is Method.FILES]
    return Manifest(
        run=run,
        at=iso(tools.clock()),
        host=tools.host,
        items=tuple(SavedItem(one.source, one.path, one.owners) for one in files),
        databases=tuple(made.databases),
        sqlite=tuple(made.sqlite),
        samples=tuple(sample for one in files for sample in samples(Path(one.path), run)),
    )


def _sizes(saved: Path) -> dict[str, int]:
    return {str(path): path.stat().st_size for path in saved.rglob("*") if path.is_file()}


# ---- restic ---------------------------------------------------------------------------------------------


@asynccontextmanager
async def _shown(tools: Tools) -> AsyncIterator[Callable[[Progress], None]]:
    """Show how far it is, at most every EVERY seconds."""
    newest: list[Progress] = []
    loop = asyncio.get_running_loop()
    began = loop.time()

    async def show() -> None:
        said = ""
        while True:
            await asyncio.sleep(EVERY)
            if newest and (words := say_progress(newest[-1], loop.time() - began)) != said:
                said = words
                await tools.show(words)

    def take(progress: Progress) -> None:
        newest[:] = [progress]

    task = asyncio.create_task(show())
    try:
        yield take
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError, Upstream):
            await task


def say_progress(progress: Progress, seconds: float) -> str:
    """`42 %, 1.2 GB of 2.9 GB, 3 min left`. `seconds`: since it began."""
    left = progress.seconds_left
    if left is None and progress.share > 0.01:
        left = int(seconds * (1 - progress.share) / progress.share)
    more = f", about {say_duration(timedelta(seconds=left))} left" if left is not None else ""
    return f"{progress.share:.0%}, {say_bytes(progress.done)} of {say_bytes(progress.total)}{more}"


def say_bytes(size: int) -> str:
    """By powers of ten: `412 MB`."""
    amount = float(size)
    for unit in ("B", "kB", "MB"):
        if amount < 1000:
            return f"{amount:.0f} {unit}"
        amount /= 1000
    return f"{amount:.1f} GB"


async def _refuse_nothing(attempt: Attempt, restic: Restic) -> None:
    """Raises NotDone, with who holds the repository if somebody does, when restic made nothing."""
    if attempt.summary is not None:
        return
    said = [one.text for one in attempt.troubles]
    if attempt.exit_code == 127:
        raise NotDone("nothing was saved: there is no restic here (Debian: apt-get install restic)")
    if is_locked(said):
        held = await who_locks(restic)
        raise NotDone(f"nothing was saved: the repository is {held}")
    if attempt.exit_code and not any("snapshot" in one for one in said):
        words = one_line("; ".join(said[-3:]), 400) or "it said nothing"
        raise NotDone(f"nothing was saved: restic ended with {attempt.exit_code}: {words}")


async def who_locks(restic: Restic) -> str:
    """`locked by process 12 on web1 since …`"""
    try:
        locks = await restic.locks()
    except Upstream:
        locks = ()
    return "; ".join(say_lock(one, now()) for one in locks) or "locked by somebody who is gone by now"


async def _look(prepared: Prepared, tools: Tools, run: str) -> tuple[Snapshot | None, dict[str, int]]:
    """The snapshot as the repository has it, and the size of what is in the spool's part and in the paths."""
    listed = await tools.restic.snapshots(f"run:{run}")
    if not listed:
        return None, {}
    snapshot, held = listed[-1], dict[str, int]()
    saved = str(tools.spool.saved)

    def take(node: Node) -> None:
        held[node.path] = node.size

    await tools.restic.nodes(snapshot.id, [saved], take, deep=True)
    folders = [one.path for one in prepared.items if one.method is Method.FILES]
    if folders:
        await tools.restic.nodes(snapshot.id, folders, take)
    return snapshot, held


def _empty(prepared: Prepared, held: Mapping[str, int]) -> list[Problem]:
    """Folders that have something in them on the disk, and nothing in the snapshot."""
    found = []
    for item in prepared.items:
        if item.method is Method.FILES and item.path not in held:
            found.append(Problem("is not in the snapshot", item.path))
        elif item.method is Method.FILES and Path(item.path).is_dir():
            with contextlib.suppress(OSError):
                full = next(Path(item.path).iterdir(), None) is not None
                if full and not any(path != item.path and within(path, item.path) for path in held):
                    found.append(Problem("is empty in the snapshot, and is not on the disk", item.path))
    return found


def _bad(items: Sequence[Item], found: Sequence[Problem]) -> tuple[str, ...]:
    """The items that the problems are about; all of them when a problem is about no item."""
    bad: set[str] = set()
    for problem in found:
        mine = {
            one.title
            for one in items
            if problem.path == one.title
            or (one.path and within(problem.path, one.path))
            or (one.method is Method.DUMP and f"/databases/{one.name}/" in problem.path)
        }
        if not mine:
            return tuple(sorted(one.title for one in items))
        bad |= mine
    return tuple(sorted(bad))


def _many(count: int, what: str) -> str:
    return f"{count} {what}" if count == 1 else f"{count} {what}s"
