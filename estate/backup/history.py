"""What was run, and how it ended: kept as small facts, so that it survives. Pure."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, Protocol

from estate.backup.verdict import Size

RUNS = "backup:runs"
RUNNING = "backup:running"
VERIFY = "backup:verify"
DRILLS = "backup:drills"
OWNER = "backup:owner"
"""The names of the facts."""
MOST = 40
"""Runs that are remembered."""
PARTS = 7
"""A verify reads one of so many parts; that many in a row read all of it."""
EVERYTHING = "everything"


class Notes(Protocol):
    """Where facts are kept; see `bot.ports.Notes`."""

    async def read(self, name: str) -> str | None: ...

    async def write(self, name: str, value: str) -> None: ...


class Result(StrEnum):
    OK = "ok"
    PARTIAL = "partial"
    """Something is saved, and something is not. Never green."""
    FAILED = "failed"
    UNKNOWN = "unknown"
    """A script says that it is well, and nothing else does."""


@dataclass(frozen=True, slots=True)
class Ran:
    """One backup that ended. `at`: when it began; times are ISO 8601, UTC."""

    run: str
    at: str
    by: str
    scope: str
    result: Result
    snapshot: str = ""
    files: int = 0
    size: int = 0
    bad: tuple[str, ...] = ()
    """Titles of the items that are not whole in it."""
    problems: tuple[str, ...] = ()

    @property
    def time(self) -> datetime:
        return datetime.fromisoformat(self.at)


@dataclass(frozen=True, slots=True)
class Running:
    """One that was begun: what is found at start was cut off."""

    run: str
    at: str
    by: str
    what: str
    scope: str = ""
    """Of a backup; empty for what is none."""


@dataclass(frozen=True, slots=True)
class Verified:
    """How far the reading back has come. `done`: part → when it was last read and well."""

    done: Mapping[int, str] = field(default_factory=dict)
    next: int = 1
    failed: str = ""
    """What the last one found, when it was not well."""
    checked: str = ""
    """When the last one was well."""

    @property
    def full(self) -> datetime | None:
        """Since when every part has been read at least once; None before that."""
        if len(self.done) < PARTS:
            return None
        return min(datetime.fromisoformat(at) for at in self.done.values())

    def passed(self, part: int, at: datetime) -> "Verified":
        done = {**self.done, part: at.isoformat()}
        return Verified(done, part % PARTS + 1, "", at.isoformat())

    def did_not(self, why: str) -> "Verified":
        """The same part is read again next time."""
        return replace(self, failed=why)


@dataclass(frozen=True, slots=True)
class Drilled:
    """The last drill of one service."""

    at: str
    ok: bool
    words: str


async def runs(notes: Notes) -> tuple[Ran, ...]:
    """Oldest first. What cannot be read is forgotten."""
    found = _load(await notes.read(RUNS), [])
    return tuple(one for row in found if (one := _ran(row)) is not None)


def _ran(row: object) -> Ran | None:
    try:
        assert isinstance(row, dict)
        lists = {name: tuple(row.get(name, ())) for name in ("bad", "problems")}
        return Ran(**{**row, **lists, "result": Result(row["result"])})
    except (TypeError, ValueError, KeyError, AssertionError):
        return None


async def remember(notes: Notes, ran: Ran) -> None:
    """The end of a run; it runs no more."""
    kept = [*(await runs(notes)), ran][-MOST:]
    await notes.write(RUNS, json.dumps([asdict(one) for one in kept]))
    await notes.write(RUNNING, "")


async def running(notes: Notes) -> Running | None:
    """What was begun and has not ended."""
    found = _load(await notes.read(RUNNING), None)
    try:
        return Running(**found) if found else None
    except TypeError:
        return None


async def begin(notes: Notes, what: Running | None) -> None:
    await notes.write(RUNNING, json.dumps(asdict(what)) if what is not None else "")


async def verified(notes: Notes) -> Verified:
    found = _load(await notes.read(VERIFY), {})
    try:
        done = {int(part): str(at) for part, at in found.get("done", {}).items() if 1 <= int(part) <= PARTS}
        return Verified(
            done, int(found.get("next", 1)), str(found.get("failed", "")), str(found.get("checked", ""))
        )
    except (TypeError, ValueError, AttributeError):
        return Verified()


async def keep_verified(notes: Notes, now: Verified) -> None:
    await notes.write(VERIFY, json.dumps({**asdict(now), "done": {str(k): v for k, v in now.done.items()}}))


async def drills(notes: Notes) -> dict[str, Drilled]:
    """Service → its last drill."""
    try:
        return {str(name): Drilled(**row) for name, row in _load(await notes.read(DRILLS), {}).items()}
    except (TypeError, AttributeError):
        return {}


async def keep_drill(notes: Notes, owner: str, drilled: Drilled) -> None:
    kept = {**(await drills(notes)), owner: drilled}
    await notes.write(DRILLS, json.dumps({name: asdict(one) for name, one in kept.items()}))


def last_good(found: Sequence[Ran]) -> Ran | None:
    """The newest that saved everything, whole."""
    good = [one for one in found if one.result is Result.OK and one.scope == EVERYTHING]
    return good[-1] if good else None


def whole(found: Sequence[Ran]) -> tuple[Ran, ...]:
    """Those of everything that made a snapshot, the oldest first."""
    return tuple(one for one in found if one.scope == EVERYTHING and one.snapshot)


def usual(found: Sequence[Ran], scope: str) -> tuple[Size, ...]:
    """The sizes of runs of the same scope that made a snapshot."""
    return tuple(Size(one.files, one.size) for one in found if one.scope == scope and one.snapshot)


def bad_items(found: Sequence[Ran]) -> dict[str, frozenset[str]]:
    """Snapshot → the titles of what is not whole in it."""
    return {one.snapshot: frozenset(one.bad) for one in found if one.snapshot}


def iso(at: datetime) -> str:
    return at.astimezone(UTC).isoformat()


def _load(text: str | None, otherwise: Any) -> Any:
    try:
        return json.loads(text) if text else otherwise
    except ValueError:
        return otherwise
