"""The nouns of conversation: who, where, what was said. Frozen; a platform's user is an id, never a name."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from enum import IntEnum, StrEnum


@dataclass(frozen=True, slots=True, order=True)
class Identity:
    """An account. `user_id` is `@user:server` on Matrix, `TEAM/USER` on Slack, the seat in the console."""

    platform: str
    user_id: str

    def __str__(self) -> str:
        return f"{self.platform}:{self.user_id}"


@dataclass(frozen=True, slots=True)
class Person:
    """The human behind one or more accounts."""

    name: str
    identities: frozenset[Identity]
    roles: tuple[str, ...] = ()
    matrix_keys: tuple[str, ...] = ()
    """ed25519 fingerprints of devices, or of a cross-signing master key, that this person vouches for."""


@dataclass(frozen=True, slots=True)
class People:
    """Everybody who is listed. Nobody else has a role."""

    everyone: tuple[Person, ...] = ()

    def who(self, identity: Identity) -> Person | None:
        """The person behind an account, or None for a stranger."""
        return next((p for p in self.everyone if identity in p.identities), None)

    def named(self, name: str) -> Person | None:
        return next((p for p in self.everyone if p.name == name), None)

    def with_role(self, roles: Iterable[str]) -> tuple[Person, ...]:
        wanted = set(roles)
        return tuple(p for p in self.everyone if wanted & set(p.roles))


@dataclass(frozen=True, slots=True, order=True)
class Room:
    """One place to speak: a configured room as one platform knows it.

    `name` is the configured name ("ops"); `address` is the platform's own id (Matrix room id or alias,
    Slack channel id, console room). A configured room on two platforms is two of these.
    """

    platform: str
    address: str
    name: str = field(compare=False, default="")

    @property
    def place(self) -> str:
        """A key for this place, e.g. `matrix:!abc:example.org`."""
        return f"{self.platform}:{self.address}"


class Risk(IntEnum):
    """What a command can do. Everything above READ needs a plan."""

    READ = 0
    CHANGE = 1
    DESTROY = 2


@dataclass(frozen=True, slots=True)
class Trust:
    """What the platform could prove about a sender. Every default is the careful one."""

    verified: bool = False
    """Came encrypted from a device that this person vouches for."""
    encrypted: bool = False
    room_encrypted: bool = False
    stranger: bool = False
    """Of another team, a guest, a bot or a bridged account: has no role unless listed by id."""
    why: str = ""
    """In words, for the refusal: "a Slack Connect stranger of T0OTHER"."""


@dataclass(frozen=True, slots=True)
class Message:
    """Something that was said to the bot."""

    id: str
    room: Room
    sender: Identity
    text: str
    at: datetime
    thread: str | None = None
    """The root message's id when it was said in a thread."""
    trust: Trust = Trust()
    addressed: bool = False
    """By mention or slash command: no prefix is needed."""
    reply_to: str | None = None
    private: str | None = None
    """Where an answer only for the sender can go (Slack's response_url), if there is such a way."""


@dataclass(frozen=True, slots=True)
class Choice:
    """A yes or no: a button, a reaction, a reply. `message_id` is the card it stands on."""

    id: str
    room: Room
    message_id: str
    approve: bool
    by: Identity
    at: datetime
    trust: Trust = Trust()
    approval_id: str | None = None
    """What the button carried; None for a reaction, which only knows its message."""
    private: str | None = None


class Withdrawal(StrEnum):
    EDITED = "edited"
    REDACTED = "redacted"


@dataclass(frozen=True, slots=True)
class Withdrawn:
    """A message (or a reaction) was edited or redacted after it was sent."""

    id: str
    room: Room
    message_id: str
    how: Withdrawal
    by: Identity
    at: datetime
    text: str = ""
    """What an edited message says now. Never a command; the journal tells when it would have been one."""


Event = Message | Choice | Withdrawn


@dataclass(frozen=True, slots=True)
class Readiness:
    """Whether something works now, and if not, why, in words."""

    ok: bool
    why: str = ""
