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


Fixer = Callable[[Finding, Snapshot], Changes]
"""From a finding to what mends it. Raises CannotFix."""
