"""What changed between two audits."""

from dataclasses import replace
from datetime import timedelta

import pytest

from audit.comparison import Comparison, Standing, after, compare, from_json, to_json
from audit.continuity import for_report, in_short, since
from audit.model import (
    Confidence,
    Finding,
    Fix,
    Kind,
    NotJudged,
    Place,
    Report,
    Severity,
    Waived,
)
from tests.audit.estate import NOW

DAY = timedelta(days=1)


def finding(rule: str = "IMG-01", service: str = "app/web", file: str = "app/compose.yml") -> Finding:
    return Finding(
        f"{rule}-{service[-3:].upper()}XX", rule, "title", Severity.HIGH, service, Place(file, 3), "message",
        (), Kind.FILES, Confidence.HIGH, "", "", Fix.ADVICE,
    )  # fmt: skip


def report(*findings: Finding, **more: object) -> Report:
    return Report(findings, **more)  # type: ignore[arg-type]


WEB, DB = finding(), finding(service="app/db")


def audits(*reports: Report) -> tuple[Comparison, tuple[Standing, ...]]:
    """One a day; the last comparison, and what is known after it."""
    known: tuple[Standing, ...] = ()
    compared = Comparison()
    for day, one in enumerate(reports):
        compared = compare(known, NOW + (day - 1) * DAY if day else None, one)
        known = after(known, one, compared, NOW + day * DAY)
    return compared, known


def test_the_first_audit_calls_nothing_new() -> None:
    compared, known = audits(report(WEB, DB))
    assert (compared.before, compared.new, compared.changed) == (None, (), False)
    assert [one.first_seen for one in known] == [NOW, NOW]
    assert in_short(compared) == ""
    assert for_report(compared, NOW) == ()


def test_new_still_gone_and_back() -> None:
    compared, known = audits(report(WEB), report(WEB, DB))
    assert [one.id for one in compared.new] == [DB.id]
    assert [one.id for one, _ in compared.still] == [WEB.id]
    compared, known = audits(report(WEB), report(WEB, DB), report(DB))
    assert [one.id for one in compared.gone] == [WEB.id]
    compared, known = audits(report(WEB), report(), report(WEB))
    [(one, had)] = compared.back
    assert (one.id, had.first_seen, had.gone_at) == (WEB.id, NOW, NOW + DAY)
    [standing] = known
    assert (standing.first_seen, standing.times, standing.gone_at) == (NOW, 2, None)
    assert in_short(compared) == "since 2026-01-16 12:00 UTC: 1 back again"
    assert since(standing, NOW + 5 * DAY) == "2026-01-15 12:00 UTC (5 days); it came back 1 time"


def test_a_waived_one_is_neither_gone_nor_new() -> None:
    waived = report(waived=(Waived(WEB, "r", "2027-01-01", Place("w")),))
    compared, known = audits(report(WEB), waived)
    assert not compared.changed
    compared, known = audits(report(WEB), waived, report(WEB))
    assert not compared.changed
    assert known[0].times == 1


def test_what_was_only_ever_waived_is_not_news_when_it_goes() -> None:
    waived = report(waived=(Waived(WEB, "r", "2027-01-01", Place("w")),))
    compared, known = audits(waived, report())
    assert (compared.changed, known) == (False, ())
    compared, _ = audits(report(WEB), waived, report())
    assert not compared.changed


@pytest.mark.parametrize(
    "blind",
    [
        report(left_out={"IMG-01": "the files only"}),
        report(unknown=(NotJudged("IMG-01", "what runs", "no Engine"),)),
        report(unknown=(NotJudged("IMG-01", "app/web", "its image is not known"),)),
        report(unknown=(NotJudged("IMG-01", "app", "no"),)),
        report(unknown=(NotJudged("IMG-01", "96 services", "base.yml, which …", Place("base.yml")),)),
        report(unknown=(NotJudged("CMP-01", "app/compose.yml", "no rights", Place("app/compose.yml")),)),
        report(finding("CMP-01", "")),
    ],
    ids=["left out", "engine away", "service", "project", "several", "file", "broken file"],
)
def test_what_nobody_could_judge_is_not_gone(blind: Report) -> None:
    compared, known = audits(report(WEB), blind)
    assert (compared.gone, [one.id for one in compared.unjudged]) == ((), [WEB.id])
    compared, known = audits(report(WEB), blind, report(WEB))
    assert [one.id for one, _ in compared.still if one.id == WEB.id] == [WEB.id]
    assert next(one for one in known if one.id == WEB.id).times == 1


@pytest.mark.parametrize(
    "elsewhere",
    [
        NotJudged("IMG-01", "other/web", "no", Place("other/compose.yml")),
        NotJudged("ENV-01", "app/web", "no"),
    ],
)
def test_what_was_judged_is_gone_whatever_else_was_not(elsewhere: NotJudged) -> None:
    compared, _ = audits(report(WEB), report(unknown=(elsewhere,)))
    assert [one.id for one in compared.gone] == [WEB.id]


def test_what_was_gone_for_long_is_forgotten() -> None:
    _, known = audits(report(WEB), report())
    kept = after(known, report(), compare(known, NOW, report()), NOW + timedelta(days=500))
    assert kept == ()


def test_it_survives_json() -> None:
    _, known = audits(report(WEB, DB), report(WEB))
    assert from_json(to_json(known)) == known


def test_the_report_says_what_is_old_and_what_came_back() -> None:
    old = replace(finding(service="app/old"), message="old `message`")
    compared, _ = audits(report(old, WEB), report(old), report(old, WEB, DB))
    said = "\n".join(for_report(compared, NOW + 60 * DAY))
    assert "The last audit before this one was at 2026-01-16 12:00 UTC." in said
    assert "**New** (1)" in said
    assert "**Recurring: gone for a while, and back** (1)" in said
    assert "**Long-standing: for 30 days and more** (1)" in said
    assert "old \\`message\\`; since 2026-01-15 12:00 UTC (60 days)" in said
