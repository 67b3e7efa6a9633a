"""A room to talk in: the console's cast, the real commands and the real engine over fakes."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta

import commands
from bot.approvals import Approvals
from bot.context import Services
from bot.core.command import Command
from bot.core.doc import plain
from bot.core.model import Identity, Message, People, Room, Trust
from bot.core.policy import CONSOLE_POLICY, Policy
from bot.core.redact import Redactor
from bot.engine import Answer, Engine, Resolve, as_typed
from bot.platforms.console import CAST, ROOMS
from bot.testing import FakeAlerts, FakeClock, FakeJournal

OPS = ROOMS[0]


@dataclass
class Talk:
    """`await talk.ask("ann", "!ping")` is what ann reads."""

    commands: Sequence[Command] = commands.ALL
    policy: Policy = CONSOLE_POLICY
    people: People = CAST
    rate: tuple[int, timedelta] | None = None
    resolve: Resolve = as_typed
    secrets: Sequence[str] = ()
    clock: FakeClock = field(default_factory=FakeClock)
    alerts: FakeAlerts = field(default_factory=FakeAlerts)
    journal: FakeJournal = field(default_factory=FakeJournal)
    approvals: Callable[["Talk"], Approvals] | None = None
    """Makes the room for plans; without it, what needs a yes is refused."""

    def __post_init__(self) -> None:
        self.services = Services(
            prefix="!",
            commands=self.commands,
            people=self.people,
            policy=self.policy,
            journal=self.journal,
            alerts=self.alerts,
            rooms={room.name: (room,) for room in ROOMS},
            no_engine="no Docker Engine answers here",
        )
        redactor = Redactor(self.secrets)
        plans = self.approvals(self) if self.approvals is not None else None
        self.services = replace(self.services, approvals=plans)
        self.engine = Engine(
            lambda: self.services,
            self.clock,
            lambda: redactor,
            rate=self.rate,
            resolve=self.resolve,
            number=lambda: "4F2A",
            approvals=plans,
        )

    def with_services(self, **changes: object) -> "Talk":
        self.services = replace(self.services, **changes)  # type: ignore[arg-type]
        return self

    def message(
        self,
        seat: str,
        text: str,
        *,
        room: Room = OPS,
        platform: str = "console",
        age: float = 0.0,
        trust: Trust | None = None,
        **more: object,
    ) -> Message:
        at = self.clock.now() - timedelta(seconds=age)
        sender = Identity(platform, seat)
        base = Message("m1", room, sender, text, at, trust=trust or Trust(verified=True))
        return replace(base, **more)  # type: ignore[arg-type]

    async def answer(self, seat: str, text: str, **more: object) -> Answer:
        found = await self.engine.handle(self.message(seat, text, **more))  # type: ignore[arg-type]
        assert found is not None, f"not taken as a command: {text}"
        return found

    async def ask(self, seat: str, text: str, **more: object) -> str:
        found = await self.answer(seat, text, **more)
        return plain(found.doc) if found.doc is not None else ""
