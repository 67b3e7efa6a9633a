"""A claim: a sentence of a report, and the questions that decide it. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from audit.claims.world import World
from bot.core.text import one_line


class Verdict(StrEnum):
    """What became of a claim."""

    TRUE = "true"
    FALSE = "false"
    STALE = "stale"
    UNKNOWN = "cannot be told"


@dataclass(frozen=True, slots=True)
class Answer:
    """`holds` None: it cannot be told, `why` says why."""

    holds: bool | None
    why: str


class Question(Protocol):
    """One thing that can be looked up."""

    def ask(self, world: World) -> Answer: ...


@dataclass(frozen=True, slots=True)
class Claim:
    """`line` is from 1. All of the questions have to hold."""

    text: str
    line: int
    questions: tuple[Question, ...]

    def ask(self, world: World) -> Answer:
        """False where one of them is; unknown where one is and none is false."""
        answers = [one.ask(world) for one in self.questions]
        for wanted in (False, None):
            found = [one.why for one in answers if one.holds is wanted]
            if found:
                return Answer(wanted, "; ".join(dict.fromkeys(found)))
        return Answer(True, "; ".join(dict.fromkeys(one.why for one in answers)))


@dataclass(frozen=True, slots=True)
class Judged:
    """`since`: of a stale one, the commit that made it untrue, in words."""

    claim: Claim
    verdict: Verdict
    why: str
    since: str = ""


@dataclass(frozen=True, slots=True)
class NotUnderstood:
    """A sentence that says something, and nobody here knows what."""

    text: str
    line: int


@dataclass(frozen=True, slots=True)
class Reading:
    """A report, as far as it was understood. `ignored`: sentences that say what should be, not what is."""

    claims: tuple[Claim, ...] = ()
    strange: tuple[NotUnderstood, ...] = ()
    ignored: int = 0


def listed(names: Sequence[str], most: int = 8) -> str:
    """A few names, and how many more."""
    shown = ", ".join(names[:most])
    return one_line(f"{shown} and {len(names) - most} more" if len(names) > most else shown, 300)
