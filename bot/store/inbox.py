"""What people said, until it is answered."""

import asyncio
import logging
from collections.abc import AsyncIterator, Sequence
from datetime import datetime

from bot.core.delivery import Outgoing
from bot.core.journal import Entry, Kind
from bot.core.model import Event
from bot.core.steps import OnStep, Step, no_step
from bot.ports import Clock, Received
from bot.store.codec import event_from_json, event_to_json
from bot.store.database import Database
from bot.store.outbox import OutboxStore

log = logging.getLogger("tocsin.inbox")


class InboxStore:
    """Both ends of the inbox: the platforms put, the engine finishes."""

    def __init__(
        self, database: Database, outbox: OutboxStore, clock: Clock, on_step: OnStep = no_step
    ) -> None:
        self._database = database
        self._outbox = outbox
        self._clock = clock
        self._step = on_step
        self._news = asyncio.Event()

    # ---- bot.ports.Inbox

    async def put(self, platform: str, events: Sequence[Event], cursor: str | None = None) -> None:
        """Events and the platform's position, in one transaction. Ids seen before are ignored."""
        now = self._clock.now().timestamp()
        async with self._database.transaction() as tx:
            await tx.many(
                "INSERT OR IGNORE INTO inbox (platform, event_id, event, at) VALUES (?,?,?,?)",
                [(platform, event.id, event_to_json(event), now) for event in events],
            )
            if cursor is not None:
                await tx.run(
                    "INSERT OR REPLACE INTO facts (key, value, at) VALUES (?,?,?)",
                    (f"cursor:{platform}", cursor, now),
                )
        self._step(Step.INBOX_COMMITTED)
        if events:
            self._news.set()

    async def cursor(self, platform: str) -> str | None:
        """The position that the last `put` stored."""
        return await self.recall(f"cursor:{platform}")

    async def remember(self, key: str, value: str) -> bool:
        """Store a fact if it is new; True if it was new or had this same value."""
        async with self._database.transaction() as tx:
            await tx.run(
                "INSERT OR IGNORE INTO facts (key, value, at) VALUES (?,?,?)",
                (key, value, self._clock.now().timestamp()),
            )
            kept = await tx.one("SELECT value FROM facts WHERE key = ?", (key,))
        return kept is not None and kept["value"] == value

    async def recall(self, key: str) -> str | None:
        row = await self._database.one("SELECT value FROM facts WHERE key = ?", (key,))
        return row["value"] if row else None

    # ---- bot.ports.Requests

    async def incoming(self) -> AsyncIterator[Received]:
        """Every event that is not finished, in the order it came; then waits for more, for ever.

        An event that the taker does not finish is handed out again only after a restart.
        """
        last = 0
        while True:
            self._news.clear()
            rows = await self._database.rows(
                "SELECT id, event_id, event FROM inbox WHERE done_at IS NULL AND id > ?"
                " ORDER BY id LIMIT 100",
                (last,),
            )
            for row in rows:
                last = row["id"]
                try:
                    event = event_from_json(row["event"])
                except (LookupError, TypeError, ValueError) as trouble:
                    await self._set_aside(row["id"], row["event_id"], trouble)
                    continue
                yield Received(row["id"], event)
            if not rows:
                await self._news.wait()

    async def _set_aside(self, number: int, event_id: str, trouble: Exception) -> None:
        """An event that cannot be read back must not hold up the ones behind it."""
        log.error("the event %r cannot be read and is set aside: %r", event_id, trouble)
        now = self._clock.now()
        async with self._database.transaction() as tx:
            await tx.run("UPDATE inbox SET done_at = ? WHERE id = ?", (now.timestamp(), number))
            await tx.journal(
                [Entry(Kind.REFUSAL, about={"id": event_id, "why": f"unreadable: {trouble!r}"})], now
            )

    async def finish(self, received: Received, answers: Sequence[Outgoing], entries: Sequence[Entry]) -> None:
        """The request is done, its answers wait, the journal has it: one transaction."""
        now = self._clock.now()
        async with self._database.transaction() as tx:
            await tx.run("UPDATE inbox SET done_at = ? WHERE id = ?", (now.timestamp(), received.id))
            await self._outbox.put(tx, answers)
            await tx.journal(entries, now)
        self._step(Step.ANSWER_COMMITTED)
        self._outbox.wake()

    async def prune(self, before: datetime) -> int:
        """Forget finished events older than that; an id is recognised as seen until then."""
        async with self._database.transaction() as tx:
            return await tx.count(
                "DELETE FROM inbox WHERE done_at IS NOT NULL AND at < ?", (before.timestamp(),)
            )
