"""A report in few words: what is worst, one line for each rule. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass

from audit.model import Finding, Report, Severity
from bot.core.text import shorten

TEN = 10
"""Lines that a room or a terminal gets, with the first and the last."""
NAMED = 3
LONGEST_WHY = 120
"""Characters of why something is unknown; the whole report has all of them."""


@dataclass(frozen=True, slots=True)
class Group:
    """What one rule found; the finding to mend first is the first."""

    findings: tuple[Finding, ...]

    @property
    def first(self) -> Finding:
        return self.findings[0]

    @property
    def words(self) -> str:
        """Without the severity: `ENV-01-K7QFA traefik/.env:1 mode 0644: …`, or how many, and where."""
        one = self.first
        if len(self.findings) == 1:
            return f"{one.id} {one.target}: {one.message} ({one.place})"
        named = list(dict.fromkeys(finding.target for finding in self.findings))
        more = f" and {len(named) - NAMED} more" if len(named) > NAMED else ""
        return f"{one.rule} {len(self.findings)} x {one.title}: {', '.join(named[:NAMED])}{more}"


def groups(findings: Sequence[Finding]) -> list[Group]:
    """One for each rule, in the order of its worst finding."""
    found: dict[str, list[Finding]] = {}
    for one in findings:
        found.setdefault(one.rule, []).append(one)
    return [Group(tuple(each)) for each in found.values()]


def headline(report: Report) -> str:
    """`84 findings in 26 services: 11 critical, 30 high …; 402 checks passed, 2 unknown, 1 waived`."""
    counted = [(one, report.count(one)) for one in Severity]
    by = ", ".join(f"{count} {one.value}" for one, count in counted if count)
    count = len(report.findings)
    head = f"{count} {'finding' if count == 1 else 'findings'}" if count else "no findings"
    services = f"{report.services} {'service' if report.services == 1 else 'services'}"
    rest = [f"{sum(report.passed.values())} checks passed"]
    rest += [f"{len(report.unknown)} unknown"] if report.unknown else []
    rest += [f"{len(report.waived)} waived"] if report.waived else []
    return f"{head} in {services}{': ' + by if by else ''}; {', '.join(rest)}"


def unknown_words(report: Report) -> str:
    """Why something could not be judged; empty when all could."""
    if not report.unknown:
        return ""
    why = list(dict.fromkeys(f"{one.subject}: {one.why}" for one in report.unknown))
    more = f" and {len(why) - 1} more" if len(why) > 1 else ""
    return f"unknown  {shorten(why[0], LONGEST_WHY)}{more}"
