"""A repository is asked once for the several looks of a fix, and again when its answer may be another."""

import os
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path

from bot.backups import KEPT, Witness
from bot.testing import FakeClock, FakeNotes
from estate.backup.history import EVERYTHING, Ran, Result, iso, remember
from estate.backup.keeper import Keeper
from estate.backup.settings import Settings
from estate.snapshot.model import Snapshot
from estate.snapshot.repository import Where

NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)


async def test_it_is_asked_again_after_a_backup_or_a_while(tmp_path: Path) -> None:
    repository, gone = tmp_path / "repository", tmp_path / "elsewhere"
    environment = {**os.environ, "RESTIC_PASSWORD": "x", "RESTIC_REPOSITORY": str(repository)}
    subprocess.run(["restic", "init"], env=environment, check=True, capture_output=True)
    clock, notes = FakeClock(NOW), FakeNotes()
    settings = Settings("restic", tmp_path / "state", "h", str(repository), "x")
    witness = Witness(Keeper(settings, notes, clock.now), clock.now)
    snapshot = Snapshot(tmp_path, NOW)

    async def trouble() -> str:
        found = (await witness.backups(snapshot, [tmp_path])).repository
        assert found is not None
        return found.no_locks

    first = await witness.backups(snapshot, [tmp_path])
    assert first.repository is not None
    assert first.repository.where is Where.SAME_DISK
    assert (first.repository.locks, first.repository.no_locks, first.not_saved) == ((), "", "")
    repository.rename(gone)
    assert await trouble() == ""
    await remember(notes, Ran("r1", iso(NOW), "ann", EVERYTHING, Result.OK, "s1", 3, 30))
    assert "restic list" in await trouble()
    gone.rename(repository)
    assert "restic list" in await trouble()
    clock.at += KEPT + timedelta(seconds=1)
    assert await trouble() == ""
    last = await witness.backups(snapshot, [tmp_path])
    assert last.good == NOW
    assert [one.files for one in last.sizes] == [3]


async def test_without_a_repository_there_is_nothing_to_ask(tmp_path: Path) -> None:
    clock = FakeClock(NOW)
    keeper = Keeper(Settings("command", tmp_path, "h", argv=("true",)), FakeNotes(), clock.now)
    found = await Witness(keeper, clock.now).backups(Snapshot(tmp_path, NOW), [tmp_path])
    assert (found.repository, found.saved, found.not_saved) == (None, (), "")
