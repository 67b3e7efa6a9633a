"""Public in-memory fakes, each small, run through the same contract tests as the real thing."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from bot.core.doc import Doc
from bot.core.errors import Upstream
from bot.core.model import Identity, Readiness, Room
from bot.ports import Inbox, Pace


@dataclass
class FakeClock:
    """A clock that goes when told."""

    at: datetime = datetime(2026, 1, 1, 12, tzinfo=UTC)

    def now(self) -> datetime:
        return self.at

    def forward(self, seconds: float) -> None:
        self.at += timedelta(seconds=seconds)


@dataclass
class Said:
    """One visible message of a FakePlatform: all its versions, the newest last."""

    id: str
    room: Room
    key: str
    thread: str | None
    docs: list[Doc]


@dataclass
class FakePlatform:
    """A platform in memory. `trouble` is asked before each call and may return what is raised instead."""

    name: str = "fake"
    pace: Pace | None = None
    idempotent: bool = False
    said: list[Said] = field(default_factory=list)
    whispers: list[tuple[Identity, Doc]] = field(default_factory=list)
    trouble: Callable[[str, Room], Upstream | None] = lambda call, room: None
    after_commit: Callable[[str, Room], Upstream | None] = lambda call, room: None

    async def preflight(self) -> None: ...

    async def run(self, inbox: Inbox) -> None: ...

    async def send(self, room: Room, doc: Doc, *, key: str, thread: str | None = None) -> str:
        self._raise(self.trouble, "send", room)
        again = next(
            (one for one in self.said if self.idempotent and one.key == key and one.room == room), None
        )
        one = again or Said(f"{self.name}-{len(self.said) + 1}", room, key, thread, [doc])
        if again is None:
            self.said.append(one)
        self._raise(self.after_commit, "send", room)
        return one.id

    async def edit(self, room: Room, message_id: str, doc: Doc, *, key: str) -> None:
        self._raise(self.trouble, "edit", room)
        next(one for one in self.said if one.id == message_id).docs.append(doc)
        self._raise(self.after_commit, "edit", room)

    async def find(self, room: Room, key: str, *, thread: str | None = None, since: datetime) -> str | None:
        self._raise(self.trouble, "find", room)
        return next((one.id for one in self.said if one.room == room and one.key == key), None)

    async def whisper(self, room: Room, to: Identity, doc: Doc, *, key: str) -> None:
        self.whispers.append((to, doc))

    async def ready(self) -> Readiness:
        return Readiness(True)

    async def close(self) -> None: ...

    def _raise(self, ask: Callable[[str, Room], Upstream | None], call: str, room: Room) -> None:
        trouble = ask(call, room)
        if trouble is not None:
            raise trouble
