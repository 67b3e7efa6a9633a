"""Clocks that are wrong for a while: a machine without a battery starts in 1970, somebody mistypes a year."""

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path

from bot.core.backoff import LONGEST_ASKED, delay
from bot.core.delivery import Op, Outgoing
from bot.core.doc import say
from bot.core.journal import Entry, Kind
from bot.core.model import Room
from bot.core.ratelimit import RateLimit
from bot.store.database import Database
from bot.store.journal import JournalStore
from bot.store.outbox import OutboxStore
from bot.testing import FakeClock

OPS = Room("fake", "C1", "ops")
NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)


async def test_a_start_in_1970_does_not_cost_the_journal(tmp_path: Path) -> None:
    """Only what is older than everything that is kept goes; a row with a wrong time takes none with it."""
    clock = FakeClock(NOW - timedelta(days=500))
    async with Database(tmp_path / "tocsin.db") as database:
        journal = JournalStore(database, clock)
        await journal.write(Entry(Kind.START))
        clock.at = NOW
        await journal.write(Entry(Kind.REQUEST), Entry(Kind.ANSWER))
        clock.at = datetime(1970, 1, 1, tzinfo=UTC)
        await journal.write(Entry(Kind.START))
        clock.at = NOW + timedelta(hours=1)
        await journal.write(Entry(Kind.REQUEST))
        assert await journal.prune(NOW - timedelta(days=400)) == 1
        kinds = [row.entry.kind for row in await journal.all()]
        assert kinds == [Kind.REQUEST, Kind.ANSWER, Kind.START, Kind.REQUEST, Kind.PRUNED]
        assert (await journal.verify())[1] is None
        assert await journal.prune(NOW - timedelta(days=400)) == 0


async def test_deliveries_go_on_when_the_clock_is_set_back(tmp_path: Path) -> None:
    clock = FakeClock(NOW + timedelta(days=3650))
    async with Database(tmp_path / "tocsin.db") as database:
        outbox = OutboxStore(database, clock)
        names = ("never tried", "tried")
        await outbox.enqueue([Outgoing(name, OPS, Op.ROOT, name, say(name)) for name in names])
        clock.forward(1)
        first, _ = await outbox.next(OPS, clock.now())
        assert first is not None
        await outbox.postpone(first, due=clock.now() + timedelta(seconds=30), error="500", uncertain=False)
        clock.at = NOW
        for _ in names:
            delivery, due = await outbox.next(OPS, clock.now())
            assert delivery is not None, f"waits until {due}"
            await outbox.record(delivery, "m1")


async def test_what_fails_for_now_is_due_at_its_time(tmp_path: Path) -> None:
    clock = FakeClock(NOW)
    async with Database(tmp_path / "tocsin.db") as database:
        outbox = OutboxStore(database, clock)
        await outbox.enqueue([Outgoing("g", OPS, Op.ROOT, "k", say("x"))])
        delivery, _ = await outbox.next(OPS, NOW)
        assert delivery is not None
        due = NOW + timedelta(seconds=LONGEST_ASKED * 1.5)
        await outbox.postpone(delivery, due=due, error="429", uncertain=False)
        assert await outbox.next(OPS, NOW) == (None, due)
        assert (await outbox.next(OPS, due))[0] is not None


def test_nobody_can_ask_us_to_wait_for_a_year() -> None:
    assert delay(3, asked=1e9, spread=0.0) == LONGEST_ASKED
    assert delay(0, asked=60, spread=0.0) == 60


def test_a_clock_set_back_locks_nobody_out() -> None:
    limit = RateLimit(2, timedelta(minutes=1))
    for _ in range(2):
        assert limit.take("ann", NOW + timedelta(days=3650)) is None
    assert limit.take("ann", NOW) is None


async def test_a_row_that_cannot_be_read_back_holds_up_nothing(tmp_path: Path) -> None:
    async with Database(tmp_path / "tocsin.db") as database:
        outbox = OutboxStore(database, FakeClock(NOW))
        await outbox.enqueue([Outgoing(lane, OPS, Op.ROOT, lane, say(lane)) for lane in ("a", "b")])
        async with database.transaction() as tx:
            await tx.run('UPDATE deliveries SET doc = \'{"blocks": [{"is": "new"}]}\' WHERE lane = \'a\'')
        found = None
        async with asyncio.timeout(5):
            while found is None:
                found, _ = await outbox.next(OPS, NOW)
        assert found.what.lane == "b"
        assert len(await database.rows("SELECT 1 FROM deliveries WHERE lane = 'a' AND parked = 1")) == 1
