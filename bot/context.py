"""What a command is given: who asks, where, and the sockets it may use."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING

from bot.core.authority import Asker
from bot.core.command import Command
from bot.core.model import Identity, Message, People, Person, Readiness, Room
from bot.core.plan import Plan
from bot.core.policy import Policy
from bot.core.redact import Redactor
from bot.core.steps import OnStep, no_step
from bot.ports import Alerts, AlertTest, Approvals, Audits, Compose, Engine, Journal, Snapshots, Tell
from estate.hands import Hands
from estate.myself import Myself

if TYPE_CHECKING:
    from estate.backup.keeper import Keeper

NOBODY = Myself()


@dataclass(frozen=True, slots=True)
class Services:
    """Everything a command may reach. An absent part says in words what is missing and how to get it."""

    prefix: str
    commands: Sequence[Command]
    people: People
    policy: Policy
    journal: Journal
    alerts: Alerts
    alert_test: AlertTest | None = None
    engines: Sequence[Engine] = ()
    no_engine: str = ""
    compose: Compose | None = None
    snapshots: Snapshots | None = None
    """None: there is no tree to audit."""
    audits: Audits | None = None
    """The last audit; None: it is compared with nothing."""
    daily: bool = False
    """The clock takes an audit, and keeps it: then nobody else does."""
    rooms: Mapping[str, Sequence[Room]] = field(default_factory=dict)
    """Configured room name → its places."""
    readiness: Mapping[str, Readiness] = field(default_factory=dict)
    encryption: Mapping[str, str] = field(default_factory=dict)
    """Platform → off | optional | required; a platform that is not named: off."""
    approvals: Approvals | None = None
    backup: "Callable[[], Keeper] | None" = None
    """Gives who makes backups, loaded at the first call; None where none is configured."""
    myself: Myself = NOBODY
    """What must never be stopped from here."""
    hands: Hands | None = None
    """What changes files and deploys."""

    def named(self, room: Room) -> Room:
        """The room under its configured name; without a name when it is not configured."""
        if room.name:
            return room
        found = (name for name, places in self.rooms.items() if room in places)
        return Room(room.platform, room.address, next(found, ""))


@dataclass(frozen=True, slots=True)
class Run:
    """The plan that was said yes to, and nothing else, is what a handler may do now."""

    plan: Plan
    say: Callable[[str], Awaitable[None]]
    """A line of progress."""
    show: Callable[[str], Awaitable[None]]
    """How far it is: on the card, where the next one replaces it."""
    step: OnStep = no_step
    """Called at each durable step of the command's own."""
    code: str = ""
    yes: tuple[str, ...] = ()
    """Who said yes, `adam (slack:T0AAA/U0BBB)`."""


@dataclass(frozen=True, slots=True)
class Context:
    """One request. `run` is there when a plan is carried out."""

    message: Message
    identity: Identity
    person: Person | None
    now: datetime
    services: Services
    redactor: Redactor
    tell: Tell | None = None
    """Says something before the answer is complete, where the asker waits for it: in the console."""
    run: Run | None = None

    @property
    def asker(self) -> Asker:
        """What `authorize` wants to know about the one who asks."""
        message, encryption = self.message, self.services.encryption
        return Asker(
            person=self.person,
            identity=self.identity,
            room=self.services.named(message.room),
            trust=message.trust,
            encryption=encryption.get(self.identity.platform, "off"),
        )
