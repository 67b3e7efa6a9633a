"""The backup by the clock, and the watch that rings when there is none."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, time, timedelta
from pathlib import Path

import pytest

from bot.core.delivery import Delivery, Outgoing
from bot.core.doc import plain
from bot.core.journal import Entry
from bot.core.redact import Redactor
from bot.nightly import Nightly, last_due
from bot.ports import Engine
from bot.testing import FakeClock, FakeJournal, FakeNotes
from estate.backup import history
from estate.backup.history import Ran, Result, Running
from estate.backup.keeper import Keeper
from estate.backup.prepare import Prepared
from estate.backup.settings import Settings
from tests.talk import OPS

NOON = datetime(2026, 1, 2, 12, tzinfo=UTC)


class Ears:
    """An outbox that remembers what it was given."""

    def __init__(self) -> None:
        self.heard: list[str] = []

    async def enqueue(self, outgoing: Sequence[Outgoing], entries: Sequence[Entry] = ()) -> None:
        self.heard += [plain(one.doc) for one in outgoing]

    async def waiting(self) -> Sequence[Delivery]:
        return ()


async def nothing() -> tuple[Prepared, Mapping[str, Engine]]:
    raise AssertionError("a script saves everything by itself")


class Night:
    """A bot whose own script is the engine."""

    def __init__(self, tmp_path: Path, *argv: str) -> None:
        self.clock = FakeClock(NOON)
        self.ears, self.journal, self.notes = Ears(), FakeJournal(), FakeNotes()
        settings = Settings("command", tmp_path / "b", "h", argv=argv, schedule=time(3, 30))
        self.keeper = Keeper(settings, self.notes, self.clock.now)
        self.nightly = Nightly(
            self.keeper,
            nothing,
            self.ears,
            self.journal,
            lambda: [OPS],
            self.clock,
            lambda: Redactor(["s3cretword"]),
        )


@pytest.mark.parametrize(
    ("schedule", "now", "due"),
    [
        (time(3, 30), NOON, NOON.replace(hour=3, minute=30)),
        (time(12, 0), NOON, NOON),
        (time(12, 1), NOON, NOON - timedelta(days=1) + timedelta(minutes=1)),
        (None, NOON, None),
    ],
)
def test_when_it_was_time(schedule: time | None, now: datetime, due: datetime | None) -> None:
    assert last_due(schedule, now) == due


async def test_each_time_is_taken_care_of_once_and_the_first_look_only_learns(tmp_path: Path) -> None:
    night = Night(tmp_path, "true")
    due = NOON.replace(hour=3, minute=30)
    assert not await night.nightly._is_new(due)
    assert not await night.nightly._is_new(due)
    tomorrow = due + timedelta(days=1)
    assert await night.nightly._is_new(tomorrow)
    assert not await night.nightly._is_new(tomorrow)  # also after a kill: it is on disk before it begins


async def test_a_failure_is_told_and_its_secrets_are_not(tmp_path: Path) -> None:
    night = Night(tmp_path, "sh", "-c", "echo s3cretword; exit 1")
    await night.nightly.once()
    [said] = night.ears.heard
    assert said.startswith("the scheduled backup is failed: sh ended with 1")
    assert "s3cretword" not in said
    assert "s3cretword" not in str(night.journal.rows)
    [row] = night.journal.rows
    assert row.entry.about["backup"]["by"] == "schedule"  # type: ignore[index]


async def test_what_is_well_is_quiet(tmp_path: Path) -> None:
    night = Night(tmp_path, "true")
    await night.nightly.once()
    assert night.ears.heard == []
    assert len(night.journal.rows) == 1


async def test_what_was_cut_off_is_told(tmp_path: Path) -> None:
    night = Night(tmp_path, "true")
    await night.nightly.tell_cut(Running("7", NOON.isoformat(), "ann", "backup"))
    assert night.ears.heard == []  # her plan tells it
    await night.nightly.tell_cut(Running("7", NOON.isoformat(), "schedule", "backup of everything"))
    [said] = night.ears.heard
    assert said.startswith("interrupted: the scheduled backup of everything")


async def test_it_rings_once_when_there_is_none_and_says_when_there_is_again(tmp_path: Path) -> None:
    night = Night(tmp_path, "true")
    await night.nightly.look()
    night.clock.forward(27 * 3600)
    for _ in range(3):
        await night.nightly.look()
    [said] = night.ears.heard
    assert said.startswith("no good backup of everything for 1 d 3 h, and 1 d 2 h is the limit")
    bad = Ran("1", night.clock.now().isoformat(), "ann", history.EVERYTHING, Result.PARTIAL)
    await history.remember(night.notes, bad)
    await night.nightly.look()
    part = Ran("2", night.clock.now().isoformat(), "ann", "shop/web", Result.OK)
    await history.remember(night.notes, part)
    await night.nightly.look()
    assert len(night.ears.heard) == 1  # neither a partial one nor a part counts
    good = Ran("3", night.clock.now().isoformat(), "ann", history.EVERYTHING, Result.OK)
    await history.remember(night.notes, good)
    await night.nightly.look()
    assert night.ears.heard[1:] == ["there is a good backup of everything again"]
