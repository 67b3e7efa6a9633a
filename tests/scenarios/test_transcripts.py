"""Plays each transcript to a console, in-process: who says what, and what is answered, line by line.

"> " is what is typed; the lines below it are the answer, exactly. "…" stands for anything within a line; a
line "…" stands for any number of lines. "< " feeds an alert's headline into the room, as the outbox would.
"""

import re
from pathlib import Path

import pytest

from bot.core.doc import Heading, doc, line
from bot.platforms.console import Console
from tests.talk import OPS, Talk

HERE = Path(__file__).parent
ELSEWHERE = {
    "fixed-lines.txt",
    "approvals.txt",
    "audit.txt",
    "backup.txt",
    "break-glass.txt",
    "pin.txt",
}
"""Played by tests of their own, over what they need."""
TRANSCRIPTS = sorted(path for path in HERE.glob("*.txt") if path.name not in ELSEWHERE)


def exchanges(text: str) -> list[tuple[str, list[str]]]:
    """What is typed, and the lines that are expected."""
    found: list[tuple[str, list[str]]] = []
    for row in text.splitlines():
        if row.startswith(("> ", "< ", "+ ")):
            found.append((row, []))
        elif row.startswith("#") or (not found and not row.strip()):
            continue
        elif row.strip():
            found[-1][1].append(row)
    return found


def fits(expected: list[str], said: list[str]) -> bool:
    if not expected:
        return not said
    if expected[0] == "…":
        return any(fits(expected[1:], said[index:]) for index in range(len(said) + 1))
    pattern = "[^\n]*".join(re.escape(part) for part in expected[0].split("…"))
    return bool(said) and re.fullmatch(pattern, said[0]) is not None and fits(expected[1:], said[1:])


@pytest.mark.parametrize("path", TRANSCRIPTS, ids=lambda path: path.stem)
async def test_transcript(path: Path) -> None:
    said: list[str] = []
    console, talk = Console(write=said.append), Talk()
    for number, (typed, expected) in enumerate(exchanges(path.read_text("utf-8"))):
        said.clear()
        if typed.startswith("< "):
            await console.send(OPS, doc(Heading(line(typed[2:]))), key=f"k{number}")
        else:
            await console.line(typed[2:], talk.engine.handle, talk.journal, talk.clock)
        lines = "".join(said).splitlines()
        assert fits(expected, lines), f"{path.name}: {typed}\nexpected {expected}\nsaid     {lines}"


def test_the_fixed_lines_are_what_the_errors_say() -> None:
    from bot.core.errors import Refused, Unknown, UsageError

    rows = (HERE / "fixed-lines.txt").read_text("utf-8").splitlines()
    fixed = dict(row.split("\t") for row in rows if row and not row.startswith("#"))
    assert str(Refused("x")) == fixed["refused"] + "x"
    assert str(UsageError("x")) == fixed["usage"] + "x"
    assert str(Unknown("x")) == fixed["unknown"] + "x"


def test_a_transcript_that_lies_is_found() -> None:
    assert fits(["a…z", "…", "end"], ["abcz", "x", "y", "end"])
    assert fits(["…"], [])
    assert not fits([], ["more"])
    assert not fits(["pong"], ["pong "])
    assert not fits(["pong"], [])
