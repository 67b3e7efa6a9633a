"""What a notification changes in a group: each alert in it met with what the group remembers. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import Enum, auto

from alert_bridge.member import LINK_LIMIT, Member, State, Tombstone, brief, summary_of
from alert_bridge.payload import Alert, Notification, Status


class Met(Enum):
    """What one alert of a notification is to the group."""

    SAME = auto()
    NEW = auto()
    REFIRED = auto()
    BACK = auto()
    """Reported again after it was not, with the same startsAt."""
    ENDED = auto()
    UNSEEN = auto()
    LATE = auto()
    """Firing, but resolved already; or resolved, but of an episode before the present one."""
    OVER = auto()
    """Resolved, and known to be so since an earlier message."""


@dataclass(frozen=True, slots=True)
class Merge:
    """The members after a notification, what each alert in it was, and who is over because of it."""

    members: tuple[Member, ...]
    met: Mapping[str, Met]
    buried: tuple[Tombstone, ...]
    state: State
    changed: bool

    def of(self, *kinds: Met) -> tuple[Member, ...]:
        return tuple(m for m in self.members if self.met.get(m.fingerprint) in kinds)

    @property
    def only_late(self) -> bool:
        return bool(self.met) and all(met in (Met.LATE, Met.OVER) for met in self.met.values())


@dataclass(frozen=True, slots=True)
class Past:
    """What is over: (fingerprint, startsAt) → when that was heard; and how long a firing one may be late."""

    over: Mapping[tuple[str, datetime], datetime] = field(default_factory=dict)
    late_after: datetime | None = None

    def knows(self, alert: Alert) -> bool:
        return alert.starts_at is not None and (alert.fingerprint, alert.starts_at) in self.over

    def is_late(self, ended_at: datetime) -> bool:
        """Whether a firing alert that was over at `ended_at` is an old copy, and no new ring."""
        return self.late_after is None or ended_at >= self.late_after


def diff(priors: Sequence[Member], past: Past, notification: Notification, now: datetime) -> Merge:
    members = {member.fingerprint: member for member in priors}
    met: dict[str, Met] = {}
    buried: list[Tombstone] = []
    for alert in notification.alerts:
        prior = members.get(alert.fingerprint)
        what = _meet(prior, alert, past)
        met[alert.fingerprint] = what
        if what in (Met.LATE, Met.OVER):
            continue
        member = _member(prior, alert, what, now)
        if prior is not None and prior.starts_at is not None and prior.starts_at != member.starts_at:
            buried.append(Tombstone(prior.fingerprint, prior.starts_at, now))
        members[alert.fingerprint] = member
    stale = Met.LATE in met.values()
    for member in priors:
        if member.fingerprint not in met and member.state is State.FIRING:
            members[member.fingerprint] = _unreported(member, notification, stale, now)
    after = tuple(members.values())
    cut_ones_fire = notification.truncated > 0 and notification.status is Status.FIRING
    firing = cut_ones_fire or any(member.state is State.FIRING for member in after)
    return Merge(
        members=after,
        met=met,
        buried=tuple(buried),
        state=State.FIRING if firing else State.RESOLVED,
        changed=_standing(priors) != _standing(after),
    )


def _standing(members: Iterable[Member]) -> dict[str, tuple[State, datetime | None]]:
    return {member.fingerprint: (member.state, member.starts_at) for member in members}


def _meet(prior: Member | None, alert: Alert, past: Past) -> Met:
    if alert.status is Status.FIRING:
        return _meet_firing(prior, alert, past)
    return _meet_resolved(prior, alert, past.knows(alert))


def _meet_firing(prior: Member | None, alert: Alert, past: Past) -> Met:
    if alert.starts_at is not None and past.knows(alert):
        if past.is_late(past.over[alert.fingerprint, alert.starts_at]):
            return Met.LATE
        return Met.NEW if prior is None else Met.REFIRED
    if prior is None:
        return Met.NEW
    if prior.state is State.RESOLVED:
        # Without a startsAt nobody can tell late from new: to ring once too often is the smaller harm.
        same = alert.starts_at is not None and alert.starts_at == prior.starts_at
        return Met.LATE if same and past.is_late(prior.at) else Met.REFIRED
    if alert.starts_at is not None and prior.starts_at is not None and alert.starts_at > prior.starts_at:
        return Met.REFIRED
    # An earlier startsAt is the same alert: Alertmanager merges two Prometheis into the earlier start.
    return Met.BACK if prior.state is State.GONE else Met.SAME


def _meet_resolved(prior: Member | None, alert: Alert, over: bool) -> Met:
    if prior is None:
        return Met.OVER if over else Met.UNSEEN
    earlier = (
        alert.starts_at is not None and prior.starts_at is not None and alert.starts_at < prior.starts_at
    )
    if prior.state is State.RESOLVED:
        return Met.OVER if earlier else Met.SAME
    ended_before = (
        earlier and alert.ends_at is not None and alert.ends_at <= (prior.starts_at or alert.ends_at)
    )
    return Met.LATE if ended_before else Met.ENDED


def _member(prior: Member | None, alert: Alert, what: Met, now: datetime) -> Member:
    state = State.FIRING if alert.status is Status.FIRING else State.RESOLVED
    settled = prior is not None and prior.state is state and what is Met.SAME
    return Member(
        fingerprint=alert.fingerprint,
        state=state,
        starts_at=alert.starts_at or (prior.starts_at if prior and what is not Met.REFIRED else None),
        at=prior.at if settled and prior else now,
        ends_at=alert.ends_at,
        labels=brief(alert.labels),
        summary=summary_of(alert.annotations),
        links=tuple(link for link in alert.links if len(link.url) <= LINK_LIMIT),
        again=(prior.again if prior else 0) + (what is Met.REFIRED),
        unseen=what is Met.UNSEEN or bool(prior and prior.unseen and state is State.RESOLVED),
    )


def _unreported(member: Member, notification: Notification, stale: bool, now: datetime) -> Member:
    if notification.truncated and notification.status is Status.RESOLVED:
        return replace(member, state=State.RESOLVED, at=now)
    if notification.truncated or stale:
        # It may be among those that were cut off, or this is an old truth: nothing is known about it.
        return member
    return replace(member, state=State.GONE, at=now)
