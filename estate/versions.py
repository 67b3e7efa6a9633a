"""Tags that are versions: how they are written, ordered, and told apart. Pure.

The grammar is Renovate's for Docker: `^v?(\\d+(\\.\\d+)*)(prerelease)?(-suffix)?$`, compared number by
number. A date is a class of its own, and a commit is no version.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import IntEnum

_VERSION = re.compile(
    r"(?P<v>v)?(?P<numbers>\d+(?:\.\d+)*)"
    r"(?P<pre>[-._]?(?:alpha|beta|rc|pre|preview|dev|nightly|snapshot|canary|unstable)[-._]?\d*)?"
    r"(?:-(?P<suffix>[A-Za-z0-9][\w.-]*))?\Z",
    re.IGNORECASE,
)
_DATE = re.compile(
    r"v?(?:19|20)\d{2}(?:[-.]?(?:0[1-9]|1[0-2])(?:[-.]?(?:0[1-9]|[12]\d|3[01]))?)(?:[-._].*)?\Z"
)
_COMMIT = re.compile(r"(?:sha-?|git-?)?[0-9a-f]{7,40}\Z", re.IGNORECASE)
_TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}\Z")
_CHANNELS = {"latest", "stable", "edge", "main", "master", "nightly", "dev", "develop", "release", "lts"}

DATABASES = (
    "postgres", "postgis", "timescaledb", "pgvector", "mysql", "mariadb", "percona", "mongo", "redis",
    "valkey", "keydb", "elasticsearch", "opensearch", "influxdb", "cassandra", "clickhouse", "couchdb",
    "neo4j", "etcd", "rabbitmq", "cockroach", "mssql", "vault", "meilisearch", "typesense", "qdrant",
)  # fmt: skip
"""Words in the names of images whose data does not survive a major version unasked."""


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


def is_tag(text: str) -> bool:
    """Whether this can be a tag at all, by the distribution spec's grammar: no path, no digest, no space."""
    return _TAG.match(text) is not None


def read_tag(text: str) -> Tag:
    """Anything is a tag; what is no version is of class NAME."""
    if _DATE.match(text):
        return Tag(text, Class.DATE, tuple(int(part) for part in re.findall(r"\d+", text)[:4]))
    if _COMMIT.match(text) and not text.isdigit():
        return Tag(text, Class.NAME)
    found = _VERSION.match(text)
    if not found or (text.isdigit() and len(text) > 5):
        return Tag(text, Class.NAME)
    numbers = tuple(int(part[:18]) for part in found["numbers"].split("."))
    pre = (found["pre"] or "").strip("-._").lower()
    return Tag(text, Class.VERSION, numbers, (found["suffix"] or "").lower(), pre, bool(found["v"]))


def flavour(tag: str | None) -> str:
    """What a tag says beside its version, also one without a version: `15-alpine` and `alpine` → `alpine`."""
    read = read_tag(tag or "latest")
    if read.kind is Class.VERSION:
        return read.suffix
    head, _, rest = read.text.lower().partition("-")
    if head in _CHANNELS:
        return rest
    return "" if read.kind is Class.DATE else read.text.lower()


def order(tags: Iterable[str], like: str | None, hints: Sequence[str] = ()) -> tuple[str, ...]:
    """The tags that may name what `like` means, the likeliest first.

    Hints lead, if they exist; then what is most exact and newest, of the flavour of `like`; then the rest of
    that flavour. Other flavours, names and less than what `like` itself says are left out.
    """
    known = dict.fromkeys(tags)
    wanted, read = flavour(like), read_tag(like or "latest")
    fitting = [one for one in map(read_tag, known) if _fits(one, read, wanted)]
    fitting.sort(key=_order_key, reverse=True)
    hinted = [form for hint in hints for form in _forms(hint, wanted) if form in known]
    return tuple(dict.fromkeys([*hinted, *(one.text for one in fitting)]))


def _fits(one: Tag, like: Tag, wanted: str) -> bool:
    if one.kind is Class.NAME or (
        one.kind is Class.VERSION and one.suffix != wanted and not _runs_on(one, wanted)
    ):
        return False
    if like.kind is Class.VERSION and one.kind is Class.VERSION:
        return one.numbers[: like.precision] == like.numbers
    return one.kind is like.kind or like.kind is Class.NAME


def _runs_on(one: Tag, wanted: str) -> bool:
    """`15.3-alpine3.18` is of the flavour `alpine`."""
    return bool(wanted) and one.suffix.startswith(wanted) and one.suffix[len(wanted) :][:1].isdigit()


def _order_key(one: Tag) -> tuple[bool, bool, int, tuple[int, ...], bool]:
    return (one.kind is Class.VERSION, not one.prerelease, min(one.precision, 3), one.numbers, not one.suffix)


def _forms(hint: str, wanted: str) -> list[str]:
    """The ways in which a version that is known by its numbers may be written as a tag."""
    bare = hint.strip().removeprefix("v")
    plain = [hint.strip(), bare, f"v{bare}"]
    return [f"{one}-{wanted}" for one in plain] if wanted and not bare.endswith(wanted) else plain


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


def crosses_major(old: str | None, new: str | None) -> bool | None:
    """Whether the first number differs; None when one of them has none that could be told."""
    before, after = read_tag(old or "latest").major, read_tag(new or "latest").major
    return None if before is None or after is None else before != after


def is_database(repository: str) -> bool:
    """By the image's name: whether its data may not survive a major version."""
    name = repository.rpartition("/")[2].lower()
    return any(word in name for word in DATABASES)
