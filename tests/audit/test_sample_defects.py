"""The sample estate's defects are what its list says, both ways."""

import re
from pathlib import Path

from tests.audit.estate import judge
from tests.audit.sample import SAMPLE, copy, running

REAL_ONLY = {"CMP-07", "ENV-10", "SEC-14"}
"""They judge networks, images and environments; tests/real/test_sample_estate.py sees them."""
LIST = SAMPLE / "DEFECTS.md"


def listed(heading: str) -> set[tuple[str, str]]:
    """(rule, service or file) of a part of the list."""
    part = re.search(rf"(?ms)^## {heading}\n(.*?)(?=^## |\Z)", LIST.read_text())
    assert part, f"the list has no part {heading}"
    rows = re.findall(r"(?m)^\| ([A-Z]+-\d\d) \| (.*?) \|", part[1])
    assert rows
    return {(rule, target.strip("` ")) for rule, targets in rows for target in targets.split(", ")}


def test_the_list_and_the_findings_are_equal(tmp_path: Path) -> None:
    report = judge(copy(tmp_path / "estate"))
    found = {(one.rule, one.target) for one in report.findings}
    expected = listed("In its files")
    assert found - expected == set(), "found, and not in the list"
    assert expected - found == set(), "in the list, and not found"


def test_and_with_what_runs(tmp_path: Path) -> None:
    runs = running()
    assert (len(runs), sum(one.state.value == "running" for one in runs)) == (18, 17)
    report = judge(copy(tmp_path / "estate"), details=[one.detail for one in runs])
    found = {(one.rule, one.target) for one in report.findings}
    runs = {one for one in listed("Seen when it runs") if one[0] not in REAL_ONLY}
    expected = listed("In its files") | runs
    assert found - expected == set(), "found, and not in the list"
    assert expected - found == set(), "in the list, and not found"
    assert report.unknown == ()
