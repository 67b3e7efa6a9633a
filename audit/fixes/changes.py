"""What a fix would change, before anybody says yes. Pure."""

from collections.abc import Callable
from dataclasses import dataclass

from audit.model import Finding
from bot.core.plan import FileChange, ModeChange
from estate.snapshot.model import Snapshot


class CannotFix(Exception):
    """This finding is not mended by a command; says why, and what does."""


@dataclass(frozen=True, slots=True)
class Changes:
    """Paths are relative to the estate's root. `diff`: as people read it. `notes`: what helps to decide."""

    modes: tuple[ModeChange, ...] = ()
    files: tuple[FileChange, ...] = ()
    diff: str = ""
    calls: tuple[str, ...] = ()
    interrupts: str = ""
    undo: str = ""
    notes: tuple[str, ...] = ()


def both(one: Changes, other: Changes) -> Changes:
    """Changes of different files as one."""
    return Changes(
        (*one.modes, *other.modes),
        (*one.files, *other.files),
        "\n".join(filter(None, (one.diff, other.diff))),
        (*one.calls, *other.calls),
        one.interrupts or other.interrupts,
        "; ".join(filter(None, (one.undo, other.undo))),
        (*one.notes, *other.notes),
    )


def by_hand(finding: Finding) -> str:
    """What is said of a finding that no fixer mends: the command that does, or what a person does."""
    if finding.remedy.startswith("!"):
        return f"{finding.remedy} is the command that mends it, with a plan of its own"
    return f"no command mends {finding.rule}: a person has to. {finding.remedy}"


Fixer = Callable[[Finding, Snapshot], Changes]
"""From a finding to what mends it. Raises CannotFix."""
