"""No secret's value leaves an audit: everything that is shown goes through here. Pure."""

from collections.abc import Callable
from dataclasses import replace

from audit.model import Finding, NotJudged, Place, Report, Waived
from bot.core.redact import Redactor
from estate.compose.secrets import public_words, secret_values
from estate.snapshot.model import Snapshot

Clean = Callable[[str], str]


def secrets_of(snapshot: Snapshot) -> frozenset[str]:
    """Every value that the tree's files say is secret."""
    pairs = [
        (name, setting.text)
        for one in snapshot.env_files
        if not one.is_example
        for name, setting in one.settings.items()
    ]
    code = [(one.name, one.value) for one in snapshot.code]
    return snapshot.tree.secrets | secret_values([*pairs, *code], set(public_words(snapshot.tree.services)))


def cleaned(report: Report, redactor: Redactor) -> Report:
    """The same report in words that may be said. Ids, rules and paths' numbers stay."""
    known: dict[str, str] = {}

    def clean(text: str) -> str:
        # Many rules say the same words of many services.
        if text not in known:
            known[text] = redactor.text(text)
        return known[text]

    return replace(
        report,
        findings=tuple(_finding(one, clean) for one in report.findings),
        unknown=tuple(_not_judged(one, clean) for one in report.unknown),
        waived=tuple(_waived(one, clean) for one in report.waived),
    )


def _finding(one: Finding, clean: Clean) -> Finding:
    place, evidence = _place(one.place, clean), tuple(map(clean, one.evidence))
    words = (clean(one.message), clean(one.disprove), clean(one.remedy))
    if place is one.place and (*words, evidence) == (one.message, one.disprove, one.remedy, one.evidence):
        return one
    message, disprove, remedy = words
    return replace(one, place=place, message=message, evidence=evidence, disprove=disprove, remedy=remedy)


def _place(one: Place, clean: Clean) -> Place:
    text = clean(one.text)
    return one if text == one.text else replace(one, text=text)


def _not_judged(one: NotJudged, clean: Clean) -> NotJudged:
    place = _place(one.place, clean) if one.place else None
    return replace(one, subject=clean(one.subject), why=clean(one.why), place=place)


def _waived(one: Waived, clean: Clean) -> Waived:
    where = _place(one.where, clean)
    return replace(one, finding=_finding(one.finding, clean), reason=clean(one.reason), where=where)
