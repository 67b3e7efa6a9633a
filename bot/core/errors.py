"""The tree of errors.

TocsinError
├── UserError         shown to the person as it stands
│   ├── UsageError    the words did not fit: says what would
│   ├── Unknown       no such command or thing: says what is near
│   └── Refused       not allowed, not now, not you: says why, and who could
├── Upstream          a platform, the Engine, a registry failed
├── NotDone           a plan ran and did not end well
│   └── RolledBack    and everything is as it was before
└── ConfigError       all of the operator's mistakes, each with its place; only at start

Anything else is a bug of ours.
"""

from dataclasses import dataclass
from enum import StrEnum


class TocsinError(Exception):
    """Anything that Tocsin raises on purpose."""


class UserError(TocsinError):
    """The person can mend this; the text is shown to them as it stands."""

    prefix = ""

    def __str__(self) -> str:
        text = super().__str__()
        return f"{self.prefix}{text}"


class UsageError(UserError):
    """The words did not fit. The text is the form that would."""

    prefix = "usage: "


class Unknown(UserError):
    """Nothing is called that. The text names what is near."""

    prefix = "unknown: "


class Refused(UserError):
    """Not allowed, not now, not you. The text says why, and who could."""

    prefix = "refused: "


class Scope(StrEnum):
    """How much of a platform a failure tells about."""

    MESSAGE = "message"
    """This message only (500 on one post): the others may go on."""
    ROOM = "room"
    """This room (429 for one channel): the other rooms may go on."""
    PLATFORM = "platform"
    """The whole platform (unreachable): nobody needs to try."""


class Upstream(TocsinError):
    """A platform, the Engine, a registry or a homeserver failed.

    permanent: trying again is useless (kicked, archived, unknown room).
    retry_after: seconds it asked us to wait, or None.
    ambiguous: it may have been done although we heard no answer.
    """

    def __init__(
        self,
        what: str,
        *,
        permanent: bool = False,
        retry_after: float | None = None,
        ambiguous: bool = False,
        scope: Scope = Scope.MESSAGE,
    ) -> None:
        super().__init__(what)
        self.permanent = permanent
        self.retry_after = retry_after
        self.ambiguous = ambiguous
        self.scope = scope


class NotDone(TocsinError):
    """A plan ran and did not end well. The text says what was found, as the room is told."""


class RolledBack(NotDone):
    """It did not end well, and everything is proved to be as it was before."""


@dataclass(frozen=True, slots=True)
class Mistake:
    """One mistake in the configuration: where it stands, what it is, what mends it."""

    where: str
    what: str
    remedy: str = ""

    def __str__(self) -> str:
        return f"{self.where}: {self.what}" + (f" — {self.remedy}" if self.remedy else "")


class ConfigError(TocsinError):
    """All of the operator's mistakes at once."""

    def __init__(self, *mistakes: Mistake) -> None:
        super().__init__("\n".join(str(mistake) for mistake in mistakes))
        self.mistakes = mistakes
