"""What fires now, and whether an alert would arrive."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from bot.context import Context
from bot.core.command import command
from bot.core.doc import Code, Doc, File, Heading, Items, Line, Table, Text, Tone, doc, line
from bot.core.duration import say_duration, say_roughly
from bot.core.errors import Refused, UserError
from bot.core.model import Risk
from bot.ports import AlertView

SHOWN = 20
"""Alerts in the message; what is more goes into a file."""
SILENT = timedelta(hours=5)
"""An Alertmanager repeats itself, every four hours unless told otherwise: after this, how old the news are is
said, for one that is gone for good never says RESOLVED."""
PATIENCE = timedelta(seconds=15)
"""How long a test alert may take to each place."""
_WORST_FIRST = ("critical", "page", "error", "high", "warning", "medium", "low", "info", "none")


@command(risk=Risk.READ)
async def alerts(ctx: Context) -> Doc:
    """What fires now, the worst first, for how long, and in which rooms.

    `!why alert NAME` says why an alert went to its rooms. Where its sender has been silent for five hours,
    the table says how old the news are.
    """
    firing = sorted(await ctx.services.alerts.firing(), key=lambda one: _rank(one, ctx.now))
    if not firing:
        return doc(Heading(line("no alert is firing"), Tone.GOOD))
    shown, more = firing[:SHOWN], firing[SHOWN:]
    header = ("severity", "alert", "for", "what", "rooms")
    rows = tuple(_cells(one, ctx.now) for one in shown)
    tail = [line(f"and {len(more)} more, all of them in the file")] if more else []
    files = [File("alerts.txt", "text/plain", _text(firing, ctx.now).encode())] if more else []
    return doc(Heading(line(_sum(firing)), Tone.BAD), Table(header, rows), *tail, files=files)


@command(risk=Risk.READ, name="test alert")
async def test_alert(ctx: Context) -> Doc:
    """Post a synthetic alert to the real webhook and say how long it took back into this room.

    It goes the whole way: HTTP, the disk, the group, the outbox, the platform. It resolves by itself.
    """
    room, tester = ctx.asker.room, ctx.services.alert_test
    if tester is None:
        raise UserError("there is no webhook here to post to; with `http` configured there is one")
    if not room.name:
        raise Refused("this room is not in my configuration, so no alert could come here")
    by = ctx.person.name if ctx.person else str(ctx.identity)
    test_id = await tester.ring(room.name, by)
    took = await tester.arrival(test_id, PATIENCE)
    places = [place.place for place in ctx.services.rooms.get(room.name, ())]
    missing = [place for place in places if place not in took]
    lines = [line(Code(place), Text(f": {ms:.0f} ms")) for place, ms in took.items()]
    lines += [line(Code(place), Text(f": not within {say_duration(PATIENCE)}")) for place in missing]
    good = bool(took) and not missing
    head = "the test alert arrived" if good else "the test alert did not arrive everywhere"
    return doc(Heading(line(head), Tone.GOOD if good else Tone.BAD), Items(tuple(lines)))


def _rank(one: AlertView, now: datetime) -> tuple[int, datetime]:
    severity = one.severity.lower()
    rank = _WORST_FIRST.index(severity) if severity in _WORST_FIRST else len(_WORST_FIRST)
    return rank, one.since or now


def _sum(firing: Sequence[AlertView]) -> str:
    count: dict[str, int] = {}
    for one in firing:
        said = f"{one.severity}" if one.severity not in ("", "none") else "no severity"
        count[said] = count.get(said, 0) + 1
    noun = "alert is" if len(firing) == 1 else "alerts are"
    return f"{len(firing)} {noun} firing: " + ", ".join(f"{n} {name}" for name, n in count.items())


def _cells(one: AlertView, now: datetime) -> tuple[Line, ...]:
    return tuple(line(Code(text) if text else Text("–")) for text in _row(one, now))


def _row(one: AlertView, now: datetime) -> tuple[str, ...]:
    since = say_roughly(now - one.since) if one.since else "?"
    if one.heard is not None and now - one.heard > SILENT:
        since += f", last heard of {say_roughly(now - one.heard)} ago"
    return (
        "" if one.severity == "none" else one.severity,
        one.name,
        since,
        one.summary or _labels(one),
        ", ".join(one.rooms),
    )


def _labels(one: AlertView) -> str:
    return ", ".join(f"{k}={v}" for k, v in sorted(one.labels.items()) if k not in {"alertname", "severity"})


def _text(firing: Sequence[AlertView], now: datetime) -> str:
    return "".join("  ".join(_row(one, now)).replace("\n", " ") + "\n" for one in firing)
