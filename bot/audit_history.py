"""`tocsin audit --history`: the file rules, over the commits. Writes nothing into the estate."""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from bot.core.errors import UserError

if TYPE_CHECKING:
    from audit.model import Report
    from estate.past import Commit, Past
    from estate.snapshot.model import Where

MOST = 500
"""Commits, the newest."""


def history(root: Path, where: "Where", form: str) -> int:
    """Print it. Raises UserError where there is no history."""
    from audit.history import tell
    from audit.history_text import as_json, as_text
    from estate.past import NoPast, Past, scratch

    if form not in {"text", "json"}:
        raise UserError(f"--history is written as text or json, not as {form}")
    try:
        with scratch(root.resolve().name) as folder, Past(root) as past:
            commits = past.commits(MOST + 1)
            whole = len(commits) <= MOST and past.is_whole()
            found = tell(_judged(past, commits[:MOST], folder, where), whole=whole)
    except (NoPast, OSError) as why:
        raise UserError(f"{root}: its history cannot be read: {why}") from None
    if found is None:
        raise UserError(f"{root}: no commit touches this folder, so there is no history")
    sys.stdout.write(as_json(found) if form == "json" else as_text(found))
    return 0


def _judged(
    past: "Past", commits: "tuple[Commit, ...]", folder: Path, where: "Where"
) -> "Iterator[tuple[Commit, Report]]":
    """From the oldest; a commit that changed no file of the folder is not judged again."""
    from dataclasses import replace

    from audit.cleaning import cleaned, secrets_of
    from audit.engine import evaluate
    from audit.history import BLIND
    from audit.rules import ALL
    from bot.core.redact import Redactor
    from estate.snapshot.git import Git
    from estate.snapshot.take import Snapshots

    rules = [one for one in ALL if not one.needs_engine and one.id not in BLIND]
    laid: dict[str, tuple[str, str]] = {}
    snapshots = Snapshots(folder, where=where)
    for number, commit in enumerate(reversed(commits)):
        _progress(number + 1, len(commits))
        if not past.lay_out(commit.hash, folder, laid) and number:
            continue
        taken = snapshots.take(commit.at, git=False)
        taken = replace(taken, git=Git(frozenset(laid)), engine_wanted=False)
        report = evaluate(taken, rules, now=commit.at)
        redactor = Redactor(secrets_of(taken))
        # People write passwords into what they say of a commit, too.
        yield replace(commit, subject=redactor.text(commit.subject)), cleaned(report, redactor)


def _progress(number: int, count: int) -> None:
    if sys.stderr.isatty():
        end = "\r\x1b[K" if number == count else ""
        sys.stderr.write(f"\r\x1b[Klooking at commit {number} of {count}{end}")
