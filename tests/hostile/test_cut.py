"""Alertmanager's `max_alerts`: what it cut off fires and ends too."""

import json

import pytest

from alert_bridge.group import Card, GroupKey, update
from alert_bridge.member import State
from alert_bridge.payload import Notification, read
from bot.testing import FakeClock
from tests.alert_bridge.test_bridge import alert, body

KEY = GroupKey("default", "tocsin", "{}:{}")


def cut(count: int, status: str, *alerts: dict[str, object]) -> Notification:
    data = json.loads(body(*alerts))
    found = read(json.dumps({**data, "truncatedAlerts": count, "status": status}).encode())
    assert isinstance(found, Notification)
    return found


def test_those_that_were_cut_off_end_though_the_listed_one_has_not_changed() -> None:
    clock = FakeClock()
    first = cut(2, "firing", alert("Down", "resolved"))
    group, _ = update(None, first, key=KEY, now=clock.now(), new_id="a")
    assert group is not None
    assert group.state is State.FIRING
    clock.forward(60)
    last = cut(2, "resolved", alert("Down", "resolved"))
    group, telling = update(group, last, key=KEY, now=clock.now(), new_id="b")
    assert group is not None
    assert group.state is State.RESOLVED
    assert telling.card is Card.EDIT


@pytest.mark.parametrize("count", [0, 1, 7])
def test_more_or_fewer_that_were_cut_off_stand_on_the_card(count: int) -> None:
    clock = FakeClock()
    group, _ = update(None, cut(2, "firing", alert("Down")), key=KEY, now=clock.now(), new_id="a")
    clock.forward(60)
    group, telling = update(group, cut(count, "firing", alert("Down")), key=KEY, now=clock.now(), new_id="b")
    assert group is not None
    assert group.truncated == count
    assert telling.card is Card.EDIT


def test_the_twin_that_cut_as_much_off_is_still_a_twin() -> None:
    clock = FakeClock()
    first = cut(2, "firing", alert("Down"))
    group, _ = update(None, first, key=KEY, now=clock.now(), new_id="a")
    clock.forward(60)
    _, telling = update(group, first, key=KEY, now=clock.now(), new_id="b")
    assert telling.card is Card.NONE
