"""A posted body into a `Notification`: Alertmanager's webhook (version 4) and Grafana's.

Pure and total: `read` takes any bytes and never raises. What it could not read it names in
`problems`; what is no such payload at all is an `Unreadable` with the head of the text.

Limits, so that one alert cannot fill a state row: a label value keeps 512 characters, an
annotation 4096, each map 64 entries. What was cut ends in "… (cut)" or is named in `problems`.

Source of the format: Alertmanager's `notify/webhook/webhook.go` and `template/template.go`
(0.15 to 0.34), Grafana's "webhook" contact point of unified alerting.
"""

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, timezone
from enum import StrEnum
from typing import Any
from urllib.parse import quote, urlsplit

LABEL_LIMIT = 512
ANNOTATION_LIMIT = 4096
NAME_LIMIT = 256
MAP_LIMIT = 64
URL_LIMIT = 2048
KEY_LIMIT = 1024
HEAD_LIMIT = 4096
PROBLEM_LIMIT = 20
CUT = "… (cut)"

Labels = Mapping[str, str]


class Status(StrEnum):
    """What the sender says of an alert or of a whole group."""

    FIRING = "firing"
    RESOLVED = "resolved"


@dataclass(frozen=True, slots=True)
class Link:
    """A checked http(s) address; `name` is one of runbook, dashboard, panel, generator, silence, image."""

    name: str
    url: str


@dataclass(frozen=True, slots=True)
class Alert:
    """One alert as it was posted. Times are aware UTC, to the microsecond; None is "none" or unreadable."""

    fingerprint: str
    status: Status
    labels: Labels
    annotations: Labels
    starts_at: datetime | None
    ends_at: datetime | None
    links: tuple[Link, ...] = ()
    values: Labels = field(default_factory=dict)

    @property
    def generator_url(self) -> str | None:
        """The sender's page for the rule, when it was an http(s) address."""
        return next((link.url for link in self.links if link.name == "generator"), None)

    @property
    def name(self) -> str:
        """The label `alertname`, or "" when there is none."""
        return self.labels.get("alertname", "")


@dataclass(frozen=True, slots=True)
class Notification:
    """One posted payload: the whole truth of one alert group, as its sender sees it now.

    `receiver` is unescaped (Alertmanager sends `team\\-a` for `team-a`); `sender` is externalURL, which
    differs between the two of a pair; `reason` is notification_reason, "" before Alertmanager 0.32;
    `truncated` is how many alerts the sender cut off; `alerts` is empty when somebody only probes.
    """

    receiver: str
    group_key: str
    status: Status
    group_labels: Labels
    common_labels: Labels
    common_annotations: Labels
    sender: str
    reason: str
    truncated: int
    alerts: tuple[Alert, ...]
    route_labels: Labels = field(default_factory=dict)
    product: str = "alertmanager"
    title: str = ""
    message: str = ""
    problems: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Unreadable:
    """Not such a payload: `reason` says why, `head` is the first 4096 characters, as text."""

    reason: str
    head: str


def read(body: bytes) -> Notification | Unreadable:
    """Read a posted body. Never raises, whatever the bytes are."""
    head = body[: HEAD_LIMIT * 4].decode("utf-8", "replace")[:HEAD_LIMIT]
    try:
        text = body.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        return Unreadable(f"not UTF-8 text: the byte at position {error.start} is wrong", head)
    if not text.strip():
        return Unreadable("the body is empty", head)
    try:
        data = json.loads(text, parse_int=_whole_number, parse_constant=str, strict=False)
        return _notification(data, head)
    except RecursionError:
        return Unreadable("the JSON is nested too deeply", head)
    except json.JSONDecodeError as error:
        return Unreadable(f"not JSON: {error.msg} at line {error.lineno}, column {error.colno}", head)


def _whole_number(digits: str) -> int | str:
    # int() refuses more than 4300 digits with a ValueError: nothing here needs more than 64 bits.
    return int(digits) if len(digits) <= 20 else digits


def _notification(data: Any, head: str) -> Notification | Unreadable:
    if not isinstance(data, dict):
        return Unreadable(f"a JSON {_kind(data)}, where an object with `alerts` was expected", head)
    if "alerts" not in data:
        return Unreadable("a JSON object without `alerts` (a custom template?)", head)
    entries = data["alerts"] if data["alerts"] is not None else []
    if not isinstance(entries, list):
        return Unreadable(f"`alerts` is a {_kind(entries)}, not a list", head)
    notes = _Notes()
    overall = _status(data.get("status"))
    alerts = _alerts(entries, overall, notes)
    if entries and not alerts:
        return Unreadable("none of the entries of `alerts` is an object", head)
    status = overall
    if status is None:
        if alerts:
            notes.add("status", "missing or unknown: taken from the alerts")
        firing = any(alert.status is Status.FIRING for alert in alerts)
        status = Status.FIRING if firing else Status.RESOLVED
    group_labels = _map(data.get("groupLabels"), "groupLabels", LABEL_LIMIT, notes)
    return Notification(
        receiver=_cut(unescape(_text(data.get("receiver"))), KEY_LIMIT),
        group_key=_group_key(data.get("groupKey"), group_labels, alerts, notes),
        status=status,
        group_labels=group_labels,
        common_labels=_map(data.get("commonLabels"), "commonLabels", LABEL_LIMIT, notes),
        common_annotations=_map(data.get("commonAnnotations"), "commonAnnotations", ANNOTATION_LIMIT, notes),
        sender=_cut(_text(data.get("externalURL")), URL_LIMIT),
        reason=_cut(_text(data.get("notification_reason")), NAME_LIMIT),
        truncated=_count(data.get("truncatedAlerts"), "truncatedAlerts", notes),
        alerts=alerts,
        route_labels=_map(data.get("routeLabels"), "routeLabels", LABEL_LIMIT, notes),
        product="grafana" if "orgId" in data else "alertmanager",
        title=_cut(_text(data.get("title")), LABEL_LIMIT),
        message=_cut(_text(data.get("message")), ANNOTATION_LIMIT),
        problems=notes.told(),
    )


class _Notes:
    """Collects what could not be read; five thousand alerts with one fault are a few lines."""

    def __init__(self) -> None:
        self._lines: list[str] = []
        self._more = 0

    def add(self, where: str, what: str) -> None:
        if len(self._lines) < PROBLEM_LIMIT:
            self._lines.append(_cut(f"{where}: {what}", LABEL_LIMIT))
        else:
            self._more += 1

    def told(self) -> tuple[str, ...]:
        more = [f"and {self._more} more"] if self._more else []
        return tuple(self._lines + more)


def _alerts(entries: list[Any], overall: Status | None, notes: _Notes) -> tuple[Alert, ...]:
    found: dict[str, Alert] = {}
    for number, entry in enumerate(entries):
        where = f"alerts[{number}]"
        if not isinstance(entry, dict):
            notes.add(where, f"a {_kind(entry)}, not an object: left out")
            continue
        alert = _alert(entry, overall, where, notes)
        other = found.get(alert.fingerprint)
        if other is not None:
            notes.add(where, f"{alert.fingerprint} comes twice: the firing or later one is kept")
            alert = max(other, alert, key=_weight)
        found[alert.fingerprint] = alert
    return tuple(found.values())


def _weight(alert: Alert) -> tuple[bool, datetime]:
    return alert.status is Status.FIRING, alert.starts_at or datetime.min.replace(tzinfo=UTC)


def _alert(entry: dict[str, Any], overall: Status | None, where: str, notes: _Notes) -> Alert:
    labels = _map(entry.get("labels"), f"{where}.labels", LABEL_LIMIT, notes)
    annotations = _map(entry.get("annotations"), f"{where}.annotations", ANNOTATION_LIMIT, notes)
    status = _status(entry.get("status"))
    if status is None:
        status = overall or Status.FIRING
        notes.add(f"{where}.status", f"missing or unknown: taken as {status}")
    ends_at = _time(entry.get("endsAt"), f"{where}.endsAt", notes)
    return Alert(
        fingerprint=_fingerprint(entry.get("fingerprint"), entry, labels, annotations),
        status=status,
        labels=labels,
        annotations=annotations,
        starts_at=_time(entry.get("startsAt"), f"{where}.startsAt", notes),
        ends_at=ends_at if status is Status.RESOLVED else None,
        links=_links(entry, annotations, where, notes),
        values=_values(entry, where, notes),
    )


def _values(entry: dict[str, Any], where: str, notes: _Notes) -> Labels:
    raw = entry.get("values")
    if not isinstance(raw, dict):
        return {}
    # Grafana sends numbers here; that is no fault to name.
    return _map({key: _text(value) for key, value in raw.items()}, f"{where}.values", LABEL_LIMIT, notes)


_LINK_SOURCES = (
    ("runbook", "annotations", ("runbook_url", "runbookURL", "runbook")),
    ("dashboard", "entry", ("dashboardURL",)),
    ("dashboard", "annotations", ("dashboard_url", "dashboardURL", "dashboard")),
    ("panel", "entry", ("panelURL",)),
    ("generator", "entry", ("generatorURL",)),
    ("silence", "entry", ("silenceURL",)),
    ("image", "entry", ("imageURL",)),
)


def _links(entry: dict[str, Any], annotations: Labels, where: str, notes: _Notes) -> tuple[Link, ...]:
    found: dict[str, Link] = {}
    for name, source, keys in _LINK_SOURCES:
        for key in keys:
            raw = _text(entry.get(key)) if source == "entry" else annotations.get(key, "")
            url = web_address(raw)
            if url is not None:
                found.setdefault(name, Link(name, url))
            elif raw and source == "entry":
                notes.add(f"{where}.{key}", "no http(s) address: not shown as a link")
    return tuple(found.values())


_URL_SAFE = "%/:=&?~#+!$,;'@()*[]"


def web_address(text: str) -> str | None:
    """`text` as an address that is safe to link, or None.

    Only absolute http and https, no user or password in it, no control characters, at most 2048
    characters; what may not stand in an address (space, `<`, `|`, `"`, …) is percent-encoded.
    """
    text = text.strip()
    if not text or len(text) > URL_LIMIT or any(ord(char) < 32 or ord(char) == 127 for char in text):
        return None
    try:
        parts = urlsplit(text)
        port_is_fine = parts.port is None or parts.port > 0
        host = parts.hostname
    except ValueError:
        return None
    if parts.scheme not in ("http", "https") or not host or not port_is_fine or "@" in parts.netloc:
        return None
    if not re.fullmatch(r"[A-Za-z0-9._:-]+", host):
        return None
    try:
        url = quote(text, safe=_URL_SAFE)
    except UnicodeEncodeError:
        return None
    return url if len(url) <= URL_LIMIT else None


def fingerprint_of(labels: Labels) -> str:
    """Alertmanager's own fingerprint of a label set: FNV-1a, 64 bits, 16 hex digits."""
    total = 14695981039346656037
    for name in sorted(labels, key=lambda label: label.encode()):
        for byte in name.encode() + b"\xff" + labels[name].encode() + b"\xff":
            total = ((total ^ byte) * 1099511628211) & 0xFFFFFFFFFFFFFFFF
    return f"{total:016x}"


def _fingerprint(given: Any, entry: dict[str, Any], labels: Labels, annotations: Labels) -> str:
    if isinstance(given, str) and re.fullmatch(r"[0-9A-Za-z_-]{1,64}", given):
        return given
    if isinstance(given, str) and given:
        return _digest(given)
    if labels:
        return fingerprint_of(labels)
    # No labels and no fingerprint: two different texts must not be taken for one alert.
    return _digest(json.dumps([sorted(annotations.items()), _text(entry.get("startsAt"))]))


def _group_key(given: Any, group_labels: Labels, alerts: tuple[Alert, ...], notes: _Notes) -> str:
    if isinstance(given, str) and given:
        key = _clean(given)
        return key if len(key) <= KEY_LIMIT else key[: KEY_LIMIT - 65] + " " + _digest(key)
    if group_labels:
        notes.add("groupKey", "missing: made from groupLabels")
        return "{}:" + json.dumps(sorted(group_labels.items()), ensure_ascii=False)
    if alerts:
        notes.add("groupKey", "missing: made from the alerts")
    return "alerts:" + _digest(",".join(sorted(alert.fingerprint for alert in alerts)))[:32]


def unescape(receiver: str) -> str:
    """Undo Go's `regexp.QuoteMeta`, which Alertmanager applies to the receiver's name."""
    return re.sub(r"\\([\\.+*?()|\[\]{}^$-])", r"\1", receiver)


_TIME = re.compile(
    r"([0-9]{4})-([0-9]{2})-([0-9]{2})[Tt ]([0-9]{2}):([0-9]{2}):([0-9]{2})(?:[.,]([0-9]+))?"
    r"(?:([Zz])|([+-])([0-9]{2}):?([0-9]{2}))?"
)


def _time(value: Any, where: str, notes: _Notes) -> datetime | None:
    if value is None or value == "":
        return None
    match = _TIME.fullmatch(value.strip()) if isinstance(value, str) and len(value) < 64 else None
    if match is None:
        notes.add(where, f"not a time: {_cut(_text(value), 60)!r}")
        return None
    year, month, day, hour, minute, second = (int(match[index]) for index in range(1, 7))
    if year <= 1:
        return None
    if not match[8] and not match[9]:
        notes.add(where, "no offset: taken as UTC")
    try:
        micro = int(((match[7] or "") + "000000")[:6])
        offset = timedelta(hours=int(match[10] or 0), minutes=int(match[11] or 0))
        zone = timezone(-offset if match[9] == "-" else offset)
        return datetime(year, month, day, hour, minute, second, micro, tzinfo=zone).astimezone(UTC)
    except (ValueError, OverflowError):
        notes.add(where, f"not a time: {match[0]!r}")
        return None


def _status(value: Any) -> Status | None:
    text = value.strip().lower() if isinstance(value, str) else ""
    return Status(text) if text in ("firing", "resolved") else None


def _count(value: Any, where: str, notes: _Notes) -> int:
    if value is None:
        return 0
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**63:
        return value
    notes.add(where, f"not a count: {_cut(_text(value), 60)!r}")
    return 0


def _map(value: Any, where: str, limit: int, notes: _Notes) -> Labels:
    if value is None:
        return {}
    if not isinstance(value, dict):
        notes.add(where, f"a {_kind(value)}, not an object: left out")
        return {}
    if len(value) > MAP_LIMIT:
        notes.add(where, f"{len(value)} entries: the first {MAP_LIMIT} are kept")
    kept: dict[str, str] = {}
    for name, content in sorted(value.items())[:MAP_LIMIT] if len(value) > MAP_LIMIT else value.items():
        if not isinstance(content, str):
            notes.add(f"{where}.{_cut(name, 60)}", f"a {_kind(content)}, not text")
        kept[_cut(_clean(name), NAME_LIMIT)] = _cut(_text(content), limit)
    return kept


def _text(value: Any) -> str:
    if isinstance(value, str):
        return _clean(value)
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return str(value)
    return _clean(json.dumps(value, ensure_ascii=False))


def _clean(text: str) -> str:
    """Text that can be written as UTF-8: JSON may carry halves of a surrogate pair."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return text


def _cut(text: str, limit: int) -> str:
    text = _clean(text)
    return text if len(text) <= limit else text[: limit - len(CUT)] + CUT


def _digest(text: str) -> str:
    return hashlib.sha256(_clean(text).encode()).hexdigest()


def _kind(value: Any) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, dict):
        return "object"
    if isinstance(value, list):
        return "list"
    return "text" if isinstance(value, str) else "number"
