"""Retention that was configured very short must not forget what is still needed."""

from datetime import timedelta
from pathlib import Path

from bot.caretaker import Ages, Retention
from bot.core.model import Identity, Message, Room
from bot.ports import Received
from bot.store.alerts import AlertStore, StoredGroup
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


async def test_a_group_whose_sender_is_gone_for_good_is_forgotten_and_one_that_is_only_quiet_is_not(
    tmp_path: Path,
) -> None:
    clock = FakeClock()
    async with Database(tmp_path / "tocsin.db") as database:
        alerts = AlertStore(database, OutboxStore(database, clock), clock)
        group = StoredGroup("default", "team", "{}", "{}", "group:1", ("ops",), "", 1, clock.now())
        await alerts.fold([], [group], [], [])
        clock.forward(29 * 86400)
        short = clock.now() - timedelta(minutes=5)
        await alerts.prune(payloads_before=short, groups_before=short)
        assert len(await alerts.firing()) == 1, "it may be repeated yet, and would ring as if it were new"
        clock.forward(2 * 86400)
        await alerts.prune(payloads_before=short, groups_before=clock.now() - timedelta(days=90))
        assert len(await alerts.firing()) == 1
        await alerts.prune(payloads_before=short, groups_before=short)
        assert await alerts.firing() == []
