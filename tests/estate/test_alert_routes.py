"""However a file writes a route, it is one line."""

import pytest

from estate.alert_routes import spelled
from estate.snapshot.document import Document


def lines(text: str) -> tuple[str, ...]:
    document = Document("alertmanager.yml", text.encode())
    assert not document.wrong
    return spelled(document.tree)


CRITICAL = 'to pager if severity="critical" and team=~"a|b"'


@pytest.mark.parametrize(
    "written",
    [
        "{receiver: pager, matchers: ['severity=\"critical\"', 'team=~\"a|b\"']}",
        "{receiver: pager, matchers: ['team =~ \"a|b\"', severity = critical]}",
        '{receiver: pager, matchers: \'{severity="critical", team=~"a|b"}\'}',
        "{receiver: pager, match: {severity: critical}, match_re: {team: a|b}}",
        "{receiver: pager, match: {severity: critical}, matchers: ['team=~\"a|b\"'], group_wait: 90s}",
    ],
)
def test_matchers_in_all_spellings(written: str) -> None:
    assert lines(f"route: {written}") == (CRITICAL,)


def test_the_whole() -> None:
    text = """\
route:
  receiver: tocsin
  group_by: [cluster, alertname]
  routes:
    - matchers: ['quote="a\\"b, c"', x!~"y"]
      mute_time_intervals: [night]
      continue: true
      routes: [{receiver: deep}]
inhibit_rules:
  - {source_match: {severity: critical}, target_matchers: [severity="warning"], equal: [b, a]}
"""
    assert lines(text) == (
        "to tocsin by alertname, cluster",
        '  to the same if quote="a\\"b, c" and x!~"y" not in night and on',
        "    to deep",
        'severity="critical" silences severity="warning" of the same a, b',
    )


def test_a_matcher_that_cannot_be_read_stays_as_it_is() -> None:
    assert lines("route: {receiver: a, matchers: ['b=~\"(\"', c]}") == ('to a if b=~"(" and c',)


@pytest.mark.parametrize("text", ["", "[]", "route: 1", "route: {routes: {a: b}}", "inhibit_rules: [1, {}]"])
def test_what_is_no_such_file_ends_nothing(text: str) -> None:
    lines(text)
