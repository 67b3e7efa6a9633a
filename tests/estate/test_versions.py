"""Which tags are versions, which is tried first, and which is pinned."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from estate.versions import (
    Choice,
    Class,
    crosses_major,
    flavour,
    hinted,
    is_database,
    is_tag,
    most_specific,
    newer,
    order,
    read_tag,
    refines,
)


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
        ("20240601", Class.DATE, (2024, 6, 1), ""),
        ("2024.6.1", Class.DATE, (2024, 6, 1), ""),
        ("2024.10.1-alpine", Class.DATE, (2024, 10, 1), "alpine"),
        ("2024.12.0b3", Class.DATE, (2024, 12, 0), ""),
        ("RELEASE.2024-01-16T16-07-38Z", Class.DATE, (2024, 1, 16, 16, 7, 38), ""),
        ("2022-CU12-ubuntu-22.04", Class.VERSION, (2022,), "cu12-ubuntu-22.04"),
        ("20.04", Class.VERSION, (20, 4), ""),
        ("2024", Class.VERSION, (2024,), ""),
        ("1.2.3-0b8c85f", Class.VERSION, (1, 2, 3), ""),
        ("1.2.3-b0c1d2e", Class.VERSION, (1, 2, 3), ""),
        ("12345678", Class.NAME, (), ""),
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
    [
        (None, ""),
        ("latest", ""),
        ("15-alpine", "alpine"),
        ("alpine", "alpine"),
        ("latest-alpine", "alpine"),
        ("2024.10.1-alpine", "alpine"),
        ("2024.10.1", ""),
        ("0b8c85f", ""),
        ("1.2.3-0b8c85f", ""),
    ],
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


def test_a_date_is_ordered_as_one_however_it_is_written() -> None:
    tags = ["2024.9.3", "2024.10.1", "2024.10.1-alpine", "2024.12.0", "2024.12.0b1", "20231127-0b8c85f"]
    assert order(tags, "latest") == ("2024.12.0", "2024.10.1", "2024.9.3", "20231127-0b8c85f", "2024.12.0b1")
    assert order(tags, "2024.10") == ("2024.10.1",)
    assert order(tags, "2024") == ("2024.12.0", "2024.10.1", "2024.9.3", "2024.12.0b1")
    assert order(tags, "alpine") == ("2024.10.1-alpine",)


def test_a_hint_is_found_as_a_registry_writes_it() -> None:
    """Packages and labels write a version otherwise than its tag does."""
    tags = ["16.3", "16.3-alpine", "v3.5.3", "1.40.0.7775-456fbaf97-ls200"]
    assert hinted(tags, "latest", ["16.3-1.pgdg120"]) == ("16.3",)
    assert hinted(tags, "16-alpine", ["16.3-1.pgdg120"]) == ("16.3-alpine",)
    assert hinted(tags, "latest", ["3.5.3"]) == ("v3.5.3",)
    assert hinted(tags, "latest", ["1.40.0.7775-456fbaf97-ls200"]) == ("1.40.0.7775-456fbaf97-ls200",)


@pytest.mark.parametrize(
    ("tag", "than", "does"),
    [
        ("11.2.0", "11", True),
        ("11.2.0", "11.2", True),
        ("11.2", "11.2", False),
        ("12.0.0", "11", False),
        ("110.2.0", "11", False),
        ("11", "11.2.0", False),
        ("2024.06.1", "2024.06", True),
    ],
)
def test_what_says_more_exactly(tag: str, than: str, does: bool) -> None:
    assert refines(tag, than) is does


@pytest.mark.parametrize(
    "text", ["", ".1", "-1", "a" * 129, "1/2", "..", "sha256:0", "1?x=", "1#", "é", "1\n"]
)
def test_what_no_registry_has_for_a_tag(text: str) -> None:
    assert not is_tag(text)


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


@pytest.mark.parametrize(
    ("repository", "old", "new", "crosses"),
    [
        ("mariadb", "10.5", "10.11", True),
        ("mariadb", "10.11.2", "10.11.9", False),
        ("mariadb", "10", "10.11.9", None),
        ("mariadb", "10", "11.4", True),
        ("docker.io/library/mysql", "5.7.44", "8.0", True),
        ("mysql/mysql-server", "8.0.36", "8.4.0", True),
        ("postgres", "9.5", "9.6", True),
        ("postgres", "16.1", "16.3", False),
        ("grafana/grafana", "11.1", "11.2", False),
        ("postgres", "2024.06", "2024.07", None),
    ],
)
def test_some_count_two_numbers_as_their_major_version(
    repository: str, old: str, new: str, crosses: bool | None
) -> None:
    assert crosses_major(old, new, repository) is crosses


@pytest.mark.parametrize(
    ("repository", "is_"),
    [
        ("postgres", True),
        ("docker.io/library/mysql", True),
        ("pgvector/pgvector", True),
        ("bitnami/postgresql", True),
        ("127.0.0.1:5000/team/postgres15", True),
        ("acme/web-postgres", True),
        ("mcr.microsoft.com/mssql/server", True),
        ("mongodb/mongodb-community-server", True),
        ("redis/redis-stack-server", True),
        ("hashicorp/vault", True),
        ("vaultwarden/server", False),
        ("grafana/grafana", False),
        ("postgresexporter.example/x/web", False),
        ("prometheuscommunity/postgres-exporter", False),
        ("mongo-express", False),
        ("rediscommander/redis-commander", False),
    ],
)
def test_databases_are_known_by_their_names(repository: str, is_: bool) -> None:
    assert is_database(repository) is is_


TAGS = st.text("0123456789.-_vabrclphine", min_size=1, max_size=20)


@given(st.lists(TAGS, max_size=30), TAGS | st.none(), st.lists(TAGS, max_size=4))
def test_nothing_is_invented_whatever_the_tags(tags: list[str], like: str | None, hints: list[str]) -> None:
    found = order(tags, like, hints)
    assert set(found) <= set(tags)
    assert len(set(found)) == len(found)
    choice = most_specific(tags, like, hints)
    assert choice.tag is None or choice.tag in tags


@given(TAGS, TAGS | st.none())
def test_a_tag_that_fits_says_no_less_than_what_it_is_like(tag: str, like: str | None) -> None:
    for one in order([tag], like):
        read, wanted = read_tag(one), read_tag(like or "latest")
        assert read.numbers[: wanted.precision] == wanted.numbers
        assert read.suffix.startswith(flavour(like))


@given(TAGS, TAGS)
def test_to_cross_is_the_same_from_both_sides(one: str, other: str) -> None:
    for repository in ("mariadb", "postgres", "app"):
        there, back = crosses_major(one, other, repository), crosses_major(other, one, repository)
        assert there is back


@pytest.mark.parametrize(
    ("than", "tags", "same", "other"),
    [
        ("15.3", ["15.10", "15.9", "16.1", "14.9"], "15.10", "16.1"),
        ("v1.2.3", ["1.2.4", "v1.2.4", "v1.3"], "v1.2.4", None),
        ("15.3-alpine", ["15.4", "15.4-alpine", "15.4-bookworm"], "15.4-alpine", None),
        ("2.0.0-rc1", ["2.0.1-rc1", "2.0.2"], "2.0.2", None),
        ("2.0.0", ["2.0.1-rc1"], None, None),
        ("20240101", ["20240301", "1.2.3", "20250101"], "20250101", None),
        ("latest", ["1.2.3"], None, None),
        ("1.2.3", [], None, None),
    ],
)
def test_newer(than: str, tags: list[str], same: str | None, other: str | None) -> None:
    assert newer(tags, than) == (same, other)
