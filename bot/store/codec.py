"""Nouns ↔ what SQLite keeps."""

import dataclasses
import json
import sqlite3
from datetime import datetime
from typing import Any

from bot.core.journal import Entry, Kind, Row
from bot.core.model import Choice, Event, Identity, Message, Room, Trust, Withdrawal, Withdrawn

_EVENTS: dict[str, type[Any]] = {cls.__name__: cls for cls in (Message, Choice, Withdrawn)}


def row_to_params(row: Row) -> tuple[Any, ...]:
    """A journal row as the columns of its table."""
    entry = row.entry
    return (
        row.seq,
        row.at.isoformat(),
        entry.kind.value,
        entry.actor,
        entry.person,
        entry.place,
        json.dumps(entry.about, sort_keys=True),
        row.previous,
        row.hash,
    )


def row_from_sql(row: sqlite3.Row) -> Row:
    """A journal row from its table. Raises ValueError when somebody wrote nonsense into it."""
    entry = Entry(Kind(row["kind"]), row["actor"], row["person"], row["place"], json.loads(row["about"]))
    return Row(row["seq"], datetime.fromisoformat(row["at"]), entry, row["previous"], row["hash"])


def event_to_json(event: Event) -> str:
    """An event as JSON text with its type's name."""

    def plain(value: object) -> object:
        if isinstance(value, datetime):
            return value.isoformat()
        raise TypeError(type(value).__name__)

    return json.dumps({"is": type(event).__name__, **dataclasses.asdict(event)}, default=plain)


def event_from_json(text: str) -> Event:
    """Reads back what `event_to_json` wrote."""
    data = json.loads(text)
    kind = _EVENTS[data.pop("is")]
    data["room"] = Room(**data["room"])
    data["at"] = datetime.fromisoformat(data["at"])
    for name in ("sender", "by"):
        if name in data:
            data[name] = Identity(**data[name])
    if "trust" in data:
        data["trust"] = Trust(**data["trust"])
    if "how" in data:
        data["how"] = Withdrawal(data["how"])
    event: Event = kind(**data)
    return event
