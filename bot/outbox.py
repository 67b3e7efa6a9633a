"""Deliver with retry, in order, and survive anything. Alerts, answers and approvals all go through here.

One worker a place: a lost platform, or a slow room, never delays another. Within a lane nothing overtakes.
"""

import asyncio
import logging
import random
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from bot.core.backoff import delay
from bot.core.delivery import Delivery, Op, Outgoing
from bot.core.doc import Doc, jumps, plain, resolved, say
from bot.core.duration import say_duration
from bot.core.errors import Scope, Upstream
from bot.core.journal import Entry, Kind
from bot.core.model import Identity, Room
from bot.core.pace import Bucket
from bot.core.steps import OnStep, Step, no_step
from bot.core.text import shorten
from bot.ports import Clock, Platform
from bot.store.outbox import ANSWER_LANE, NOT_CONFIGURED, OutboxStore

log = logging.getLogger("tocsin.outbox")

LATE = timedelta(seconds=30)
"""A delivery that failed for longer than this says so in its thread when it arrives."""
BUG = "a bug of ours"
PLAIN_AFTER = 3
"""Attempts that trip a bug of ours before the words are said without any form: better than never."""


@dataclass(slots=True)
class Counts:
    """What the outbox did since it started, for /metrics."""

    sent: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    failed: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    refused: dict[str, int] = field(default_factory=lambda: defaultdict(int))


class Outbox:
    """Takes from the store, gives to the platforms, records what came of it."""

    def __init__(
        self,
        store: OutboxStore,
        platforms: Mapping[str, Platform],
        fallback: Callable[[], Sequence[Room]],
        clock: Clock,
        on_step: OnStep = no_step,
        on_delivered: Callable[[Delivery, datetime], None] | None = None,
        spread: Callable[[], float] = random.random,
        clean: Callable[[Doc], Doc] | None = None,
        retry_parked: timedelta = timedelta(minutes=15),
    ) -> None:
        self._store = store
        self._platforms = platforms
        self._fallback = fallback
        self._clock = clock
        self._step = on_step
        self._on_delivered = on_delivered
        self._spread = spread
        self._clean = clean
        self._retry_parked = retry_parked
        self._workers: dict[str, asyncio.Task[None]] = {}
        self._wakes: dict[str, asyncio.Event] = defaultdict(asyncio.Event)
        self._buckets: dict[str, Bucket] = {}
        self._unprovable: dict[int, str] = {}
        self._pauses: dict[str, float] = {}
        """Until when, in the loop's time: a clock that is set back must not make a pause of an hour."""
        self._troubles: dict[str, int] = defaultdict(int)
        self.counts = Counts()

    async def run(self) -> None:
        """Deliver until cancelled."""
        await self._store.reopen(self._platforms)
        await self._store.unpark()
        async with asyncio.TaskGroup() as group:
            group.create_task(self._try_parked())
            while True:
                self._store.news.clear()
                for room in await self._places():
                    self._wakes[room.place].set()
                    worker = self._workers.get(room.place)
                    if worker is None or worker.done():
                        self._workers[room.place] = group.create_task(self._work(room))
                await self._store.news.wait()

    async def _try_parked(self) -> None:
        """A room that refused may have let us in again."""
        while True:
            await asyncio.sleep(self._retry_parked.total_seconds())
            try:
                if await self._store.unpark():
                    self._store.wake()
            except Upstream as trouble:
                log.error("%s", trouble)

    async def _places(self) -> Sequence[Room]:
        try:
            return await self._store.places()
        except Upstream as trouble:
            log.error("%s", trouble)
            await asyncio.sleep(1)
            self._store.wake()
            return []

    async def _work(self, room: Room) -> None:
        """One place, one delivery at a time, until nothing waits for it."""
        wake = self._wakes[room.place]
        while True:
            wake.clear()
            try:
                delivery, due = await self._store.next(room, self._clock.now())
                if delivery is not None:
                    await self._wait_for_turn(room)
                    await self._deliver(delivery)
                    continue
                if due is None and not wake.is_set():
                    return
                due = due or self._clock.now()
            except Upstream as trouble:
                # The store itself: a full disk, a locked file. What was sent and not recorded is looked up
                # or sent again with the same key, so trying later is safe.
                log.error("%s", trouble)
                due = self._clock.now() + timedelta(seconds=1)
            pause = max((due - self._clock.now()).total_seconds(), 0.005)
            try:
                async with asyncio.timeout(pause):
                    await wake.wait()
            except TimeoutError:
                pass

    async def _wait_for_turn(self, room: Room) -> None:
        while True:
            until = max(self._pauses.get(key, 0.0) for key in (room.platform, room.place))
            wait = until - asyncio.get_running_loop().time()
            if wait <= 0:
                break
            await asyncio.sleep(wait)
        platform = self._platforms.get(room.platform)
        pace = platform.pace if platform is not None else None
        if pace is not None:
            bucket = self._buckets.setdefault(room.place, Bucket(pace.burst, pace.per_second))
            await asyncio.sleep(bucket.wait(asyncio.get_running_loop().time()))

    async def _deliver(self, delivery: Delivery) -> None:
        room = delivery.what.room
        try:
            message_id = await self._attempt(delivery)
        except Upstream as trouble:
            await self._failed(delivery, trouble)
            return
        except Exception as bug:
            # A bug of ours in one message must not stop the others; it is tried again, slowly, and logged.
            log.exception("delivery %s to %s: our bug", delivery.id, room.place)
            await self._failed(delivery, Upstream(f"{BUG}: {type(bug).__name__}", ambiguous=True))
            return
        self._step(Step.DELIVERY_SENT)
        self._troubles.pop(room.platform, None)
        self._troubles.pop(room.place, None)
        self.counts.sent[room.platform] += 1
        now = self._clock.now()
        await self._store.record(delivery, message_id, self._note(delivery, now))
        self._step(Step.DELIVERY_RECORDED)
        if self._on_delivered is not None:
            self._on_delivered(delivery, now)

    async def _attempt(self, delivery: Delivery) -> str | None:
        """Say it; the message's id. Raises Upstream."""
        what = delivery.what
        platform = self._platforms.get(what.room.platform)
        if platform is None:
            raise Upstream(NOT_CONFIGURED, permanent=True)
        thread = delivery.root_id if what.op is Op.LINE else what.thread
        posts = what.op in (Op.ROOT, Op.LINE)
        if delivery.uncertain and posts and not platform.idempotent:
            found = await self._found(platform, delivery, thread)
            if found is not None:
                return found
        if posts and not platform.idempotent and not delivery.uncertain:
            await self._store.claim(delivery)
        doc = await self._linked(platform, what.room, await self._cleaned(what))
        if delivery.attempts >= PLAIN_AFTER and delivery.error.startswith(BUG):
            doc = say(shorten(plain(doc), 1000))
        self._step(Step.DELIVERY_CLAIMED)
        match what.op:
            case Op.EDIT:
                if delivery.root_id is None:
                    return None
                await platform.edit(what.room, delivery.root_id, doc, key=what.key)
                return delivery.root_id
            case Op.WHISPER:
                to = Identity(what.room.platform, what.thread or "")
                await platform.whisper(what.room, to, doc, key=what.key)
                return None
            case _:
                return await platform.send(what.room, doc, key=what.key, thread=thread)

    async def _linked(self, platform: Platform, room: Room, document: Doc) -> Doc:
        """After it was cleaned: a message's address has the look of a secret."""
        addresses: dict[str, str] = {}
        for lane in jumps(document):
            message_id = await self._store.stands(lane, room)
            address = platform.link(room, message_id) if message_id is not None else None
            if address is not None:
                addresses[lane] = address
        return resolved(document, addresses)

    async def _cleaned(self, what: Outgoing) -> Doc:
        """Without a secret that an alert carries. Answers were cleaned where they were made."""
        if self._clean is None or what.lane.startswith(ANSWER_LANE):
            return what.doc
        if what.doc.files:
            return await asyncio.to_thread(self._clean, what.doc)
        return self._clean(what.doc)

    async def _failed(self, delivery: Delivery, trouble: Upstream) -> None:
        what, room, now = delivery.what, delivery.what.room, self._clock.now()
        entry = Entry(
            Kind.DELIVERY,
            place=room.place,
            about={
                "lane": what.lane,
                "op": what.op.value,
                "attempt": delivery.attempts + 1,
                "error": str(trouble),
            },
        )
        if trouble.permanent:
            self.counts.refused[room.platform] += 1
            log.warning("%s will not take a delivery: %s", room.place, trouble)
            if what.lane.startswith(ANSWER_LANE) or what.op is Op.WHISPER:
                await self._store.drop(delivery, [entry])
            elif _message_is_gone(delivery, trouble) and await self._store.anew(delivery, [entry]):
                log.info("%s: the message is no more, it is posted anew", room.place)
            elif not await self._store.refuse(delivery, str(trouble), self._fallback()):
                log.error(
                    "%s: and no fallback room takes it either: it is kept, and tried again in a while",
                    room.place,
                )
            return
        self.counts.failed[room.platform] += 1
        key = {Scope.PLATFORM: room.platform, Scope.ROOM: room.place}.get(trouble.scope)
        attempts = delivery.attempts if key is None else self._troubles[key]
        wait = delay(attempts, asked=trouble.retry_after, spread=self._spread())
        due = now + timedelta(seconds=wait)
        if key is not None:
            self._troubles[key] += 1
            self._pauses[key] = asyncio.get_running_loop().time() + wait
        # The journal hears of the first failure and of each tenth: a day without a homeserver is no flood.
        entries = [entry] if delivery.attempts % 10 == 0 else []
        log.info("%s: %s; again at %s", room.place, trouble, due.isoformat(timespec="seconds"))
        uncertain = trouble.ambiguous or delivery.uncertain
        await self._store.postpone(
            delivery, due=due, error=str(trouble), uncertain=uncertain, entries=entries
        )

    async def _found(self, platform: Platform, delivery: Delivery, thread: str | None) -> str | None:
        """The message of an attempt whose answer was lost. Raises Upstream when it may yet be found."""
        what = delivery.what
        try:
            return await platform.find(what.room, what.key, thread=thread, since=delivery.created)
        except Upstream as trouble:
            if not trouble.permanent:
                raise
            # Nobody can ever tell. To say it twice is the smaller harm; that it may be so is said too.
            self._unprovable[delivery.id] = str(trouble)
            return None

    def _note(self, delivery: Delivery, now: datetime) -> Doc | None:
        """What the thread is told about this delivery itself."""
        why = self._unprovable.pop(delivery.id, None)
        if why is not None and not delivery.what.lane.startswith(ANSWER_LANE):
            return say(
                f"unknown whether this stands here twice: the answer to my first attempt was lost, and {why}"
            )
        return self._late_note(delivery, now)

    def _late_note(self, delivery: Delivery, now: datetime) -> Doc | None:
        since = delivery.failing_since
        what = delivery.what
        if since is None or now - since < LATE or what.lane.startswith(ANSWER_LANE) or what.op is Op.WHISPER:
            return None
        tries = delivery.attempts + 1
        return say(
            f"told {say_duration(now - delivery.created)} late, after {tries} attempts: {delivery.error}"
        )


def _message_is_gone(delivery: Delivery, trouble: Upstream) -> bool:
    """The room still takes messages, but not this edit or line of one that it took before."""
    closed = trouble.scope is Scope.ROOM or str(trouble) == NOT_CONFIGURED
    return not closed and delivery.what.op in (Op.EDIT, Op.LINE) and delivery.root_id is not None
