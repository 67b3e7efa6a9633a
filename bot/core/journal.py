"""The journal: who did what. A chain of hashes, so that a changed, removed or inserted row is found.

A chain cannot witness its own tail: whoever can write the file can cut the newest rows off. The head is
therefore shown in `!journal` and written into git trailers, where others keep it.
"""

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from bot.core.release import Release, read_release

GENESIS = "0" * 64
"""What the first row follows."""


class Kind(StrEnum):
    """What a row tells about."""

    START = "start"
    STOP = "stop"
    REQUEST = "request"
    ANSWER = "answer"
    REFUSAL = "refusal"
    DELIVERY = "delivery"
    ALERT = "alert"
    CONFIG = "config"
    PLAN = "plan"
    """A plan was shown: its code, its digest, what it would do."""
    VOTE = "vote"
    """Somebody said yes or no to a plan, and it counted."""
    GLASS = "glass"
    """Somebody broke the glass for a plan, or signed off afterwards what ran without votes."""
    EXECUTION = "execution"
    """A plan's next state: approved, running, done, and every other."""
    BACKUP = "backup"
    """A backup, a verify or a drill ended: what was seen, with the ids and the hashes."""
    AUDIT = "audit"
    """The audit by the clock: how many findings there are, and which of them are new, back and gone."""
    PRUNED = "pruned"
    """Older rows were removed as the retention asks: `through` and `hash` of the newest that went."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A row before it is chained. `about` holds plain JSON values and never a secret."""

    kind: Kind
    actor: str = ""
    """`matrix:@ann:example.org`, or empty for the bot itself."""
    person: str = ""
    place: str = ""
    about: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Row:
    """A chained row."""

    seq: int
    at: datetime
    entry: Entry
    previous: str
    hash: str


def canonical(seq: int, at: datetime, entry: Entry, previous: str) -> bytes:
    """The bytes that are hashed: compact JSON with sorted keys."""
    content = {
        "seq": seq,
        "at": at.isoformat(),
        "kind": entry.kind.value,
        "actor": entry.actor,
        "person": entry.person,
        "place": entry.place,
        "about": entry.about,
        "previous": previous,
    }
    return json.dumps(content, sort_keys=True, separators=(",", ":")).encode()


def chain(seq: int, at: datetime, entry: Entry, previous: str) -> Row:
    """The row that follows `previous`."""
    return Row(seq, at, entry, previous, hashlib.sha256(canonical(seq, at, entry, previous)).hexdigest())


def verify(rows: Iterable[Row]) -> str | None:
    """None when the chain holds from its first row to its last, else what is wrong, in words.

    The first row is number 1, or the one after the newest that a PRUNED row further on says was removed.
    """
    first: Row | None = None
    previous: Row | None = None
    pruned: Entry | None = None
    for row in rows:
        if previous is None:
            first = row
        elif row.seq != previous.seq + 1:
            return f"row {previous.seq + 1} is missing: row {row.seq} comes after row {previous.seq}"
        elif row.previous != previous.hash:
            return f"row {row.seq} does not follow row {previous.seq}: one of the two was replaced"
        if chain(row.seq, row.at, row.entry, row.previous).hash != row.hash:
            return f"row {row.seq} was changed: its content does not give its hash"
        if row.entry.kind is Kind.PRUNED:
            pruned = row.entry
        previous = row
    return None if first is None else _starts_well(first, pruned)


def releases_in(rows: Iterable[Row], service: str) -> list[Release]:
    """What plans did to the image of this service, of those that are done; the newest first."""
    plans: dict[str, Row] = {}
    found: list[Release] = []
    for row in rows:
        about = row.entry.about
        code = str(about.get("code"))
        if row.entry.kind is Kind.PLAN:
            plans[code] = row
        elif row.entry.kind is Kind.EXECUTION and about.get("state") == "done" and code in plans:
            plan = plans[code].entry.about.get("plan") or {}
            releases = plan.get("releases") or {}
            if service in releases:
                found.append(read_release(service, releases[service]))
    return found[::-1]


def _starts_well(first: Row, pruned: Entry | None) -> str | None:
    if pruned is None:
        if first.seq == 1 and first.previous == GENESIS:
            return None
        return f"the journal starts at row {first.seq}: the rows before it were removed"
    if first.seq - 1 == pruned.about.get("through") and first.previous == pruned.about.get("hash"):
        return None
    through = pruned.about.get("through")
    return f"the journal starts at row {first.seq}, but retention removed rows up to {through}"
