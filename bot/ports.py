"""The sockets: Protocols of few methods. Rooms plug in, the app connects."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from bot.core.authority import Asker
from bot.core.delivery import Delivery, Outgoing
from bot.core.doc import Doc
from bot.core.journal import Entry, Row
from bot.core.model import Event, Identity, Readiness, Room
from bot.core.release import Release
from estate.model import Container, Detail, Executed, Facts, Image, Sample, Throwaway, Tree

if TYPE_CHECKING:
    # They know YAML, which is loaded only where it is used.
    from audit.comparison import Standing
    from estate.snapshot.model import Snapshot


class Clock(Protocol):
    """The time, so that a test may own it."""

    def now(self) -> datetime:
        """Aware, UTC."""
        ...


# ---- platforms ------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Pace:
    """How fast a platform takes messages in one room: `burst` at once, then `per_second`."""

    burst: int
    per_second: float


class Platform(Protocol):
    """A place where people talk. SDK errors leave it as `Upstream`, never as the SDK's own."""

    name: str
    pace: Pace | None
    """Per room; None when the server says itself what is too fast."""
    idempotent: bool
    """Whether sending twice with one key shows once. Where not, `find` is asked if an outcome is unknown."""

    async def preflight(self) -> None:
        """Look for the operator's mistakes, once, at start. Raises ConfigError for refused credentials, a
        wrong team, a device that is not ours. What is merely unreachable is no mistake: returns."""
        ...

    async def run(self, inbox: "Inbox") -> None:
        """Connect and put into the inbox what people say, until cancelled. Reconnects by itself."""
        ...

    async def send(self, room: Room, doc: Doc, *, key: str, thread: str | None = None) -> str:
        """Say it and return the message's id. Raises Upstream."""
        ...

    async def edit(self, room: Room, message_id: str, doc: Doc, *, key: str) -> None:
        """Rewrite a message in place. Raises Upstream."""
        ...

    async def find(self, room: Room, key: str, *, thread: str | None = None, since: datetime) -> str | None:
        """The id of the message that was sent with this key, if it was. Raises Upstream when it cannot tell
        now, and a permanent one when nobody can ever tell."""
        ...

    async def whisper(self, room: Room, to: Identity, doc: Doc, *, key: str) -> None:
        """Say it to one person in a room, where that can be. Raises Upstream."""
        ...

    def link(self, room: Room, message_id: str) -> str | None:
        """The address of a message; None where there is none, or it is not known yet."""
        ...

    async def ready(self) -> Readiness:
        """Whether it is connected now."""
        ...

    async def close(self) -> None:
        """Let go of sockets and files. Bounded in time."""
        ...


# ---- the store ------------------------------------------------------------------------------------------


class Inbox(Protocol):
    """What people said, until it is answered."""

    async def put(self, platform: str, events: Sequence[Event], cursor: str | None = None) -> None:
        """Store events and the platform's position in one transaction. An event id seen before is ignored.
        When it returns, it is on disk."""
        ...

    async def cursor(self, platform: str) -> str | None:
        """The position that the last `put` stored."""
        ...

    async def remember(self, key: str, value: str) -> bool:
        """Store a fact if it is new (for replay guards); True if it was new or had this same value."""
        ...

    async def recall(self, key: str) -> str | None: ...


@dataclass(frozen=True, slots=True)
class Received:
    """An event in the inbox."""

    id: int
    event: Event


class Requests(Protocol):
    """The engine's side of the inbox."""

    def incoming(self) -> AsyncIterator[Received]:
        """Every event that is not finished, oldest first; then waits for more, for ever."""
        ...

    async def finish(self, received: Received, answers: Sequence[Outgoing], entries: Sequence[Entry]) -> None:
        """The request is done, its answers wait in the outbox, the journal has it: one transaction."""
        ...


class Journal(Protocol):
    """The record of who did what."""

    async def write(self, *entries: Entry) -> None: ...

    async def tail(self, count: int) -> Sequence[Row]:
        """The newest rows, oldest first."""
        ...

    async def head(self) -> tuple[int, str]:
        """Number and hash of the newest row."""
        ...

    async def releases(self, service: str) -> Sequence[Release]:
        """What was done to the image of a service (its full name), and ended well; the newest first."""
        ...


class Outbox(Protocol):
    """What waits to be said."""

    async def enqueue(self, outgoing: Sequence[Outgoing], entries: Sequence[Entry] = ()) -> None: ...

    async def waiting(self) -> Sequence[Delivery]: ...


@dataclass(frozen=True, slots=True)
class AlertView:
    """One alert as `!alerts` and `!why alert` show it."""

    group: str
    endpoint: str
    receiver: str
    name: str
    severity: str
    labels: dict[str, str]
    summary: str
    since: datetime | None
    reason: str
    """Why its group went to these rooms."""
    rooms: tuple[str, ...]
    heard: datetime | None = None
    """When its sender last said anything of its group."""


class Alerts(Protocol):
    """What fires now."""

    async def firing(self) -> Sequence[AlertView]: ...


class AlertTest(Protocol):
    """A synthetic alert through the real webhook."""

    async def ring(self, room: str, by: str) -> str:
        """Post it over HTTP to our own webhook, routed to `room`; returns the test's id."""
        ...

    async def arrival(self, test_id: str, within: timedelta) -> dict[str, float]:
        """Milliseconds from the post to each place that showed it; a place that did not is left out."""
        ...


# ---- plans ----------------------------------------------------------------------------------------------

Tell = Callable[[Doc], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class PlanView:
    """One plan that waits, as `!pending` shows it. `yes`: who said so; `needed`: how many it takes."""

    code: str
    command: str
    subject: str
    requester: str
    room: str
    yes: tuple[str, ...]
    needed: int
    who: str
    """Whose yes it wants, in words."""
    expires: datetime
    runs: datetime | None = None
    """When it runs without the votes, once the glass was broken."""
    unsigned: bool = False
    """It ran without the votes, and `who` says whose signature it wants."""


class Approvals(Protocol):
    """What people say about plans by code. Each raises Refused, in words."""

    async def approve(self, asker: Asker, code: str, said: str, tell: Tell | None = None) -> Doc:
        """A yes. `said` is the id of the message. With `tell`, returns when the plan has ended."""
        ...

    async def deny(self, asker: Asker, code: str, said: str) -> Doc: ...

    async def cancel(self, asker: Asker, code: str) -> Doc:
        """Taken back by who asked."""
        ...

    async def break_glass(self, asker: Asker, code: str, reason: str, said: str) -> Doc:
        """Run it without the votes, after the countdown that the policy names, unless somebody says no."""
        ...

    async def pending(self) -> Sequence[PlanView]: ...

    async def why(self, asker: Asker, code: str) -> str:
        """Who could say yes, and why not this one."""
        ...


# ---- the estate -----------------------------------------------------------------------------------------


Say = Callable[[str], Awaitable[None]]
"""A line of progress."""


class Engine(Protocol):
    """A Docker Engine. Raises Upstream, bounded in time, when it does not answer."""

    host: str

    async def containers(self) -> Sequence[Container]:
        """All of them, stopped ones too, in one call."""
        ...

    async def detail(self, container: Container) -> Detail: ...

    async def logs(self, container: Container, *, tail: int, since: datetime | None = None) -> str:
        """The last lines of stdout and stderr together, as they were written (not redacted)."""
        ...

    async def images(self) -> Sequence[Image]: ...

    async def facts(self) -> Facts: ...

    async def sample(self, container: Container) -> Sample | None:
        """What it has used until now; None when that is not counted."""
        ...

    async def image(self, reference: str) -> Image:
        """One, by name, digest or id, looked at closely. A permanent Upstream when it is not there."""
        ...

    async def tag(self, image_id: str, reference: str) -> None:
        """Give an image one more name. Takes it from the image that has it now."""
        ...

    async def untag(self, reference: str) -> None:
        """Take one name away. Raises Upstream when that would remove an image that something uses."""
        ...

    async def pull(self, reference: str, login: Mapping[str, str] | None, say: Say) -> None:
        """From its registry; `say` hears how far it is. Raises Upstream, also for what fails half-way."""
        ...

    async def restart(self, container: Container, *, grace: int) -> None:
        """Stop it, with `grace` seconds to end by itself, and start it. Returns when the Engine did."""
        ...

    async def start(self, container: Container) -> None: ...

    async def stop(self, container: Container, *, grace: int) -> None: ...

    async def execute(
        self,
        container: Container,
        argv: Sequence[str],
        *,
        into: Path,
        seconds: float,
        environment: Mapping[str, str] | None = None,
    ) -> Executed:
        """Run a program inside it. What it writes to stdout goes into the new file `into` (0600, on disk when
        this returns). The exit code is the Engine's word, never that of a pipe. Raises Upstream when it is
        not known how it ended, and NotDone when the file cannot be written."""
        ...

    async def create(self, wanted: Throwaway) -> Container:
        """Make a throw-away container, not started."""
        ...

    async def put(self, container: Container, files: Mapping[str, Path]) -> None:
        """Copy files into it: path inside → path here. Everybody inside may read them."""
        ...

    async def remove(self, container: Container) -> None:
        """Remove a throw-away container with its volumes; any other is refused. Gone already is well."""
        ...

    async def ready(self) -> Readiness: ...


class Notes(Protocol):
    """Small facts that survive, by name."""

    async def read(self, name: str) -> str | None: ...

    async def write(self, name: str, value: str) -> None:
        """When it returns, it is on disk. Raises Upstream."""
        ...


class Compose(Protocol):
    """The compose tree, read."""

    async def tree(self) -> Tree:
        """Read again when files changed. What cannot be read is in it as such."""
        ...


class Snapshots(Protocol):
    """The whole estate, as an audit judges it."""

    root: Path

    async def take(self, now: datetime) -> "Snapshot":
        """As it is now. What cannot be read, and an Engine that is away, is in it as such."""
        ...


@dataclass(frozen=True, slots=True)
class LastAudit:
    """`at` None: there was none. `blind`: why what runs was not seen then; empty when it was."""

    at: datetime | None = None
    standings: "Sequence[Standing]" = ()
    blind: str = ""


@dataclass(frozen=True, slots=True)
class AuditNews:
    """An audit that was taken: what is kept of it, and what is said of it. `doc` None: nothing changed.
    `about`: for the journal."""

    root: Path
    at: datetime
    standings: "Sequence[Standing]"
    blind: str
    doc: Doc | None
    about: Mapping[str, Any]


class Audits(Protocol):
    """What the last audit of an estate found."""

    async def last(self, root: Path) -> LastAudit: ...

    async def keep(
        self,
        root: Path,
        at: datetime,
        standings: "Sequence[Standing]",
        blind: str,
        outgoing: Sequence[Outgoing] = (),
        entries: Sequence[Entry] = (),
    ) -> None:
        """In place of the last one, with what is said about it, in one transaction: on disk when it
        returns. Raises Upstream."""
        ...


JSON = dict[str, Any]
