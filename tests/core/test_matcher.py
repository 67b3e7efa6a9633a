"""Matchers: what is read, what is matched, and what is refused with its place."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alert_bridge.payload import LABEL_LIMIT
from bot.core.matcher import BadRegex, BadSyntax, Matcher, MatcherError, Op, matches, parse, parse_all


@pytest.mark.parametrize(
    ("text", "name", "op", "value"),
    [
        ('severity="critical"', "severity", "=", "critical"),
        ("severity=critical", "severity", "=", "critical"),
        (" severity = critical ", "severity", "=", "critical"),
        ('severity!="info"', "severity", "!=", "info"),
        ("job=~node|db", "job", "=~", "node|db"),
        ('job!~"node.*"', "job", "!~", "node.*"),
        ('a="b,c"', "a", "=", "b,c"),
        (r'a="q\"q"', "a", "=", 'q"q'),
        (r'a="x\ny"', "a", "=", "x\ny"),
        (r'a="x\\y"', "a", "=", "x\\y"),
        (r'a=~"x\.y"', "a", "=~", r"x\.y"),
        ('a=""', "a", "=", ""),
        ("a=", "a", "=", ""),
        ("a=b=c", "a", "=", "b=c"),
        ("a=b c", "a", "=", "b c"),
        ("a==b", "a", "=", "=b"),
        ('{a="b"}', "a", "=", "b"),
        ("a='b'", "a", "=", "'b'"),
        ('"a.b"="c"', "a.b", "=", "c"),
        ('{"foo bar"=~"x"}', "foo bar", "=~", "x"),
        ('"host.näme🙂"=x', "host.näme🙂", "=", "x"),
        ("näme=x", "näme", "=", "x"),
        (r'"a.b"="\u00e9\U0001f642\x41\101\t"', "a.b", "=", "é🙂AA\t"),
    ],
)
def test_parse(text: str, name: str, op: str, value: str) -> None:
    found = parse(text)
    assert (found.name, found.op.value, found.value) == (name, op, value)


def test_lists() -> None:
    found = parse_all('{a="b", c=~"d,e" , f!=g,}')
    assert [str(matcher) for matcher in found] == ['a="b"', 'c=~"d,e"', 'f!="g"']
    assert [str(m) for m in parse_all("a=b,c=d")] == ['a="b"', 'c="d"']
    assert [str(m) for m in parse_all('"x.y"=b,c=d')] == ['"x.y"="b"', 'c="d"']


@pytest.mark.parametrize(
    ("text", "position", "error"),
    [
        ("", 1, BadSyntax),
        ("{}", 1, BadSyntax),
        ("severity", 9, BadSyntax),
        ("severity critical", 10, BadSyntax),
        ('a="b', 3, BadSyntax),
        ('a=b"', 4, BadSyntax),
        ("=b", 1, BadSyntax),
        ("a=b,,c=d", 5, BadSyntax),
        ("a=b,c=d", 1, BadSyntax),
        ("a=~(", 4, BadRegex),
        ("a=~*", 4, BadRegex),
        ("a=~(?=x)", 4, BadRegex),
        (r'a=~"(x)\\1"', 4, BadRegex),
        ("a=~x++", 4, BadRegex),
        (r'"a.b"="\q"', 8, BadSyntax),
    ],
)
def test_refused_with_place_and_remedy(text: str, position: int, error: type[MatcherError]) -> None:
    with pytest.raises(ValueError) as caught:
        parse(text)
    assert isinstance(caught.value, error)
    assert caught.value.position + 1 == position, str(caught.value)
    assert caught.value.remedy


@pytest.mark.parametrize(
    ("text", "value", "expected"),
    [
        ("a=b", "b", True),
        ("a=b", None, False),
        ("a=", None, True),
        ("a!=b", None, True),
        ('a!=""', None, False),
        ("a=~b", "bb", False),
        ("a=~b.*", "bb", True),
        ("a=~b|c", "c", True),
        ("a=~b|c", "bc", False),
        ("a=~|b", None, True),
        ("a=~.+", None, False),
        ("a!~.+", None, True),
        ("a!~b", "bb", True),
        ("a=~.*", "x\ny", False),
        ("a=~(?s).*", "x\ny", True),
        ("a=~(?i)CRIT", "crit", True),
        ("a=~[[:alpha:]]+", "abc", True),
        ("a=~[[:alpha:]]+", "a1", False),
        (r'a=~"\\d+"', "12", True),
        (r'a=~"\\d+"', "١٢", False),
        (r'a=~"\\Qa.b\\E"', "a.b", True),
        (r'a=~"\\Qa.b\\E"', "axb", False),
        ("a=~b$", "b\n", False),
        ("a=~(?P<x>b)", "b", True),
    ],
)
def test_matches(text: str, value: str | None, expected: bool) -> None:
    labels = {} if value is None else {"a": value}
    assert parse(text).matches(labels) is expected


@pytest.mark.parametrize("pattern", ["(a+)+b", "(a|aa)+$", ".*a.*a.*a.*a.*b", "(.*,)*x"])
def test_no_pattern_holds_the_process(pattern: str) -> None:
    began = time.process_time()
    assert not parse(f'a=~"{pattern}"').matches({"a": "a" * LABEL_LIMIT + ","})
    assert time.process_time() - began < 1


def test_all_must_match() -> None:
    both = parse_all("a=b,c=~d.*")
    assert matches(both, {"a": "b", "c": "dd"})
    assert not matches(both, {"a": "b", "c": "x"})
    assert matches((), {})


@given(
    st.text(min_size=1).filter(lambda name: "\x00" not in name),
    st.sampled_from([Op.EQUAL, Op.NOT_EQUAL]),
    st.text(),
)
def test_what_is_written_is_read_again(name: str, op: Op, value: str) -> None:
    matcher = Matcher(name, op, value)
    assert parse(str(matcher)) == matcher


@given(st.text())
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        found = parse_all(text)
    except MatcherError:
        return
    assert found
    for matcher in found:
        matcher.matches({"a": "b"})
