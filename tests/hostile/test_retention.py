"""Retention that was configured very short must not forget what is still needed."""

from datetime import timedelta
from pathlib import Path

from bot.caretaker import Ages, Retention
from bot.core.model import Identity, Message, Room
from bot.ports import Received
from bot.store.alerts import AlertStore
from bot.store.approvals import ApprovalStore
from bot.store.database import Database
from bot.store.inbox import InboxStore
from bot.store.journal import JournalStore
from bot.store.outbox import OutboxStore
from bot.testing import FakeClock


async def test_an_event_that_slack_sends_again_after_an_hour_is_still_known(tmp_path: Path) -> None:
    clock = FakeClock()
    async with Database(tmp_path / "tocsin.db") as database:
        outbox = OutboxStore(database, clock)
        inbox, journal = InboxStore(database, outbox, clock), JournalStore(database, clock)
        short = timedelta(minutes=5)
        retention = Retention(
            Ages(short, short, short),
            AlertStore(database, outbox, clock),
            inbox,
            outbox,
            journal,
            clock,
            ApprovalStore(database, outbox, clock),
        )
        asked = Message("C1:1.0", Room("slack", "C1"), Identity("slack", "T/U"), "!restart x", clock.now())
        await inbox.put("slack", [asked])
        await inbox.finish(Received(1, asked), [], [])
        clock.forward(3700)
        await retention.forget()
        await inbox.put("slack", [asked])
        assert await database.rows("SELECT 1 FROM inbox WHERE done_at IS NULL") == []
