"""The backup that runs by itself, as the schedule says, and the watch that rings when none is made.

Nobody is asked: the schedule is the operator's own configuration, as the policy is. What it did is in the
journal; the fallback room hears of what was not well.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime, timedelta

from bot.core.delivery import Op, Outgoing
from bot.core.doc import say
from bot.core.duration import say_duration
from bot.core.errors import NotDone, Upstream, UserError
from bot.core.journal import Entry, Kind
from bot.core.model import Room
from bot.core.redact import Redactor
from bot.core.redact_doc import redact_doc
from bot.ports import Clock, Engine, Journal, Outbox
from estate.backup import history
from estate.backup.history import Ran, Result, Running
from estate.backup.keeper import Keeper, Voice
from estate.backup.prepare import Prepared

log = logging.getLogger("tocsin.nightly")

BY = "schedule"
DUE = "backup:due"
"""The fact that says which time was taken care of."""
SINCE = "backup:since"
"""The fact that says since when a backup is expected."""
EVERY = 60.0
"""Seconds between two looks."""

Everything = Callable[[], Awaitable[tuple[Prepared, Mapping[str, Engine]]]]


class Nightly:
    """`everything`: what a backup of everything would do now."""

    def __init__(
        self,
        keeper: Keeper,
        everything: Everything,
        outbox: Outbox,
        journal: Journal,
        fallback: Callable[[], Sequence[Room]],
        clock: Clock,
        redactor: Callable[[], Redactor],
    ) -> None:
        self._keeper = keeper
        self._everything = everything
        self._outbox = outbox
        self._journal = journal
        self._fallback = fallback
        self._clock = clock
        self._redactor = redactor
        self._rang = ""

    # ---- by the clock -----------------------------------------------------------------------------------

    async def run(self) -> None:
        """Until cancelled. A time that passed while we were down is taken care of at start."""
        while True:
            due = last_due(self._keeper.settings.schedule, self._clock.now())
            if due is not None and await self._is_new(due):
                await self.once()
            await asyncio.sleep(EVERY)

    async def _is_new(self, due: datetime) -> bool:
        """Whether nobody took care of it. Written down first: a run that kills us is not begun again."""
        kept = await self._keeper.notes.read(DUE)
        if kept is not None and datetime.fromisoformat(kept) >= due:
            return False
        await self._keeper.notes.write(DUE, due.isoformat())
        # The very first look only learns which time was the last one.
        return kept is not None

    async def once(self) -> None:
        """One backup of everything, then the next part of the repository read back."""
        voice = Voice(BY, _quiet, _quiet)
        try:
            if self._keeper.settings.engine == "restic":
                prepared, engines = await self._everything()
                ran, outcome = await self._keeper.backup(prepared, engines, voice)
                problems = [str(one) for one in outcome.problems]
            else:
                ran, words = await self._keeper.own(voice)
                problems = [] if ran.result is Result.UNKNOWN else [words]
            await self._ended(ran, problems)
            if self._keeper.settings.engine == "restic":
                await self._keeper.verify(voice)
        except (NotDone, Upstream, UserError) as trouble:
            await self._write({"backup": BY, "failed": str(trouble)})
            await self._tell("failed", f"the scheduled backup failed: {trouble}")

    async def _ended(self, ran: Ran, problems: Sequence[str]) -> None:
        await self._write({"backup": asdict(ran)})
        if ran.result in {Result.PARTIAL, Result.FAILED}:
            named = "; ".join(problems[:10]) + (
                f"; and {len(problems) - 10} more" if len(problems) > 10 else ""
            )
            await self._tell(ran.run, f"the scheduled backup is {ran.result.value}: {named}")

    async def tell_cut(self, cut: Running | None) -> None:
        """At start: a scheduled run that was cut off is said so. One that somebody asked for is told with its
        plan."""
        if cut is not None and cut.by == BY:
            words = f"interrupted: the scheduled {cut.what} of {cut.at} was cut off; it counts for nothing"
            await self._write({"backup": asdict(cut), "interrupted": True})
            await self._tell(f"cut:{cut.run}", words)

    # ---- the dead man's switch --------------------------------------------------------------------------

    async def watch(self) -> None:
        """Until cancelled: ring when nothing good was made within max_age, whatever the job itself says."""
        while True:
            await self.look()
            await asyncio.sleep(EVERY)

    async def look(self) -> None:
        """Once."""
        now, age = self._clock.now(), self._keeper.settings.max_age
        last = await self._last(now)
        if now - last <= age:
            if self._rang:
                await self._tell("well", "there is a good backup of everything again")
            self._rang = ""
        elif not self._rang:
            self._rang = "rung"
            own = self._keeper.settings.engine != "restic"
            more = "; what your own script saved is unknown to me" if own else ""
            words = f"no good backup of everything for {say_duration(now - last)}, "
            words += f"and {say_duration(age)} is the limit"
            await self._tell("dead", f"{words}{more}; backup says what is missing")

    async def _last(self, now: datetime) -> datetime:
        """When the last one was; before the first one, since when we wait for it."""
        wanted = {Result.OK} if self._keeper.settings.engine == "restic" else {Result.OK, Result.UNKNOWN}
        ran = await history.runs(self._keeper.notes)
        good = [one.time for one in ran if one.result in wanted and one.scope == history.EVERYTHING]
        since = await self._keeper.notes.read(SINCE)
        if since is None:
            since = now.isoformat()
            await self._keeper.notes.write(SINCE, since)
        return max([*good, datetime.fromisoformat(since)])

    # ---- telling ----------------------------------------------------------------------------------------

    async def _tell(self, key: str, words: str) -> None:
        now = self._clock.now()
        lane = f"backup:{key}:{now.timestamp():.0f}"
        document = redact_doc(say(words), self._redactor())
        await self._outbox.enqueue(
            [Outgoing(lane, room, Op.ROOT, f"{lane}:{room.place}", document) for room in self._fallback()]
        )

    async def _write(self, about: dict[str, object]) -> None:
        redactor = self._redactor()
        safe = {name: _clean(redactor, value) for name, value in about.items()}
        await self._journal.write(Entry(Kind.BACKUP, about=safe))


def last_due(schedule: object, now: datetime) -> datetime | None:
    """The newest moment, in UTC, at which it was time. Pure."""
    from datetime import time

    if not isinstance(schedule, time):
        return None
    today = datetime.combine(now.astimezone(UTC).date(), schedule, UTC)
    return today if today <= now else today - timedelta(days=1)


async def leftovers(keeper: Keeper, engines: Sequence[Engine]) -> None:
    """Remove what a drill that was killed left on the Engines, however long one is away; then sleeps."""
    pause = 2.0
    await asyncio.sleep(1)  # in the console the first answer comes first
    while True:
        try:
            await keeper.sweep(engines)
            await asyncio.Event().wait()
        except (Upstream, UserError) as away:
            log.info("throw-away containers cannot be looked for: %s", away)
            pause = min(pause * 2, 600.0)
        await asyncio.sleep(pause)


def _clean(redactor: Redactor, value: object) -> object:
    match value:
        case str():
            return redactor.text(value)
        case dict():
            return {str(name): _clean(redactor, one) for name, one in value.items()}
        case list() | tuple():
            return [_clean(redactor, one) for one in value]
        case _:
            return value


async def _quiet(words: str) -> None:
    log.info("%s", words)
