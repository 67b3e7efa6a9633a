"""What an audit is told of the bot's own backups."""

import asyncio
from collections.abc import Iterable, Sequence
from datetime import datetime
from pathlib import Path

from bot.nightly import SINCE
from estate.backup import history
from estate.backup.coverage import Covered
from estate.backup.keeper import Keeper
from estate.inventory import inventory, one_offs
from estate.model import THROWAWAY, Detail
from estate.snapshot.backups import Backups, Saved, Size
from estate.snapshot.model import Snapshot

SECONDS = 60.0
"""For what the newest snapshots hold."""


async def backups_made(keeper: Keeper, snapshot: Snapshot, folders: Sequence[Path]) -> Backups:
    """`folders`: those whose disk the repository must not share. Raises nothing: what a repository does not
    tell is in it as such."""
    notes = keeper.notes
    ran = await history.runs(notes)
    good = history.last_good(ran)
    verified, drills = await history.verified(notes), await history.drills(notes)
    since = await notes.read(SINCE)
    well = [datetime.fromisoformat(one.at) for one in drills.values() if one.ok]
    repository = await keeper.whereabouts(folders)
    saved, not_saved = await _saved(keeper, to_save(snapshot)) if repository is not None else ((), "")
    return Backups(
        keeper.settings.max_age,
        datetime.fromisoformat(since) if since else None,
        good.time if good is not None else None,
        verified.full,
        verified.failed,
        max(well, default=None),
        tuple(sorted(name for name, one in drills.items() if not one.ok)),
        tuple(Size(one.time, one.files, one.size) for one in history.whole(ran)),
        repository,
        saved,
        not_saved,
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
