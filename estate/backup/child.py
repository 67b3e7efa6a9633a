"""A program that is run here, and that ends when we do."""

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from bot.core.errors import NotDone

LONGEST_LINE = 1024 * 1024
"""Bytes; of a longer line the head is kept."""

# Runs in the child: ask the kernel for a signal when the parent dies, then become the program. A few lines of
# Python instead of preexec_fn, which may deadlock where there are threads.
_BECOME = """
import ctypes, os, sys
parent, number = int(sys.argv[1]), int(sys.argv[2])
ctypes.CDLL(None, use_errno=True).prctl(1, number, 0, 0, 0)
if os.getppid() != parent:
    sys.exit(1)
try:
    os.execvp(sys.argv[3], sys.argv[3:])
except OSError as wrong:
    print(f"{sys.argv[3]}: {wrong.strerror}", file=sys.stderr)
    sys.exit(127)
"""

OnLine = Callable[[str], None]


def nothing(line: str) -> None:
    """For output that nobody wants."""


async def run(
    argv: Sequence[str],
    *,
    env: Mapping[str, str],
    seconds: float,
    out: OnLine = nothing,
    err: OnLine = nothing,
    into: Path | None = None,
) -> int:
    """Run it and give each line of its output to `out` and `err`; its exit code, 127 when it is not there.

    into: a new file (0600) that takes stdout as it is. Its whole group is ended when this is cancelled, when
    the time is over (then raises NotDone), and by the kernel when we are killed.
    """
    become = [sys.executable, "-I", "-S", "-c", _BECOME, str(os.getpid()), str(int(signal.SIGINT))]
    handle = os.open(into, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600) if into is not None else None
    try:
        process = await asyncio.create_subprocess_exec(
            *become,
            *argv,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=handle if handle is not None else asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env=dict(env),
            start_new_session=True,
        )
    finally:
        if handle is not None:
            os.close(handle)
    try:
        async with asyncio.timeout(seconds):
            await asyncio.gather(_read(process.stdout, out), _read(process.stderr, err))
            return await process.wait()
    except TimeoutError:
        raise NotDone(f"{argv[0]} did not end within {seconds:.0f} s; it was stopped") from None
    finally:
        await _end(process)


async def _end(process: asyncio.subprocess.Process) -> None:
    """SIGINT first: restic then gives its lock back."""
    for number, patience in ((signal.SIGINT, 5.0), (signal.SIGKILL, 5.0)):
        if process.returncode is not None:
            return
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, number)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(patience):
                await process.wait()


async def _read(stream: asyncio.StreamReader | None, take: OnLine) -> None:
    if stream is None:
        return
    waiting = b""
    while piece := await stream.read(65536):
        *lines, waiting = (waiting + piece).split(b"\n")
        for line in lines:
            take(line.decode("utf-8", "replace"))
        waiting = waiting[:LONGEST_LINE]
    if waiting:
        take(waiting.decode("utf-8", "replace"))
