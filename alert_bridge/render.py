"""An alert group as a Doc: its card, the lines of its thread, the full list as a file. Pure.

What comes from outside is only ever the content of a span, shortened here, and never begins a line: every
line starts with a word or a sign of ours. Doc and the adapters do the rest.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from urllib.parse import quote

from alert_bridge.group import SHOWN, Card, Group, Kind, Line, Telling, lane_of
from alert_bridge.member import Member, State
from alert_bridge.payload import Alert, Labels, Notification, Unreadable, web_address
from alert_bridge.severity import LOOKS, RESOLVED, Look, Severity, severity_of, worst
from bot.core import doc
from bot.core.doc import (
    Code,
    Doc,
    Fields,
    File,
    Heading,
    Items,
    Jump,
    Link,
    Mention,
    Paragraph,
    Pre,
    Strong,
    Text,
)
from bot.core.duration import say_duration
from bot.core.text import many_lines, one_line, shorten

_NAME = 120
_VALUE = 100
_SUMMARY = 300
_LABELS = 12
_NAMED = 5
_FILE_LIMIT = 4 * 1024 * 1024
_SAME_TIME = timedelta(minutes=1)
_LINKS = ("runbook", "dashboard", "panel", "generator", "silence", "image")


@dataclass(frozen=True, slots=True)
class Told:
    """A telling as documents: the card (None: nothing happens to it) and the thread's lines, in order."""

    card: Doc | None
    lines: tuple[Doc, ...]


def tell(group: Group, telling: Telling, notification: Notification, mention: Sequence[str] = ()) -> Told:
    """Everything that a telling makes visible. `mention` are people of the configuration.

    A new card and a line about firing alerts ping them; an edit never does.
    """
    card_now = None if telling.card is Card.NONE else card(group, mention, ping=telling.card is Card.NEW)
    lines = [thread_line(line, group, mention) for line in telling.lines]
    if telling.attach:
        lines.append(full_list(notification))
    return Told(card_now, tuple(lines))


# ---- the card -------------------------------------------------------------------------------------------


def card(group: Group, mention: Sequence[str] = (), *, ping: bool = False) -> Doc:
    """The group's one message. `ping` only when it is new: later edits name the people without calling."""
    blocks: list[doc.Block] = [_headline(group)]
    fields = _fields(group)
    if fields:
        blocks.append(Fields(fields))
    listed = _listed(group)
    if listed:
        blocks.append(Items(listed))
    links = _shared_links(group)
    if links:
        blocks.append(
            Paragraph(
                doc.line(Strong("Links"), ": ", *_joined([Link(link.text, link.url) for link in links]))
            )
        )
    if mention:
        people = [Mention(name) if ping else Text(name) for name in mention]
        blocks.append(Paragraph(doc.line(Strong("For"), ": ", *_joined(people))))
    return Doc(tuple(blocks))


def title(group: Group) -> str:
    """The group's name in a few words: its alertname, or Grafana's title, or that it has none."""
    for labels in (group.group_labels, group.common_labels):
        if labels.get("alertname"):
            return shorten(labels["alertname"], _NAME)
    names = dict.fromkeys(member.name for member in group.members if member.name)
    if names:
        first, *others = names
        return shorten(first, _NAME) + (f" and {_others(len(others))}" if others else "")
    without = "an alert without a name" if len(group.members) == 1 else "alerts without a name"
    return shorten(group.title, _NAME) or without


def severity(group: Group) -> Severity:
    """The worst of those that fire; of all when none does."""
    here = [m for m in group.members if m.state is State.FIRING] or list(group.members)
    return worst(severity_of({**group.common_labels, **member.labels}) for member in here)


def _look(group: Group) -> Look:
    return LOOKS[severity(group)] if group.state is State.FIRING else RESOLVED


def _headline(group: Group) -> Heading:
    look = _look(group)
    spans: list[doc.Span | str] = [Strong(group.state.value.upper())]
    if group.state is State.FIRING:
        spans += [f" {look.word}" if look.word else ""]
        firing, over = group.count(State.FIRING) + group.truncated, group.count(State.RESOLVED)
        # A smaller number alone would read like a new and smaller trouble.
        count = f"{firing} of {_alerts(firing + over)}" if over else _alerts(firing)
    else:
        count = _alerts(group.count(State.RESOLVED))
    spans += [": ", Code(title(group)), f" ({count})"]
    if group.duration is not None:
        spans.append(f" after {say_duration(group.duration)}")
    return Heading(doc.line(*[span for span in spans if span]), look.tone, look.symbol)


def _fields(group: Group) -> tuple[tuple[str, doc.Line], ...]:
    pairs: list[tuple[str, doc.Line]] = []
    summary = _shared_summary(group)
    if summary:
        pairs.append(("Summary", doc.line(shorten(summary, _SUMMARY))))
    shared = _label_codes(_shared_labels(group), without=("alertname", *_said_above(group)))
    if shared:
        pairs.append(("Labels", doc.line(*_joined(shared))))
    pairs.append(("Time", doc.line(_when(group))))
    counts = _counts(group)
    if counts:
        pairs.append(("Counts", doc.line(counts)))
    pairs += [("Note", note) for note in _notes(group)]
    return tuple(pairs)


def _when(group: Group) -> str:
    if group.ended is None or group.duration is None:
        return f"since {_clock(group.since)}"
    first = f"{group.since:%Y-%m-%d %H:%M}" if _same_day(group.since, group.ended) else _clock(group.since)
    until = f"{group.ended:%H:%M} UTC" if _same_day(group.since, group.ended) else _clock(group.ended)
    return f"{first} to {until}, lasted {say_duration(group.duration)}"


def _counts(group: Group) -> str:
    parts = []
    if group.state is State.FIRING and group.count(State.RESOLVED):
        parts.append(f"{group.count(State.RESOLVED)} resolved")
    if group.count(State.GONE):
        parts.append(f"{group.count(State.GONE)} not reported any more (silenced, inhibited or moved)")
    if group.truncated:
        parts.append(f"{group.truncated} of them cut off by the sender")
    if group.refires:
        parts.append(f"fired again {_times(group.refires)}")
    if group.repeats:
        parts.append(f"repeated {_times(group.repeats)}")
    return ", ".join(parts)


def _notes(group: Group) -> list[doc.Line]:
    notes = []
    if group.unseen:
        notes.append(doc.line("I had not seen it fire."))
    if group.skewed:
        notes.append(doc.line("Clocks differ: a start or an end lies in the future or in the wrong order."))
    if group.previous is not None:
        until = f", until {_clock(group.previous_ended)}" if group.previous_ended else ""
        last = Jump(f"message {group.generation - 1} of this group", lane_of(group.previous))
        notes.append(doc.line(f"It fired before{until}: ", last, "."))
    if group.problems:
        more = f" (and {len(group.problems) - 1} more)" if len(group.problems) > 1 else ""
        notes.append(doc.line(f"I could not read all of it: {shorten(group.problems[0], 200)}{more}"))
    return notes


def _listed(group: Group) -> tuple[doc.Line, ...]:
    order = {State.FIRING: 0, State.RESOLVED: 1, State.GONE: 2}
    firing = list(group.firing)
    others = sorted((m for m in group.members if m.state is not State.FIRING), key=lambda m: order[m.state])
    members = firing + others
    if len(members) == 1 and not _distinct(members[0], group) and not members[0].again:
        # One alert whose every label stands above already: a line would repeat the card.
        return ()
    shown = [_member_line(member, group) for member in members[:SHOWN]]
    if len(members) > SHOWN:
        shown.append(doc.line(f"and {len(members) - SHOWN} more; the full list is in the thread"))
    return tuple(shown)


def _member_line(member: Member, group: Group) -> doc.Line:
    look = LOOKS[severity_of({**group.common_labels, **member.labels})]
    how_bad = "" if _one_severity(group) else look.word
    word = f"firing {how_bad}".rstrip() if member.state is State.FIRING else _WORDS[member.state]
    spans: list[doc.Span | str] = [f"{word}: ", *_who(member, group)]
    if member.state is State.FIRING and member.starts_at is not None:
        spans.append(_later(member.starts_at, group.since))
    if member.state is State.RESOLVED and member.starts_at is not None and member.ends_at is not None:
        spans.append(f", after {say_duration(member.ends_at - member.starts_at)}")
    if member.again:
        spans.append(f", fired again {_times(member.again)}")
    if member.summary and member.summary != _shared_summary(group):
        spans.append(f" — {shorten(member.summary, 200)}")
    own = _own_links(member, group)
    if own:
        spans += [" (", *_joined(own), ")"]
    return doc.line(*spans)


_WORDS: Mapping[State, str] = {State.RESOLVED: "resolved", State.GONE: "not reported any more"}


def _shared_labels(group: Group) -> Labels:
    """The labels that all alerts on the card have, also when the sender did not say which these are."""
    detailed = [member.labels for member in group.members if member.labels]
    shared = {**(detailed[0] if detailed else {}), **group.group_labels, **group.common_labels}
    for labels in detailed:
        # What a label budget left out of a member is not known to differ.
        shared = {name: value for name, value in shared.items() if labels.get(name, value) == value}
    return shared


def _shared_summary(group: Group) -> str:
    """What all of them say, also when the sender did not say that it is common."""
    if group.summary:
        same = all(member.summary in ("", group.summary) for member in group.members)
        return group.summary if same else ""
    said = {member.summary for member in group.members}
    return said.pop() if len(said) == 1 else ""


def _said_above(group: Group) -> tuple[str, ...]:
    """A severity in the very word of the headline is not said again among the labels."""
    spelled = _shared_labels(group).get("severity", "").strip().lower()
    firing = group.state is State.FIRING
    return ("severity",) if firing and spelled == LOOKS[severity(group)].word else ()


def _one_severity(group: Group) -> bool:
    """Whether the headline's word holds for each that fires."""
    firing = (severity_of({**group.common_labels, **member.labels}) for member in group.firing)
    return len(set(firing)) < 2


def _later(start: datetime, since: datetime) -> str:
    """Since when one fires, where that is not what the card says anyway."""
    if abs(start - since) < _SAME_TIME:
        return ""
    return f", since {start:%H:%M} UTC" if _same_day(start, since) else f", since {_clock(start)}"


def _distinct(member: Member, group: Group) -> Labels:
    """The labels that tell this alert from the others of its group."""
    above = _shared_labels(group)
    own = {name: value for name, value in member.labels.items() if above.get(name) != value}
    # What says most comes first: where it is cut, the rest goes. The severity stands in words beside it.
    return dict(sorted(own.items(), key=lambda label: _TELLING.get(label[0], 50)))


_TELLING = {"alertname": 0, "instance": 1, "service": 2, "name": 3, "container": 4, "job": 60, "severity": 99}


def _who(member: Member, group: Group) -> list[doc.Span | str]:
    return _joined(_label_codes(_distinct(member, group), limit=6) or [Code(_name_of(member))])


def _name_of(member: Member) -> str:
    for name in ("instance", "service", "name", "alertname"):
        if member.labels.get(name):
            return shorten(f"{name}={member.labels[name]}", _VALUE)
    return f"alert {member.fingerprint}"


# ---- links ----------------------------------------------------------------------------------------------


def _shared_links(group: Group) -> list[Link]:
    found: list[Link] = []
    detailed = [member for member in group.members if member.links]
    for name in _LINKS:
        addresses = {link.url for member in detailed for link in member.links if link.name == name}
        if len(addresses) == 1:
            found.append(Link(name, addresses.pop()))
    if not any(link.text == "silence" for link in found):
        silence = silence_address(group)
        if silence is not None:
            found.append(Link("silence", silence))
    return found


def _own_links(member: Member, group: Group) -> list[doc.Span | str]:
    shared = {link.url for link in _shared_links(group)}
    return [Link(link.name, link.url) for link in member.links if link.url not in shared]


def silence_address(group: Group) -> str | None:
    """Alertmanager's own form for a new silence of this group; None for Grafana, or without an address."""
    labels = group.group_labels or group.common_labels
    if group.product == "grafana" or not labels or group.state is not State.FIRING:
        return None
    matchers = ",".join(f"{name}={json.dumps(value, ensure_ascii=False)}" for name, value in labels.items())
    filters = quote("{" + matchers + "}", safe="")
    return web_address(f"{group.sender.rstrip('/')}/#/silences/new?filter={filters}")


# ---- thread lines ---------------------------------------------------------------------------------------


def thread_line(told: Line, group: Group, mention: Sequence[str] = ()) -> Doc:
    """One line of the thread, short: who fires newly, who again, or that all is over."""
    if told.kind is Kind.RESOLVED:
        lasted = f" after {say_duration(told.duration)}" if told.duration is not None else ""
        return doc.say(f"{RESOLVED.symbol} ", Strong("RESOLVED"), f"{lasted}: ", Code(title(group)))
    here = worst(severity_of({**group.common_labels, **member.labels}) for member in told.alerts)
    look = LOOKS[here]
    again = " again" if told.kind is Kind.REFIRED else ""
    times = f" ({_ordinal(told.times)} time)" if told.times else ""
    how_bad = f" {look.word}" if look.word else ""
    spans: list[doc.Span | str] = [f"{look.symbol} ", Strong("FIRING"), f"{how_bad}{again}{times}: "]
    spans += _named(told.alerts, group) or [Code(title(group))]
    if len(told.alerts) == 1 and told.alerts[0].summary:
        spans.append(f" — {shorten(told.alerts[0].summary, 200)}")
    if mention:
        spans += [" ", *_joined([Mention(name) for name in mention], " ")]
    return doc.say(*spans)


def _named(members: Sequence[Member], group: Group) -> list[doc.Span | str]:
    names: list[doc.Span | str] = []
    for member in members[:_NAMED]:
        own = _label_codes(_distinct(member, group), limit=2) or [Code(_name_of(member))]
        names += [*([", "] if names else []), *_joined(own, " ")]
    if len(members) > _NAMED:
        names.append(f" and {len(members) - _NAMED} more")
    return names


# ---- the full list, and what is no list -----------------------------------------------------------------


def full_list(notification: Notification) -> Doc:
    """All alerts of a notification as a file, for the thread."""
    text = "".join(_entry(alert) for alert in notification.alerts)
    content = text.encode()
    if len(content) > _FILE_LIMIT:
        content = (
            content[:_FILE_LIMIT].decode("utf-8", "ignore").encode() + b"\n(cut: the list is too long)\n"
        )
    return doc.doc(
        f"The full list: {_alerts(len(notification.alerts))}",
        files=[File("alerts.txt", "text/plain", content)],
    )


def _entry(alert: Alert) -> str:
    labels = " ".join(f"{one_line(name)}={one_line(value)}" for name, value in alert.labels.items())
    since = f" since {_clock(alert.starts_at)}" if alert.starts_at else ""
    until = f" until {_clock(alert.ends_at)}" if alert.ends_at else ""
    head = f"{alert.status.upper()}{since}{until}: {labels or alert.fingerprint}\n"
    notes = [f"  {one_line(name)}: {one_line(text)}\n" for name, text in alert.annotations.items() if text]
    links = [f"  {link.name}: {link.url}\n" for link in alert.links]
    return head + "".join(notes + links)


def unreadable(found: Unreadable, endpoint: str, note: str = "") -> Doc:
    """What is shown of a body that is no alert payload: why, and how it begins."""
    pairs = [("Endpoint", doc.line(Code(endpoint))), ("Why", doc.line(shorten(found.reason, 300)))]
    if note:
        pairs.append(("Note", doc.line(shorten(note, 300))))
    head = Heading(doc.line(Strong("I could not read this alert")), doc.Tone.WARN, "⚠️")
    raw = many_lines(found.head, 1500)
    return Doc((head, Fields(tuple(pairs)), *([Pre(raw)] if raw.strip() else [])))


# ---- words ----------------------------------------------------------------------------------------------


def _label_codes(labels: Labels, without: Iterable[str] = (), limit: int = _LABELS) -> list[doc.Span | str]:
    chosen = [(name, value) for name, value in labels.items() if name not in without]
    shown: list[doc.Span | str] = [
        Code(f"{shorten(name, 60)}={shorten(value, _VALUE)}") for name, value in chosen[:limit]
    ]
    if len(chosen) > limit:
        shown.append(f"and {len(chosen) - limit} more")
    return shown


def _joined(spans: Sequence[doc.Span | str], between: str = ", ") -> list[doc.Span | str]:
    out: list[doc.Span | str] = []
    for span in spans:
        out += [between, span] if out else [span]
    return out


def _clock(time: datetime) -> str:
    return f"{time:%Y-%m-%d %H:%M} UTC"


def _same_day(one: datetime, other: datetime) -> bool:
    return one.date() == other.date()


def _others(count: int) -> str:
    return "1 other kind" if count == 1 else f"{count} other kinds"


def _alerts(count: int) -> str:
    return "1 alert" if count == 1 else f"{count} alerts"


def _times(count: int) -> str:
    return {1: "once", 2: "twice"}.get(count, f"{count} times")


def _ordinal(count: int) -> str:
    suffix = "th" if 10 <= count % 100 <= 20 else {1: "st", 2: "nd", 3: "rd"}.get(count % 10, "th")
    return f"{count}{suffix}"
