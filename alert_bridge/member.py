"""One alert as its group remembers it, and how much of it is kept. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any

from alert_bridge.payload import Labels, Link
from alert_bridge.severity import rank, severity_of

MEMORY = timedelta(hours=24)
"""How long it is remembered that an alert is over."""
KEPT = 500
"""So many resolved, and so many unreported members stay in the state."""
DETAILED = 50
"""So many members keep labels, summary and links."""
LINK_LIMIT = 1024

_LABEL_BUDGET = 1500
_SUMMARY_LIMIT = 300


class State(StrEnum):
    """How an alert of a group stands; a group itself is FIRING or RESOLVED."""

    FIRING = "firing"
    RESOLVED = "resolved"
    GONE = "gone"
    """Not reported any more, though nobody said that it is resolved: silenced, inhibited or moved."""


@dataclass(frozen=True, slots=True)
class Member:
    """One alert as the group remembers it. `at` is when it was heard to be in this state.

    again: how often it fired again in this message. unseen: it was resolved before it was seen firing.
    """

    fingerprint: str
    state: State
    starts_at: datetime | None
    at: datetime
    ends_at: datetime | None = None
    labels: Labels = field(default_factory=dict)
    summary: str = ""
    links: tuple[Link, ...] = ()
    again: int = 0
    unseen: bool = False

    @property
    def name(self) -> str:
        """The label `alertname`, or ""."""
        return self.labels.get("alertname", "")


@dataclass(frozen=True, slots=True)
class Tombstone:
    """An (alert, startsAt) that is over: if it is heard firing again, that is late."""

    fingerprint: str
    starts_at: datetime
    at: datetime


def weight(member: Member) -> tuple[bool, int, str, str]:
    return (
        member.state is not State.FIRING,
        rank(severity_of(member.labels)),
        stamp(member.starts_at),
        member.fingerprint,
    )


def kept(members: Sequence[Member], now: datetime) -> tuple[tuple[Member, ...], tuple[Member, ...]]:
    """Those that stay in the state, and those that go: the oldest resolved, the oldest unreported."""
    gone: set[str] = set()
    for state in (State.RESOLVED, State.GONE):
        here = sorted((m for m in members if m.state is state), key=lambda m: m.at, reverse=True)
        old = [m for m in here if state is State.RESOLVED and now - m.at > MEMORY]
        gone |= {m.fingerprint for m in (*here[KEPT:], *old)}
    return (
        tuple(m for m in members if m.fingerprint not in gone),
        tuple(m for m in members if m.fingerprint in gone),
    )


def bounded(members: Sequence[Member]) -> tuple[Member, ...]:
    """Only the weightiest keep their details."""
    if len(members) <= DETAILED:
        return tuple(members)
    detailed = {m.fingerprint for m in sorted(members, key=weight)[:DETAILED]}
    return tuple(
        m if m.fingerprint in detailed else replace(m, labels={}, summary="", links=()) for m in members
    )


def brief(labels: Labels) -> Labels:
    """The labels that fit the budget; what names the alert and how bad it is comes first."""
    first = [name for name in ("alertname", "severity", "priority", "level") if name in labels]
    left = _LABEL_BUDGET
    kept: dict[str, str] = {}
    for name in dict.fromkeys([*first, *labels]):
        left -= len(name) + len(labels[name])
        if left < 0:
            break
        kept[name] = labels[name]
    return kept


def summary_of(annotations: Labels) -> str:
    for name in ("summary", "description", "message"):
        text = annotations.get(name, "").strip()
        if text:
            return text if len(text) <= _SUMMARY_LIMIT else text[: _SUMMARY_LIMIT - 1] + "…"
    return ""


def stamp(time: datetime | None) -> str:
    return "" if time is None else time.astimezone(UTC).isoformat()


def unstamp(text: Any) -> datetime | None:
    return datetime.fromisoformat(text) if text else None


def member_to_json(member: Member) -> dict[str, Any]:
    data = {
        "f": member.fingerprint,
        "s": member.state,
        "from": stamp(member.starts_at),
        "to": stamp(member.ends_at),
        "at": stamp(member.at),
        "labels": member.labels,
        "text": member.summary,
        "links": [[link.name, link.url] for link in member.links],
        "again": member.again,
        "unseen": member.unseen,
    }
    return {name: value for name, value in data.items() if value}


def member_from_json(data: Mapping[str, Any], opened: datetime) -> Member:
    return Member(
        fingerprint=data["f"],
        state=State(data["s"]),
        starts_at=unstamp(data.get("from")),
        ends_at=unstamp(data.get("to")),
        at=unstamp(data.get("at")) or opened,
        labels=data.get("labels", {}),
        summary=data.get("text", ""),
        links=tuple(Link(name, url) for name, url in data.get("links", ())),
        again=data.get("again", 0),
        unseen=data.get("unseen", False),
    )
