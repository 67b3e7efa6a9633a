"""A waiver is appended; nothing that stood in the file changes."""

from datetime import date
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from audit.model import Finding
from audit.waivers import waivers_in
from audit.waiving import CannotWaive, with_waiver
from estate.snapshot.document import Document
from estate.snapshot.model import Snapshot
from tests.audit.cases.case import app, web
from tests.audit.estate import judge, snapshot, write

UNTIL = date(2026, 6, 1)
ONE = b"rule: X, target: y, reason: z, until: 2026-05-01"


@pytest.fixture(scope="module")
def given_one(tmp_path_factory: pytest.TempPathFactory) -> tuple[Snapshot, Finding]:
    root = write(tmp_path_factory.mktemp("estate"), app(web(image="nginx")))
    return snapshot(root), judge(root, "IMG-01").findings[0]


@pytest.mark.parametrize(
    "before",
    [
        None,
        b"",
        b"# nothing yet\n",
        b"waivers:\n",
        b"waivers:\n  - {" + ONE + b"}\n",
        b"waivers:\n- {" + ONE + b"}",
        b"- {" + ONE + b"}\n",
        b"waivers:\n    - rule: X\n      target: y\n      reason: z\n      until: 2026-05-01 # why\n\n\n",
        b"waivers:\r\n  - {" + ONE + b"}\r\n",
        b"\xef\xbb\xbfwaivers:\n  - {" + ONE + b"}\n",
        b"waivers:\n  - {rule: X}\n",
    ],
)
def test_it_is_appended(before: bytes | None, given_one: tuple[Snapshot, Finding]) -> None:
    shot, finding = given_one
    after = with_waiver(shot, before, finding, "no versions", UNTIL, "ann")
    assert after.startswith(before or b"")
    assert (b"\r\n" in (before or b"")) == (b"\r\n" in after)
    last = waivers_in(shot, Document("audit-waivers.yml", after)).waivers[-1]
    assert (last.rule, last.target, last.until) == ("IMG-01", finding.id, UNTIL)


@pytest.mark.parametrize(
    "before",
    [
        b"waivers: [{" + ONE + b"}]\n",
        b"waivers: []\n",
        b"waivers:\n  - {" + ONE + b"}\nother: 1\n",
        b"waivers: [\n",
        b"just words\n",
        b"waivers:\n  - {" + ONE + b"}\n...\n",
    ],
)
def test_what_cannot_be_added_to_is_left_alone(before: bytes, given_one: tuple[Snapshot, Finding]) -> None:
    shot, finding = given_one
    with pytest.raises(CannotWaive, match="add by hand"):
        with_waiver(shot, before, finding, "no versions", UNTIL, "ann")


@settings(max_examples=150, deadline=None)
@given(reason=st.text(min_size=1, max_size=200).filter(lambda text: text.strip()), by=st.text(max_size=20))
def test_no_reason_can_write_anything_else(reason: str, by: str, given_one: tuple[Snapshot, Finding]) -> None:
    shot, finding = given_one
    before = b"waivers:\n  - {" + ONE + b"}\n"
    try:
        after = with_waiver(shot, before, finding, reason, UNTIL, by)
    except CannotWaive:
        return
    read = waivers_in(shot, Document("audit-waivers.yml", after))
    assert (len(read.waivers), read.bad) == (2, ())
    assert read.waivers[1].target == finding.id


def test_a_file_that_is_there_is_found_by_its_name(tmp_path: Path) -> None:
    root = write(tmp_path, {**app(web()), "audit-waivers.yml": "waivers:\n  - {" + ONE.decode() + "}\n"})
    assert "audit-waivers.yml" in snapshot(root).documents
