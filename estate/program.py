"""A program that is run for us: its own process group, a deadline, its words line by line. Never a shell."""

import asyncio
import contextlib
import os
import shutil
import signal
from collections import deque
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

GRACE = 10.0
"""Seconds between asking a process group to end and ending it."""
LONGEST_LINE = 1024 * 1024
"""Bytes; a longer line is dropped, and what it said is then known to be cut."""
KEPT = 400
"""Lines that are kept of what it said: the newest."""
LINGER = 1.0
"""Seconds for the last words of one that has ended: what it left behind may hold its pipes for ever."""
LOOK = 0.1

Hear = Callable[[str], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Ended:
    """How it ended: `code` is negative for a signal, None when it was ended at its deadline."""

    code: int | None
    out: str
    """The newest lines of stdout."""
    errors: str
    """The newest lines of stderr."""
    cut: bool = False
    """Whether `out` is not all that it said: no answer to be reckoned with, then."""

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


@dataclass(slots=True)
class _Said:
    """What one pipe says. `hear` gets each line."""

    hear: Hear | None = None
    rows: deque[str] = field(default_factory=lambda: deque(maxlen=KEPT))
    cut: bool = False

    @property
    def text(self) -> str:
        return "\n".join(self.rows)

    async def listen(self, stream: asyncio.StreamReader | None) -> None:
        """To its end. What `hear` raises is raised then: it stops no program in the middle of its work."""
        if stream is None:  # it goes into a file
            return
        deaf: Exception | None = None
        while True:
            try:
                row = await stream.readline()
            except ValueError:  # too long a line: what came is dropped, what comes is heard
                self.cut = True
                continue
            if not row:
                break
            self.cut = self.cut or len(self.rows) == KEPT
            self.rows.append(row.decode("utf-8", "replace").rstrip("\r\n"))
            if self.hear is not None and deaf is None:
                try:
                    await self.hear(self.rows[-1])
                except Exception as wrong:
                    deaf = wrong
        if deaf is not None:
            raise deaf


async def run(
    argv: Sequence[str],
    *,
    environment: Mapping[str, str],
    directory: Path | None = None,
    seconds: float = 60.0,
    given: bytes | None = None,
    hear: Hear | None = None,
    hear_out: Hear | None = None,
    into: Path | None = None,
    longest: int = LONGEST_LINE,
    ask: signal.Signals = signal.SIGTERM,
    owner: tuple[int, int] | None = None,
) -> Ended:
    """Run it to its end, at most for `seconds`.

    given: what it reads on stdin; without it there is nothing to read. hear, hear_out: get each line of
    stderr, and of stdout, as it comes. into: a new file (0600) that takes stdout as it is. longest: bytes of
    one line. ask: what it is asked to end with before it is ended. owner: the user and the group that it runs
    as; without it, ours. When we are cancelled, or die, its whole group is ended. Raises NoProgram, OSError
    when `into` cannot be made, and what `hear` raised, once it has ended.
    """
    with _new_file(into) as file:
        process = await _started(argv, environment, directory, given is not None, owner, ask, file, longest)
    out, errors = _Said(hear_out), _Said(hear)
    talk = asyncio.gather(
        _feed(process.stdin, given), out.listen(process.stdout), errors.listen(process.stderr)
    )
    code: int | None = None
    try:
        async with asyncio.timeout(seconds):
            code = await _ended(process, talk)
    except TimeoutError:
        pass
    finally:
        await _end(process, ask)
        talk.cancel()
    return Ended(code, out.text, errors.text, out.cut)


async def _started(
    argv: Sequence[str],
    environment: Mapping[str, str],
    directory: Path | None,
    listens: bool,
    owner: tuple[int, int] | None,
    ask: signal.Signals,
    out: int,
    longest: int,
) -> asyncio.subprocess.Process:
    """Raises NoProgram. Cancelled here, asyncio would end the first of the group, and wait for all of it."""
    user, group = owner or (None, None)
    starting = asyncio.ensure_future(
        asyncio.create_subprocess_exec(
            *_dies_with_us(ask),
            *argv,
            cwd=directory,
            env=dict(environment),
            stdin=asyncio.subprocess.PIPE if listens else asyncio.subprocess.DEVNULL,
            stdout=out,
            stderr=asyncio.subprocess.PIPE,
            start_new_session=True,
            limit=longest,
            user=user,
            group=group,
            extra_groups=None if owner is None else [],
        )
    )
    try:
        return await asyncio.shield(starting)
    except asyncio.CancelledError:
        starting.add_done_callback(_end_at_once)
        raise
    except (OSError, ValueError) as wrong:
        raise NoProgram(f"{argv[0]} cannot be run: {getattr(wrong, 'strerror', None) or wrong}") from None


def _end_at_once(starting: asyncio.Future[asyncio.subprocess.Process]) -> None:
    if not starting.cancelled() and starting.exception() is None:
        _signal(starting.result(), signal.SIGKILL)


async def _ended(process: asyncio.subprocess.Process, talk: asyncio.Future[Any]) -> int:
    """Its code. `Process.wait` waits for its pipes, too, which a child that it left may keep open."""
    gone = asyncio.create_task(_gone(process))
    try:
        await asyncio.wait({talk, gone}, return_when=asyncio.FIRST_COMPLETED)
        code = await (process.wait() if talk.done() else gone)
        await asyncio.wait({talk}, timeout=LINGER)
    finally:
        gone.cancel()
    if talk.done():
        talk.result()
    return code


async def _gone(process: asyncio.subprocess.Process) -> int:
    while process.returncode is None:  # noqa: ASYNC110 - asyncio itself tells it only when the pipes are closed
        await asyncio.sleep(LOOK)
    return process.returncode


@contextlib.contextmanager
def _new_file(path: Path | None) -> Iterator[int]:
    """What stdout goes to."""
    if path is None:
        yield asyncio.subprocess.PIPE
        return
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        yield handle
    finally:
        os.close(handle)


def _dies_with_us(ask: signal.Signals) -> tuple[str, ...]:
    """The kernel ends it when the thread that started it ends: ours is the main one, which lives as we do.

    Whoever started us in the background may have had the signal ignored, and children inherit that.
    """
    heeds = shutil.which("env", path="/usr/bin:/bin")
    found = shutil.which("setpriv", path="/usr/bin:/bin")
    name = ask.name.removeprefix("SIG")
    if not found or not heeds:
        return ()
    return (heeds, f"--default-signal={name}", found, "--pdeathsig", name, "--")


async def _feed(stdin: asyncio.StreamWriter | None, given: bytes | None) -> None:
    if stdin is None or given is None:
        return
    with contextlib.suppress(BrokenPipeError, ConnectionResetError):
        stdin.write(given)
        await stdin.drain()
        stdin.close()
        await stdin.wait_closed()


async def _end(process: asyncio.subprocess.Process, ask: signal.Signals) -> None:
    """The whole group, whatever it left behind: asked, and after GRACE no longer asked. It is ended also when
    nobody waits for that any more."""
    _signal(process, ask)
    try:
        if process.returncode is None:
            async with asyncio.timeout(GRACE):
                await _gone(process)
    except TimeoutError:
        pass
    finally:
        _signal(process, signal.SIGKILL)


def _signal(process: asyncio.subprocess.Process, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, number)
