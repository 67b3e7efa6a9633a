"""Doc → what a Matrix client shows: HTML, a plain body, and the event's content. Pure.

What clients really show is measured: m.notice never pings, tables are good for three columns, a `pre` shows
about a dozen lines, a thread is some 30 characters wide, bare names become links.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from html import escape
from typing import Any
from urllib.parse import quote

from bot.core.doc import (
    Block,
    Choices,
    Code,
    Doc,
    Fields,
    File,
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
    line,
    plain,
    plain_line,
)
from bot.core.text import one_line, shorten

Accounts = Callable[[str], tuple[str, ...]]
"""A person's configured name → their Matrix ids."""

CONTENT_LIMIT = 30_000
"""Bytes of one event's content. The protocol ends at 65,536 with signatures, and encryption adds a third."""

LOG = "log"
"""The language of a `Pre` whose newest lines, its last, say most."""
PRE_LINES = 12
PRE_LINES_IN_THREAD = 5
TABLE_COLUMNS = 3
TABLE_ROWS = 40

COLOURS = {Tone.GOOD: "#0b6e2d", Tone.INFO: "#0b57d0", Tone.WARN: "#9a5b00", Tone.BAD: "#b3261e"}


@dataclass(frozen=True, slots=True)
class Rendered:
    """One message: its content without relations, and the files that follow it in its thread."""

    content: Mapping[str, Any]
    files: tuple[File, ...]
    choices: bool
    """It is a plan: reactions may be put under it to be pressed."""
    stop: bool = False
    """Only a no can be pressed."""


def render(
    document: Doc,
    *,
    accounts: Accounts,
    in_thread: bool = False,
    reactions: bool = True,
    to: str | None = None,
    limit: int = CONTENT_LIMIT,
) -> Rendered:
    """`to` is a Matrix id that is addressed beside those the Doc mentions. `limit` is in bytes."""
    degraded, extra = degrade(document, in_thread=in_thread)
    content = _content(degraded, accounts, reactions, to)
    if size(content) > limit:
        note = Paragraph(line("… cut: the whole is in ", Code("message.txt")))
        extra = (File("message.txt", "text/plain", (plain(document) + "\n").encode()),)
        content = _fitting(degraded, note, limit, lambda doc: _content(doc, accounts, reactions, to))
    choices = [block for block in document.blocks if isinstance(block, Choices)]
    stop = any(block.stop for block in choices)
    return Rendered(content, (*document.files, *extra), bool(choices), stop)


def size(content: Mapping[str, Any]) -> int:
    """Bytes on the wire."""
    return len(json.dumps(content, ensure_ascii=False).encode("utf-8", "replace"))


def _content(document: Doc, accounts: Accounts, reactions: bool, to: str | None) -> dict[str, Any]:
    pinged = [user for person in document.mentions for user in accounts(person)]
    if to is not None:
        pinged.insert(0, to)
    body, html = _body(document), _Html(accounts, reactions).document(document.blocks)
    if to is not None:
        body, html = f"{to}: {body}", f"<p>{_pill(to, to)}:</p>{html}"
    return {
        "msgtype": "m.text" if pinged else "m.notice",
        "body": body or "…",
        "format": "org.matrix.custom.html",
        "formatted_body": html,
        # Also when empty: without it, older rules would let a name or "@room" in the text ping.
        "m.mentions": {"user_ids": list(dict.fromkeys(pinged))} if pinged else {},
    }


def _body(document: Doc) -> str:
    return plain(replace(document, files=()))


# ---- what the event's content says about its place --------------------------------------------------------


def threaded(content: Mapping[str, Any], root: str) -> dict[str, Any]:
    """A line in a thread; clients without threads show it as a reply to the root."""
    relation = {
        "rel_type": "m.thread",
        "event_id": root,
        "is_falling_back": True,
        "m.in_reply_to": {"event_id": root},
    }
    return {**content, "m.relates_to": relation}


def edited(content: Mapping[str, Any], target: str) -> dict[str, Any]:
    """The new content of an event. The fallback for clients without edits is short: both are counted."""
    return {
        "msgtype": content["msgtype"],
        "body": "* " + shorten(content["body"].split("\n", 1)[0], 200),
        "m.mentions": {},
        "m.new_content": dict(content),
        "m.relates_to": {"rel_type": "m.replace", "event_id": target},
    }


def reaction(target: str, key: str) -> dict[str, Any]:
    return {"m.relates_to": {"rel_type": "m.annotation", "event_id": target, "key": key}}


def attachment(file: File, source: Mapping[str, Any]) -> dict[str, Any]:
    """A file's event. `source` is `{"url": …}`, or `{"file": …}` where it was encrypted."""
    info: dict[str, Any] = {"mimetype": file.media_type, "size": len(file.content)}
    shown = file.media_type == "image/png"
    if shown and file.content[:8] == b"\x89PNG\r\n\x1a\n" and len(file.content) >= 24:
        info["w"] = int.from_bytes(file.content[16:20], "big")
        info["h"] = int.from_bytes(file.content[20:24], "big")
    return {
        "msgtype": "m.image" if shown else "m.file",
        "body": file.name,
        "filename": file.name,
        "info": info,
        "m.mentions": {},
        **source,
    }


# ---- degrading: what this place cannot show ---------------------------------------------------------------


def degrade(document: Doc, *, in_thread: bool) -> tuple[Doc, tuple[File, ...]]:
    """Wide tables become lists and long `Pre` files; in a thread every table, and all but short `Pre`."""
    blocks: list[Block] = []
    files: list[File] = []
    for block in document.blocks:
        match block:
            case Table(header=header, rows=rows):
                if in_thread or len(header) > TABLE_COLUMNS:
                    blocks.append(Items(tuple(_row_as_line(header, row) for row in rows)))
                else:
                    blocks.append(block)
            case Pre():
                shown = PRE_LINES_IN_THREAD if in_thread else PRE_LINES
                kept, file = _short_pre(block, shown, len(files), whole=document.files)
                blocks.extend(kept)
                files.extend(file)
            case _:
                blocks.append(block)
    return replace(document, blocks=tuple(blocks)), tuple(files)


def _row_as_line(header: tuple[str, ...], row: tuple[Line, ...]) -> Line:
    """The first two cells speak for themselves; the others are named. What is empty is left out."""
    spans: list[Span] = []
    for number, (name, cell) in enumerate(zip(header, row, strict=False)):
        if plain_line(cell) in ("", "–"):
            continue
        if not spans:
            spans += [Strong(span.text) if isinstance(span, Text) else span for span in cell]
        else:
            spans += [Text(" · " if number == 1 else f" · {name} "), *cell]
    return tuple(spans)


def _short_pre(
    block: Pre, lines: int, number: int, whole: tuple[File, ...]
) -> tuple[tuple[Block, ...], tuple[File, ...]]:
    rows = block.text.splitlines()
    if len(rows) <= lines:
        return (block,), ()
    newest = block.language == LOG
    kept = "\n".join(rows[-lines:] if newest else rows[:lines])
    if newest and whole:
        return (replace(block, text=kept),), ()  # the Doc brings the whole, and says so
    suffix = {"diff": "diff", "json": "json", "yaml": "yml", "console": "txt", "": "txt"}
    kind = suffix.get(block.language, "txt")
    stem = "output" if number == 0 else f"output-{number + 1}"
    file = File(f"{stem}.{kind}", "text/plain", (block.text.rstrip("\n") + "\n").encode("utf-8", "replace"))
    more = "earlier" if newest else "more"
    note = Paragraph(line(f"… {len(rows) - lines} {more} lines in ", Code(file.name)))
    return (replace(block, text=kept), note), (file,)


def _fitting(
    document: Doc, note: Block, limit: int, content_of: Callable[[Doc], dict[str, Any]]
) -> dict[str, Any]:
    """The content of as much of the document as fits. What asks for a yes or no always stays."""
    kept = [block for block in document.blocks if isinstance(block, Choices)]
    rest: list[Block] = [block for block in document.blocks if not isinstance(block, Choices)]
    for characters, rows in ((2000, 200), (500, 60), (120, 20)):
        rest = [_squeezed(block, characters, rows) for block in rest]
        content = content_of(Doc((*rest, note, *kept)))
        if size(content) <= limit:
            return content
    while rest:
        rest = rest[: len(rest) // 2]
        content = content_of(Doc((*rest, note, *kept)))
        if size(content) <= limit:
            return content
    return content_of(Doc((note, *kept)))


def _squeezed(block: Block, characters: int, rows: int) -> Block:
    def spans(of: Line) -> Line:
        return tuple(_short_span(span, characters) for span in of[:rows])

    match block:
        case Heading():
            return replace(block, spans=spans(block.spans))
        case Paragraph():
            return Paragraph(spans(block.spans))
        case Items(lines=lines):
            return Items(tuple(spans(one) for one in lines[:rows]))
        case Fields(pairs=pairs):
            return Fields(tuple((shorten(name, 100), spans(value)) for name, value in pairs[:rows]))
        case Table(header=header, rows=body):
            return Table(header, tuple(tuple(spans(cell) for cell in row) for row in body[:rows]))
        case Pre(text=text):
            return replace(block, text=shorten(text, characters))
        case Choices():
            return block


def _short_span(span: Span, characters: int) -> Span:
    match span:
        case Link(text=text, url=url):
            if len(url) > characters:
                return Text(shorten(text, characters))
            return replace(span, text=shorten(text, characters))
        case Mention():
            return span
        case Text(text=text) | Strong(text=text) | Code(text=text) | Jump(text=text):
            return replace(span, text=shorten(text, characters))


# ---- HTML -------------------------------------------------------------------------------------------------


class _Html:
    """Only these tags leave it: p br strong span code pre ul li table thead tbody tr th td a."""

    def __init__(self, accounts: Accounts, reactions: bool) -> None:
        self._accounts = accounts
        self._reactions = reactions

    def document(self, blocks: tuple[Block, ...]) -> str:
        parts: list[str] = []
        lines: list[str] = []
        for block in blocks:
            if isinstance(block, Paragraph):
                lines.append(self.line(block.spans))
                continue
            parts += _paragraph(lines)
            lines = []
            parts.append(self.block(block))
        return "".join([*parts, *_paragraph(lines)])

    def block(self, block: Block) -> str:
        match block:
            case Heading(spans=spans, tone=tone, symbol=symbol):
                words = f"<strong>{self.line(spans)}</strong>"
                colour = COLOURS.get(tone)
                if colour:
                    words = f'<span data-mx-color="{colour}">{words}</span>'
                return f"<p>{escape(symbol)} {words}</p>" if symbol else f"<p>{words}</p>"
            case Paragraph(spans=spans):
                return f"<p>{self.line(spans)}</p>"
            case Items(lines=lines):
                return "<ul>" + "".join(f"<li>{self.line(spans)}</li>" for spans in lines) + "</ul>"
            case Fields(pairs=pairs):
                named = ((f"<strong>{escape(name)}</strong>", self.line(value)) for name, value in pairs)
                # No list: the items that often follow would read as more of the same.
                return "<p>" + "<br>".join(f"{name}: {value}" for name, value in named) + "</p>"
            case Table(header=header, rows=rows):
                return self.table(header, rows)
            case Pre(text=text, language=language):
                known = language if language.isascii() and language.isalnum() and language != LOG else ""
                kind = f' class="language-{known}"' if known else ""
                return f"<pre><code{kind}>{escape(text)}</code></pre>"
            case Choices():
                return self.stop(block) if block.stop else self.choices(block)

    def table(self, header: tuple[str, ...], rows: tuple[tuple[Line, ...], ...]) -> str:
        head = "".join(f"<th>{escape(name)}</th>" for name in header)
        body = "".join(
            "<tr>" + "".join(f"<td>{self.line(cell)}</td>" for cell in row) + "</tr>" for row in rows
        )
        return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"

    def choices(self, block: Choices) -> str:
        code, prefix = escape(one_line(block.code, 20)), escape(block.prefix)
        typed, no = f"<code>{prefix}approve {code}</code>", f"<code>{prefix}deny {code}</code>"
        if not self._reactions:
            return f"<p>To say yes, type {typed}; {no} says no.</p>"
        return (
            f"<p>To say yes, reply <code>approve {code}</code>, react with ✅, or type {typed}; "
            f"❎ or {no} says no.</p>"
        )

    def stop(self, block: Choices) -> str:
        code, typed = escape(one_line(block.code, 20)), f"<code>{escape(block.typed)}</code>"
        if not self._reactions:
            return f"<p>To stop it, type {typed}.</p>"
        return f"<p>To stop it, reply <code>deny {code}</code>, react with ❎, or type {typed}.</p>"

    def line(self, spans: Line) -> str:
        return "".join(self.span(span) for span in spans)

    def span(self, span: Span) -> str:
        match span:
            case Text(text=text) | Jump(text=text):
                return escape(text)
            case Strong(text=text):
                return f"<strong>{escape(text)}</strong>"
            case Code(text=text):
                return f"<code>{escape(text)}</code>"
            case Link(text=text, url=url):
                if span.safe:
                    return f'<a href="{escape(url)}">{escape(text)}</a>'
                return f"{escape(text)} (<code>{escape(url)}</code>)"
            case Mention(person=person):
                pills = [_pill(user, f"@{person}") for user in self._accounts(person)]
                return " ".join(pills) or escape(f"@{person}")


def _paragraph(lines: list[str]) -> list[str]:
    return [f"<p>{'<br>'.join(lines)}</p>"] if lines else []


def _pill(user: str, text: str) -> str:
    return f'<a href="https://matrix.to/#/{escape(quote(user, safe="@:!"))}">{escape(text)}</a>'
