"""Whether a fix counts: everything was judged again. Pure."""

from audit.model import Finding, Kind, Report
from audit.rule import Needs
from audit.rules import BY_ID
from audit.rules.reports import outdated_report


def not_mended(before: Report, after: Report, name: str, lost: set[str]) -> str:
    """Why it does not count; empty when it does. What runs changes by itself and is not asked.

    lost: files that could be read before, and cannot be any more.
    """
    if any(one.id == name for one in after.findings):
        return "the finding is still there"
    if any(one.finding.id == name for one in after.waived):
        return "the finding is waived now, and not mended"
    known = {one.id for one in before.findings} | {one.finding.id for one in before.waived}
    new = [one.id for one in after.findings if one.id not in known and _counts(one)]
    if new:
        return f"it would bring {', '.join(new[:5])}"
    if lost:
        return f"{min(lost)} could not be read any more"
    return _weaker(before, after, name.rpartition("-")[0])


def _counts(one: Finding) -> bool:
    """What runs changes by itself; and a report that a fix makes untrue is no harm that it does."""
    return one.kind is Kind.FILES and one.rule != outdated_report.id


def _weaker(before: Report, after: Report, mended: str) -> str:
    """A rule that has less to look at is no rule that is kept: a healthcheck that is gone, alert rules that
    were emptied, a service that was taken away. Only of rules about files: what runs, and what answers, comes
    and goes meanwhile."""
    for rule in sorted(before.passed):
        if rule != mended and _is_about_files(rule) and _judged(after, rule) < _judged(before, rule):
            return f"it would take away what {rule} looks at, which mends nothing"
    return ""


def _is_about_files(name: str) -> bool:
    rule = BY_ID[name]
    return not rule.needs_engine and rule.needs is Needs.NOTHING


def _judged(report: Report, rule: str) -> int:
    found = sum(one.rule == rule for one in report.findings)
    waived = sum(one.finding.rule == rule for one in report.waived)
    unknown = sum(one.rule == rule for one in report.unknown)
    return report.passed.get(rule, 0) + found + waived + unknown
