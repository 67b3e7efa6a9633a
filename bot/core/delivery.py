"""A delivery: one document on its way to one place."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from bot.core.doc import Doc
from bot.core.model import Room


class Op(StrEnum):
    """What is done with the document."""

    ROOT = "root"
    """A message of its own; the lane's later lines and edits hang on it."""
    LINE = "line"
    """A line in the thread of the lane's root."""
    EDIT = "edit"
    """The lane's root, rewritten in place."""
    WHISPER = "whisper"
    """To one person only, where the platform can; best effort, never repeated."""


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A document to be delivered, before it has a number.

    lane: within a lane and a place nothing overtakes: `group:…` for an alert group's message, `answer:…`.
    key:  names this very delivery for ever; the platform uses it to make a repeated attempt harmless.
    thread: the root message to answer under, for a ROOT that belongs into a thread.
    """

    lane: str
    room: Room
    op: Op
    key: str
    doc: Doc
    thread: str | None = None


@dataclass(frozen=True, slots=True)
class Delivery:
    """An Outgoing that waits on disk."""

    id: int
    what: Outgoing
    root_id: str | None
    """The platform's id of the lane's root message at this place, once it is known."""
    created: datetime
    attempts: int
    uncertain: bool
    """An attempt began whose outcome was never recorded: look it up before trying again."""
    failing_since: datetime | None
    error: str
