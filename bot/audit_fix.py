"""`tocsin audit --fix FINDING`: what it would change, a yes, the change, and judged again."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from bot.core.errors import NotDone, Refused, Unknown, UserError

if TYPE_CHECKING:
    from audit.fixes import Changes
    from audit.model import Report
    from estate.snapshot.model import Snapshot


def fix(name: str, take: "Callable[[], Snapshot]", *, yes: bool) -> int:
    """0: mended. 2: nothing was done. Raises UserError, also when it was put back."""
    from audit.cleaning import secrets_of
    from audit.engine import evaluate
    from audit.mended import not_mended
    from audit.rules import ALL
    from bot.core.redact import Redactor

    snapshot = take()
    before = evaluate(snapshot, ALL)
    name = name.strip().upper()
    changes = _changes(name, before, snapshot)
    sys.stdout.write(Redactor(secrets_of(snapshot)).text(_shown(name, before, changes)))
    if not yes and not _agreed():
        return 2
    undo = _apply(snapshot.root, changes)
    after_snapshot = take()
    lost = set(after_snapshot.unread) - set(snapshot.unread)
    why = not_mended(before, evaluate(after_snapshot, ALL), name, lost)
    if why:
        _put_back(undo)
        raise UserError(f"{name}: {why}; it is as it was before")
    sys.stdout.write(f"{name} is mended: judged again, the finding is gone and no other appeared\n")
    return 0


def _changes(name: str, report: "Report", snapshot: "Snapshot") -> "Changes":
    from audit import fixes
    from audit.fixes.changes import CannotFix, by_hand

    one = next((each for each in report.findings if each.id == name), None)
    if one is None:
        raise Unknown(f"{name} — no finding is called that now; tocsin audit lists what there is")
    fixer = fixes.ALL.get(one.rule)
    if fixer is None:
        raise Refused(by_hand(one))
    try:
        return fixer(one, snapshot)
    except CannotFix as why:
        raise Refused(str(why)) from None


def _shown(name: str, report: "Report", changes: "Changes") -> str:
    one = next(each for each in report.findings if each.id == name)
    rows = [f"{one.severity.value} {name} {one.target}: {one.message}", *changes.diff.splitlines()]
    rows += [f"calls: {call}" for call in changes.calls]
    rows += [f"interrupted: {changes.interrupts}", f"undone by: {changes.undo}"]
    return "\n".join([*rows, *(f"- {note}" for note in changes.notes)]) + "\n"


def _agreed() -> bool:
    if not sys.stdin.isatty():
        sys.stderr.write("nothing was done: say --yes, or run it in a terminal, which asks\n")
        return False
    sys.stdout.write("do it? [y/N] ")
    sys.stdout.flush()
    if sys.stdin.readline().strip().lower() in {"y", "yes"}:
        return True
    sys.stderr.write("nothing was done\n")
    return False


def _apply(root: Path, changes: "Changes") -> list[Callable[[], None]]:
    """How it is undone, the last first. What cannot be done whole is put back."""
    from functools import partial

    from estate.modes import change_mode, undo_mode
    from estate.rewrite import restore, rewrite

    undo: list[Callable[[], None]] = []
    try:
        for mode in changes.modes:
            change_mode(root, mode)
            undo.insert(0, partial(undo_mode, root, mode))
        for file in changes.files:
            had = rewrite(root, file)
            undo.insert(0, partial(restore, root, file, had))
    except NotDone as trouble:
        _put_back(undo)
        raise UserError(str(trouble)) from None
    return undo


def _put_back(undo: list[Callable[[], None]]) -> None:
    for one in undo:
        try:
            one()
        except NotDone as trouble:
            raise UserError(f"it could not be put back: {trouble}") from None
