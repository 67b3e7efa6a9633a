"""A report as claims: ours in JSON, or anybody's in Markdown. Pure."""

import json
import re
from collections.abc import Iterator
from typing import Any

from audit.claims.amount import Amount
from audit.claims.claim import Claim, NotUnderstood, Question, Reading
from audit.claims.files import HowBad, HowMany
from audit.claims.grammar import read
from audit.claims.rules import FindingIs
from audit.claims.statement import statements
from audit.claims.world import World
from audit.model import Severity
from bot.core.text import one_line

LONGEST = 300
MOST = 5000
_FINDING = re.compile(r"[A-Z]{2,5}-\d\d-[A-Z0-9]{5,12}")
_OURS = re.compile(r"(?m)^\*\*Generated:\*\* \d{4}-\d\d-\d\d \d\d:\d\d UTC, by [Tt]ocsin\b")


class NoReport(Exception):
    """It is no report that can be read; says why, and what would be one."""


def read_report(text: str, world: World) -> Reading:
    """Raises NoReport."""
    if text.lstrip("\ufeff \t\r\n").startswith("{"):
        return _json(text)
    return _markdown(text, world)


def _markdown(text: str, world: World) -> Reading:
    if _OURS.search(text[:2000]):
        return _our_markdown(text)
    claims: list[Claim] = []
    strange: list[NotUnderstood] = []
    ignored = 0
    for one in statements(text):
        if len(claims) + len(strange) > MOST:
            break
        found = read(one, world.is_name)
        shown = one_line(one.text, LONGEST)
        if found:
            claims.append(Claim(shown, one.line, found))
        elif found is not None:
            ignored += 1
        elif one.text:
            strange.append(NotUnderstood(shown, one.line))
    return Reading(tuple(claims), tuple(strange), ignored)


def _our_markdown(text: str) -> Reading:
    """Each finding that it names, once, and how many it says there are; all else follows from these."""
    claims: list[Claim] = []
    seen: set[str] = set()
    for one in statements(text):
        names = [name for name in _FINDING.findall(one.text) if name not in seen]
        if "findings in" in one.text and not seen:
            said = read(one, lambda _: False)
            claims += [Claim(one_line(one.text, LONGEST), one.line, said)] if said else []
        seen |= set(names)
        claims += [Claim(one_line(one.text, LONGEST), one.line, (FindingIs(name),)) for name in names]
    return Reading(tuple(claims[:MOST]))


def _json(text: str) -> Reading:
    try:
        tree = json.loads(text.lstrip("\ufeff"))
    except (ValueError, RecursionError) as wrong:
        raise NoReport(f"it begins as JSON and is none: {wrong}") from None
    if not isinstance(tree, dict) or not isinstance(tree.get("findings"), list):
        raise NoReport(
            "it is JSON, and not what `tocsin audit --format json` writes: it has no list `findings`"
        )
    lines = {
        match.group(0): text.count("\n", 0, match.start()) + 1
        for match in reversed(list(_FINDING.finditer(text)))
    }
    claims = [*_counted(tree), *_found(tree["findings"], lines)]
    strange = [
        NotUnderstood(one_line(json.dumps(one), LONGEST), 1)
        for one in tree["findings"]
        if not (isinstance(one, dict) and _FINDING.fullmatch(str(one.get("id"))))
    ]
    return Reading(tuple(claims[:MOST]), tuple(strange[:MOST]))


def _found(rows: list[Any], lines: dict[str, int]) -> Iterator[Claim]:
    for one in rows:
        name = str(one.get("id")) if isinstance(one, dict) else ""
        if _FINDING.fullmatch(name):
            words = " ".join(str(one.get(key, "")) for key in ("service", "message"))
            yield Claim(one_line(f"{name} {words}".strip(), LONGEST), lines.get(name, 1), (FindingIs(name),))


def _counted(tree: dict[str, Any]) -> Iterator[Claim]:
    summary = tree.get("summary")
    if not isinstance(summary, dict):
        return
    questions: list[tuple[str, Question]] = []
    for key, what in (("findings", "finding"), ("services", "service")):
        if isinstance(summary.get(key), int):
            questions.append((f"{summary[key]} {key}", HowMany(what, Amount(summary[key]))))
    by = summary.get("by_severity")
    for severity in Severity:
        if isinstance(by, dict) and isinstance(by.get(severity.value), int):
            count = by[severity.value]
            questions.append((f"{count} {severity.value}", HowBad(severity.value, Amount(count))))
    for words, question in questions:
        yield Claim(words, 1, (question,))
