"""What was found out about one thing."""

import asyncio
from collections.abc import Awaitable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from bot.core.text import one_line

PATIENCE = 10.0
"""Seconds for one question; nothing is waited for longer than three of them."""


class Verdict(StrEnum):
    OK = "ok"
    BAD = "bad"
    UNKNOWN = "unknown"
    """It could not be found out from here, or is for people to judge."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One line. `what` may hold words from outside: they are made harmless here."""

    verdict: Verdict
    what: str
    remedy: str = ""

    def __str__(self) -> str:
        said = one_line(self.what, 500) + (f" — {one_line(self.remedy, 300)}" if self.remedy else "")
        return f"{self.verdict:<8}{said}"


def ok(what: str, remedy: str = "") -> Finding:
    return Finding(Verdict.OK, what, remedy)


def bad(what: str, remedy: str) -> Finding:
    return Finding(Verdict.BAD, what, remedy)


def unknown(what: str, remedy: str = "") -> Finding:
    return Finding(Verdict.UNKNOWN, what, remedy)


async def bounded(what: str, question: Awaitable[Sequence[Finding]]) -> list[Finding]:
    """The answers, or that there was none in time."""
    try:
        return list(await asyncio.wait_for(question, 3 * PATIENCE))
    except TimeoutError:
        return [unknown(f"{what}: no answer in {3 * PATIENCE:.0f} s", "is something on the way blocking it?")]
