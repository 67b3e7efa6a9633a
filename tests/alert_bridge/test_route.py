"""Which room, who is called, and the reason in words."""

from alert_bridge.payload import Alert, Notification, Status
from alert_bridge.route import Route, Routing, keep_rooms, labels_to_route, route
from bot.core.matcher import parse_all

CRITICAL = Route(parse_all('severity="critical"'), ("ops", "boss"), ("ann",))
DB = Route(parse_all("job=~db.*"), ("db",))
REST = Route((), ("all",))


def test_the_first_route_that_matches_decides() -> None:
    found = route([CRITICAL, DB, REST], [{"severity": "critical", "job": "db1"}], "ops")
    assert (found.rooms, found.mention, found.number) == (("ops", "boss"), ("ann",), 1)
    assert found.reason == 'route 1 (severity="critical"): the alert has severity="critical"'


def test_one_critical_alert_in_a_mixed_group_is_not_missed() -> None:
    found = route([CRITICAL, REST], [{"severity": "info"}, {"severity": "critical"}], "ops")
    assert found.number == 1
    assert "one of 2 alerts has" in found.reason


def test_a_route_that_matches_everything() -> None:
    found = route([CRITICAL, REST], [{}], "ops")
    assert (found.rooms, found.reason) == (("all",), "route 2, which matches everything")


def test_no_route_is_the_fallback_with_a_reason() -> None:
    found = route([CRITICAL, DB], [{"severity": "info"}], "ops")
    assert found == Routing(("ops",), (), "none of the 2 routes matches: the fallback room ops")
    assert route([], [{}], "ops").reason == "this endpoint has no routes: the fallback room ops"


def test_a_missing_label_is_told_as_missing() -> None:
    found = route([Route(parse_all("team!=a"), ("x",))], [{}], "ops")
    assert found.reason == 'route 1 (team!="a"): the alert has no label team'


def test_a_route_without_rooms_goes_to_the_fallback() -> None:
    assert route([Route((), ())], [{}], "ops").rooms == ("ops",)


def test_rooms_stay_and_new_ones_join() -> None:
    assert keep_rooms(("db",), Routing(("ops", "db"), (), "")) == ("db", "ops")


def _said(*alerts: Alert) -> Notification:
    return Notification("r", "k", Status.FIRING, {"team": "a"}, {"job": "x"}, {}, "", "", 0, alerts)


def test_firing_alerts_decide_over_resolved_ones() -> None:
    fires = Alert("1", Status.FIRING, {"severity": "info"}, {}, None, None)
    over = Alert("2", Status.RESOLVED, {"severity": "critical"}, {}, None, None)
    assert labels_to_route(_said(over, fires)) == ({"team": "a", "job": "x", "severity": "info"},)
    assert labels_to_route(_said(over)) == ({"team": "a", "job": "x", "severity": "critical"},)
    assert labels_to_route(_said()) == ({"team": "a", "job": "x"},)
