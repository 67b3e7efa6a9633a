"""Tags that are versions: how they are written, ordered, and told apart. Pure.

The grammar is Renovate's for Docker: `^v?(\\d+(\\.\\d+)*)(prerelease)?(-suffix)?$`, compared number by
number. A date is a class of its own, and a commit is no version.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import IntEnum

_PRERELEASE = r"[-._]?(?:alpha|beta|rc|preview|pre|dev|nightly|snapshot|canary|unstable|b(?=\d))[-._]?\d*"
_VERSION = re.compile(
    rf"(?P<v>v)?(?P<numbers>\d+(?:\.\d+)*)(?P<pre>{_PRERELEASE})?"
    r"(?:-(?P<suffix>[A-Za-z0-9][\w.-]*))?\Z",
    re.IGNORECASE,
)
_DATE = re.compile(
    r"(?:v|release[.-])?(?P<year>(?:19|20)\d\d)"
    r"(?:(?P<month>0[1-9]|1[0-2])(?P<day>0[1-9]|[12]\d|3[01])?"
    r"|[.-](?P<m>0?[1-9]|1[0-2])(?:[.-](?P<d>\d{1,2}))?)"
    r"(?:T(?P<time>\d\d-\d\d-\d\d)Z)?(?P<more>(?:\.\d+)*)"
    rf"(?P<pre>{_PRERELEASE})?(?:[-_](?P<suffix>[A-Za-z0-9][\w.-]*))?\Z",
    re.IGNORECASE,
)
"""`20231127`, `2024.6.1`, `2026.02.0-alpine`, `RELEASE.2024-01-16T16-07-38Z`."""
_COMMIT = re.compile(r"(?:sha-?|git-?|g)?[0-9a-f]{7,40}\Z", re.IGNORECASE)
_TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}\Z")
_CHANNELS = {"latest", "stable", "edge", "main", "master", "nightly", "dev", "develop", "release", "lts"}

DATABASES = frozenset((
    "postgres", "postgresql", "postgis", "timescaledb", "pgvector", "pgvecto", "paradedb", "mysql", "mariadb",
    "percona", "mongo", "mongodb", "redis", "valkey", "keydb", "dragonfly", "elasticsearch", "opensearch",
    "influxdb", "cassandra", "scylla", "clickhouse", "couchdb", "couchbase", "neo4j", "arangodb", "surrealdb",
    "etcd", "consul", "vault", "rabbitmq", "cockroach", "cockroachdb", "mssql", "meilisearch", "typesense",
    "qdrant", "weaviate", "milvus", "questdb", "victoriametrics", "ferretdb", "yugabyte",
))  # fmt: skip
"""Words in the names of images whose data does not survive a major version unasked."""
_BESIDE = frozenset((
    "exporter", "express", "commander", "insight", "ui", "web", "admin", "client", "tools", "backup", "proxy",
    "operator", "dashboard", "dashboards", "manager", "cli", "init", "router", "sync", "connect", "agent",
))  # fmt: skip
"""Words that, after a database's, tell of a helper beside it: `postgres-exporter` holds no data."""
_PLAIN = frozenset(("server", "db", "database", "community", "standalone"))
"""Names that say nothing without what stands before them: `mssql/server`."""
_TWO_NUMBERS = frozenset(("mysql", "mariadb", "percona", "mongo", "mongodb"))
"""Whose releases 10.5 and 10.11, or 5.7 and 8.0, are what others call a major version."""


class Class(IntEnum):
    """What kind of a tag it is."""

    VERSION = 0
    DATE = 1
    NAME = 2
    """A channel, a commit, a word: nothing that can be ordered."""


@dataclass(frozen=True, slots=True)
class Tag:
    """One tag, read. `suffix` is the flavour: `alpine`, `22-bookworm`; empty for none."""

    text: str
    kind: Class
    numbers: tuple[int, ...] = ()
    suffix: str = ""
    prerelease: str = ""
    v: bool = False

    @property
    def precision(self) -> int:
        """How many numbers it has: `1.2.3` is more exact than `1.2`."""
        return len(self.numbers)

    @property
    def major(self) -> int | None:
        return self.numbers[0] if self.kind is Class.VERSION and self.numbers else None


def read_tag(text: str) -> Tag:
    """Anything is a tag; what is no version is of class NAME."""
    if (found := _DATE.match(text)) is not None:
        return Tag(text, Class.DATE, _date(found), _flavour(found["suffix"]), _pre(found))
    if _COMMIT.match(text) and not text.isdigit():
        return Tag(text, Class.NAME)
    found = _VERSION.match(text)
    if not found or (text.isdigit() and len(text) > 5):
        return Tag(text, Class.NAME)
    numbers = tuple(int(part[:18]) for part in found["numbers"].split("."))
    return Tag(text, Class.VERSION, numbers, _flavour(found["suffix"]), _pre(found), bool(found["v"]))


def _date(found: re.Match[str]) -> tuple[int, ...]:
    """`20231127` and `2023.11.27` are one day: (2023, 11, 27)."""
    parts = [found["year"], found["month"] or found["m"], found["day"] or found["d"]]
    parts += [*(found["time"] or "").split("-"), *found["more"].split(".")]
    return tuple(int(part[:18]) for part in parts if part)


def _flavour(suffix: str | None) -> str:
    """A commit beside a version is no flavour: the next version has another one."""
    text = (suffix or "").lower()
    return "" if _COMMIT.match(text) and not text.isdigit() else text


def _pre(found: re.Match[str]) -> str:
    return (found["pre"] or "").strip("-._").lower()


def is_tag(text: str) -> bool:
    """Whether a registry could have a tag of that name (OCI distribution spec)."""
    return _TAG.match(text) is not None


def flavour(tag: str | None) -> str:
    """What a tag says beside its version, also one without a version: `15-alpine` and `alpine` → `alpine`."""
    read = read_tag(tag or "latest")
    if read.kind is not Class.NAME:
        return read.suffix
    if _COMMIT.match(read.text):
        return ""
    head, _, rest = read.text.lower().partition("-")
    return rest if head in _CHANNELS else read.text.lower()


def refines(tag: str, than: str) -> bool:
    """Whether `tag` says more exactly what `than` says: `1.2.3` of `1.2`, `15.3-alpine` of `15-alpine`."""
    one, other = read_tag(tag), read_tag(than)
    return one.precision > other.precision and one.numbers[: other.precision] == other.numbers


def order(tags: Iterable[str], like: str | None, hints: Sequence[str] = ()) -> tuple[str, ...]:
    """The tags that may name what `like` means, the likeliest first.

    Hints lead, if they exist; then what is most exact and newest, of the flavour of `like`; then the rest of
    that flavour. Other flavours, names and less than what `like` itself says are left out.
    """
    known = dict.fromkeys(tags)
    wanted, read = flavour(like), read_tag(like or "latest")
    fitting = [one for one in map(read_tag, known) if _fits(one, read, wanted)]
    fitting.sort(key=_order_key, reverse=True)
    return tuple(dict.fromkeys([*hinted(known, like, hints), *(one.text for one in fitting)]))


def hinted(tags: Iterable[str], like: str | None, hints: Sequence[str]) -> tuple[str, ...]:
    """Those of the tags that a hint may mean, in the flavour of `like`."""
    known, wanted = frozenset(tags), flavour(like)
    forms = (form for hint in hints for form in _forms(hint, wanted))
    return tuple(dict.fromkeys(form for form in forms if form in known))


def _fits(one: Tag, like: Tag, wanted: str) -> bool:
    if one.kind is Class.NAME or (one.suffix != wanted and not _runs_on(one, wanted)):
        return False
    return one.numbers[: like.precision] == like.numbers


def _runs_on(one: Tag, wanted: str) -> bool:
    """`15.3-alpine3.18` is of the flavour `alpine`."""
    return bool(wanted) and one.suffix.startswith(wanted) and one.suffix[len(wanted) :][:1].isdigit()


def _order_key(one: Tag) -> tuple[bool, bool, int, tuple[int, ...], bool]:
    return (one.kind is Class.VERSION, not one.prerelease, min(one.precision, 3), one.numbers, not one.suffix)


def _forms(hint: str, wanted: str) -> list[str]:
    """The ways in which a version that is known by its numbers may be written as a tag. `16.3-1.pgdg120`,
    which is how a distribution calls its package, may be the tag `16.3`."""
    bare = hint.strip().removeprefix("v")
    head = bare.partition("-")[0]
    plain = [hint.strip(), *(form for one in dict.fromkeys((bare, head)) for form in (one, f"v{one}"))]
    if not wanted:
        return plain
    return [one if one.endswith(f"-{wanted}") else f"{one}-{wanted}" for one in plain]


@dataclass(frozen=True, slots=True)
class Choice:
    """`tag` is None when several are equally exact and nothing tells which is meant: `equals` are those."""

    tag: str | None
    equals: tuple[str, ...] = ()


def most_specific(matches: Sequence[str], like: str | None, hints: Sequence[str] = ()) -> Choice:
    """Of the tags that are proved to name one image, the one to pin: the most exact, no prerelease, in the
    flavour and style of `like`."""
    read, wanted = [read_tag(one) for one in matches], flavour(like)
    versions = [one for one in read if one.kind is Class.VERSION] or [o for o in read if o.kind is Class.DATE]
    if not versions:
        return Choice(None, tuple(matches))
    versions = [one for one in versions if one.suffix == wanted] or versions
    versions = [one for one in versions if not one.prerelease] or versions
    best = max(one.precision for one in versions)
    exact = [one for one in versions if one.precision == best]
    if len({one.numbers for one in exact}) > 1:
        hinted = [one for one in exact if any(one.text in _forms(hint, wanted) for hint in hints)]
        if len({one.numbers for one in hinted}) != 1:
            return Choice(None, tuple(one.text for one in exact))
        exact = hinted
    style = read_tag(like or "").v
    exact.sort(key=lambda one: (one.v != style, len(one.suffix), one.text))
    same = tuple(one.text for one in exact[1:] if one.suffix != exact[0].suffix)
    return Choice(exact[0].text, same)


def crosses_major(old: str | None, new: str | None, repository: str = "") -> bool | None:
    """Whether the major version differs; None when that cannot be told.

    repository: some count two numbers as the major version (MariaDB 10.5 and 10.11; PostgreSQL before 10).
    """
    before, after = read_tag(old or "latest"), read_tag(new or "latest")
    if before.major is None or after.major is None:
        return None
    if before.major != after.major:
        return True
    words = set(_words(repository))
    if not (words & _TWO_NUMBERS or (before.major < 10 and words & {"postgres", "postgresql", "postgis"})):
        return False
    if min(before.precision, after.precision) < 2:
        return None
    return before.numbers[1] != after.numbers[1]


def is_database(repository: str) -> bool:
    """By the image's name: whether its data may not survive a major version."""
    words = _words(repository)
    at = max((place for place, word in enumerate(words) if word in DATABASES), default=None)
    return at is not None and not _BESIDE & set(words[at:])


def _words(repository: str) -> list[str]:
    """`mcr.microsoft.com/mssql/server` → mssql, server; `bitnami/postgresql15` → postgresql."""
    before, _, name = repository.lower().rpartition("/")
    said = re.split(r"[-_.]", name)
    if set(said) <= _PLAIN:
        said = [*re.split(r"[-_.]", before.rpartition("/")[2]), *said]
    return [word.rstrip("0123456789") or word for word in said]


def newer(tags: Iterable[str], than: str) -> tuple[str | None, str | None]:
    """The newest of the tags that is newer, without and with a change of the major version. Dates have none.

    Only what is written as `than` is (a `v` before, as many numbers) and of its flavour; no prerelease,
    unless `than` is one. `15-alpine3.18` and `15-alpine3.19` are of one flavour.
    """
    read = read_tag(than)
    if read.kind is Class.NAME:
        return None, None
    found = [one for one in map(read_tag, tags) if _is_next(one, read)]
    found.sort(key=lambda one: (one.numbers, one.suffix))
    same = [one for one in found if one.major == read.major]
    other = [one for one in found if one.major != read.major]
    return (same[-1].text if same else None), (other[-1].text if other else None)


def _is_next(one: Tag, than: Tag) -> bool:
    return (
        (one.kind, one.v, one.precision) == (than.kind, than.v, than.precision)
        and one.numbers > than.numbers
        and _family(one.suffix) == _family(than.suffix)
        and (not one.prerelease or bool(than.prerelease))
    )


def _family(suffix: str) -> str:
    """`alpine3.18` → `alpine`; `bookworm` stays."""
    return suffix.rstrip(".0123456789")
