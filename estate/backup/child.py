"""A program that saves or restores: asked to end by SIGINT, since restic then gives its lock back."""

import signal
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from bot.core.errors import NotDone
from estate.program import LONGEST_LINE, Hear, NoProgram
from estate.program import run as run_program

NOT_THERE = 127
"""The exit code of what cannot be run, as a shell has it."""

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
    longest: int = LONGEST_LINE,
) -> int:
    """Run it and give each line of its output to `out` and `err`; its exit code, or NOT_THERE.

    into: a new file (0600) that takes stdout as it is. longest: bytes of a line. Its whole group is ended
    when this is cancelled, when the time is over (then raises NotDone), and by the kernel when we are killed.
    """
    try:
        ended = await run_program(
            argv,
            environment=env,
            seconds=seconds,
            hear=_hearing(err),
            hear_out=_hearing(out),
            into=into,
            longest=longest,
            ask=signal.SIGINT,
        )
    except NoProgram as why:
        err(str(why))
        return NOT_THERE
    if ended.code is None:
        raise NotDone(f"{argv[0]} did not end within {seconds:.0f} s; it was stopped")
    return ended.code


def _hearing(take: OnLine) -> Hear:
    async def hear(row: str) -> None:
        take(row)

    return hear
