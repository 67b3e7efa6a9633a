"""The last lines of a service's log."""

import asyncio
from datetime import timedelta
from typing import Annotated

from bot.context import Context
from bot.core.command import Between, ServiceRef, command
from bot.core.doc import Doc, File, Heading, Pre, Strong, doc, line
from bot.core.duration import say_duration
from bot.core.errors import Upstream
from bot.core.model import Risk
from bot.core.redact import Redactor
from bot.core.text import shorten
from commands.look import View, look_running
from estate.inventory import Thing
from estate.logs import clean, last_part, pieces
from estate.model import Container, Detail

SHOWN_LINES = 20
SHOWN_WIDTH = 400
"""Characters of one line in the room; the file has it whole."""
SEARCHED = 20_000
"""Lines that --grep looks at."""
LONGEST = 1024 * 1024
"""Characters of one container's log that are looked at: its newest."""


@command(risk=Risk.READ)
async def logs(
    ctx: Context,
    service: ServiceRef,
    *,
    tail: Annotated[int, Between(1, 5000)] = 50,
    since: timedelta | None = None,
    grep: str | None = None,
) -> Doc:
    """The last lines of a service's log, without its secrets.

    `--grep WORD` keeps lines that hold the word, in any case, and looks further back for them. `--since 10m`
    starts there. What is long comes as a file, with its last lines shown.
    """
    view = await look_running(ctx.services)
    thing = view.find(service)
    if not thing.containers:
        status = f"{ctx.services.prefix}status {thing.full_name}"
        return doc(f"{thing.full_name} has no container, so it has no log; {status} says why")
    details = await view.details(thing.containers)
    known = [detail for detail in details if isinstance(detail, Detail)]
    missing = next((detail for detail in details if isinstance(detail, Upstream)), None)
    if missing is not None:
        # Its environment is not known, so neither is what its log must not say.
        raise missing
    redactor = view.redactor(ctx.redactor, known)
    reach = tail if grep is None else SEARCHED
    rows: list[str] = []
    for container in thing.containers:
        whole = await _log(ctx, view, container, reach, since)
        mark = f"{container.name} | " if len(thing.containers) > 1 else ""
        # Searched after it was redacted: --grep must not be a way to ask for a secret letter by letter.
        safe = await _redacted(redactor, whole)
        wanted = [row for row in safe.splitlines() if grep is None or grep.lower() in row.lower()]
        rows += [mark + row for row in wanted[-tail:]]
    return _document(thing, rows, _asked(since, grep))


async def _log(ctx: Context, view: View, container: Container, reach: int, since: timedelta | None) -> str:
    engine = view.engines[container.host]
    start = ctx.now - since if since is not None else None
    return last_part(clean(await engine.logs(container, tail=reach, since=start)), LONGEST)


async def _redacted(redactor: Redactor, text: str) -> str:
    """In a thread and in pieces: a pattern holds the interpreter for as long as one piece takes."""
    if len(text) < 8192:
        return redactor.text(text)
    return "".join([await asyncio.to_thread(redactor.text, piece) for piece in pieces(text)])


def _asked(since: timedelta | None, grep: str | None) -> str:
    words = f" of the last {say_duration(since)}" if since is not None else ""
    return words + (f" with “{grep}”" if grep is not None else "")


def _document(thing: Thing, rows: list[str], asked: str) -> Doc:
    if not rows:
        return doc(Heading(line(Strong(thing.full_name), f": no line{asked}")))
    count = "the last line" if len(rows) == 1 else f"the last {len(rows)} lines"
    short = len(rows) <= SHOWN_LINES * 2 and all(len(row) <= SHOWN_WIDTH for row in rows)
    shown = rows if short else [shorten(row, SHOWN_WIDTH) for row in rows[-SHOWN_LINES:]]
    heading = Heading(line(Strong(thing.full_name), f": {count}{asked}"))
    if short:
        return doc(heading, Pre("\n".join(shown), "log"))
    name = thing.full_name.replace("/", "-") + ".log"
    note = line(f"These are the newest; the file has all {len(rows)}.")
    file = File(name, "text/plain", ("\n".join(rows) + "\n").encode("utf-8", "replace"))
    return doc(heading, Pre("\n".join(shown), "log"), note, files=[file])
