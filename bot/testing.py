"""Public in-memory fakes, each small, run through the same contract tests as the real thing."""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from bot.core.delivery import Outgoing
from bot.core.doc import Doc
from bot.core.errors import Upstream
from bot.core.journal import GENESIS, Entry, Row, chain, releases_in
from bot.core.model import Event, Identity, Readiness, Room
from bot.core.release import Release
from bot.ports import AlertView, Clock, Inbox, Pace, Received, Say
from estate.model import (
    THROWAWAY,
    Container,
    Detail,
    Executed,
    Facts,
    Health,
    Image,
    Sample,
    State,
    Throwaway,
    Tree,
)


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

    def link(self, room: Room, message_id: str) -> str | None:
        return f"https://{self.name}.example/{room.address}/{message_id}"

    async def ready(self) -> Readiness:
        return Readiness(True)

    async def close(self) -> None: ...

    def _raise(self, ask: Callable[[str, Room], Upstream | None], call: str, room: Room) -> None:
        trouble = ask(call, room)
        if trouble is not None:
            raise trouble


@dataclass
class FakeJournal:
    """A journal in memory, chained like the real one. `trouble` is raised by the next writes."""

    clock: Clock = field(default_factory=FakeClock)
    rows: list[Row] = field(default_factory=list)
    trouble: Upstream | None = None

    async def write(self, *entries: Entry) -> None:
        if self.trouble is not None:
            raise self.trouble
        for entry in entries:
            seq, head = await self.head()
            self.rows.append(chain(seq + 1, self.clock.now(), entry, head))

    async def tail(self, count: int) -> Sequence[Row]:
        return self.rows[-count:]

    async def head(self) -> tuple[int, str]:
        return (self.rows[-1].seq, self.rows[-1].hash) if self.rows else (0, GENESIS)

    async def releases(self, service: str) -> Sequence[Release]:
        return releases_in(self.rows, service)


@dataclass
class FakeAlerts:
    """What fires, as told."""

    views: list[AlertView] = field(default_factory=list)

    async def firing(self) -> Sequence[AlertView]:
        return self.views


@dataclass
class FakeAlertTest:
    """A test alert that arrives as told: place → milliseconds."""

    took: dict[str, float]
    rung: list[tuple[str, str]] = field(default_factory=list)

    async def ring(self, room: str, by: str) -> str:
        self.rung.append((room, by))
        return f"test-{len(self.rung)}"

    async def arrival(self, test_id: str, within: timedelta) -> dict[str, float]:
        return self.took


@dataclass
class FakeRequests:
    """An inbox of the events it was given, which ends when they are all handed out. `troubles` are raised
    by `finish`, one a call, until there are none left."""

    events: Sequence[Event]
    finished: dict[int, tuple[Sequence[Outgoing], Sequence[Entry]]] = field(default_factory=dict)
    order: list[int] = field(default_factory=list)
    troubles: list[Upstream] = field(default_factory=list)

    async def incoming(self) -> AsyncIterator[Received]:
        for number, event in enumerate(self.events, start=1):
            if number not in self.finished:
                yield Received(number, event)

    async def finish(self, received: Received, answers: Sequence[Outgoing], entries: Sequence[Entry]) -> None:
        if self.troubles:
            raise self.troubles.pop()
        assert received.id not in self.finished, "finished twice"
        self.finished[received.id] = (answers, entries)
        self.order.append(received.id)


@dataclass
class FakeEngine:
    """A Docker Engine that has these containers. `trouble` is raised by every call; `calls` counts them."""

    details: Sequence[Detail] = ()
    host: str = "local"
    log: dict[str, str] = field(default_factory=dict)
    """Container name → its log, as written."""
    stock: Sequence[Image] = ()
    registry: Sequence[Image] = ()
    """What can be pulled."""
    trouble: Upstream | None = None
    calls: list[str] = field(default_factory=list)
    programs: Callable[[Container, Sequence[str]], tuple[int, bytes, str]] = lambda container, argv: (
        127,
        b"",
        "executable file not found",
    )
    """What a program inside says: its exit code, stdout and stderr."""
    copied: dict[str, bytes] = field(default_factory=dict)
    known: Facts = field(default_factory=Facts)

    async def containers(self) -> Sequence[Container]:
        self._note("containers")
        return [detail.container for detail in self.details]

    async def detail(self, container: Container) -> Detail:
        self._note(f"detail {container.name}")
        found = next((one for one in self.details if one.container.id == container.id), None)
        if found is None:
            raise Upstream(f"no such container: {container.name}", permanent=True)
        return found

    async def logs(self, container: Container, *, tail: int, since: datetime | None = None) -> str:
        self._note(f"logs {container.name} {tail} {since}")
        return "".join(self.log.get(container.name, "").splitlines(keepends=True)[-tail:])

    async def images(self) -> Sequence[Image]:
        self._note("images")
        return self.stock

    async def facts(self) -> Facts:
        self._note("facts")
        return self.known

    async def sample(self, container: Container) -> Sample | None:
        self._note(f"sample {container.name}")
        return None

    async def image(self, reference: str) -> Image:
        self._note(f"image {reference}")
        return self._stocked(reference)

    async def tag(self, image_id: str, reference: str) -> None:
        self._note(f"tag {image_id} {reference}")
        wanted = self._stocked(image_id)
        self.stock = [replace(one, tags=_named(one, wanted.id, reference)) for one in self.stock]

    async def untag(self, reference: str) -> None:
        self._note(f"untag {reference}")
        image = self._stocked(reference)
        left = _named(image, "", reference)
        if not left and any(one.container.image_id == image.id for one in self.details):
            raise Upstream(f"conflict: {reference} is the last name of an image that is used")
        others = [one for one in self.stock if one.id != image.id]
        # The last name takes the image along.
        self.stock = [*others, replace(image, tags=left)] if left else others

    async def pull(self, reference: str, login: Mapping[str, str] | None, say: Say) -> None:
        self._note(f"pull {reference}")
        found = (one for one in self.registry if reference in {*one.tags, *one.digests})
        image = next(found, None)
        if image is None:
            raise Upstream(f"{reference}: manifest unknown", permanent=True)
        await say(f"pulling {reference}: 1 of 1 MB")
        known = [one for one in self.stock if one.id != image.id]
        held = next((one.tags for one in self.stock if one.id == image.id), ())
        tags = held if "@" in reference else (*(tag for tag in held if tag != reference), reference)
        self.stock = [replace(one, tags=_named(one, "", reference)) for one in known]
        self.stock.append(replace(image, tags=tags))

    def _stocked(self, reference: str) -> Image:
        found = (one for one in self.stock if reference in {one.id, *one.tags, *one.digests})
        image = next(found, None)
        if image is None:
            raise Upstream(f"no such image: {reference}", permanent=True)
        return image

    async def restart(self, container: Container, *, grace: int) -> None:
        self._note(f"restart {container.id} {grace}")
        self._become(container, State.RUNNING)

    async def start(self, container: Container) -> None:
        self._note(f"start {container.id}")
        self._become(container, State.RUNNING)

    async def stop(self, container: Container, *, grace: int) -> None:
        self._note(f"stop {container.id} {grace}")
        self._become(container, State.EXITED)

    async def execute(
        self,
        container: Container,
        argv: Sequence[str],
        *,
        into: Path,
        seconds: float,
        environment: Mapping[str, str] | None = None,
    ) -> Executed:
        self._note(f"execute {container.name} {' '.join(argv)}")
        exit_code, said, errors = self.programs(container, argv)
        into.touch(0o600, exist_ok=False)
        into.write_bytes(said)
        return Executed(exit_code, errors)

    async def create(self, wanted: Throwaway) -> Container:
        self._note(f"create {wanted.image_id}")
        name, labels = f"throwaway-{len(self.calls)}", {THROWAWAY: wanted.owner}
        made = Container(
            (name.encode().hex() * 64)[:64], name, self.host, wanted.image_id, wanted.image_id, State.CREATED,
            Health.NONE, "Created", datetime.now(UTC), labels,
        )  # fmt: skip
        self.details = [*self.details, Detail(made, None, None, None, False, 0, "", 0, (), ())]
        return made

    async def put(self, container: Container, files: Mapping[str, Path]) -> None:
        self._note(f"put {container.name}")
        self.copied |= {name: path.read_bytes() for name, path in files.items()}

    async def remove(self, container: Container) -> None:
        if THROWAWAY not in container.labels:
            raise ValueError(f"{container.name} is no throw-away container")
        self._note(f"remove {container.name}")
        self.details = [one for one in self.details if one.container.id != container.id]

    def _become(self, container: Container, state: State) -> None:
        self.details = [
            replace(one, container=replace(one.container, state=state))
            if one.container.id == container.id
            else one
            for one in self.details
        ]

    async def ready(self) -> Readiness:
        return Readiness(self.trouble is None, str(self.trouble or ""))

    def _note(self, call: str) -> None:
        self.calls.append(call)
        if self.trouble is not None:
            raise self.trouble


def _named(image: Image, image_id: str, reference: str) -> tuple[str, ...]:
    others = tuple(one for one in image.tags if one != reference)
    return (*others, reference) if image.id == image_id else others


@dataclass
class FakeNotes:
    """Small facts, in memory."""

    kept: dict[str, str] = field(default_factory=dict)

    async def read(self, name: str) -> str | None:
        return self.kept.get(name)

    async def write(self, name: str, value: str) -> None:
        self.kept[name] = value


@dataclass
class FakeCompose:
    """A compose tree, as told."""

    says: Tree = field(default_factory=Tree)

    async def tree(self) -> Tree:
        return self.says
