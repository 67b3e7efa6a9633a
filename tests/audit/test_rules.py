"""Every rule, over its cases."""

from dataclasses import replace
from pathlib import Path

import pytest

from audit.engine import evaluate
from audit.rule import Rule
from audit.rules import ALL
from tests.audit.cases import ALL as CASES
from tests.audit.cases import Case, Must
from tests.audit.estate import NOW, keep_in_git, snapshot, write


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.rule}-{case.must}-{case.what}")
def test_case(case: Case, tmp_path: Path) -> None:
    root = tmp_path / "estate"
    root.mkdir()
    write(root, case.files, case.modes)
    if case.git:
        keep_in_git(root, case.links)
    details = None if case.runs is None else [one.detail for one in case.runs]
    shot = replace(
        snapshot(root, details),
        machine=case.machine,
        backups=case.backups,
        delivery=case.delivery,
        live=case.live,
        published=case.published,
    )
    if case.runs is not None:
        samples = {one.detail.container.id: one.samples for one in case.runs if one.used}
        view = replace(
            shot.engines[0],
            facts=case.facts,
            no_facts=case.no_facts,
            images=tuple(case.images),
            samples=samples,
        )
        shot = replace(shot, engines=(view,))
    report = evaluate(shot, [one for one in ALL if one.id == case.rule], now=NOW)
    said = [f"{one.place}: {one.message}" for one in report.findings]
    unknown = [f"{one.subject}: {one.why}" for one in report.unknown]
    if case.must is Must.FIRE:
        assert said, f"nothing was found; unknown: {unknown}"
        first = report.findings[0]
        assert not case.at or str(first.place) == case.at
        assert case.says in first.message
        assert not case.severity or first.severity == case.severity
        assert not case.confidence or first.confidence == case.confidence
        assert not case.count or len(said) == case.count
        assert first.disprove or first.remedy
    else:
        assert said == []
        assert bool(unknown) == (case.must is Must.UNKNOWN), unknown
        assert not case.says or any(case.says in one for one in unknown)
    if case.must is Must.PASS:
        assert report.passed.get(case.rule), "it was not looked at"


@pytest.mark.parametrize("one", ALL, ids=lambda one: one.id)
def test_each_rule_is_documented_and_has_its_cases(one: Rule) -> None:
    first = one.help.partition("\n")[0]
    assert first.endswith("."), "the first line is the title, a sentence"
    assert len(first) <= 100
    assert "Wrong: " in one.help
    mine = {case.must for case in CASES if case.rule == one.id}
    assert Must.FIRE in mine, "nothing shows that it fires"
    assert Must.NEAR in mine, "no near miss"


def test_ids_are_there_once() -> None:
    ids = [one.id for one in ALL]
    assert len(ids) == len(set(ids))
    assert {case.rule for case in CASES} <= set(ids)
