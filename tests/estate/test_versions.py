"""Which tags are versions, which is tried first, and which is pinned."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from estate.versions import Choice, Class, crosses_major, flavour, is_database, most_specific, order, read_tag


@pytest.mark.parametrize(
    ("text", "kind", "numbers", "suffix"),
    [
        ("1.2.3", Class.VERSION, (1, 2, 3), ""),
        ("v1.2", Class.VERSION, (1, 2), ""),
        ("15-alpine", Class.VERSION, (15,), "alpine"),
        ("4.0.3-22-minimal", Class.VERSION, (4, 0, 3), "22-minimal"),
        ("8.0.36-debian", Class.VERSION, (8, 0, 36), "debian"),
        ("1.0.0-rc.1", Class.VERSION, (1, 0, 0), ""),
        ("2.0.0-beta3-alpine", Class.VERSION, (2, 0, 0), "alpine"),
        ("20231127-0b8c85f", Class.DATE, (2023, 11, 27), ""),
        ("2024.06", Class.DATE, (2024, 6), ""),
        ("2026.02.0", Class.DATE, (2026, 2, 0), ""),
        ("0b8c85f", Class.NAME, (), ""),
        ("sha-0b8c85f", Class.NAME, (), ""),
        ("latest", Class.NAME, (), ""),
        ("alpine", Class.NAME, (), ""),
        ("bookworm-slim", Class.NAME, (), ""),
    ],
)
def test_a_tag_is_read(text: str, kind: Class, numbers: tuple[int, ...], suffix: str) -> None:
    found = read_tag(text)
    assert (found.kind, found.suffix) == (kind, suffix)
    assert found.numbers[: len(numbers)] == numbers


@pytest.mark.parametrize(
    ("tag", "is_"),
    [(None, ""), ("latest", ""), ("15-alpine", "alpine"), ("alpine", "alpine"), ("latest-alpine", "alpine")],
)
def test_a_flavour_is_what_stands_beside_the_version(tag: str | None, is_: str) -> None:
    assert flavour(tag) == is_


def test_the_likeliest_comes_first() -> None:
    tags = ["latest", "1", "1.9", "1.10", "1.10.2", "1.9.9", "2.0.0-rc1", "1.10.2-alpine", "main", "0b8c85f"]
    assert order(tags, "latest") == ("1.10.2", "1.9.9", "1.10", "1.9", "1", "2.0.0-rc1")
    assert order(tags, "latest", ["v1.9.9"])[:2] == ("1.9.9", "1.10.2")
    assert order(tags, "1.9") == ("1.9.9", "1.9")
    assert order(tags, "latest-alpine") == ("1.10.2-alpine",)
    assert order(["15.3-alpine", "15.3-alpine3.18", "15.3", "14.1-alpine"], "15-alpine") == (
        "15.3-alpine",
        "15.3-alpine3.18",
    )


def test_a_hint_that_does_not_exist_is_not_invented() -> None:
    assert order(["1.0.0"], None, ["9.9.9"]) == ("1.0.0",)


@pytest.mark.parametrize(
    ("matches", "like", "hints", "chosen"),
    [
        (["11", "11.2", "11.2.0"], "latest", [], Choice("11.2.0")),
        (["v3.5.3", "3.5.3"], "v3", [], Choice("v3.5.3")),
        (["3.5.3", "v3.5.3"], "latest", [], Choice("3.5.3")),
        (["1.2.3", "1.2.4"], "latest", [], Choice(None, ("1.2.3", "1.2.4"))),
        (["1.2.3", "1.2.4"], "latest", ["1.2.4"], Choice("1.2.4")),
        (["1.2.3-rc1", "1.2.3"], "latest", [], Choice("1.2.3")),
        (["15.3-alpine", "15.3-alpine3.18"], "15-alpine", [], Choice("15.3-alpine")),
        (["2024.06", "stable"], "latest", [], Choice("2024.06")),
        (["stable", "main"], "latest", [], Choice(None, ("stable", "main"))),
    ],
)
def test_the_most_exact_is_pinned_and_a_tie_is_not_broken_silently(
    matches: list[str], like: str, hints: list[str], chosen: Choice
) -> None:
    assert most_specific(matches, like, hints) == chosen


@pytest.mark.parametrize(
    ("old", "new", "crosses"),
    [
        ("15-alpine", "16-alpine", True),
        ("15.3", "15.9", False),
        ("v1.2", "2.0", True),
        ("latest", "16", None),
        (None, "16", None),
        ("16", "main", None),
    ],
)
def test_a_major_version_is_crossed_or_not_or_not_known(
    old: str | None, new: str, crosses: bool | None
) -> None:
    assert crosses_major(old, new) is crosses


def test_databases_are_known_by_their_names() -> None:
    assert all(is_database(one) for one in ("postgres", "docker.io/library/mysql", "pgvector/pgvector"))
    assert not any(is_database(one) for one in ("grafana/grafana", "postgresexporter.example/x/web"))


TAGS = st.text("0123456789.-_vabrclphine", min_size=1, max_size=20)


@given(st.lists(TAGS, max_size=30), TAGS | st.none(), st.lists(TAGS, max_size=4))
def test_nothing_is_invented_whatever_the_tags(tags: list[str], like: str | None, hints: list[str]) -> None:
    found = order(tags, like, hints)
    assert set(found) <= set(tags)
    assert len(set(found)) == len(found)
    choice = most_specific(tags, like, hints)
    assert choice.tag is None or choice.tag in tags
