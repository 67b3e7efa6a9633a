"""What a terminal shows. Pure: a Doc and a width in, text out; what may be typed next.

A pipe gets `bot.core.doc.plain`; a terminal gets tables and colour, by rich, which is imported only then.
Text from outside was cleaned by the Doc and is never read as markup here.
"""

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
    """The blocks with ANSI colours, at most `width` columns, ending in a line end. Files are not in it."""
    from io import StringIO

    from rich.console import Console

    out = StringIO()
    console = Console(file=out, width=max(width, 20), force_terminal=True, color_system="standard",
                      highlight=False, emoji=False, markup=False)  # fmt: skip
    for block in document.blocks:
        for part in _parts(block):
            console.print(part, soft_wrap=isinstance(block, Pre))
    return out.getvalue()


def _parts(block: Block) -> Iterator["RenderableType"]:
    match block:
        case Heading(spans=spans, tone=tone, symbol=symbol):
            yield _rich(((Text(f"{symbol} "),) if symbol else ()) + spans, _TONES[tone])
        case Paragraph(spans=spans):
            yield _rich(spans)
        case Items(lines=lines):
            yield from (_rich((Text("• "), *spans)) for spans in lines)
        case Fields(pairs=pairs):
            yield from (_rich((Strong(f"{name}: "), *spans)) for name, spans in pairs)
        case Table(header=header, rows=rows):
            yield _table(header, rows)
        case Pre(text=text, language=language):
            yield from (_row(row, language) for row in text.splitlines())
        case Choices(code=code):
            yield _rich((Strong(f"!approve {code}"),))


def _rich(spans: Line, style: str = "") -> "Rich":
    from rich.text import Text as Rich

    text = Rich(style=style)
    for span in spans:
        text.append(*_span(span))
    return text


def _span(span: Span) -> tuple[str, str]:
    match span:
        case Text(text=text):
            return text, ""
        case Strong(text=text):
            return text, "bold"
        case Code(text=text):
            return text, "cyan"
        case Mention():
            return plain_line((span,)), "bold magenta"
        case Link():
            # The address is shown beside its words: a terminal's own hyperlinks can hide where they lead.
            return plain_line((span,)), "underline"


def _table(header: tuple[str, ...], rows: tuple[tuple[Line, ...], ...]) -> "RenderableType":
    from rich import box
    from rich.table import Table as Grid

    grid = Grid(*header, box=box.SIMPLE_HEAD, pad_edge=False, header_style="bold")
    for row in rows:
        grid.add_row(*(_cell(cell) for cell in row))
    return grid


def _cell(spans: Line) -> "Rich":
    colour = _BY_WORD.get(plain_line(spans).strip().lower())
    return _rich((Text(plain_line(spans)),), colour) if colour else _rich(spans)


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
