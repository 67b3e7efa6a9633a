"""One thing that trips us must not silence the bot, nor stand in the way of what comes after it."""

import asyncio
import contextlib
from pathlib import Path

from bot.context import Services
from bot.core.model import Identity, Message, People, Room, Withdrawal, Withdrawn
from bot.core.policy import Policy
from bot.core.redact import Redactor
from bot.engine import Engine
from bot.store.database import Database
from bot.store.inbox import InboxStore
from bot.store.outbox import OutboxStore
from bot.testing import FakeAlerts, FakeClock, FakeJournal

OPS = Room("fake", "C1", "ops")


def message(number: int, text: str = "!nonsense", sender: str = "ann") -> Message:
    return Message(f"m{number}", OPS, Identity("fake", sender), text, FakeClock().now())


def engine() -> Engine:
    services = Services(
        prefix="!", commands=(), people=People(), policy=Policy(), journal=FakeJournal(), alerts=FakeAlerts()
    )
    return Engine(lambda: services, FakeClock(), Redactor)


async def served(bot: Engine, inbox: InboxStore, database: Database) -> list[str]:
    """Serve as the supervisor does, until nothing waits or time is up; what still waits."""

    async def for_ever() -> None:
        while True:
            with contextlib.suppress(Exception):
                await bot.serve(inbox)
            await asyncio.sleep(0.01)

    async def waiting() -> list[str]:
        return [
            row["event_id"] for row in await database.rows("SELECT event_id FROM inbox WHERE done_at IS NULL")
        ]

    task = asyncio.create_task(for_ever())
    try:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(3):
                while await waiting():
                    await asyncio.sleep(0.02)
        return await waiting()
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def test_an_event_that_cannot_be_read_back_holds_up_nobody(tmp_path: Path) -> None:
    async with Database(tmp_path / "tocsin.db") as database:
        inbox = InboxStore(database, OutboxStore(database, FakeClock()), FakeClock())
        await inbox.put("fake", [message(1), message(2)])
        async with database.transaction() as tx:
            await tx.run("UPDATE inbox SET event = '{\"is\": \"Newer\"}' WHERE event_id = 'm1'")
        assert await served(engine(), inbox, database) == []
        journal = await database.rows("SELECT about FROM journal WHERE kind = 'refusal'")
        assert any("m1" in row["about"] for row in journal)


async def test_an_answer_that_cannot_be_written_holds_up_nobody_else(tmp_path: Path) -> None:
    """Half a surrogate pair in an account's name: SQLite takes no such text."""
    async with Database(tmp_path / "tocsin.db") as database:
        inbox = InboxStore(database, OutboxStore(database, FakeClock()), FakeClock())
        edit = Withdrawn("w1", OPS, "m9", Withdrawal.EDITED, Identity("fake", "x"), FakeClock().now(), "!x")
        await inbox.put("fake", [message(1, sender="\ud800"), edit, message(2), message(3, sender="ann")])
        assert await served(engine(), inbox, database) == []


async def test_an_engine_that_fell_over_takes_up_what_it_held(tmp_path: Path) -> None:
    async with Database(tmp_path / "tocsin.db") as database:
        inbox = InboxStore(database, OutboxStore(database, FakeClock()), FakeClock())
        await inbox.put("fake", [message(1)])
        bot = engine()
        broken = [RuntimeError("the disk is on fire")]

        class Falls(InboxStore):
            async def finish(self, received, answers, entries) -> None:  # type: ignore[no-untyped-def]
                if broken:
                    raise broken.pop()
                await super().finish(received, answers, entries)

        falls = Falls(database, OutboxStore(database, FakeClock()), FakeClock())
        assert await served(bot, falls, database) == []
        assert len(await database.rows("SELECT 1 FROM deliveries")) == 1
