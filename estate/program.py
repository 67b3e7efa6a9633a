"""A program that is run for us: its own process group, a deadline, its words line by line. Never a shell."""

import asyncio
import contextlib
import os
import shutil
import signal
from collections import deque
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

GRACE = 10.0
"""Seconds between asking a process group to end and ending it."""
LONGEST_LINE = 64 * 1024
KEPT = 400
"""Lines that are kept of what it said: the newest."""

Hear = Callable[[str], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Ended:
    """How it ended: `code` is negative for a signal, None when it was ended at its deadline."""

    code: int | None
    out: str
    """The newest lines of stdout."""
    errors: str
    """The newest lines of stderr."""

    @property
    def ok(self) -> bool:
        return self.code == 0

    @property
    def last(self) -> str:
        """The line that most likely says why: the last that is not empty."""
        rows = [row.strip() for row in (self.errors or self.out).splitlines() if row.strip()]
        return rows[-1] if rows else "it said nothing"


class NoProgram(Exception):
    """It is not there, or may not be run; says which and why."""


async def run(
    argv: Sequence[str],
    *,
    environment: Mapping[str, str],
    directory: Path | None = None,
    seconds: float = 60.0,
    given: bytes | None = None,
    hear: Hear | None = None,
) -> Ended:
    """Run it to its end, at most for `seconds`.

    given: what it reads on stdin; without it there is nothing to read. hear: gets each line of stderr as it
    comes. When we are cancelled, or die, its whole group is ended. Raises NoProgram.
    """
    words = (*_dies_with_us(), *argv)
    try:
        process = await asyncio.create_subprocess_exec(
            *words,
            cwd=directory,
            env=dict(environment),
            stdin=asyncio.subprocess.DEVNULL if given is None else asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            start_new_session=True,
            limit=LONGEST_LINE,
        )
    except (OSError, ValueError) as wrong:
        raise NoProgram(f"{argv[0]} cannot be run: {getattr(wrong, 'strerror', None) or wrong}") from None
    out: deque[str] = deque(maxlen=KEPT)
    errors: deque[str] = deque(maxlen=KEPT)
    try:
        async with asyncio.timeout(seconds):
            await asyncio.gather(
                _feed(process.stdin, given),
                _listen(process.stdout, out, None),
                _listen(process.stderr, errors, hear),
            )
            code: int | None = await process.wait()
    except TimeoutError:
        code = None
    finally:
        await _end(process)
    return Ended(code, "\n".join(out), "\n".join(errors))


def _dies_with_us() -> tuple[str, ...]:
    """The kernel ends it when the thread that started it ends: ours is the main one, which lives as we do."""
    found = shutil.which("setpriv", path="/usr/bin:/bin")
    return (found, "--pdeathsig", "TERM", "--") if found else ()


async def _feed(stdin: asyncio.StreamWriter | None, given: bytes | None) -> None:
    if stdin is None or given is None:
        return
    with contextlib.suppress(BrokenPipeError, ConnectionResetError):
        stdin.write(given)
        await stdin.drain()
        stdin.close()
        await stdin.wait_closed()


async def _listen(stream: asyncio.StreamReader | None, kept: deque[str], hear: Hear | None) -> None:
    assert stream is not None  # both are pipes
    while True:
        try:
            row = await stream.readline()
        except ValueError:  # longer than LONGEST_LINE: what came is dropped, what comes is heard
            continue
        if not row:
            return
        text = row.decode("utf-8", "replace").rstrip("\r\n")
        kept.append(text)
        if hear is not None:
            await hear(text)


async def _end(process: asyncio.subprocess.Process) -> None:
    """The whole group, whatever it left behind."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, number)
        if process.returncode is not None:
            return
        try:
            async with asyncio.timeout(GRACE):
                await process.wait()
        except TimeoutError:
            continue
