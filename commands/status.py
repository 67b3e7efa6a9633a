"""What runs, what does not, and why."""

import asyncio
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from bot.context import Context
from bot.core.command import ServiceRef, command
from bot.core.doc import (
    Block,
    Code,
    Doc,
    Fields,
    File,
    Heading,
    Items,
    Line,
    Paragraph,
    Strong,
    Table,
    Tone,
    doc,
    line,
    plain,
)
from bot.core.duration import say_duration, say_roughly
from bot.core.errors import Upstream
from bot.core.model import Risk
from bot.core.redact import Redactor
from bot.core.redact_doc import redact_doc
from commands.look import View, look, look_running
from estate.diagnosis import Trouble, diagnose, exit_words, last_lines, memory, suspicious
from estate.inventory import Thing, one_offs
from estate.logs import clean
from estate.model import Container, Detail, Health, State
from estate.reference import short_reference

SHOWN_ROWS = 40
"""Rows of a table in the room; what is more goes into a file."""
SHOWN_TROUBLES = 10
LAST_WORDS = 3
"""Lines of the log of a container that ended."""
_SYMBOL = {Tone.GOOD: "🟢", Tone.WARN: "🟡", Tone.BAD: "🔴"}


@dataclass(frozen=True, slots=True)
class _Row:
    """One container, or one service that should run and has none."""

    name: str
    state: str
    since: str
    image: str
    running: bool
    unhealthy: bool

    @property
    def cells(self) -> tuple[Line, ...]:
        good = self.running and not self.unhealthy
        state = line(self.state) if good else line(Strong(self.state))
        return line(Code(self.name)), state, line(self.since), line(Code(self.image))

    @property
    def well(self) -> bool:
        return self.running and not self.unhealthy


# ---- status ---------------------------------------------------------------------------------------------


@command(risk=Risk.READ)
async def status(ctx: Context, service: ServiceRef | None = None) -> Doc:
    """What runs, by project: health, since when, which image; the sum first.

    What is configured and has no container is listed too, unless a profile keeps it away. With a name: all
    that is known about that one.
    """
    view = await look(ctx.services)
    if service is not None:
        return await _one(ctx, view, view.find(service))
    rows = _rows(view)
    if view.away and not any(True for _ in view.containers):
        return _unseen(view, rows)
    well = all(row.well for row in rows) and not view.notes()
    tone = Tone.GOOD if well else Tone.BAD if any(row.unhealthy for row in rows) else Tone.WARN
    return _shown(view, _heading(_sum(rows), tone), rows)


def _rows(view: View) -> list[_Row]:
    jobs = {thing.full_name for thing in one_offs(view.things)}
    rows: list[_Row] = []
    for thing in view.things:
        if thing.full_name in jobs and not thing.running:
            continue
        rows += [_row(thing, container, len(view.engines) > 1) for container in thing.containers]
        if not thing.containers and thing.expected and thing.service:
            image = short_reference(thing.service.image or "built here")
            rows.append(_Row(thing.full_name, "not running", "–", image, False, False))
    return rows


def _row(thing: Thing, container: Container, several_hosts: bool) -> _Row:
    name = thing.full_name if len(thing.containers) == 1 else f"{thing.full_name} ({container.name})"
    state, since = state_words(container)
    return _Row(
        name=f"{name} on {container.host}" if several_hosts else name,
        state=state,
        since=since,
        image=short_reference(container.image),
        running=container.state is State.RUNNING,
        unhealthy=container.health is Health.UNHEALTHY,
    )


def state_words(container: Container) -> tuple[str, str]:
    """`("running, unhealthy", "3 h ago")` from the Engine's `Up 3 hours (unhealthy)`."""
    words = re.sub(r"\s*\((?:healthy|unhealthy|health: starting|Paused)\)\s*$", "", container.status)
    health = "" if container.health is Health.NONE else f", {container.health.value}"
    if up := re.match(r"Up (.+)", words):
        return container.state.value + health, f"{_short(up.group(1))} ago"
    if ended := re.match(r"\w+ \((-?\d+)\) (.+)", words):
        return f"{container.state.value} ({ended.group(1)})", _short(ended.group(2))
    return container.state.value + health, "–"


_UNITS = {
    "second": "s",
    "minute": "min",
    "hour": "h",
    "day": "d",
    "week": "w",
    "month": "months",
    "year": "y",
}


def _short(words: str) -> str:
    """`3 h` from the Engine's `3 hours`, `1 min ago` from `About a minute ago`."""
    one = re.sub(r"(?i)\b(?:less than|about) an? ", "1 ", words)
    return re.sub(r"(\d+) (second|minute|hour|day|week|month|year)s?\b",
                  lambda found: f"{found.group(1)} {_UNITS[found.group(2)]}", one)  # fmt: skip


def _sum(rows: Sequence[_Row]) -> str:
    if not rows:
        return "nothing runs and nothing is configured"
    running, ill = sum(row.running for row in rows), sum(row.unhealthy for row in rows)
    return f"{running} of {len(rows)} running" + (f", {ill} unhealthy" if ill else "")


def _unseen(view: View, rows: Sequence[_Row]) -> Doc:
    """What is missing before what is configured: nobody should have to scroll for it."""
    words = f"{len(rows)} configured, whether they run is unknown" if rows else "what runs is unknown"
    head = (_heading(words, Tone.WARN), Items(view.notes()))
    if not rows:
        return doc(*head)
    table = Table(("configured", "image"), tuple((row.cells[0], row.cells[3]) for row in rows))
    if len(rows) <= SHOWN_ROWS:
        return doc(*head, table)
    more = Paragraph(line(f"and {len(rows) - SHOWN_ROWS} more, all of them in the file"))
    file = File("status.txt", "text/plain", plain(doc(*head, table)).encode())
    return doc(*head, Table(table.header, table.rows[:SHOWN_ROWS]), more, files=[file])


def _shown(view: View, heading: Heading, rows: Sequence[_Row]) -> Doc:
    notes = (Items(view.notes()),) if view.notes() else ()
    if not rows:
        return doc(heading, *notes)
    whole = _table(rows)
    if len(rows) <= SHOWN_ROWS:
        return doc(heading, whole, *notes)
    # What needs a look comes first when not everything has room.
    first = sorted(rows, key=lambda row: row.well)[:SHOWN_ROWS]
    more = Paragraph(line(f"and {len(rows) - len(first)} more, all of them in the file"))
    file = File("status.txt", "text/plain", plain(doc(heading, whole)).encode())
    return doc(heading, _table(first), more, *notes, files=[file])


def _table(rows: Sequence[_Row]) -> Table:
    return Table(("service", "state", "since", "image"), tuple(row.cells for row in rows))


def _heading(words: str, tone: Tone) -> Heading:
    return Heading(line(words), tone, _SYMBOL[tone])


# ---- status of one --------------------------------------------------------------------------------------


async def _one(ctx: Context, view: View, thing: Thing) -> Doc:
    details = await view.details(thing.containers)
    known = [detail for detail in details if isinstance(detail, Detail)]
    blocks: list[Block] = []
    tone = Tone.GOOD if thing.running else Tone.WARN
    for container, detail in zip(thing.containers, details, strict=True):
        if isinstance(detail, Upstream):
            blocks.append(Paragraph(line(f"{container.name}: {detail}")))
            continue
        trouble = diagnose(view.safe(ctx.redactor, detail), ctx.now)
        tone = Tone.BAD if trouble else tone
        blocks.append(Fields(_facts(detail, ctx.now, alone=len(thing.containers) == 1)))
        why = [one for one in trouble.why if one != memory(detail)] if trouble else []
        blocks += [Items(tuple(line(one) for one in why))] if why else []
    if not thing.containers:
        blocks.append(Paragraph(line(_why_absent(view, thing))))
    if thing.service:
        blocks.append(Fields((("configured in", line(Code(thing.service.file))),)))
    states = ", ".join(dict.fromkeys(state_words(one)[0] for one in thing.containers)) or "no container"
    heading = Heading(line(Strong(thing.full_name), f": {states}"), tone, _SYMBOL[tone])
    return redact_doc(doc(heading, *blocks), view.redactor(ctx.redactor, known))


def _facts(detail: Detail, now: datetime, *, alone: bool) -> tuple[tuple[str, Line], ...]:
    """`alone`: the head line says its state already."""
    container = detail.container
    state, since = state_words(container)
    facts: list[tuple[str, Line]] = [
        ("container", line(Code(container.name), f" ({container.id[:12]})")),
        *([] if alone else [("state", line(state))]),
        ("image", line(Code(short_reference(container.image)), f" ({short_reference(container.image_id)})")),
    ]
    if container.state is State.RUNNING:
        facts.append(("up", line(say_duration(now - detail.started) if detail.started else since)))
    elif detail.finished:
        facts.append(("ended", line(f"{say_duration(now - detail.finished)} ago, {exit_words(detail)}")))
    if detail.restarts:
        facts.append(("restarts", line(str(detail.restarts))))
    facts.append(("restart policy", line(detail.restart_policy)))
    facts.append(("memory", line(memory(detail))))
    return tuple(facts)


def _why_absent(view: View, thing: Thing) -> str:
    if view.away:
        return "whether it runs is unknown: " + "; ".join(view.away)
    service = thing.service
    if service is None or thing.expected:
        return "it is configured, and has no container: it was never started here, or was removed"
    if service.profiles:
        return f"it is configured for the profile {', '.join(service.profiles)}, which is not active"
    return "it is configured with no replica"


# ---- unhealthy ------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Case:
    """One container that needs a look."""

    name: str
    detail: Detail
    trouble: Trouble
    last_words: str = ""


@command(risk=Risk.READ)
async def unhealthy(ctx: Context) -> Doc:
    """What is unhealthy, exited, restarting or stuck starting, and why.

    The probe's own last output and exit code, how often in a row, since when, out of memory or not. A job
    that ended with exit code 0, and has no restart policy that says it should run, is not wrong.
    """
    view = await look_running(ctx.services)
    redactor = view.redactor(ctx.redactor)
    jobs = {thing.full_name for thing in one_offs(view.things)}
    suspects = [
        (thing, container)
        for thing in view.things
        if thing.full_name not in jobs
        for container in thing.containers
        if suspicious(container)
    ]
    details = await view.details(container for _, container in suspects)
    known = [detail for detail in details if isinstance(detail, Detail)]
    failed = [
        f"{c.name}: {d}" for (_, c), d in zip(suspects, details, strict=True) if isinstance(d, Upstream)
    ]
    cases = [
        _Case(_row(thing, container, len(view.engines) > 1).name, detail, trouble)
        for (thing, container), detail in zip(suspects, details, strict=True)
        if isinstance(detail, Detail) and (trouble := diagnose(view.safe(redactor, detail), ctx.now))
    ]
    cases = list(await asyncio.gather(*(_with_last_words(redactor, view, case) for case in cases)))
    document = _told(view, cases, failed, ctx.now)
    return redact_doc(document, view.redactor(redactor, known))


async def _with_last_words(redactor: Redactor, view: View, case: _Case) -> _Case:
    if not case.trouble.ended:
        return case
    container = case.detail.container
    try:
        log = await view.engines[container.host].logs(container, tail=LAST_WORDS)
    except Upstream:
        return case  # the log is an extra: what is wrong is said without it
    safe = view.redactor(redactor, (case.detail,)).text(clean(log))
    return _Case(case.name, case.detail, case.trouble, last_lines(safe, LAST_WORDS))


def _told(view: View, cases: Sequence[_Case], failed: Sequence[str], now: datetime) -> Doc:
    absent = [thing.full_name for thing in view.things if thing.expected and not thing.containers]
    notes = [*view.notes(), *(line(Strong("not seen: "), why) for why in failed)]
    if absent:
        names = f"{', '.join(absent[:10])}" + (f" and {len(absent) - 10} more" if absent[10:] else "")
        notes.append(line(Strong("configured, not running: "), names))
    total = sum(1 for _ in view.containers)
    if not cases:
        tone = Tone.WARN if notes else Tone.GOOD
        words = (
            f"nothing is wrong with the {total} containers that I see" if total else "there is no container"
        )
        return doc(_heading(words, tone), *([Items(tuple(notes))] if notes else []))
    heading = _heading(f"{len(cases)} of {total} {'needs' if len(cases) == 1 else 'need'} a look", Tone.BAD)
    shown = [block for case in cases[:SHOWN_TROUBLES] for block in _case(case, now)]
    # Not as items: below the items of the last case they would read as if they were about it.
    if len(cases) <= SHOWN_TROUBLES:
        return doc(heading, *shown, *notes)
    whole = plain(doc(heading, *(block for case in cases for block in _case(case, now))))
    more = Paragraph(line(f"and {len(cases) - SHOWN_TROUBLES} more, all of them in the file"))
    file = File("unhealthy.txt", "text/plain", whole.encode())
    return doc(heading, *shown, more, *notes, files=[file])


def _case(case: _Case, now: datetime) -> tuple[Block, Block]:
    trouble = case.trouble
    ago = ""
    if trouble.since is not None:
        past = now - trouble.since
        ago = f"about {say_roughly(past)}" if trouble.about else say_duration(past)
    if trouble.kind == "restarting":
        since = f", last ended {ago} ago"
    else:
        since = f" {ago} ago" if trouble.ended else f" for {ago}"
    why = [line(one) for one in trouble.why]
    why += [line("its last words: ", Code(case.last_words))] if case.last_words else []
    head = Paragraph(line(Strong(case.name), f": {trouble.kind}{since if ago else ''}"))
    return head, Items(tuple(why))
