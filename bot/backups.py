"""What an audit is told of the bot's own backups."""

import asyncio
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from bot.nightly import SINCE
from estate.backup import history
from estate.backup.coverage import Covered
from estate.backup.keeper import Keeper
from estate.inventory import inventory, one_offs
from estate.model import THROWAWAY, Detail
from estate.snapshot.backups import Backups, Made, Saved
from estate.snapshot.model import Snapshot
from estate.snapshot.repository import Repository

SECONDS = 60.0
"""For what the newest snapshots hold."""


KEPT = timedelta(minutes=2)
"""How long a repository's answer is believed: a fix looks three times, and restic takes seconds each time."""


@dataclass(frozen=True, slots=True)
class _Told:
    """What the repository said, and of what."""

    at: datetime
    about: object
    repository: Repository | None
    saved: tuple[Saved, ...]
    not_saved: str


class Witness:
    """Tells audits of the backups that the bot makes. Asks their repository again when a backup was made
    since, when other containers run, or when its answer is older than KEPT."""

    def __init__(self, keeper: Keeper, now: Callable[[], datetime]) -> None:
        self._keeper = keeper
        self._now = now
        self._told: _Told | None = None
        self._asking = asyncio.Lock()

    async def backups(self, snapshot: Snapshot, folders: Sequence[Path]) -> Backups:
        """`folders`: those whose disk the repository must not share. Raises nothing: what a repository does
        not tell is in it as such."""
        pairs = to_save(snapshot)
        runs = await history.runs(self._keeper.notes)
        about = (runs[-1:], tuple(folders), frozenset(one.container.id for _, one in pairs))
        async with self._asking:
            told = self._told
            if told is None or told.about != about or self._now() - told.at > KEPT:
                repository = await self._keeper.whereabouts(folders)
                known = repository is not None
                saved, not_saved = await _saved(self._keeper, pairs) if known else ((), "")
                told = self._told = _Told(self._now(), about, repository, saved, not_saved)
        return await _remembered(self._keeper, runs, told)


async def _remembered(keeper: Keeper, ran: Sequence[history.Ran], told: _Told) -> Backups:
    notes = keeper.notes
    good = history.last_good(ran)
    verified, drills = await history.verified(notes), await history.drills(notes)
    since = await notes.read(SINCE)
    well = [datetime.fromisoformat(one.at) for one in drills.values() if one.ok]
    return Backups(
        keeper.settings.max_age,
        datetime.fromisoformat(since) if since else None,
        good.time if good is not None else None,
        verified.full,
        verified.failed,
        max(well, default=None),
        tuple(sorted(name for name, one in drills.items() if not one.ok)),
        tuple(Made(one.time, one.files, one.size) for one in history.whole(ran)),
        told.repository,
        told.saved,
        told.not_saved,
    )


def to_save(snapshot: Snapshot) -> list[tuple[str, Detail]]:
    """Containers, each with its service's full name; none that `compose run` left, or that a drill made."""
    things = inventory([one for view in snapshot.engines for one in view.containers], snapshot.tree.services)
    left = {one.id for thing in one_offs(things) for one in thing.containers}
    owner = {one.id: thing.full_name for thing in things for one in thing.containers}
    return [
        (owner[one.container.id], one)
        for one in snapshot.details
        if one.container.id in owner
        and one.container.id not in left
        and THROWAWAY not in one.container.labels
    ]


async def _saved(keeper: Keeper, pairs: Iterable[tuple[str, Detail]]) -> tuple[tuple[Saved, ...], str]:
    need = await keeper.survey(pairs)
    try:
        async with asyncio.timeout(SECONDS):
            covered, trouble = await keeper.covered(need.items)
    except TimeoutError:
        return (), f"the repository did not say what it holds within {SECONDS:g} s"
    return ((), trouble) if trouble else (tuple(_told(one) for one in covered), "")


def _told(one: Covered) -> Saved:
    item = one.item
    name = item.name if item.kind == "volume" else ""
    return Saved(item.title, item.owners, item.kind, name, item.source, one.cover.value, one.why)
