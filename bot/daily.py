"""The audit that is taken by the clock: rooms hear of what changed, and of nothing else."""

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, time

from bot.core.delivery import Op, Outgoing
from bot.core.errors import Upstream, UserError
from bot.core.journal import Entry, Kind
from bot.core.model import Room
from bot.core.steps import OnStep, Step, no_step
from bot.nightly import last_due
from bot.ports import AuditNews, Audits, Clock, Notes

log = logging.getLogger("tocsin.daily")

DUE = "audit:due"
"""The fact that says which time is being taken care of, how often that was begun, and whether it ended."""
EVERY = 60.0
"""Seconds between two looks."""
TRIES = 2
"""How often one time is begun: what kills us twice is left until the next one. Nothing is lost by that, since
it is compared with the last audit that was kept."""


@dataclass(frozen=True, slots=True)
class Turn:
    """One time of the schedule."""

    due: datetime
    tries: int = 0
    done: bool = False


class Daily:
    """`news`: takes an audit at that time. `rooms`: who hears of it."""

    def __init__(
        self,
        schedule: time,
        news: Callable[[datetime], Awaitable[AuditNews]],
        rooms: Callable[[], Sequence[Room]],
        audits: Audits,
        notes: Notes,
        clock: Clock,
        on_step: OnStep = no_step,
    ) -> None:
        self._schedule = schedule
        self._news = news
        self._rooms = rooms
        self._audits = audits
        self._notes = notes
        self._clock = clock
        self._on_step = on_step

    async def run(self) -> None:
        """Until cancelled. A time that passed while we were down is taken care of at start."""
        while True:
            await self.look()
            await asyncio.sleep(EVERY)

    async def look(self) -> None:
        """Once: is it time? Raises nothing but what the store raises."""
        due = last_due(self._schedule, self._clock.now())
        turn = begun(await self._turn(), due)
        if turn is None:
            return
        await self._write(turn)
        self._on_step(Step.AUDIT_BEGUN)
        try:
            await self._once(turn)
        except (Upstream, UserError) as trouble:
            log.warning("the audit of %s was not taken: %s", turn.due.isoformat(), trouble)
            return
        await self._write(Turn(turn.due, turn.tries, done=True))

    async def _once(self, turn: Turn) -> None:
        found = await self._news(self._clock.now())
        self._on_step(Step.AUDIT_JUDGED)
        lane = f"audit:{turn.due.isoformat()}"
        said = [
            Outgoing(lane, room, Op.ROOT, f"{lane}:{room.place}", found.doc)
            for room in (self._rooms() if found.doc is not None else ())
            if found.doc is not None
        ]
        entry = Entry(Kind.AUDIT, about=dict(found.about))
        await self._audits.keep(found.root, found.at, found.standings, found.blind, said, [entry])
        self._on_step(Step.AUDIT_KEPT)

    async def _turn(self) -> Turn | None:
        kept = await self._notes.read(DUE)
        if kept is None:
            return None
        try:
            row = json.loads(kept)
            return Turn(datetime.fromisoformat(row["due"]), int(row["tries"]), bool(row["done"]))
        except (ValueError, KeyError, TypeError):
            return None

    async def _write(self, turn: Turn) -> None:
        text = json.dumps({"due": turn.due.isoformat(), "tries": turn.tries, "done": turn.done})
        await self._notes.write(DUE, text)


def begun(last: Turn | None, due: datetime | None) -> Turn | None:
    """The turn that begins now; None where nothing is due. Pure. The very first look takes an audit, too: it
    is what the next one is compared with."""
    if due is None:
        return None
    if last is None or last.due < due:
        return Turn(due, 1)
    if last.due == due and not last.done and last.tries < TRIES:
        return Turn(due, last.tries + 1)
    return None
