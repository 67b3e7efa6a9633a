"""`tocsin audit --check-report FILE`: what an older report says, held against the estate. Writes nothing."""

import sys
import time
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from bot.core.errors import UserError

if TYPE_CHECKING:
    from audit.claims.claim import Judged
    from audit.claims.world import World
    from estate.past import Past
    from estate.snapshot.model import Snapshot

LARGEST = 8 * 1024 * 1024
"""Bytes of a report."""
MOST = 300
"""Commits that are looked at."""
SECONDS = 120.0
"""For all of them."""


def check(path: Path, snapshot: "Snapshot", form: str, *, allow_unknown: bool) -> int:
    """Print it. 1 when a claim is false or stale, 2 when one cannot be told (unless that is allowed), else 0.
    Raises UserError."""
    from audit.claims.claim import Verdict
    from audit.claims.judging import judge
    from audit.claims.report import NoReport, read_report
    from audit.claims.report_text import as_json, as_text
    from audit.claims.world import World
    from audit.cleaning import secrets_of
    from audit.dated import written
    from audit.engine import evaluate
    from audit.look import Look
    from audit.rules import ALL
    from bot.core.redact import Redactor

    text = _text(path)
    now = World(Look(snapshot, snapshot.taken), evaluate(snapshot, ALL))
    try:
        reading = read_report(text, now)
    except NoReport as why:
        raise UserError(f"{path}: {why}") from None
    judged = judge(reading.claims, now)
    if any(one.verdict is Verdict.FALSE for one in judged) and snapshot.git and not snapshot.git.trouble:
        judged = _aged(judged, snapshot, written(text))
    write = as_json if form == "json" else as_text
    sys.stdout.write(Redactor(secrets_of(snapshot)).text(write(path.name, reading, judged)))
    verdicts = {one.verdict for one in judged}
    if verdicts & {Verdict.FALSE, Verdict.STALE}:
        return 1
    return 2 if Verdict.UNKNOWN in verdicts and not allow_unknown else 0


def _text(path: Path) -> str:
    try:
        if path.stat().st_size > LARGEST:
            raise UserError(f"{path}: is larger than {LARGEST // 1024 // 1024} MiB; that is no report")
        return path.read_bytes().decode("utf-8", "replace")
    except OSError as wrong:
        raise UserError(f"{path}: cannot be read: {(wrong.strerror or str(wrong)).lower()}") from None


def _aged(judged: "list[Judged]", snapshot: "Snapshot", since: datetime | None) -> "list[Judged]":
    """With the commits that made claims untrue; as they were when git does not tell."""
    from audit.claims.judging import aged
    from estate.past import NoPast, Past, scratch

    try:
        with scratch(snapshot.root.resolve().name) as folder, Past(snapshot.root) as past:
            return aged(judged, _worlds(past, folder, snapshot, since))
    except (NoPast, OSError) as why:
        print(f"tocsin: since when is not known: {why}", file=sys.stderr)  # noqa: T201 - this is the terminal
        return judged


def _worlds(
    past: "Past", folder: Path, snapshot: "Snapshot", since: datetime | None
) -> "Iterator[tuple[str, Callable[[], World]]]":
    """The newest first, down to the one that the report was written after."""
    from audit.claims.world import World
    from audit.engine import evaluate
    from audit.look import Look
    from audit.rules import ALL
    from estate.past import Commit
    from estate.snapshot.take import Snapshots

    ends = time.monotonic() + SECONDS
    laid: dict[str, tuple[str, str]] = {}
    snapshots = Snapshots(folder, where=snapshot.where)

    def see(commit: Commit) -> "Callable[[], World]":
        def seen() -> "World":
            past.lay_out(commit.hash, folder, laid)
            taken = snapshots.take(commit.at, git=False)
            report = evaluate(taken, [one for one in ALL if not one.needs_engine], now=commit.at)
            return World(Look(taken, commit.at), report, is_past=True)

        return seen

    for number, commit in enumerate(past.commits(MOST)):
        if time.monotonic() > ends:
            return
        _progress(number + 1, commit)
        yield str(commit), see(commit)
        if since is not None and commit.at <= since:
            return


def _progress(number: int, commit: object) -> None:
    if sys.stderr.isatty():
        sys.stderr.write(f"\r\x1b[Klooking at commit {number}: {commit}"[:110] + ("\r\x1b[K"))
