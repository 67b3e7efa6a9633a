"""Reports that say what is not so any more."""

import re
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from audit.dated import written
from audit.look import Look
from audit.model import Confidence, Failed, Passed, Place, Result, Severity, Unknown
from audit.rule import rule

if TYPE_CHECKING:
    from audit.claims.world import World

MOST = 20
"""Reports that are read."""
SHOWN = 5
"""Claims of one that are shown."""
_REPORT = re.compile(r"\b(?:report|audit|analysis|assessment|review|sweep|inventory|status|findings)\b", re.I)
_HEADING = re.compile(r"(?m)^#\s+(.+)$")


@rule("DOC-06", Severity.MEDIUM)
def outdated_report(look: Look) -> Iterator[Result]:
    """A report says what is not so any more, and is read as if it were.

    Wrong: of the newest report of a folder (Markdown that gives its date near the top, and calls itself a
    report, an audit, an analysis, …), claims that can be looked up are false now: counts, versions, what is
    running, what is insecure.
    Not looked at: older reports of the same folder, which are history; READMEs and runbooks; sentences that
    are not understood, and what cannot be told.
    Disprove: `tocsin audit --check-report FILE` says of each claim what it was held against.
    Mend: write it anew (`--format markdown`), or say in it that it is history.
    """
    reports = _newest(look.snapshot.texts)
    if not reports:
        return
    # The grammar of claims is long, and most estates have no report.
    from audit.claims.claim import Verdict
    from audit.claims.judging import judge
    from audit.claims.report import NoReport, read_report

    world = _world(look)
    for path in reports:
        try:
            reading = read_report(look.snapshot.texts[path], world)
        except NoReport as why:
            yield Unknown(path, str(why), Place(path))
            continue
        judged = judge(reading.claims, world)
        told = [one for one in judged if one.verdict in {Verdict.TRUE, Verdict.FALSE}]
        false = [one for one in told if one.verdict is Verdict.FALSE]
        if not false:
            if told:
                yield Passed(path)
            continue
        first = false[0].claim
        yield Failed(
            place=Place(path, first.line, 1, first.text),
            message=f"{len(false)} of the {len(told)} claims that could be looked up are not so now",
            key=path,
            evidence=tuple(f"line {one.claim.line}: {one.claim.text}: {one.why}" for one in false[:SHOWN]),
            disprove=f"tocsin audit --check-report {path} says what each was held against",
            remedy="write it anew (tocsin audit --format markdown), or say in it that it is history",
            confidence=Confidence.MEDIUM,
        )


def _newest(texts: Mapping[str, str]) -> list[str]:
    """The newest report of each folder."""
    found: dict[str, tuple[str, str]] = {}
    for path, text in texts.items():
        at = written(text) if path.endswith(".md") else None
        heading = _HEADING.search(text[:4000]) if at is not None else None
        name = path.rpartition("/")[2].replace("_", " ").replace("-", " ")
        if at is None or not _REPORT.search(f"{name.removesuffix('.md')} {heading[1] if heading else ''}"):
            continue
        folder = path.rpartition("/")[0]
        found[folder] = max(found.get(folder, ("", "")), (at.isoformat(), path))
    return sorted(path for _, path in found.values())[:MOST]


def _world(look: Look) -> "World":
    """With what every other rule says: many claims are answered by one."""
    from audit.claims.world import World
    from audit.engine import evaluate
    from audit.rules import ALL  # it lists this one

    others = [one for one in ALL if one.id != outdated_report.id]
    return World(look, evaluate(look.snapshot, others, look.waivers, look.now))
