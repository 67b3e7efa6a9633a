"""The record of who did what."""

from collections.abc import Sequence
from typing import Annotated

from bot.context import Context
from bot.core.command import Between, command
from bot.core.doc import Code, Doc, File, Heading, Line, Table, Text, doc, line
from bot.core.journal import Entry, Kind, Row
from bot.core.model import Risk

SHOWN = 20
"""Rows in the message; what is more goes into a file."""


@command(risk=Risk.READ)
async def journal(ctx: Context, count: Annotated[int, Between(1, 500)] = 10) -> Doc:
    """The newest rows of the record of who did what, and its head.

    Each row is chained to the one before by a hash. Who keeps the head's hash elsewhere can prove later that
    nothing before it was changed or removed: `tocsin journal verify` checks the chain.
    """
    rows = await ctx.services.journal.tail(count)
    number, head = await ctx.services.journal.head()
    shown = rows[-SHOWN:]
    files = [File("journal.txt", "text/plain", _text(rows).encode())] if len(rows) > SHOWN else []
    return doc(
        Heading(line(_sum(number, len(shown)))),
        Table(("#", "when (UTC)", "who", "what"), tuple(_cells(row) for row in shown)),
        line("head: row ", Text(f"{number} "), Code(head)),
        files=files,
    )


def _sum(number: int, shown: int) -> str:
    rows = "1 row" if number == 1 else f"{number} rows"
    return f"Journal: {rows}" + (f", the newest {shown} here" if shown < number else "")


def _cells(row: Row) -> tuple[Line, ...]:
    when = f"{row.at:%m-%d %H:%M:%S}"
    return line(str(row.seq)), line(when), line(Code(_who(row.entry))), line(Code(_what(row.entry)))


def _text(rows: Sequence[Row]) -> str:
    return "".join(f"{row.seq} {row.at.isoformat()} {_who(row.entry)} {_what(row.entry)}\n" for row in rows)


def _who(entry: Entry) -> str:
    return entry.person or entry.actor or "tocsin"


def _what(entry: Entry) -> str:
    about = entry.about
    match entry.kind:
        case Kind.REQUEST:
            return f"asked: {about.get('text', '')}"
        case Kind.ANSWER:
            return f"was answered: {about.get('command', '') or about.get('why', '')}"
        case Kind.REFUSAL:
            return str(about.get("why", "refused: "))
        case kind:
            said = ", ".join(f"{name}={_value(value)}" for name, value in sorted(about.items()))
            return f"{kind.value}: {said}" if said else kind.value


def _value(value: object) -> str:
    return " and ".join(str(one) for one in value) if isinstance(value, list | tuple) else str(value)
