"""What a terminal shows. Pure: a Doc and a width in, text out; what may be typed next.

A pipe gets `bot.core.doc.plain`; a terminal gets tables and colour, by rich, which is imported only then.
Text from outside was cleaned by the Doc and is never read as markup here.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bot.core.command import Command, Param
from bot.core.doc import (
    Block,
    Choices,
    Code,
    Doc,
    Fields,
    Heading,
    Items,
    Jump,
    Line,
    Link,
    Mention,
    Paragraph,
    Pre,
    Span,
    Strong,
    Table,
    Text,
    Tone,
    plain,
    plain_line,
)

if TYPE_CHECKING:
    from rich.console import Console as Screen
    from rich.console import RenderableType
    from rich.text import Text as Rich

_TONES = {Tone.NONE: "bold", Tone.GOOD: "bold green", Tone.INFO: "bold cyan", Tone.WARN: "bold yellow",
          Tone.BAD: "bold red"}  # fmt: skip
_STATES = {
    "green": ("running", "healthy", "ok", "resolved", "up"),
    "yellow": ("starting", "restarting", "paused", "created", "warning", "not configured", "not running"),
    "red": ("unhealthy", "exited", "dead", "firing", "critical", "error", "missing", "out of memory"),
}
_BY_WORD = {word: colour for colour, words in _STATES.items() for word in words}


# ---- plain ----------------------------------------------------------------------------------------------


def head_of(document: Doc) -> Doc:
    """The head line of a card alone: what is said when the card was edited."""
    head = next((block for block in document.blocks if isinstance(block, Heading)), None)
    return Doc((head,) if head else document.blocks[:1])


def headline(document: Doc) -> str:
    """The same as text."""
    return plain(head_of(document)).partition("\n")[0]


# ---- colour ---------------------------------------------------------------------------------------------


def coloured(document: Doc, width: int) -> str:
    """The blocks with ANSI colours, at most `width` columns, ending in a line end. Files are not in it.

    A line with a link is left to the terminal to wrap: an address cut in two can be neither opened nor
    copied.
    """
    from io import StringIO

    from rich.console import Console

    out = StringIO()
    console = Console(file=out, width=max(width, 20), force_terminal=True, color_system="standard",
                      highlight=False, emoji=False, markup=False)  # fmt: skip
    several = sum(isinstance(block, Items) for block in document.blocks) > 1
    before: Block | None = None
    for block in document.blocks:
        if several and isinstance(before, Items):
            console.print()  # each of several lists has its own head
        for part in _parts(block, console):
            console.print(part, soft_wrap=not isinstance(block, Table))
        before = block
    return out.getvalue()


def _parts(block: Block, console: "Screen") -> Iterator["RenderableType"]:
    match block:
        case Heading(spans=spans, tone=tone, symbol=symbol):
            head = ((Text(f"{symbol} "),) if symbol else ()) + spans
            yield from _wrapped(head, console, style=_TONES[tone])
        case Paragraph(spans=spans):
            yield from _wrapped(spans, console)
        case Items(lines=lines):
            for spans in lines:
                yield from _wrapped(spans, console, mark="• ")
        case Fields(pairs=pairs):
            for name, spans in pairs:
                yield from _wrapped((Strong(f"{name}: "), *spans), console)
        case Table(header=header, rows=rows):
            yield _table(header, rows)
        case Pre(text=text, language=language):
            yield from (_row(row, language) for row in text.splitlines())
        case Choices():
            yield _rich((Strong(block.typed),))


def _wrapped(spans: Line, console: "Screen", *, mark: str = "", style: str = "") -> Iterator["Rich"]:
    """As many rows as it takes. Those after the first are indented: no word from outside begins a row."""
    from rich.text import Text as Rich

    indent = " " * (len(mark) or 2)
    words, links = _apart(spans) if len(mark + plain_line(spans)) > console.width else (spans, ())
    if any(isinstance(span, Link) for span in words):
        yield Rich(mark) + _rich(words, style)
        return
    for number, row in enumerate(_rich(words, style).wrap(console, max(console.width - len(indent), 20))):
        row.rstrip()
        yield Rich(indent if number else mark) + row
    yield from (_rich((Text(f"{indent}  " if mark else indent), link)) for link in links)


def _apart(spans: Line) -> tuple[Line, Line]:
    """The words, and the links at their end, each of which gets a row of its own: addresses are long."""
    first = next((number for number, span in enumerate(spans) if isinstance(span, Link)), len(spans))
    links = tuple(span for span in spans[first:] if isinstance(span, Link))
    between = "".join(plain_line((span,)) for span in spans[first:] if not isinstance(span, Link))
    if between.strip(" ,·|()"):
        return spans, ()
    *words, last = spans[:first] or (Text(""),)
    if isinstance(last, Text):
        last = Text(last.text.rstrip(" ("))
    return tuple(span for span in (*words, last) if plain_line((span,))), links


def _rich(spans: Line, style: str = "") -> "Rich":
    from rich.text import Text as Rich

    text = Rich(style=style)
    for span in spans:
        text.append(*_span(span))
    return text


def _span(span: Span) -> tuple[str, str]:
    match span:
        case Text(text=text) | Jump(text=text):
            return text, ""
        case Strong(text=text):
            return text, "bold"
        case Code(text=text):
            return text, "cyan"
        case Mention():
            return plain_line((span,)), "bold magenta"
        case Link():
            # The address is shown beside its words: a terminal's own hyperlinks can hide where they lead.
            return plain_line((span,)), "underline" if span.safe else ""


def _table(header: tuple[str, ...], rows: tuple[tuple[Line, ...], ...]) -> "RenderableType":
    from rich import box
    from rich.table import Table as Grid

    grid = Grid(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0), header_style="bold")
    for name in header:
        # Folded where it is too long: half a name can be neither copied nor typed.
        grid.add_column(name, overflow="fold")
    for row in rows:
        grid.add_row(*(_cell(cell) for cell in row))
    return grid


def _cell(spans: Line) -> "Rich":
    colour = _colour(plain_line(spans))
    return _rich((Text(plain_line(spans)),), colour) if colour else _rich(spans)


def _colour(text: str) -> str:
    """Of a cell that is nothing but states, `running, unhealthy` or `exited (137)`: that of the worst."""
    parts = (part.strip() for part in re.split(r"[,()]", text.lower()))
    words = [part for part in parts if part.strip("-0123456789")]
    found = [_BY_WORD.get(word, "") for word in words]
    return next((one for one in ("red", "yellow", "green") if one in found), "") if all(found) else ""


def _row(row: str, language: str) -> "Rich":
    colours = {"+": "green", "-": "red"} if language == "diff" else {}
    return _rich((Text(f"  {row}"),), colours.get(row[:1], ""))


# ---- completion -----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Known:
    """What may be typed: the commands, and the names of what exists."""

    commands: Sequence[Command]
    prefix: str
    seats: Sequence[str] = ()
    rooms: Sequence[str] = ()
    services: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Completion:
    """A word that fits; it replaces the last `replaces` characters before the cursor."""

    text: str
    replaces: int
    hint: str = ""


def complete(line: str, known: Known) -> list[Completion]:
    """What may stand at the end of `line`, from the same registry that runs it."""
    word = "" if not line or line[-1].isspace() else line.split()[-1]
    before = line[: len(line) - len(word)].split()
    if line.startswith("/"):
        found: Iterable[tuple[str, str]] = _slash(before, known)
    elif line.startswith(known.prefix):
        found = _command(before, known)
    else:
        found = ()
    return [Completion(text, len(word), hint) for text, hint in found if text.startswith(word.lower())]


def _slash(before: list[str], known: Known) -> Iterator[tuple[str, str]]:
    match before:
        case []:
            yield from (("/as", "take a seat"), ("/room", "go to a room"), ("/help", ""), ("/quit", ""))
        case ["/as"]:
            yield from ((name, "") for name in known.seats)
        case ["/room"]:
            yield from ((name, "") for name in known.rooms)


def _command(before: list[str], known: Known) -> Iterator[tuple[str, str]]:
    typed = [one.lower() for one in before]
    if typed:
        typed[0] = typed[0].removeprefix(known.prefix)
    seen = set()
    for one in known.commands:
        count = len(typed)
        if one.words[:count] == tuple(typed) and len(one.words) > count:
            word = ("" if typed else known.prefix) + one.words[count]
            if word not in seen:
                seen.add(word)
                yield word, one.summary
    named = [one for one in known.commands if tuple(typed[: len(one.words)]) == one.words]
    if named:
        one = max(named, key=lambda command: len(command.words))
        yield from _argument(one, typed[len(one.words) :], known)


def _argument(one: Command, given: list[str], known: Known) -> Iterator[tuple[str, str]]:
    options = {param.word: param for param in one.params if param.option}
    open_option = options.get(given[-1]) if given else None
    if open_option is not None and not open_option.flag:
        yield from _values(open_option, known)
        return
    for param in one.params:
        if not param.option:
            yield from _values(param, known)
    if one.name == "help":
        yield from ((command.name, command.summary) for command in known.commands)
    yield from ((word, param.metavar) for word, param in options.items() if word not in given)


def _values(param: Param, known: Known) -> Iterator[tuple[str, str]]:
    values = known.services if param.service else param.choices
    yield from ((value, "") for value in values)
