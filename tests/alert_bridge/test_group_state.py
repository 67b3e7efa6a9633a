"""The state on disk: older versions are read, garbage is refused, the size stays bounded."""

import json
from datetime import UTC, datetime, timedelta

import pytest

from alert_bridge.group import TOMBSTONES, Group, GroupKey, from_json, to_json, update
from alert_bridge.member import DETAILED, KEPT, State
from alert_bridge.payload import Alert, Notification, Status

T0 = datetime(2026, 1, 1, tzinfo=UTC)
KEY = GroupKey("default", "r", "k")


def say(*alerts: Alert) -> Notification:
    firing = any(alert.status is Status.FIRING for alert in alerts)
    return Notification("r", "k", Status("firing" if firing else "resolved"), {}, {}, {}, "am", "", 0, alerts)


def fires(name: str, start: datetime = T0) -> Alert:
    labels = {f"label{n}": "x" * 512 for n in range(64)}
    return Alert(name, Status.FIRING, labels, {"summary": "y" * 4096}, start, None)


def ended(name: str, start: datetime, end: datetime) -> Alert:
    return Alert(name, Status.RESOLVED, {}, {}, start, end)


def heard(group: Group | None, notification: Notification, now: datetime) -> Group:
    after, _ = update(group, notification, key=KEY, now=now, new_id="m")
    assert after is not None
    return after


def test_a_state_with_only_what_every_version_has() -> None:
    text = json.dumps(
        {
            "key": ["e", "r", "k"],
            "id": "m",
            "state": "firing",
            "opened_at": "2026-01-01T00:00:00+00:00",
            "members": [{"f": "a", "s": "firing", "from": "2026-01-01T00:00:00+00:00"}],
            "a_field_of_tomorrow": 1,
        }
    )
    group = from_json(text)
    assert (group.generation, group.since, group.received_at, group.repeats) == (1, T0, T0, 0)
    assert group.firing[0].at == T0
    assert from_json(to_json(group)) == group
    again = heard(group, say(fires("a")), T0 + timedelta(minutes=6))
    assert again.repeats == 1


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", "3", '{"key": ["a"]}', '{"unreadable": "x"}', "[" * 100_000]
)
def test_garbage_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        from_json(text)


def test_a_large_group_is_a_small_state() -> None:
    group = heard(None, say(*(fires(f"{n:016x}") for n in range(5000))), T0)
    assert group.count(State.FIRING) == 5000
    assert sum(bool(member.labels) for member in group.members) == DETAILED
    assert len(to_json(group)) < 1_000_000


def test_a_group_of_ever_new_alerts_stays_bounded() -> None:
    group: Group | None = None
    now = T0
    for turn in range(60):
        now += timedelta(minutes=6)
        names = [f"{turn}-{n}" for n in range(100)]
        group = heard(group, say(*(fires(name, now) for name in names), fires("stays")), now)
        now += timedelta(minutes=6)
        over = (ended(name, now - timedelta(minutes=6), now) for name in names)
        group = heard(group, say(fires("stays"), *over), now)
    assert group is not None
    assert len(group.members) <= KEPT + 1
    assert len(group.tombstones) <= TOMBSTONES
    assert group.count(State.RESOLVED) == 6000
    assert len(to_json(group)) < 500_000


def test_resolved_members_leave_after_a_day_and_are_still_counted() -> None:
    group = heard(None, say(fires("a"), fires("b")), T0)
    group = heard(
        group, say(ended("a", T0, T0 + timedelta(minutes=1)), fires("b")), T0 + timedelta(minutes=5)
    )
    group = heard(group, say(fires("b"), fires("c", T0 + timedelta(days=2))), T0 + timedelta(days=2))
    assert {member.fingerprint for member in group.members} == {"b", "c"}
    assert group.count(State.RESOLVED) == 1
