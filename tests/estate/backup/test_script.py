"""The site's own backup as the engine: what it says, and what is believed of it."""

import os
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest

from bot.core.errors import NotDone, Refused
from bot.testing import FakeClock, FakeNotes
from estate.backup import child, history
from estate.backup.history import Result
from estate.backup.keeper import Keeper, Voice
from estate.backup.script import read_unit
from estate.backup.settings import Settings

AT = "ExecMainExitTimestamp=Wed 2026-11-25 03:30:12 UTC"


async def quiet(words: str) -> None: ...


VOICE = Voice("ann", quiet, quiet)


@pytest.mark.parametrize(
    ("rows", "good", "words"),
    [
        (
            ["LoadState=loaded", "Result=success", "ExecMainStatus=0", AT],
            True,
            "ended with 0 (result success)",
        ),
        (["LoadState=loaded", "Result=exit-code", "ExecMainStatus=3", AT], False, "ended with 3"),
        (["LoadState=not-found", "Result=success"], False, "knows no such unit"),
        (["LoadState=loaded", "Result=success", "ExecMainExitTimestamp="], None, "has not run"),
        (["LoadState=loaded", "ActiveState=activating", "ExecMainExitTimestamp="], None, "is activating"),
        ([], None, "has not run"),
    ],
)
def test_what_systemd_knows(rows: list[str], good: bool | None, words: str) -> None:
    found = read_unit("infra-backup.service", rows)
    assert found.good is good
    assert words in found.words


def keeper(tmp_path: Path, *argv: str, **more: object) -> Keeper:
    settings = Settings("command", tmp_path / "state", "h", argv=argv, **more)  # type: ignore[arg-type]
    clock = FakeClock(datetime.now(UTC))
    return Keeper(settings, FakeNotes(), clock.now)


async def test_a_good_exit_code_alone_is_not_believed(tmp_path: Path) -> None:
    ran, words = await keeper(tmp_path, "true").own(VOICE)
    assert ran.result is Result.UNKNOWN
    assert "whether anything was saved is unknown" in words


async def test_a_bad_one_is(tmp_path: Path) -> None:
    ran, words = await keeper(tmp_path, "sh", "-c", "echo the disk is full >&2; exit 4").own(VOICE)
    assert ran.result is Result.FAILED
    assert "ended with 4: the disk is full" in words
    ran, words = await keeper(tmp_path, "/no/such/script").own(VOICE)
    assert ran.result is Result.FAILED
    assert "cannot be run" in words


async def test_a_script_that_makes_no_snapshot_is_found_out(tmp_path: Path) -> None:
    repository = tmp_path / "repository"
    env = {**os.environ, "RESTIC_PASSWORD": "x", "RESTIC_REPOSITORY": str(repository)}
    env["RESTIC_CACHE_DIR"] = str(tmp_path / "cache")
    subprocess.run(["restic", "init"], env=env, check=True, capture_output=True)
    given = {"repository": str(repository), "password": "x"}
    ran, words = await keeper(tmp_path, "true", **given).own(VOICE)
    assert ran.result is Result.FAILED
    assert "no snapshot of this run" in words
    (tmp_path / "f").write_text("x")
    script = f"RESTIC_PASSWORD=x RESTIC_REPOSITORY={repository} restic backup {tmp_path}/f"
    ran, words = await keeper(tmp_path, "sh", "-c", script, **given).own(VOICE)
    assert ran.result is Result.UNKNOWN
    assert "of this run; whether it is whole is unknown" in words


async def test_only_one_thing_runs(tmp_path: Path) -> None:
    one = keeper(tmp_path, "true")
    with one.spool.locked(), pytest.raises(Refused, match="another backup"):
        await one.own(VOICE)


async def test_what_was_cut_off_is_told_once(tmp_path: Path) -> None:
    one = keeper(tmp_path, "true")
    one.spool.ready()
    await history.begin(one.notes, history.Running("7", "2026-01-01T00:00:00+00:00", "schedule", "backup"))
    cut = await one.clean()
    assert cut is not None
    assert cut.by == "schedule"
    assert not one.spool.root.exists()
    assert await one.clean() is None


async def test_the_end_of_its_time_ends_it(tmp_path: Path) -> None:
    began = time.monotonic()
    with pytest.raises(NotDone, match="did not end within 1 s"):
        await child.run(["sleep", "30"], env={"PATH": os.environ["PATH"]}, seconds=1)
    assert time.monotonic() - began < 10


def test_it_ends_when_we_are_killed(tmp_path: Path) -> None:
    code = (
        "import asyncio, os; from estate.backup import child\n"
        f"argv = ['sh', '-c', 'echo $$ > {tmp_path}/pid; exec sleep 60']\n"
        "asyncio.run(child.run(argv, env={'PATH': os.environ['PATH']}, seconds=60))"
    )
    root = Path(__file__).parents[3]
    process = subprocess.Popen([sys.executable, "-c", code], cwd=root)
    deadline = time.monotonic() + 20
    while not (tmp_path / "pid").exists() or not (tmp_path / "pid").read_text().strip():
        assert time.monotonic() < deadline
        time.sleep(0.05)
    pid = int((tmp_path / "pid").read_text())
    process.kill()
    process.wait()
    deadline = time.monotonic() + 5
    while Path(f"/proc/{pid}/cmdline").exists() and Path(f"/proc/{pid}/cmdline").read_bytes():
        assert time.monotonic() < deadline, "it lives on"
        time.sleep(0.05)
