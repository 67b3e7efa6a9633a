"""What changed since the last audit, in words: for a room, and for the report. Pure."""

from collections.abc import Iterator
from datetime import datetime, timedelta

from audit.comparison import Comparison, Standing
from audit.markdown import code, text
from audit.model import Finding

LONG = timedelta(days=30)
"""What has stood for longer is long-standing."""


def in_short(found: Comparison) -> str:
    """`since 2026-11-24 07:00 UTC: 3 new, 1 back, 2 gone`; empty where there was no audit before."""
    if found.before is None:
        return ""
    counted = [(len(found.new), "new"), (len(found.back), "back again"), (len(found.gone), "gone")]
    said = ", ".join(f"{count} {word}" for count, word in counted if count) or "nothing changed"
    blind = f"; of {len(found.unjudged)} nobody could tell this time" if found.unjudged else ""
    return f"since {found.before:%Y-%m-%d %H:%M} UTC: {said}{blind}"


def since(known: Standing | None, now: datetime) -> str:
    """How long a finding has been there, and how often it came."""
    if known is None:
        return ""
    days = (now - known.first_seen).days
    words = f"{known.first_seen:%Y-%m-%d %H:%M} UTC ({days} {'day' if days == 1 else 'days'})"
    times = known.times - 1
    return words + (f"; it came back {times} {'time' if times == 1 else 'times'}" if times else "")


def for_report(found: Comparison, now: datetime) -> tuple[str, ...]:
    """Lines of Markdown; none where there was no audit before."""
    return tuple(_lines(found, now)) if found.before is not None else ()


def _lines(found: Comparison, now: datetime) -> Iterator[str]:
    yield f"The last audit before this one was at {found.before:%Y-%m-%d %H:%M} UTC."
    yield ""
    yield from _part("New", [_new(one) for one in found.new])
    yield from _part(
        "Recurring: gone for a while, and back", [_old(one, known, now) for one, known in found.back]
    )
    old = [(one, known) for one, known in found.still if now - known.first_seen >= LONG]
    yield from _part(
        f"Long-standing: for {LONG.days} days and more", [_old(one, known, now) for one, known in old]
    )
    rest = [(one, known) for one, known in found.still if now - known.first_seen < LONG]
    yield from _part("In progress: still there", [_old(one, known, now) for one, known in rest])
    yield from _part("Gone since", [_gone(one) for one in found.gone])
    yield from _part("Not judged this time", [_gone(one) for one in found.unjudged])


def _part(title: str, rows: list[str]) -> Iterator[str]:
    if rows:
        yield f"**{title}** ({len(rows)})"
        yield ""
        yield from rows
        yield ""


def _new(one: Finding) -> str:
    return f"- {one.severity.value} {code(one.id)} {code(one.target)}: {text(one.message)}"


def _old(one: Finding, known: Standing, now: datetime) -> str:
    return f"{_new(one)}; since {since(known, now)}"


def _gone(one: Standing) -> str:
    return f"- {one.severity} {code(one.id)} {code(one.service or one.file)}: {text(one.message)}"
