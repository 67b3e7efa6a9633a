"""Doc: neutral rich text. The only text type that platforms take.

Text in a Doc is data: each span cleans itself (`bot.core.text`), each adapter escapes it for the place it
lands in. Nothing in a span can become markup, a link, a mention or a line of its own.
"""

import base64
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

from bot.core.text import many_lines, one_line


class Tone(StrEnum):
    """What colour may say, and words always say too."""

    NONE = "none"
    GOOD = "good"
    INFO = "info"
    WARN = "warn"
    BAD = "bad"


def _clean(obj: object, *names: str) -> None:
    for name in names:
        object.__setattr__(obj, name, one_line(getattr(obj, name)))


# ---- spans: within a line -------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Text:
    """Plain words."""

    text: str

    def __post_init__(self) -> None:
        _clean(self, "text")


@dataclass(frozen=True, slots=True)
class Strong:
    """Bold words."""

    text: str

    def __post_init__(self) -> None:
        _clean(self, "text")


@dataclass(frozen=True, slots=True)
class Code:
    """A name, a path, a value: shown in a fixed font, never made a link."""

    text: str

    def __post_init__(self) -> None:
        _clean(self, "text")


@dataclass(frozen=True, slots=True)
class Link:
    """A link. Only http and https are ever links; anything else is shown as text by the adapters."""

    text: str
    url: str

    def __post_init__(self) -> None:
        _clean(self, "text", "url")

    @property
    def safe(self) -> bool:
        return self.url.lower().startswith(("http://", "https://")) and not set(self.url) & set(" <>\"'|`")


@dataclass(frozen=True, slots=True)
class Mention:
    """A listed person (their configured name). The adapter knows the account; this one does ping."""

    person: str

    def __post_init__(self) -> None:
        _clean(self, "person")


@dataclass(frozen=True, slots=True)
class Jump:
    """Words that lead to the root message of another lane in the same place. The outbox, which knows where
    that stands, makes a Link of it, where the platform has addresses for messages; else these are words."""

    text: str
    lane: str

    def __post_init__(self) -> None:
        _clean(self, "text", "lane")


Span = Text | Strong | Code | Link | Mention | Jump
Line = tuple[Span, ...]


def line(*parts: Span | str) -> Line:
    """A line of spans; bare strings are Text."""
    return tuple(Text(part) if isinstance(part, str) else part for part in parts)


# ---- blocks ---------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Heading:
    """The head line of a card. `tone` colours it; `symbol` (one emoji, ours) stands before it."""

    spans: Line
    tone: Tone = Tone.NONE
    symbol: str = ""


@dataclass(frozen=True, slots=True)
class Paragraph:
    """One line of words."""

    spans: Line


@dataclass(frozen=True, slots=True)
class Items:
    """A bulleted list, one line each."""

    lines: tuple[Line, ...]


@dataclass(frozen=True, slots=True)
class Fields:
    """Name and value pairs, short."""

    pairs: tuple[tuple[str, Line], ...]

    def __post_init__(self) -> None:
        object.__setattr__(self, "pairs", tuple((one_line(name), spans) for name, spans in self.pairs))


@dataclass(frozen=True, slots=True)
class Table:
    """Rows under a header. A platform without tables (or a narrow one) degrades it in its own file."""

    header: tuple[str, ...]
    rows: tuple[tuple[Line, ...], ...]

    def __post_init__(self) -> None:
        object.__setattr__(self, "header", tuple(one_line(name) for name in self.header))


@dataclass(frozen=True, slots=True)
class Pre:
    """Lines in a fixed font: a log, a diff, a command. `language` colours it where that can be."""

    text: str
    language: str = ""

    def __post_init__(self) -> None:
        object.__setattr__(self, "text", many_lines(self.text))


@dataclass(frozen=True, slots=True)
class Choices:
    """Yes or no to a plan: buttons where there are any, words and reactions where not."""

    approval_id: str
    code: str
    confirm: str = ""
    prefix: str = "!"
    """What stands before a command here."""
    stop: bool = False
    """Only a no can be said: it runs unless somebody stops it."""

    @property
    def typed(self) -> str:
        """The words that always work."""
        return f"{self.prefix}{'deny' if self.stop else 'approve'} {self.code}"


Block = Heading | Paragraph | Items | Fields | Table | Pre | Choices


@dataclass(frozen=True, slots=True)
class File:
    """An attachment. `image/png` is shown, everything else is offered."""

    name: str
    media_type: str
    content: bytes

    def __post_init__(self) -> None:
        object.__setattr__(self, "name", one_line(self.name, 120).replace("/", "_"))


@dataclass(frozen=True, slots=True)
class Doc:
    """A message: blocks, attachments. A Doc that mentions somebody pings; every other one is quiet."""

    blocks: tuple[Block, ...]
    files: tuple[File, ...] = ()

    @property
    def mentions(self) -> tuple[str, ...]:
        """The people it pings, in order, each once."""
        found = (span.person for spans in _lines(self.blocks) for span in spans if isinstance(span, Mention))
        return tuple(dict.fromkeys(found))


def say(*parts: Span | str) -> Doc:
    """A Doc of one line."""
    return Doc((Paragraph(line(*parts)),))


def doc(*blocks: Block | str | Line, files: Iterable[File] = ()) -> Doc:
    """A Doc of blocks; a bare string or line is a Paragraph."""

    def block(part: Block | str | Line) -> Block:
        if isinstance(part, str):
            return Paragraph(line(part))
        return Paragraph(part) if isinstance(part, tuple) else part

    return Doc(tuple(block(part) for part in blocks), tuple(files))


def _lines(blocks: Iterable[Block]) -> Iterable[Line]:
    for block in blocks:
        match block:
            case Heading(spans=spans) | Paragraph(spans=spans):
                yield spans
            case Items(lines=lines):
                yield from lines
            case Fields(pairs=pairs):
                yield from (spans for _, spans in pairs)
            case Table(rows=rows):
                yield from (cell for row in rows for cell in row)
            case _:
                pass


def jumps(document: Doc) -> frozenset[str]:
    """The lanes that it leads to."""
    spans = (span for spans in _lines(document.blocks) for span in spans)
    return frozenset(span.lane for span in spans if isinstance(span, Jump))


def resolved(document: Doc, addresses: Mapping[str, str]) -> Doc:
    """With a Link for each Jump whose lane has an address, and words for the others."""

    def settle(spans: Line) -> Line:
        return tuple(_settled(span, addresses) if isinstance(span, Jump) else span for span in spans)

    def block(one: Block) -> Block:
        match one:
            case Heading(spans=spans) | Paragraph(spans=spans):
                return replace(one, spans=settle(spans))
            case Items(lines=lines):
                return Items(tuple(settle(spans) for spans in lines))
            case Fields(pairs=pairs):
                return Fields(tuple((name, settle(spans)) for name, spans in pairs))
            case Table(header=header, rows=rows):
                return Table(header, tuple(tuple(settle(cell) for cell in row) for row in rows))
            case _:
                return one

    return replace(document, blocks=tuple(block(one) for one in document.blocks))


def _settled(jump: Jump, addresses: Mapping[str, str]) -> Span:
    address = addresses.get(jump.lane)
    return Link(jump.text, address) if address else Text(jump.text)


# ---- plain rendering ------------------------------------------------------------------------------------


def plain_line(spans: Line) -> str:
    """A line as bare text. A link shows its address unless its words are the address."""
    return "".join(_plain_span(span) for span in spans)


def _plain_span(span: Span) -> str:
    match span:
        case Link(text=text, url=url):
            return text if text == url else f"{text} ({url})"
        case Mention(person=person):
            return f"@{person}"
        case Text(text=text) | Strong(text=text) | Code(text=text) | Jump(text=text):
            return text


def plain(document: Doc) -> str:
    """The whole Doc as bare text, without a line end: for a pipe, a log, a notification."""
    files = [f"[file {file.name}, {len(file.content)} bytes]" for file in document.files]
    return plain_with(document, files)


def plain_with(document: Doc, files: Iterable[str]) -> str:
    """The blocks as bare text, and a line for each file; what asks for a yes stays the last line."""
    asks = bool(document.blocks) and isinstance(document.blocks[-1], Choices)
    cut = len(document.blocks) - asks
    halves = (document.blocks[:cut], document.blocks[cut:])
    before, after = ([t for b in half if (t := "\n".join(_plain_block(b)))] for half in halves)
    return "\n".join([*before, *files, *after])


def _plain_block(block: Block) -> list[str]:
    match block:
        case Heading(spans=spans, symbol=symbol):
            return [f"{symbol} {plain_line(spans)}" if symbol else plain_line(spans)]
        case Paragraph(spans=spans):
            return [plain_line(spans)]
        case Items(lines=lines):
            return [f"- {plain_line(spans)}" for spans in lines]
        case Fields(pairs=pairs):
            return [f"{name}: {plain_line(spans)}" for name, spans in pairs]
        case Table(header=header, rows=rows):
            return _plain_table(header, rows)
        case Pre(text=text):
            return [f"  {row}" for row in text.splitlines()]
        case Choices():
            return [block.typed]


def _plain_table(header: tuple[str, ...], rows: tuple[tuple[Line, ...], ...]) -> list[str]:
    cells = [list(header), *([plain_line(cell) for cell in row] for row in rows)]
    widths = [max(len(row[column]) for row in cells) for column in range(len(header))]
    padded = ("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in cells)
    return [row.rstrip() for row in padded]


# ---- JSON: a Doc waits on disk until it is delivered ----------------------------------------------------

_SPANS: dict[str, type[Any]] = {cls.__name__: cls for cls in (Text, Strong, Code, Link, Mention, Jump)}


def to_json(document: Doc) -> dict[str, Any]:
    """A JSON object that `from_json` reads back to an equal Doc."""
    return {
        "blocks": [_block_to_json(block) for block in document.blocks],
        "files": [
            {"name": f.name, "type": f.media_type, "content": base64.b64encode(f.content).decode()}
            for f in document.files
        ],
    }


def from_json(data: dict[str, Any]) -> Doc:
    """Raises KeyError or TypeError for what `to_json` did not write."""
    return Doc(
        tuple(_block_from_json(block) for block in data["blocks"]),
        tuple(File(f["name"], f["type"], base64.b64decode(f["content"])) for f in data["files"]),
    )


def _spans_to_json(spans: Line) -> list[list[str]]:
    return [[type(s).__name__, *(getattr(s, name) for name in s.__slots__)] for s in spans]


def _spans_from_json(data: list[list[str]]) -> Line:
    return tuple(_SPANS[name](*values) for name, *values in data)


def _block_to_json(block: Block) -> dict[str, Any]:
    match block:
        case Heading(spans=spans, tone=tone, symbol=symbol):
            return {"is": "heading", "spans": _spans_to_json(spans), "tone": tone.value, "symbol": symbol}
        case Paragraph(spans=spans):
            return {"is": "paragraph", "spans": _spans_to_json(spans)}
        case Items(lines=lines):
            return {"is": "items", "lines": [_spans_to_json(spans) for spans in lines]}
        case Fields(pairs=pairs):
            return {"is": "fields", "pairs": [[name, _spans_to_json(spans)] for name, spans in pairs]}
        case Table(header=header, rows=rows):
            cells = [[_spans_to_json(cell) for cell in row] for row in rows]
            return {"is": "table", "header": list(header), "rows": cells}
        case Pre(text=text, language=language):
            return {"is": "pre", "text": text, "language": language}
        case Choices(approval_id=approval_id, code=code):
            said = {"approval": approval_id, "code": code, "confirm": block.confirm}
            return {"is": "choices", **said, "prefix": block.prefix, "stop": block.stop}


def _block_from_json(data: dict[str, Any]) -> Block:
    match data["is"]:
        case "heading":
            return Heading(_spans_from_json(data["spans"]), Tone(data["tone"]), data["symbol"])
        case "paragraph":
            return Paragraph(_spans_from_json(data["spans"]))
        case "items":
            return Items(tuple(_spans_from_json(spans) for spans in data["lines"]))
        case "fields":
            return Fields(tuple((name, _spans_from_json(spans)) for name, spans in data["pairs"]))
        case "table":
            rows = tuple(tuple(_spans_from_json(cell) for cell in row) for row in data["rows"])
            return Table(tuple(data["header"]), rows)
        case "pre":
            return Pre(data["text"], data["language"])
        case "choices":
            more = (data.get("prefix", "!"), data.get("stop", False))
            return Choices(data["approval"], data["code"], data["confirm"], *more)
        case other:
            raise KeyError(other)
