import sqlite3
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.core.journal import GENESIS, Entry, Kind, Row, chain, verify
from bot.store.database import Database
from bot.store.journal import JournalStore
from bot.testing import FakeClock

CLOCK = FakeClock()


def rows(count: int) -> list[Row]:
    made: list[Row] = []
    for number in range(1, count + 1):
        entry = Entry(Kind.REQUEST, "console:ann", "ann", "console:ops", {"text": f"!ping {number}"})
        made.append(chain(number, CLOCK.now(), entry, made[-1].hash if made else GENESIS))
    return made


@given(st.integers(2, 12), st.data())
def test_a_changed_removed_or_inserted_row_is_found(count: int, data: st.DataObject) -> None:
    good = rows(count)
    assert verify(good) is None
    place = data.draw(st.integers(0, count - 2))
    changed = good[place]
    forged = Row(
        changed.seq, changed.at, Entry(Kind.REQUEST, about={"text": "other"}), changed.previous, changed.hash
    )
    assert verify([*good[:place], forged, *good[place + 1 :]]) is not None
    assert verify([*good[:place], *good[place + 1 :]]) is not None
    assert verify([*good[: place + 1], good[place], *good[place + 1 :]]) is not None


def test_a_chain_cannot_witness_its_own_tail() -> None:
    """The known limit: that is why the head is shown elsewhere too."""
    assert verify(rows(5)[:-1]) is None


async def test_written_rows_verify_and_a_change_behind_our_back_is_found(database: Database) -> None:
    journal = JournalStore(database, CLOCK)
    for text in ("!ping", "!status", "ünï ‮ \u0000"):
        await journal.write(Entry(Kind.REQUEST, "console:ann", "ann", "console:ops", {"text": text}))
    assert await journal.verify() == (3, None)
    raw = sqlite3.connect(database.path)
    raw.execute("UPDATE journal SET person = 'eve' WHERE seq = 2")
    raw.commit()
    raw.close()
    assert await journal.verify() == (3, "row 2 was changed: its content does not give its hash")


async def test_the_chain_goes_on_after_a_rollback(database: Database) -> None:
    journal = JournalStore(database, CLOCK)
    await journal.write(Entry(Kind.START))
    with pytest.raises(ZeroDivisionError):
        async with database.transaction() as tx:
            await tx.journal([Entry(Kind.REQUEST)], CLOCK.now())
            _ = 1 / 0
    await journal.write(Entry(Kind.STOP))
    assert await journal.verify() == (2, None)


async def test_pruning_keeps_the_chain_provable(database: Database) -> None:
    clock = FakeClock()
    journal = JournalStore(database, clock)
    for _ in range(3):
        await journal.write(Entry(Kind.REQUEST))
    clock.forward(86400)
    await journal.write(Entry(Kind.REQUEST))
    assert await journal.prune(clock.now() - timedelta(hours=1)) == 3
    count, wrong = await journal.verify()
    assert (count, wrong) == (2, None)
    raw = sqlite3.connect(database.path)
    raw.execute("DELETE FROM journal WHERE seq = 4")
    raw.commit()
    raw.close()
    assert "retention removed rows up to 3" in str((await journal.verify())[1])
