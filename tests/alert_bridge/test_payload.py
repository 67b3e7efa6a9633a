"""The tolerant reader: recorded payloads, faults one by one, and any bytes at all."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alert_bridge.payload import (
    ANNOTATION_LIMIT,
    CUT,
    LABEL_LIMIT,
    MAP_LIMIT,
    Notification,
    Status,
    Unreadable,
    fingerprint_of,
    read,
    unescape,
    web_address,
)

RECORDED = Path(__file__).parent.parent / "recorded"


def recorded(name: str) -> Notification:
    found = read((RECORDED / f"{name}.json").read_bytes())
    assert isinstance(found, Notification)
    return found


def posted(**fields: Any) -> Notification:
    found = read(
        json.dumps({"alerts": [{"status": "firing", "labels": {"alertname": "X"}}], **fields}).encode()
    )
    assert isinstance(found, Notification)
    return found


def one(**fields: Any) -> Notification:
    return posted(alerts=[{"status": "firing", "labels": {"alertname": "X"}, **fields}])


@pytest.mark.parametrize("path", sorted(RECORDED.glob("alertmanager-*.json")), ids=lambda path: path.stem)
def test_real_alertmanager_is_read_without_a_problem(path: Path) -> None:
    found = recorded(path.stem)
    assert found.problems == ()
    assert found.product == "alertmanager"
    assert found.sender == "http://alertmanager.example.org:9093"
    for alert in found.alerts:
        assert alert.fingerprint == fingerprint_of(alert.labels), "our fingerprint is Alertmanager's"
        assert alert.starts_at is not None
        assert (alert.ends_at is None) == (alert.status is Status.FIRING)


def test_alertmanager_resolved() -> None:
    found = recorded("alertmanager-0.25-resolved")
    assert found.status is Status.RESOLVED
    assert found.receiver == "team-a"
    assert found.group_key == '{}:{alertname="InstanceDown"}'
    assert [link.name for link in found.alerts[0].links] == ["runbook", "generator"]


def test_alertmanager_truncated() -> None:
    assert recorded("alertmanager-0.25-truncated").truncated == 3


def test_an_offset_is_turned_into_utc() -> None:
    raw = json.loads((RECORDED / "alertmanager-0.25-hostile.json").read_bytes())
    assert raw["alerts"][0]["startsAt"].endswith("-05:00")
    assert recorded("alertmanager-0.25-hostile").alerts[0].starts_at == datetime(
        2026, 11, 23, 21, 53, 54, 366219, tzinfo=UTC
    )


def test_javascript_is_no_link() -> None:
    assert recorded("alertmanager-0.25-hostile").alerts[0].links == ()


def test_grafana() -> None:
    found = recorded("grafana-10-firing")
    assert (found.product, found.receiver, found.status) == ("grafana", "My Super Webhook", Status.FIRING)
    assert found.title.startswith("[FIRING:2]")
    assert found.problems == ()
    first = found.alerts[0]
    assert first.fingerprint == "c6eadffa33fcdf37"
    assert {link.name for link in first.links} == {
        "runbook",
        "dashboard",
        "panel",
        "generator",
        "silence",
        "image",
    }
    assert dict(first.values) == {"B": "44.23943737541908", "C": "1"}


def test_grafana_resolved() -> None:
    found = recorded("grafana-10-resolved")
    assert [alert.status for alert in found.alerts] == [Status.RESOLVED] * 2
    assert found.alerts[0].ends_at == datetime(2021, 10, 12, 8, 11, 3, 157076, tzinfo=UTC)


def test_newer_fields() -> None:
    found = posted(notification_reason="repeat interval elapsed", routeLabels={"team": "a"})
    assert found.reason == "repeat interval elapsed"
    assert found.route_labels == {"team": "a"}


@pytest.mark.parametrize("alerts", [[], None])
def test_a_probe_is_a_notification_without_alerts(alerts: Any) -> None:
    assert posted(alerts=alerts).alerts == ()


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"", "empty"),
        (b"  \n", "empty"),
        (b"\xff\xfe\x00", "UTF-8"),
        (b"alert!", "not JSON"),
        (b'{"alerts": [', "not JSON"),
        (b"[]", "list"),
        (b"3", "number"),
        (b"null", "null"),
        (b'"x"', "text"),
        (b'{"text": "custom"}', "without `alerts`"),
        (b'{"alerts": {}}', "not a list"),
        (b'{"alerts": [1, null, "x"]}', "none of the entries"),
        (b"[" * 200_000, "nested"),
        (b'{"alerts":' + b"[" * 200_000, "nested"),
        (b'{"a":' * 200_000, "nested"),
    ],
)
def test_unreadable(body: bytes, reason: str) -> None:
    found = read(body)
    assert isinstance(found, Unreadable)
    assert reason in found.reason
    assert len(found.head) <= 4096


def test_byte_order_mark_and_raw_control_characters() -> None:
    assert isinstance(read(b'\xef\xbb\xbf{"alerts": []}'), Notification)
    assert isinstance(read(b'{"alerts": [{"labels": {"a": "x\ny"}}]}'), Notification)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-01-02T03:04:05Z", datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)),
        ("2026-01-02T03:04:05.123456789Z", datetime(2026, 1, 2, 3, 4, 5, 123456, tzinfo=UTC)),
        ("2026-01-02T03:04:05.5+05:30", datetime(2026, 1, 1, 21, 34, 5, 500000, tzinfo=UTC)),
        ("2026-01-02 03:04:05-0500", datetime(2026, 1, 2, 8, 4, 5, tzinfo=UTC)),
        ("0001-01-01T00:00:00Z", None),
        ("0001-01-01T00:00:00+05:00", None),
        ("0000-00-00T00:00:00Z", None),
    ],
)
def test_times(text: str, expected: datetime | None) -> None:
    found = one(startsAt=text)
    assert found.alerts[0].starts_at == expected
    assert not [line for line in found.problems if "startsAt" in line]


@pytest.mark.parametrize(
    "value",
    [
        "soon",
        "2026-13-01T00:00:00Z",
        "2026-01-01T00:00:60Z",
        "9999-12-31T23:59:59-05:00",
        5,
        1e30,
        [],
        {},
        True,
        "2026-01-01T00:00:00+99:00",
        "٢٠٢٦-01-01T00:00:00Z",
    ],
)
def test_garbage_times_are_named(value: Any) -> None:
    found = one(startsAt=value)
    assert found.alerts[0].starts_at is None
    assert [line for line in found.problems if line.startswith("alerts[0].startsAt")]


def test_a_time_without_offset_is_utc_and_named() -> None:
    found = one(startsAt="2026-01-02T03:04:05")
    assert found.alerts[0].starts_at == datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
    assert any("no offset" in line for line in found.problems)


def test_missing_fingerprint_is_computed_from_the_labels() -> None:
    a, b = one(fingerprint="").alerts[0], one().alerts[0]
    assert a.fingerprint == b.fingerprint == fingerprint_of({"alertname": "X"})


def test_alerts_without_labels_stay_apart() -> None:
    found = posted(
        alerts=[{"annotations": {"summary": "one"}}, {"annotations": {"summary": "two"}}, {"labels": {}}]
    )
    assert len({alert.fingerprint for alert in found.alerts}) == 3


def test_the_same_fingerprint_twice_keeps_the_firing_one() -> None:
    twice = [{"status": status, "fingerprint": "f", "labels": {}} for status in ("firing", "resolved")]
    for alerts in (twice, twice[::-1]):
        found = posted(alerts=alerts)
        assert [alert.status for alert in found.alerts] == [Status.FIRING]
        assert any("twice" in line for line in found.problems)


def test_unknown_status_is_named() -> None:
    found = posted(status="alerting", alerts=[{"status": "pending", "labels": {"a": "b"}}])
    assert found.alerts[0].status is Status.FIRING
    assert len(found.problems) >= 2


def test_values_that_are_no_text() -> None:
    found = one(labels={"n": 3, "t": True, "none": None, "list": [1], "nan": float("nan"), "big": 10**400})
    labels = found.alerts[0].labels
    assert (labels["n"], labels["t"], labels["none"], labels["list"], labels["nan"]) == (
        "3",
        "true",
        "",
        "[1]",
        "NaN",
    )
    assert labels["big"].startswith("1000")
    assert any("alerts[0].labels.n: a number, not text" in line for line in found.problems)


def test_an_absurd_number_does_not_raise() -> None:
    found = read(b'{"alerts": [], "truncatedAlerts": ' + b"9" * 10_000 + b"}")
    assert isinstance(found, Notification)
    assert found.truncated == 0
    assert found.problems


def test_halves_of_surrogates_can_be_written() -> None:
    found = read(b'{"alerts": [{"labels": {"a": "x\\ud800y", "\\udfff": "b"}}], "groupKey": "\\ud800"}')
    assert isinstance(found, Notification)
    repr(found).encode()


def test_what_is_too_long_is_cut_and_marked() -> None:
    found = one(labels={"a": "x" * 10_000}, annotations={"description": "y" * 300_000})
    alert = found.alerts[0]
    assert len(alert.labels["a"]) == LABEL_LIMIT
    assert len(alert.annotations["description"]) == ANNOTATION_LIMIT
    assert alert.labels["a"].endswith(CUT)
    assert alert.annotations["description"].endswith(CUT)


def test_too_many_labels() -> None:
    found = one(labels={f"l{n:04}": "x" for n in range(1000)})
    assert len(found.alerts[0].labels) == MAP_LIMIT
    assert any("1000 entries" in line for line in found.problems)


def test_problems_are_bounded() -> None:
    found = posted(alerts=[{"status": "firing", "labels": {"n": n}, "startsAt": "x"} for n in range(5000)])
    assert len(found.alerts) == 5000
    assert len(found.problems) <= 21
    assert found.problems[-1].startswith("and ")


def test_a_missing_group_key_is_made() -> None:
    first, again = posted(groupLabels={"a": "b"}), posted(groupLabels={"a": "b"}, status="resolved")
    assert first.group_key == again.group_key
    assert (
        posted().group_key == posted().group_key != posted(alerts=[{"labels": {"alertname": "Y"}}]).group_key
    )


def test_long_group_keys_stay_apart() -> None:
    keys = {posted(groupKey="k" * 5000 + tail).group_key for tail in "ab"}
    assert len(keys) == 2
    assert all(len(key) <= 1024 for key in keys)


@pytest.mark.parametrize(
    ("escaped", "name"),
    [(r"team\-a", "team-a"), (r"a\.b\+c", "a.b+c"), ("ns/cfg/recv", "ns/cfg/recv"), (r"a\\b", r"a\b")],
)
def test_receiver_is_unescaped(escaped: str, name: str) -> None:
    assert unescape(escaped) == name


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("https://a.example/x?y=1#z", "https://a.example/x?y=1#z"),
        ("http://a.example/<b>|x", "http://a.example/%3Cb%3E%7Cx"),
        ("http://a.example/a b\u202e", "http://a.example/a%20b%E2%80%AE"),
        ("http://127.0.0.1:9090/graph", "http://127.0.0.1:9090/graph"),
        ("javascript:alert(1)", None),
        ("ftp://a.example", None),
        ("//a.example", None),
        ("/relative", None),
        ("", None),
        ("http://", None),
        ("http://user:secret@a.example/", None),
        ("http://good.example@evil.example/", None),
        ("http://a.example:99999/", None),
        ("http://[::1", None),
        ("http://a.example/\nx", None),
        ("http://аpple.example/", None),
        ("http://a.example/" + "x" * 3000, None),
    ],
)
def test_web_address(text: str, expected: str | None) -> None:
    assert web_address(text) == expected


_SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text()
_ANY = st.recursive(
    _SCALARS, lambda x: st.lists(x, max_size=4) | st.dictionaries(st.text(), x, max_size=4), max_leaves=12
)
_ALERT_FIELDS = (
    *("status", "labels", "annotations", "startsAt", "endsAt", "generatorURL", "fingerprint", "values"),
    *("silenceURL", "imageURL"),
)
_FIELDS = (
    *("receiver", "status", "groupKey", "groupLabels", "commonLabels", "commonAnnotations", "externalURL"),
    *("version", "truncatedAlerts", "notification_reason", "routeLabels", "title", "message", "orgId"),
)
_ALERT = st.fixed_dictionaries({}, optional=dict.fromkeys(_ALERT_FIELDS, _ANY))
_PAYLOAD = st.fixed_dictionaries(
    {"alerts": st.lists(_ALERT | _ANY, max_size=4) | _ANY}, optional=dict.fromkeys(_FIELDS, _ANY)
)


@given(st.binary())
def test_any_bytes_never_raise(body: bytes) -> None:
    assert isinstance(read(body), Notification | Unreadable)


@settings(max_examples=300)
@given(_PAYLOAD)
def test_any_payload_never_raises_and_can_be_stored(payload: Any) -> None:
    found = read(json.dumps(payload).encode())
    assert isinstance(found, Notification | Unreadable)
    repr(found).encode()
    if isinstance(found, Notification):
        assert len({alert.fingerprint for alert in found.alerts}) == len(found.alerts)
        for alert in found.alerts:
            assert all(len(value) <= LABEL_LIMIT for value in alert.labels.values())
            assert alert.starts_at is None or alert.starts_at.tzinfo is UTC
