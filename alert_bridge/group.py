"""The life of an alert group: what was told, what is new, what to say. Pure.

Every notification carries the whole group as its sender sees it, so the state is a diff by fingerprint.
One message ("generation") per group, edited in place; who is new, and the end, are lines in its thread.

A notification is one of these, in this order:

    probe      no alerts in it                                                    nothing
    stale      a state of some moments ago, from a sender that has not gone on    nothing
    duplicate  the present state, heard within 5 minutes                          nothing
    repeat     the present state, heard later or said to be a repeat              counted on the card
    late       only alerts that were over a moment ago, with the same startsAt     nothing
    change     everything else                                                    card, and perhaps lines

Sizes: 50 members keep labels, summary and links, the others only who they are and how they stand;
500 resolved and 500 no longer reported ones are kept; tombstones of 24 hours, 2000 at most.
"""

import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any

from alert_bridge.diff import Merge, Met, Past, diff
from alert_bridge.member import (
    MEMORY,
    Member,
    State,
    Tombstone,
    bounded,
    brief,
    kept,
    member_from_json,
    member_to_json,
    stamp,
    summary_of,
    unstamp,
    weight,
)
from alert_bridge.payload import Labels, Notification

WINDOW = timedelta(minutes=5)
"""Within it the same state again is a retry or the twin's copy."""
LATE_SAME = timedelta(seconds=60)
LATE_TWIN = timedelta(minutes=15)
"""So long after an alert was heard to be over, the same startsAt firing is late: from the sender that said
so itself, and from another. Later it rings: Alertmanager resolves what Prometheus cannot tell it about, and
fires it again with the same startsAt when it can."""
REOPEN = timedelta(minutes=10)
"""A group that fires again within it after RESOLVED goes on in the same message."""
RETRY = timedelta(seconds=30)
"""A repeat that its own sender posts again within it is a retry of the repeat."""
SKEW = timedelta(seconds=5)
"""A time further in the future than this is marked; less is two clocks of one estate."""
TOMBSTONES = 2000
SHOWN = 10
"""How many alerts a card lists; more are attached as a file."""
ECHOES = 16
REPEATED = "repeat interval elapsed"
VERSION = 1


@dataclass(frozen=True, slots=True)
class GroupKey:
    """Which group: two webhooks of one receiver and sibling routes share a groupKey, endpoints do not."""

    endpoint: str
    receiver: str
    group_key: str


class Card(StrEnum):
    """What happens to the group's message."""

    NEW = "new"
    EDIT = "edit"
    NONE = "none"


class Kind(StrEnum):
    """What a thread line says."""

    FIRING = "firing"
    REFIRED = "refired"
    RESOLVED = "resolved"


@dataclass(frozen=True, slots=True)
class Echo:
    """A state that was heard: its digest, when last, and from which senders."""

    digest: str
    at: datetime
    senders: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Line:
    """A line for the thread. `duration` with RESOLVED.

    `times` above 0: the whole group fires again, for the so-manieth time in this message.
    """

    kind: Kind
    alerts: tuple[Member, ...] = ()
    duration: timedelta | None = None
    times: int = 0


@dataclass(frozen=True, slots=True)
class Telling:
    """What to do now. `alerts` are the ones that this telling says are firing, by the new card or a line.

    attach: more is told than a card lists, so the full list belongs into the thread as a file.
    """

    card: Card
    reason: str
    lines: tuple[Line, ...] = ()
    alerts: tuple[Member, ...] = ()
    attach: bool = False


@dataclass(frozen=True, slots=True)
class Group:
    """The state of one alert group. All times aware UTC.

    id: of the present message; previous: of the message before it, which ended at previous_ended;
    generation: from 1.
    since: when the present (or last) stretch of firing began; ended: when it ended, None while firing;
    resolved_at: when that was heard. repeats: how often the sender repeated itself; refires: how often the
    group fired again in this message. truncated: how many alerts the sender cut off.
    earlier: resolved members of this message that are no longer kept.
    """

    key: GroupKey
    id: str
    generation: int
    state: State
    opened_at: datetime
    since: datetime
    changed_at: datetime
    received_at: datetime
    members: tuple[Member, ...] = ()
    previous: str | None = None
    previous_ended: datetime | None = None
    ended: datetime | None = None
    resolved_at: datetime | None = None
    repeats: int = 0
    repeat_at: datetime | None = None
    repeat_by: str = ""
    refires: int = 0
    group_labels: Labels = field(default_factory=dict)
    common_labels: Labels = field(default_factory=dict)
    summary: str = ""
    sender: str = ""
    product: str = ""
    title: str = ""
    truncated: int = 0
    earlier: int = 0
    skewed: bool = False
    unseen: bool = False
    problems: tuple[str, ...] = ()
    echoes: tuple[Echo, ...] = ()
    tombstones: tuple[Tombstone, ...] = ()

    def count(self, state: State) -> int:
        """How many members stand so; the resolved ones that are no longer kept count too."""
        here = sum(member.state is state for member in self.members)
        return here + self.earlier if state is State.RESOLVED else here

    @property
    def firing(self) -> tuple[Member, ...]:
        """The members that fire, the worst first."""
        return tuple(m for m in sorted(self.members, key=weight) if m.state is State.FIRING)

    @property
    def duration(self) -> timedelta | None:
        """How long the stretch lasted, never negative; None while firing."""
        return None if self.ended is None else max(self.ended - self.since, timedelta())


def lane_of(message: str) -> str:
    """The outbox's lane of a group's message, `Group.id`."""
    return f"group:{message}"


def update(
    group: Group | None, notification: Notification, *, key: GroupKey, now: datetime, new_id: str
) -> tuple[Group | None, Telling]:
    """Fold a notification into the group. `new_id` names the message if a new one begins.

    The group comes back changed also when nothing is told (it remembers what it heard); it is None only
    when it was None and the notification was a probe.
    """
    if not notification.alerts:
        return group, Telling(Card.NONE, "a probe: no alerts in it")
    digest = digest_of(notification)
    if group is None:
        first = diff((), Past(), notification, now)
        return _opened(None, first, notification, digest, key, now, new_id)
    if _is_stale(group, digest, notification.sender, now):
        return group, Telling(Card.NONE, "stale: the other Alertmanager's copy of a state that is over")
    if group.echoes and digest == group.echoes[-1].digest:
        return _heard_again(group, notification, digest, now)
    merge = diff(group.members, _past(group, notification.sender, now), notification, now)
    state = merge.state
    if group.state is State.RESOLVED and _reopens_anew(group, merge, now):
        return _opened(group, merge, notification, digest, key, now, new_id)
    if merge.changed or state is not group.state or group.truncated != notification.truncated:
        return _changed(group, merge, notification, digest, now)
    if merge.only_late:
        return group, Telling(Card.NONE, "late: these alerts were resolved already")
    return _heard_again(group, notification, digest, now)


def digest_of(notification: Notification) -> str:
    """What makes two notifications the same state: who, how, since when, until when. Not who sent it."""
    rows = sorted(
        (a.fingerprint, a.status.value, stamp(a.starts_at), stamp(a.ends_at)) for a in notification.alerts
    )
    # Of those that were cut off nothing is known but how many there are, and whether one of them fires.
    unseen = [notification.truncated, notification.status] if notification.truncated else []
    return hashlib.sha256(json.dumps([*rows, *unseen]).encode()).hexdigest()


# ---- retries, twins and repeats -------------------------------------------------------------------------


def _is_stale(group: Group, digest: str, sender: str, now: datetime) -> bool:
    """A state that was left some moments ago, from a sender that has said nothing newer yet.

    One sender is strictly ordered per group: what it says after something newer is a real change back.
    """
    places = [place for place, echo in enumerate(group.echoes) if echo.digest == digest]
    if not places or places[-1] == len(group.echoes) - 1:
        return False
    if now - group.echoes[places[-1]].at > WINDOW:
        return False
    newer = group.echoes[places[-1] + 1 :]
    return not any(sender in echo.senders for echo in newer)


def _heard_again(
    group: Group, notification: Notification, digest: str, now: datetime
) -> tuple[Group, Telling]:
    counted = _is_repeat(group, notification, now)
    heard = replace(group, echoes=_echoed(group.echoes, digest, notification.sender, now), received_at=now)
    if not counted:
        return heard, Telling(Card.NONE, "a duplicate: a retry or the other Alertmanager's copy")
    if group.state is State.RESOLVED:
        return heard, Telling(Card.NONE, "a repeat of what is resolved")
    members = diff(group.members, _past(group, notification.sender, now), notification, now).members
    heard = replace(
        _described(heard, notification),
        members=bounded(members),
        repeats=group.repeats + 1,
        repeat_at=now,
        repeat_by=notification.sender,
    )
    return heard, Telling(Card.EDIT, f"a repeat, number {heard.repeats}")


def _is_repeat(group: Group, notification: Notification, now: datetime) -> bool:
    if notification.reason != REPEATED:
        return now - group.received_at > WINDOW
    if group.repeat_at is None:
        return True
    return now - group.repeat_at > (RETRY if notification.sender == group.repeat_by else WINDOW)


def _echoed(echoes: Sequence[Echo], digest: str, sender: str, now: datetime) -> tuple[Echo, ...]:
    if echoes and echoes[-1].digest == digest:
        senders = tuple(dict.fromkeys((*echoes[-1].senders, sender)))[-ECHOES:]
        return (*echoes[:-1], Echo(digest, now, senders))
    fresh = [echo for echo in echoes if now - echo.at <= WINDOW]
    return (*fresh[-(ECHOES - 1) :], Echo(digest, now, (sender,)))


# ---- what follows ---------------------------------------------------------------------------------------


def _reopens_anew(group: Group, merge: Merge, now: datetime) -> bool:
    recent = group.resolved_at is not None and now - group.resolved_at <= REOPEN
    return not recent and (merge.state is State.FIRING or bool(merge.of(Met.UNSEEN)))


def _opened(
    last: Group | None,
    merge: Merge,
    notification: Notification,
    digest: str,
    key: GroupKey,
    now: datetime,
    new_id: str,
) -> tuple[Group, Telling]:
    """A new message for the group."""
    fresh = merge.of(Met.NEW, Met.REFIRED, Met.BACK, Met.SAME, Met.UNSEEN)
    if last is not None:
        fresh = tuple(m for m in fresh if merge.met[m.fingerprint] is not Met.SAME)
    members = tuple(replace(member, again=0) for member in fresh)
    here = {member.fingerprint for member in members}
    left_out = [member for member in merge.members if member.fingerprint not in here]
    firing = merge.state is State.FIRING
    since = _earliest(members, now)
    ended = None if firing else _latest_end(members, now)
    group = Group(
        key=key,
        id=new_id,
        generation=1 if last is None else last.generation + 1,
        previous=None if last is None else last.id,
        previous_ended=None if last is None else last.ended,
        state=merge.state,
        opened_at=now,
        since=since,
        ended=ended,
        resolved_at=None if firing else now,
        changed_at=now,
        received_at=now,
        members=bounded(members),
        unseen=not firing,
        skewed=_is_skewed(members, now),
        echoes=_echoed(() if last is None else last.echoes, digest, notification.sender, now),
        tombstones=() if last is None else _buried(last, merge, left_out, now),
    )
    told = tuple(member for member in members if member.state is State.FIRING)
    if last is None:
        reason = "a new group" if firing else "resolved, never seen firing"
    else:
        reason = "fires again, 10 minutes after it was resolved" if firing else "resolved, never seen firing"
    telling = Telling(Card.NEW, reason, alerts=told, attach=len(members) > SHOWN)
    return _described(group, notification), telling


def _changed(
    group: Group, merge: Merge, notification: Notification, digest: str, now: datetime
) -> tuple[Group, Telling]:
    """The same message goes on."""
    was_firing, firing = group.state is State.FIRING, merge.state is State.FIRING
    fresh = merge.of(Met.NEW)
    refired = merge.of(Met.REFIRED) if was_firing else merge.of(Met.REFIRED, Met.BACK)
    reopened = firing and not was_firing
    staying, dropped = kept(merge.members, now)
    since = group.since
    if reopened:
        since = _earliest([m for m in merge.members if m.state is State.FIRING], now)
    elif firing:
        since = min(since, _earliest(fresh, now))
    ended = None if firing else (group.ended if not was_firing else _latest_end(merge.of(Met.ENDED), now))
    after = replace(
        _described(group, notification),
        state=merge.state,
        members=bounded(staying),
        since=since,
        ended=ended,
        resolved_at=None if firing else (now if was_firing else group.resolved_at),
        refires=group.refires + reopened,
        changed_at=now,
        received_at=now,
        unseen=group.unseen and not firing,
        earlier=group.earlier + sum(member.state is State.RESOLVED for member in dropped),
        skewed=group.skewed or _is_skewed(merge.of(*Met), now),
        echoes=_echoed(group.echoes, digest, notification.sender, now),
        tombstones=_buried(group, merge, dropped, now),
    )
    lines: list[Line] = []
    if reopened:
        lines.append(Line(Kind.REFIRED, refired + fresh, times=after.refires))
    else:
        lines += [Line(kind, who) for kind, who in ((Kind.REFIRED, refired), (Kind.FIRING, fresh)) if who]
    if was_firing and not firing:
        lines.append(Line(Kind.RESOLVED, duration=after.duration))
    told = refired + fresh
    reason = _reason(merge, reopened, was_firing and not firing)
    return after, Telling(Card.EDIT, reason, tuple(lines), told, attach=len(told) > SHOWN)


def _reason(merge: Merge, reopened: bool, resolved: bool) -> str:
    parts = []
    if reopened:
        parts.append("fires again within 10 minutes")
    if resolved:
        parts.append("resolved")
    counts = (
        (Met.NEW, "new"),
        (Met.REFIRED, "fired again"),
        (Met.ENDED, "resolved"),
        (Met.BACK, "reported again"),
        (Met.UNSEEN, "resolved unseen"),
        (Met.LATE, "late"),
    )
    parts += [f"{len(found)} {word}" for kind, word in counts if (found := _fingerprints(merge, kind))]
    gone = sum(m.state is State.GONE and m.fingerprint not in merge.met for m in merge.members)
    if gone:
        parts.append(f"{gone} not reported any more")
    return "a change: " + (", ".join(parts) or "the count of those that were cut off")


def _fingerprints(merge: Merge, kind: Met) -> list[str]:
    return [fingerprint for fingerprint, met in merge.met.items() if met is kind]


def _described(group: Group, notification: Notification) -> Group:
    return replace(
        group,
        group_labels=brief(notification.group_labels),
        common_labels=brief(notification.common_labels),
        summary=summary_of(notification.common_annotations),
        sender=notification.sender,
        product=notification.product,
        title=notification.title,
        truncated=notification.truncated,
        problems=notification.problems,
    )


def _earliest(members: Iterable[Member], now: datetime) -> datetime:
    return min((min(m.starts_at, now) for m in members if m.starts_at is not None), default=now)


def _latest_end(members: Iterable[Member], now: datetime) -> datetime:
    return max((min(m.ends_at, now) for m in members if m.ends_at is not None), default=now)


def _is_skewed(members: Iterable[Member], now: datetime) -> bool:
    for member in members:
        times = [time for time in (member.starts_at, member.ends_at) if time is not None]
        if any(time > now + SKEW for time in times):
            return True
        if len(times) == 2 and times[1] < times[0]:
            return True
    return False


def _past(group: Group, sender: str, now: datetime) -> Past:
    over = {(t.fingerprint, t.starts_at): t.at for t in group.tombstones if now - t.at <= MEMORY}
    # A sender is strictly ordered: what it says after it said that something is over is no old copy, but for
    # a request that was under way. A twin that has not said so yet may be that far behind.
    ordered = bool(group.echoes) and sender in group.echoes[-1].senders
    return Past(over, now - (LATE_SAME if ordered else LATE_TWIN))


def _buried(group: Group, merge: Merge, dropped: Iterable[Member], now: datetime) -> tuple[Tombstone, ...]:
    over = [
        Tombstone(m.fingerprint, m.starts_at, m.at)
        for m in dropped
        if m.state is State.RESOLVED and m.starts_at is not None
    ]
    stones = {(t.fingerprint, t.starts_at): t for t in (*group.tombstones, *over, *merge.buried)}
    fresh = sorted((t for t in stones.values() if now - t.at <= MEMORY), key=lambda t: t.at)
    return tuple(fresh[-TOMBSTONES:])


# ---- JSON -----------------------------------------------------------------------------------------------


def to_json(group: Group) -> str:
    """The state as one JSON object; what is empty is left out."""
    data = {
        "v": VERSION,
        **{name: stamp(getattr(group, name)) for name in _TIMES},
        **{name: getattr(group, name) for name in _PLAIN},
        "key": [group.key.endpoint, group.key.receiver, group.key.group_key],
        "problems": list(group.problems),
        "members": [member_to_json(member) for member in group.members],
        "echoes": [[echo.digest, stamp(echo.at), list(echo.senders)] for echo in group.echoes],
        "tombstones": [[t.fingerprint, stamp(t.starts_at), stamp(t.at)] for t in group.tombstones],
    }
    filled = {name: value for name, value in data.items() if value not in ("", None, [], {}, 0, False)}
    return json.dumps(filled, ensure_ascii=False, separators=(",", ":"))


_TIMES = (
    "opened_at",
    "since",
    "changed_at",
    "received_at",
    "ended",
    "resolved_at",
    "repeat_at",
    "previous_ended",
)
_PLAIN = (
    *("id", "generation", "state", "previous", "repeats", "repeat_by", "refires", "group_labels"),
    *("common_labels", "summary", "sender", "product", "title", "truncated", "earlier", "skewed", "unseen"),
)


def from_json(text: str) -> Group:
    """Read what `to_json` wrote, also an older version: what is missing takes its default.

    Raises ValueError for text that is no such state.
    """
    try:
        data = json.loads(text)
        opened = unstamp(data["opened_at"]) or datetime.min.replace(tzinfo=UTC)
        times: dict[str, Any] = {name: unstamp(data.get(name)) for name in _TIMES}
        for name in ("opened_at", "since", "changed_at", "received_at"):
            times[name] = times[name] or opened
        plain = {name: data[name] for name in _PLAIN if name in data}
        plain["state"] = State(plain["state"])
        plain.setdefault("generation", 1)
        return Group(
            key=GroupKey(*data["key"]),
            problems=tuple(data.get("problems", ())),
            members=tuple(member_from_json(row, opened) for row in data.get("members", ())),
            echoes=tuple(
                Echo(digest, datetime.fromisoformat(at), tuple(senders))
                for digest, at, senders in data.get("echoes", ())
            ),
            tombstones=tuple(
                Tombstone(fingerprint, datetime.fromisoformat(starts), datetime.fromisoformat(at))
                for fingerprint, starts, at in data.get("tombstones", ())
            ),
            **times,
            **plain,
        )
    except (KeyError, TypeError, AttributeError, ValueError, RecursionError) as error:
        raise ValueError(f"not the state of an alert group: {error!r}") from error
