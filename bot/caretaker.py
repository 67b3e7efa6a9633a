"""What has to be done now and then: forget what retention says, tell the fallback room what does not work."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from bot.core.delivery import Op, Outgoing
from bot.core.doc import Code, Doc, say
from bot.core.duration import say_duration
from bot.core.errors import Upstream
from bot.core.model import Readiness, Room
from bot.ports import Clock, Outbox
from bot.store.alerts import AlertStore
from bot.store.approvals import ApprovalStore
from bot.store.inbox import InboxStore
from bot.store.journal import JournalStore
from bot.store.outbox import OutboxStore

log = logging.getLogger("tocsin.caretaker")

PATIENCE = timedelta(seconds=20)
"""A part may be away for so long before the fallback room hears of it."""


REPEATED = timedelta(days=2)
"""So long a platform may hand us an event again: an id is remembered at least as long, or obeyed twice."""


@dataclass(frozen=True, slots=True)
class Ages:
    """How long what is over is kept."""

    alerts: timedelta
    journal: timedelta
    payloads: timedelta


class Retention:
    """Forgets, once an hour, what is older than the configuration says."""

    def __init__(
        self,
        ages: Ages,
        alerts: AlertStore,
        inbox: InboxStore,
        outbox: OutboxStore,
        journal: JournalStore,
        clock: Clock,
        approvals: ApprovalStore,
    ) -> None:
        self._ages = ages
        self._approvals = approvals
        self._alerts = alerts
        self._inbox = inbox
        self._outbox = outbox
        self._journal = journal
        self._clock = clock

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            try:
                await self.forget()
            except Upstream as trouble:
                log.error("retention: %s", trouble)
            await asyncio.sleep(3600)

    async def forget(self) -> None:
        """Once. Raises Upstream."""
        now, ages = self._clock.now(), self._ages
        await self._alerts.prune(payloads_before=now - ages.payloads, groups_before=now - ages.alerts)
        await self._inbox.prune(now - max(ages.alerts, REPEATED))
        await self._outbox.prune(now - ages.alerts)
        await self._approvals.prune(now - ages.journal)
        await self._journal.prune(now - ages.journal)


class Watch:
    """Tells the fallback room when a part does not work, and when it works again.

    The room hears it on every platform it is on; on the one that is away it hears it when that is back.
    """

    def __init__(
        self,
        readiness: Callable[[], Awaitable[Mapping[str, Readiness]]],
        outbox: Outbox,
        fallback: Callable[[], Sequence[Room]],
        clock: Clock,
        recovered: asyncio.Event,
        every: float = 5.0,
    ) -> None:
        self._readiness = readiness
        self._outbox = outbox
        self._fallback = fallback
        self._clock = clock
        self._recovered = recovered
        self._every = every
        self._since: dict[str, datetime] = {}
        self._told: dict[str, str] = {}

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            try:
                await self.look()
            except Upstream as trouble:
                log.error("watch: %s", trouble)
            await asyncio.sleep(self._every)

    async def look(self) -> None:
        """Once. Raises Upstream when what is to be said cannot be written."""
        now = self._clock.now()
        if self._recovered.is_set():
            await self._say(
                "store",
                say(
                    "for a time I could not write alerts to disk; their senders were told to try again."
                    " It works again now"
                ),
                now,
            )
            self._recovered.clear()
        for part, state in (await self._readiness()).items():
            if state.ok:
                await self._works(part, now)
            else:
                await self._fails(part, state.why, now)

    async def _works(self, part: str, now: datetime) -> None:
        since = self._since.pop(part, None)
        told = self._told.pop(part, None)
        if told is not None and since is not None:
            log.info("%s works again", part)
            await self._say(part, say(Code(part), f" works again, after {say_duration(now - since)}"), now)

    async def _fails(self, part: str, why: str, now: datetime) -> None:
        since = self._since.setdefault(part, now)
        if part in self._told or now - since < PATIENCE:
            return
        log.error("%s does not work: %s", part, why)
        await self._say(part, say(Code(part), f" does not work: {why}. I keep trying"), now)
        self._told[part] = why

    async def _say(self, part: str, document: Doc, now: datetime) -> None:
        lane = f"notice:{part}:{now.timestamp():.0f}"
        await self._outbox.enqueue(
            [Outgoing(lane, room, Op.ROOT, f"{lane}:{room.name}", document) for room in self._fallback()]
        )
