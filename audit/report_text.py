"""A report as plain text: ten lines, or everything. Pure."""

from collections.abc import Iterator

from audit.model import Finding, Report
from audit.summary import TEN, groups, headline, unknown_words
from bot.core.text import one_line, shorten

WIDEST = 180
"""Characters of one of the ten lines."""


def ten_lines(report: Report, read_on: str) -> list[str]:
    """The sum, the worst, what is unknown, where to read on. Never more than ten."""
    each = groups(report.findings)
    unknown = unknown_words(report)
    room = TEN - 2 - bool(unknown)
    rows = [f"{group.first.severity.value:<9}{group.words}" for group in each[:room]]
    more = f"{len(each) - room} more rules found something; " if len(each) > room else ""
    lines = [headline(report), *rows, *([unknown] if unknown else []), f"{more}{read_on}"]
    return [shorten(one_line(text), WIDEST) for text in lines]


def whole(report: Report) -> str:
    """Every finding with all that is known about it."""
    return "\n".join(_all(report)) + "\n"


def _all(report: Report) -> Iterator[str]:
    yield one_line(headline(report))
    for one in report.findings:
        yield ""
        yield from finding_lines(one)
    if report.unknown:
        yield "\nUnknown: what could not be judged"
        for each in report.unknown:
            at = f" ({each.place})" if each.place else ""
            yield one_line(f"- {each.rule} {each.subject}{at}: {each.why}")
    if report.waived:
        yield "\nWaived: what somebody accepted"
        for by in report.waived:
            yield one_line(f"- {by.finding.id} {by.finding.target}, until {by.until}: {by.reason}")
    if report.left_out:
        yield "\nNot asked"
        for rule, why in report.left_out.items():
            yield f"- {rule}: {why}"


def finding_lines(one: Finding) -> list[str]:
    """One finding, a line for each thing that is known about it."""
    pairs = [
        ("where", f"{one.place}" + (f"  {one.place.text}" if one.place.text else "")),
        ("service", one.service),
        ("evidence", "; ".join(one.evidence)),
        ("known from", f"{one.kind.value}, confidence {one.confidence.value}"),
        ("ranked", one.why_ranked),
        ("wrong if", one.disprove),
        ("mend", one.remedy),
        ("as others call it", ", ".join(one.peers)),
    ]
    head = f"{one.severity.value} {one.id}: {one.message}"
    return [one_line(head), *(one_line(f"  {name}: {text}") for name, text in pairs if text)]
