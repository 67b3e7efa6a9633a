"""The table of what is told and what is not: a row is a story of (seconds, notification) and the answers."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest

from alert_bridge.group import Group, GroupKey, Telling, from_json, to_json, update
from alert_bridge.member import State
from alert_bridge.payload import Alert, Notification, Status

T0 = datetime(2026, 1, 1, 12, tzinfo=UTC)
KEY = GroupKey("default", "team-a", "{}:{}")
MINUTE, HOUR = 60, 3600


def at(seconds: float) -> datetime:
    return T0 + timedelta(seconds=seconds)


def fires(name: str, start: float | None = 0) -> Alert:
    return Alert(
        name,
        Status.FIRING,
        {"alertname": "Down", "instance": name},
        {},
        None if start is None else at(start),
        None,
    )


def ended(name: str, start: float = 0, end: float = 30) -> Alert:
    return Alert(name, Status.RESOLVED, {"alertname": "Down", "instance": name}, {}, at(start), at(end))


def said(
    *alerts: Alert, by: str = "am1", reason: str = "", truncated: int = 0, status: str = ""
) -> Notification:
    firing = any(alert.status is Status.FIRING for alert in alerts)
    overall = Status(status) if status else Status.FIRING if firing else Status.RESOLVED
    return Notification("team-a", "{}:{}", overall, {}, {}, {}, by, reason, truncated, alerts)


def short(telling: Telling) -> str:
    """`new a b`, `edit firing:b resolved`, `none`: the card, then each line with the alerts it names."""
    if telling.card == "new":
        return " ".join(["new", *sorted(m.fingerprint for m in telling.alerts)])
    lines = []
    for line in telling.lines:
        names = ",".join(sorted(m.fingerprint for m in line.alerts))
        lines.append(f"{line.kind}:{names}" if line.kind != "resolved" else "resolved")
    return " ".join([telling.card, *lines])


@dataclass(frozen=True)
class Row:
    name: str
    story: tuple[tuple[float, Notification, str], ...]
    end: Mapping[str, object]


A, B = fires("a"), fires("b")
A_ENDED = ended("a")

ROWS = (
    Row("first", ((0, said(A), "new a"),), {"state": "firing", "generation": 1}),
    Row("a probe is nothing", ((0, said(), "none"), (1, said(A), "new a"), (2, said(), "none")), {}),
    Row("retry", ((0, said(A), "new a"), (1, said(A), "none"), (9, said(A), "none")), {"repeats": 0}),
    Row("twin's copy", ((0, said(A), "new a"), (0.3, said(A, by="am2"), "none")), {"repeats": 0}),
    Row("repeat after its interval", ((0, said(A), "new a"), (4 * HOUR, said(A), "edit")), {"repeats": 1}),
    Row(
        "repeat of a pair counts once",
        ((0, said(A), "new a"), (4 * HOUR, said(A), "edit"), (4 * HOUR + 0.3, said(A, by="am2"), "none")),
        {"repeats": 1},
    ),
    Row(
        "repeat by its reason, within the window",
        (
            (0, said(A), "new a"),
            (120, said(A, reason="repeat interval elapsed"), "edit"),
            (121, said(A, reason="repeat interval elapsed"), "none"),
            (122, said(A, reason="repeat interval elapsed", by="am2"), "none"),
            (240, said(A, reason="repeat interval elapsed"), "edit"),
        ),
        {"repeats": 2},
    ),
    Row(
        "a reason that is no repeat, within the window",
        ((0, said(A), "new a"), (60, said(A, reason="new alerts added", by="am2"), "none")),
        {"repeats": 0},
    ),
    Row("joined by a second", ((0, said(A), "new a"), (60, said(A, B), "edit firing:b")), {}),
    Row("the order of alerts is no change", ((0, said(A, B), "new a b"), (60, said(B, A), "none")), {}),
    Row(
        "part resolved is only on the card",
        ((0, said(A, B), "new a b"), (60, said(A_ENDED, B), "edit")),
        {"state": "firing", "resolved": 1},
    ),
    Row(
        "the resolved one is dropped from the next repeat: a repeat, no change",
        ((0, said(A, B), "new a b"), (60, said(A_ENDED, B), "edit"), (4 * HOUR, said(B), "edit")),
        {"repeats": 1, "resolved": 1},
    ),
    Row(
        "resolved",
        ((0, said(A), "new a"), (60, said(A_ENDED), "edit resolved")),
        {"state": "resolved", "duration": 30},
    ),
    Row(
        "resolved, posted again and by the twin, and hours later",
        (
            (0, said(A), "new a"),
            (60, said(A_ENDED), "edit resolved"),
            (61, said(A_ENDED), "none"),
            (62, said(A_ENDED, by="am2"), "none"),
            (5 * HOUR, said(A_ENDED), "none"),
        ),
        {"state": "resolved", "repeats": 0},
    ),
    Row(
        "stale twin: the state before the last change",
        ((0, said(A), "new a"), (60, said(A, B), "edit firing:b"), (61, said(A, by="am2"), "none")),
        {"firing": 2, "gone": 0},
    ),
    Row(
        "the same sender goes back: a real change",
        ((0, said(A), "new a"), (60, said(A, B), "edit firing:b"), (120, said(A), "edit")),
        {"firing": 1, "gone": 1},
    ),
    Row(
        "a twin that had the newer state too goes back: a real change",
        (
            (0, said(A), "new a"),
            (60, said(A, B), "edit firing:b"),
            (61, said(A, B, by="am2"), "none"),
            (120, said(A, by="am2"), "edit"),
        ),
        {"firing": 1, "gone": 1},
    ),
    Row(
        "an old state after the window is a change",
        ((0, said(A), "new a"), (60, said(A, B), "edit firing:b"), (8 * MINUTE, said(A, by="am2"), "edit")),
        {"gone": 1},
    ),
    Row(
        "late firing of a resolved one, from anybody",
        (
            (0, said(A), "new a"),
            (60, said(A_ENDED), "edit resolved"),
            (70, said(A), "none"),
            (80, said(A, by="am2"), "none"),
            (119, said(A), "none"),
            (15 * MINUTE, said(A, by="am2"), "none"),
        ),
        {"state": "resolved", "generation": 1},
    ),
    Row(
        "Prometheus was away and is back: the same startsAt rings again",
        (
            (0, said(A), "new a"),
            (60, said(A_ENDED), "edit resolved"),
            (7 * MINUTE, said(A), "edit refired:a"),
        ),
        {"state": "firing", "generation": 1, "refires": 1},
    ),
    Row(
        "the same long after: a new message, also by the twin",
        (
            (0, said(A), "new a"),
            (60, said(A_ENDED), "edit resolved"),
            (HOUR, said(A, by="am2"), "new a"),
        ),
        {"generation": 2},
    ),
    Row(
        "late firing does not make the others unreported",
        ((0, said(A, B), "new a b"), (60, said(A_ENDED, B), "edit"), (7 * MINUTE, said(A, by="am2"), "none")),
        {"firing": 1, "gone": 0, "resolved": 1},
    ),
    Row(
        "late beside a new one: only the new one rings",
        (
            (0, said(A), "new a"),
            (60, said(A_ENDED), "edit resolved"),
            (120, said(A, B), "edit refired:b"),
        ),
        {"firing": 1, "resolved": 1, "refires": 1},
    ),
    Row(
        "fires again within 10 minutes: the same message goes on",
        (
            (0, said(A), "new a"),
            (60, said(A_ENDED), "edit resolved"),
            (300, said(fires("a", 290)), "edit refired:a"),
            (400, said(ended("a", 290, 390)), "edit resolved"),
            (999, said(fires("a", 990)), "edit refired:a"),
        ),
        {"state": "firing", "generation": 1, "refires": 2},
    ),
    Row(
        "10 minutes count from when RESOLVED was heard, not from endsAt",
        (
            (0, said(A), "new a"),
            (2 * HOUR, said(A_ENDED), "edit resolved"),
            (2 * HOUR + 599, said(fires("a", 2 * HOUR)), "edit refired:a"),
        ),
        {"generation": 1},
    ),
    Row(
        "fires again later: a new message",
        (
            (0, said(A), "new a"),
            (60, said(A_ENDED), "edit resolved"),
            (60 + 601, said(fires("a", 650)), "new a"),
        ),
        {"generation": 2, "previous": "m0", "refires": 0},
    ),
    Row(
        "another one fires much later, beside the late one",
        (
            (0, said(A), "new a"),
            (60, said(A_ENDED), "edit resolved"),
            (12 * MINUTE, said(A, fires("b", 700), by="am2"), "new b"),
        ),
        {"generation": 2, "firing": 1},
    ),
    Row(
        "an old tombstone holds in the next message",
        (
            (0, said(A), "new a"),
            (60, said(A_ENDED), "edit resolved"),
            (12 * MINUTE, said(B), "new b"),
            (12 * MINUTE + 1, said(A, B, by="am2"), "none"),
        ),
        {"generation": 2, "firing": 1},
    ),
    Row(
        "fired again unresolved: a new startsAt",
        ((0, said(A), "new a"), (300, said(fires("a", 200)), "edit refired:a")),
        {"refires": 0},
    ),
    Row(
        "an earlier startsAt is the same alert",
        ((0, said(fires("a", -10)), "new a"), (60, said(fires("a", -20)), "edit")),
        {"firing": 1},
    ),
    Row(
        "firing to firing with other alerts",
        ((0, said(A), "new a"), (60, said(B), "edit firing:b")),
        {"firing": 1, "gone": 1},
    ),
    Row(
        "not reported, and back with the same startsAt: no line",
        (
            (0, said(A, B), "new a b"),
            (60, said(A), "edit"),
            (7 * MINUTE, said(A, B), "edit"),
        ),
        {"firing": 2, "gone": 0},
    ),
    Row(
        "not reported, and back with a new startsAt",
        (
            (0, said(A, B), "new a b"),
            (60, said(A), "edit"),
            (400, said(A, fires("b", 390)), "edit refired:b"),
        ),
        {"firing": 2},
    ),
    Row(
        "the only reported one resolves: RESOLVED, though one is not reported any more",
        ((0, said(A, B), "new a b"), (60, said(A), "edit"), (400, said(A_ENDED), "edit resolved")),
        {"state": "resolved", "gone": 1},
    ),
    Row(
        "it comes back after RESOLVED: rings",
        (
            (0, said(A, B), "new a b"),
            (60, said(A), "edit"),
            (400, said(A_ENDED), "edit resolved"),
            (500, said(B), "edit refired:b"),
        ),
        {"state": "firing", "refires": 1},
    ),
    Row(
        "resolved without ever having been seen",
        ((0, said(A_ENDED), "new"), (1, said(A_ENDED, by="am2"), "none"), (9, said(A, by="am2"), "none")),
        {"state": "resolved", "unseen": True, "resolved": 1},
    ),
    Row(
        "resolved unseen beside a firing one",
        ((0, said(A), "new a"), (60, said(A, ended("b")), "edit")),
        {"state": "firing", "resolved": 1, "unseen": False},
    ),
    Row(
        "all resolved and one of them never seen",
        ((0, said(A), "new a"), (60, said(A_ENDED, ended("b")), "edit resolved")),
        {"resolved": 2},
    ),
    Row(
        "the resolve of an earlier episode",
        (
            (0, said(A), "new a"),
            (100, said(fires("a", 90)), "edit refired:a"),
            (110, said(ended("a", 0, 50), by="am2"), "none"),
        ),
        {"state": "firing"},
    ),
    Row(
        "startsAt in the future",
        ((0, said(fires("a", HOUR)), "new a"), (60, said(ended("a", HOUR, 2 * HOUR)), "edit resolved")),
        {"skewed": True, "duration": 60},
    ),
    Row(
        "end before start",
        ((100, said(fires("a", 90)), "new a"), (160, said(ended("a", 90, 10)), "edit resolved")),
        {"skewed": True, "duration": 0},
    ),
    Row(
        "a second of skew is no skew",
        ((0, said(fires("a", 1)), "new a"),),
        {"skewed": False},
    ),
    Row(
        "cut off by the sender: the missing may be among them",
        ((0, said(A, B), "new a b"), (60, said(B, fires("c"), truncated=3), "edit firing:c")),
        {"firing": 3, "gone": 0, "truncated": 3},
    ),
    Row(
        "only resolved ones are listed, firing ones were cut off",
        ((0, said(A), "new a"), (60, said(A_ENDED, truncated=2, status="firing"), "edit")),
        {"state": "firing", "truncated": 2},
    ),
    Row(
        "resolved, the list cut off",
        ((0, said(A, B), "new a b"), (60, said(A_ENDED, truncated=1, status="resolved"), "edit resolved")),
        {"state": "resolved", "resolved": 2},
    ),
    Row(
        "no startsAt: fires again",
        (
            (0, said(fires("a", None)), "new a"),
            (60, said(A_ENDED), "edit resolved"),
            (120, said(fires("a", None)), "edit refired:a"),
        ),
        {"state": "firing"},
    ),
    Row(
        "the same startsAt after the memory of 24 hours",
        (
            (0, said(A), "new a"),
            (60, said(A_ENDED), "edit resolved"),
            (HOUR, said(B), "new b"),
            (HOUR + 60, said(ended("b", 0, 3650)), "edit resolved"),
            (60 * HOUR, said(fires("a", 0)), "new a"),
        ),
        {"generation": 3},
    ),
)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name.replace(" ", "-"))
def test_told(row: Row) -> None:
    group: Group | None = None
    for number, (seconds, notification, expected) in enumerate(row.story):
        group, telling = update(group, notification, key=KEY, now=at(seconds), new_id=f"m{number}")
        assert short(telling) == expected, f"step {number}: {telling.reason}"
        if group is not None:
            group = from_json(to_json(group))
    assert group is not None
    seen = {
        name: group.count(State(name))
        if name in ("firing", "resolved", "gone")
        else group.duration.total_seconds()
        if name == "duration" and group.duration is not None
        else getattr(group, name)
        for name in row.end
    }
    assert seen == dict(row.end)


def test_the_same_fingerprint_in_two_groups_is_told_in_both() -> None:
    for key in (KEY, GroupKey("default", "team-a", "{}/{x}"), GroupKey("other", "team-a", "{}:{}")):
        group, telling = update(None, said(A), key=key, now=T0, new_id="m")
        assert group is not None
        assert (group.key, short(telling)) == (key, "new a")


def test_every_telling_has_a_reason() -> None:
    for row in ROWS:
        group: Group | None = None
        for seconds, notification, _ in row.story:
            group, telling = update(group, notification, key=KEY, now=at(seconds), new_id="m")
            assert telling.reason
