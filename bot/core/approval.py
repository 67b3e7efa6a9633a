"""The life of an approval: every transition in one table. Pure.

    asked ──► approved ──────► running ──► done | failed | rolled back | interrupted
      │  │        ▲              ▲
      │  └► counting down ───────┘
      │        │  │
      └────────┴──┴──► denied | expired | cancelled | drifted      (approved leads there too)

People are compared, never accounts: whoever asked on Matrix is the same person on Slack. A no wins at once.
Who breaks the glass needs no votes and starts a countdown; what ran so waits for a second person's signature.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType

from bot.core.errors import Refused
from bot.core.glass import NOTHING_PROVED, Glass, Signature
from bot.core.model import Identity, Trust
from bot.core.policy import Ask, Rule


class State(StrEnum):
    """Where an approval stands."""

    ASKED = "asked"
    COUNTDOWN = "counting down"
    APPROVED = "approved"
    DENIED = "denied"
    EXPIRED = "expired"
    CANCELLED = "cancelled"
    DRIFTED = "drifted"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    ROLLED_BACK = "rolled back"
    INTERRUPTED = "interrupted"

    @property
    def pending(self) -> bool:
        """Nothing ran yet and something still may."""
        return self in PENDING

    @property
    def over(self) -> bool:
        return not TRANSITIONS[self]


PENDING = (State.ASKED, State.COUNTDOWN, State.APPROVED)
OPEN = (State.ASKED, State.COUNTDOWN)
"""In these a yes still counts."""
_STOPPED = (State.DENIED, State.EXPIRED, State.CANCELLED, State.DRIFTED)
RAN = (State.DONE, State.FAILED, State.ROLLED_BACK, State.INTERRUPTED)

TRANSITIONS: Mapping[State, frozenset[State]] = MappingProxyType(
    {
        State.ASKED: frozenset({State.COUNTDOWN, State.APPROVED, *_STOPPED}),
        State.COUNTDOWN: frozenset({State.APPROVED, State.RUNNING, *_STOPPED}),
        State.APPROVED: frozenset({State.RUNNING, *_STOPPED}),
        State.DENIED: frozenset(),
        State.EXPIRED: frozenset(),
        State.CANCELLED: frozenset(),
        State.DRIFTED: frozenset(),
        State.RUNNING: frozenset({State.DONE, State.FAILED, State.ROLLED_BACK, State.INTERRUPTED}),
        State.DONE: frozenset(),
        State.FAILED: frozenset(),
        State.ROLLED_BACK: frozenset(),
        State.INTERRUPTED: frozenset(),
    }
)
"""The one table. What is not in it does not happen."""


@dataclass(frozen=True, slots=True)
class Vote:
    """One person's yes or no. `event_id` is the message, click or reaction it was said with; `roles` are
    those the person held then."""

    person: str
    identity: Identity
    approve: bool
    at: datetime
    event_id: str
    roles: tuple[str, ...] = ()
    trust: Trust = NOTHING_PROVED


@dataclass(frozen=True, slots=True)
class Approval:
    """A request, its plan's digest, what it needs, and who said what."""

    id: str
    code: str
    digest: str
    requester: str
    """The person's name."""
    rule: Rule
    expires: datetime
    state: State = State.ASKED
    votes: tuple[Vote, ...] = ()
    """Those that stand, each person's newest."""
    why: str = ""
    """How it came to its state, in words."""
    glass: Glass | None = None
    """Who broke the glass, once somebody did."""

    @property
    def unsigned(self) -> bool:
        """It ran, or runs, without the votes, and no second person has signed it off."""
        glass = self.glass
        ran = self.state is State.RUNNING or self.state in RAN
        return glass is not None and glass.needed and glass.signed is None and ran

    @property
    def needed(self) -> int:
        """How many people's yes it takes."""
        match self.rule.ask:
            case Ask.NONE:
                return 0
            case Ask.CONFIRM:
                return 1
            case Ask.APPROVE:
                return max(self.rule.votes, 1)

    @property
    def yes(self) -> tuple[Vote, ...]:
        """The votes that count for it, one a person."""
        return tuple(vote for vote in self.votes if vote.approve and self.may_count(vote.person))

    def may_count(self, person: str) -> bool:
        """Whether this person's yes can count at all, whatever their roles."""
        own = person == self.requester
        return not own or self.rule.ask is not Ask.APPROVE or self.rule.self_approval


def move(approval: Approval, to: State, why: str) -> Approval:
    """The approval in its next state. Raises Refused, in words, for what the table does not allow."""
    if to not in TRANSITIONS[approval.state]:
        raise Refused(past(approval))
    broken = approval.glass is not None
    if to is State.COUNTDOWN and not broken:
        raise Refused(f"nobody broke the glass for {approval.code}")
    through = broken and approval.state is State.COUNTDOWN and to is State.RUNNING
    if to in {State.APPROVED, State.RUNNING} and not through and len(approval.yes) < approval.needed:
        raise Refused(f"{approval.code} has {len(approval.yes)} of {approval.needed} yes")
    return replace(approval, state=to, why=why)


def vote(approval: Approval, said: Vote) -> Approval:
    """The approval after a vote that somebody was authorized to give. Raises Refused when it is too late, a
    repetition, or the asker's own yes where another's is wanted."""
    if not approval.state.pending:
        raise Refused(past(approval))
    if said.at >= approval.expires:
        raise Refused(f"{approval.code} has expired; ask again for a new plan")
    if not said.approve:
        return move(_with(approval, said), State.DENIED, f"{said.person} said no")
    if approval.state is State.APPROVED:
        raise Refused(f"{approval.code} has all the yes it needs already, and is about to run")
    if not approval.may_count(said.person):
        raise Refused(
            f"{said.person} asked for it, and this plan wants the yes of somebody else"
            " (the same person's other accounts do not count)"
        )
    if any(one.person == said.person and one.approve for one in approval.votes):
        raise Refused(f"{said.person} has said yes to {approval.code} already")
    counted = _with(approval, said)
    if len(counted.yes) >= counted.needed:
        names = ", ".join(one.person for one in counted.yes)
        glass = replace(counted.glass, needed=False) if counted.glass else None
        return replace(move(counted, State.APPROVED, f"{names} said yes"), glass=glass)
    return counted


def break_glass(approval: Approval, glass: Glass) -> Approval:
    """The approval after somebody who may broke the glass: it counts down. Raises Refused when it is too
    late for that, or not open."""
    code = approval.code
    if approval.state is State.COUNTDOWN and approval.glass is not None:
        raise Refused(f"{code} counts down already: {approval.glass.person} broke the glass")
    if approval.state is State.APPROVED:
        raise Refused(f"{code} has all the yes it needs already, and is about to run")
    if approval.state is not State.ASKED:
        raise Refused(past(approval))
    if glass.at >= approval.expires:
        raise Refused(f"{code} has expired; ask again for a new plan")
    if glass.runs >= approval.expires:
        raise Refused(f"{code} expires before the countdown would end; ask again for a new plan")
    broken = replace(approval, glass=glass)
    return move(broken, State.COUNTDOWN, f"{glass.person} broke the glass: {glass.reason}")


def sign(approval: Approval, signature: Signature) -> Approval:
    """The approval after a second person signed off what ran without the votes. Raises Refused."""
    glass, person = approval.glass, signature.person
    if glass is not None and glass.signed is not None:
        raise Refused(f"{approval.code} was signed off by {glass.signed.person} already")
    if glass is None or not approval.unsigned or approval.state is State.RUNNING:
        raise Refused(past(approval))
    if person == glass.person:
        raise Refused(f"{person} broke the glass, and this wants the signature of somebody else")
    if not approval.may_count(person):
        raise Refused(f"{person} asked for it, and this wants the signature of somebody else")
    return replace(approval, glass=replace(glass, signed=signature))


def withdraw(approval: Approval, event_id: str, how: str) -> Approval:
    """The approval after the message of a vote was edited or redacted. What runs already runs on."""
    gone = next((one for one in approval.votes if one.event_id == event_id), None)
    if gone is None or not approval.state.pending:
        return approval
    left = replace(approval, votes=tuple(one for one in approval.votes if one is not gone))
    if approval.state is State.APPROVED:
        return replace(left, state=State.CANCELLED, why=f"{gone.person}'s yes was {how} before it ran")
    return left


def standing(approval: Approval, counts: Callable[[Vote], str | None]) -> str | None:
    """None when the votes still carry the approval at the moment of running, else why not, in words.

    counts: None for a vote that would be taken again now, else why it would not."""
    lost = [(one, why) for one in approval.yes if (why := counts(one)) is not None]
    if len(approval.yes) - len(lost) >= approval.needed:
        return None
    return "; ".join(f"the yes of {one.person} no longer counts: {why}" for one, why in lost) or (
        f"it has {len(approval.yes)} of {approval.needed} yes"
    )


def past(approval: Approval) -> str:
    """What is said to one who comes too late."""
    why = f": {approval.why}" if approval.why else ""
    match approval.state:
        case State.ASKED | State.APPROVED:
            return f"{approval.code} is {approval.state.value} and has not run"
        case State.COUNTDOWN:
            return f"{approval.code} counts down and has not run{why}"
        case State.RUNNING:
            return f"{approval.code} is used: it is running now"
        case State.DONE | State.FAILED | State.ROLLED_BACK | State.INTERRUPTED:
            return f"{approval.code} is used: it ran, and the end was {approval.state.value}{why}"
        case State.EXPIRED:
            return f"{approval.code} has expired; ask again for a new plan"
        case State.DENIED | State.CANCELLED | State.DRIFTED:
            return f"{approval.code} was {_VERBS[approval.state]}{why}; ask again for a new plan"


_VERBS = {
    State.DENIED: "denied",
    State.CANCELLED: "cancelled",
    State.DRIFTED: "not run, for what it would have touched has changed",
}


def _with(approval: Approval, said: Vote) -> Approval:
    others: Iterable[Vote] = (one for one in approval.votes if one.person != said.person)
    return replace(approval, votes=(*others, said))
