"""A program that is run for us, the real ones: what is kept of it, and that nothing of it outlives us."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from estate import program
from estate.program import Ended, NoProgram, run

PATH = {"PATH": "/usr/bin:/bin"}
ROOT = Path(__file__).resolve().parents[2]


async def shell(script: str, **more: object) -> Ended:
    return await run(("sh", "-c", script), environment=PATH, **more)  # type: ignore[arg-type]


async def test_what_it_says_and_how_it_ends() -> None:
    heard: list[str] = []

    async def hear(row: str) -> None:
        heard.append(row)

    ended = await shell("echo out; echo one >&2; echo two >&2; exit 3", hear=hear)
    assert (ended.code, ended.out, ended.errors, ended.cut) == (3, "out", "one\ntwo", False)
    assert (heard, ended.last, ended.ok) == (["one", "two"], "two", False)
    assert (await shell("cat")).out == ""
    assert (await shell("cat", given=b"given\n")).out == "given"


async def test_a_line_may_be_as_long_as_is_asked_for() -> None:
    script = f"head -c {2 * program.LONGEST_LINE} /dev/zero | tr '\\0' x; echo"
    ended = await shell(script, longest=4 * program.LONGEST_LINE)
    assert (len(ended.out), ended.cut) == (2 * program.LONGEST_LINE, False)


async def test_stdout_into_a_new_file(tmp_path: Path) -> None:
    ended = await shell("printf 'a\\0b'; echo no >&2", into=tmp_path / "out")
    assert (ended.out, ended.errors) == ("", "no")
    assert (tmp_path / "out").read_bytes() == b"a\0b"
    assert (tmp_path / "out").stat().st_mode & 0o777 == 0o600
    with pytest.raises(FileExistsError):
        await shell("true", into=tmp_path / "out")


async def test_it_heeds_what_it_is_asked_to_end_with_also_where_that_was_ignored(tmp_path: Path) -> None:
    """As when we were started in the background by a shell, which has SIGINT ignored."""
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        script = f"trap 'echo asked > {tmp_path}/asked; exit 3' INT; echo on; while :; do sleep 0.1; done"
        ended = await shell(script, ask=signal.SIGINT, seconds=1)
    finally:
        signal.signal(signal.SIGINT, before)
    assert ended.code is None
    assert (tmp_path / "asked").exists()


async def test_only_the_given_environment_is_seen() -> None:
    os.environ["TOCSIN_SECRET"] = "tiger"
    try:
        ended = await run(("/usr/bin/env",), environment={"A": "1"})
    finally:
        del os.environ["TOCSIN_SECRET"]
    assert ended.out == "A=1"


async def test_what_is_too_much_is_known_to_be_cut() -> None:
    many = await shell(f"seq {program.KEPT + 1}")
    assert (many.cut, many.out.splitlines()[-1]) == (True, str(program.KEPT + 1))
    assert not (await shell(f"seq {program.KEPT}")).cut
    long = await shell(f"head -c {3 * program.LONGEST_LINE} /dev/zero | tr '\\0' x; echo; echo end")
    assert (long.cut, long.out.splitlines()[-1]) == (True, "end")


async def test_a_missing_program_is_no_success() -> None:
    """Found missing by us, or by what runs it for us."""
    try:
        ended = await run(("/nothing/there",), environment=PATH)
    except NoProgram:
        return
    assert ended.code == 127
    assert "/nothing/there" in ended.last


async def test_a_folder_that_is_not_there_is_told() -> None:
    with pytest.raises(NoProgram, match="No such file"):
        await run(("true",), environment=PATH, directory=Path("/nothing/there"))


async def test_a_child_that_holds_the_pipe_does_not_hold_us(tmp_path: Path) -> None:
    began = time.monotonic()
    ended = await shell(f"sleep 60 & echo $! > {tmp_path}/pid; echo done; exit 0", seconds=30)
    assert (ended.code, ended.out) == (0, "done")
    assert time.monotonic() - began < 10
    await gone(tmp_path / "pid")


async def test_at_its_deadline_the_whole_group_ends_also_who_ignores_being_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(program, "GRACE", 0.5)
    child = f"(trap '' TERM; sleep 60; sleep 60) & echo $! > {tmp_path}/pid"
    ended = await shell(f"trap '' TERM; {child}; while :; do sleep 1; done", seconds=0.5)
    assert (ended.code, ended.ok) == (None, False)
    await gone(tmp_path / "pid")


async def test_who_ignores_being_asked_ends_although_its_parent_obeys(tmp_path: Path) -> None:
    script = f"(trap '' TERM; echo $$; while :; do sleep 1; done) & echo $! > {tmp_path}/pid; sleep 60"
    assert (await shell(script, seconds=0.5)).code is None
    await gone(tmp_path / "pid")


@pytest.mark.parametrize("again", [False, True], ids=["once", "twice"])
async def test_cancelled_it_ends_with_its_group(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, again: bool
) -> None:
    """Cancelled again while it is asked to end, nobody waits any more; it is ended all the same."""
    monkeypatch.setattr(program, "GRACE", 20.0 if again else 0.5)
    script = f"trap '' TERM; (trap '' TERM; sleep 60) & echo $! > {tmp_path}/pid; while :; do sleep 1; done"
    task = asyncio.create_task(shell(script))
    while not (tmp_path / "pid").exists() or not (tmp_path / "pid").read_text().strip():
        await asyncio.sleep(0.02)
    task.cancel()
    if again:
        await asyncio.sleep(0.2)
        task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await gone(tmp_path / "pid")


async def test_cancelled_while_it_starts(tmp_path: Path) -> None:
    for wait in (0, 0.001, 0.005, 0.02):
        task = asyncio.create_task(shell(f"sleep 60 & echo $! >> {tmp_path}/pids; sleep 60"))
        await asyncio.sleep(wait)
        task.cancel()
        began = time.monotonic()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert time.monotonic() - began < 10
    await asyncio.sleep(1)
    pids = (tmp_path / "pids").read_text().split() if (tmp_path / "pids").exists() else []
    assert not [pid for pid in pids if alive(int(pid))]


async def test_who_cannot_hear_does_not_stop_it(tmp_path: Path) -> None:
    async def hear(row: str) -> None:
        raise OSError(f"the disk is full at {row}")

    with pytest.raises(OSError, match="full at one"):
        await shell(f"echo one >&2; echo two >&2; sleep 0.2; echo done > {tmp_path}/done", hear=hear)
    assert (tmp_path / "done").exists()


def test_it_ends_when_we_are_killed(tmp_path: Path) -> None:
    script = (
        "import asyncio, sys; sys.path.insert(0, sys.argv[1]); from estate.program import run\n"
        "argv = ('sh', '-c', f'echo $$ > {sys.argv[2]}; exec sleep 60')\n"
        "asyncio.run(run(argv, environment={'PATH': '/usr/bin:/bin'}))"
    )
    us = subprocess.Popen([sys.executable, "-c", script, str(ROOT), str(tmp_path / "pid")])
    try:
        deadline = time.monotonic() + 20
        while not (tmp_path / "pid").exists() or not (tmp_path / "pid").read_text().strip():
            assert time.monotonic() < deadline
            time.sleep(0.02)
    finally:
        us.send_signal(signal.SIGKILL)
        us.wait()
    asyncio.run(gone(tmp_path / "pid"))


@pytest.mark.parametrize("who", [(12345, 12346)])
async def test_it_runs_as_whom_it_is_told(who: tuple[int, int]) -> None:
    mine = (os.geteuid(), os.getegid())
    told = who if mine[0] == 0 else mine
    ended = await run(("id",), environment=PATH, owner=told if mine[0] == 0 else None)
    assert f"uid={told[0]}" in ended.out
    assert f"gid={told[1]}" in ended.out


async def gone(file: Path) -> None:
    """Within seconds the process whose id stands there is no more."""
    pid = int(file.read_text())
    deadline = time.monotonic() + 5
    while alive(pid):
        assert time.monotonic() < deadline, f"{pid} lives on"
        await asyncio.sleep(0.05)


def alive(pid: int) -> bool:
    """A zombie is not: whoever has it has not looked yet."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False
