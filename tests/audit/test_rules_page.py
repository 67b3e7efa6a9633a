"""docs/rules.md is what the rules say, and the catalogue is accounted for."""

from pathlib import Path

from audit.rules import ALL
from audit.rules.not_built import NOT_BUILT
from audit.rules_page import page

DOCS = Path(__file__).resolve().parents[2] / "docs"


def test_the_page_is_made_from_the_rules() -> None:
    assert (DOCS / "rules.md").read_text() == page(), "run scripts/rules.py"


def test_a_rule_is_built_or_it_is_said_why_not() -> None:
    built = {one.id for one in ALL}
    assert not built & NOT_BUILT.keys()
    assert all(title and why for title, why in NOT_BUILT.values())
