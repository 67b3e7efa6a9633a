"""A Doc as Slack shows it: Block Kit, a plain fallback, and metadata by which a post is found again. Pure.

Almost everything is rich text, whose words Slack does not parse: no escaping can be forgotten in it, and no
label can become a mention, a link, markup or an emoji (docs.slack.dev, Block Kit, rich text block).
Only the fallback `text` is parsed, and is escaped. Lengths are in UTF-16 units, the strictest reading of
Slack's "characters".
"""

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

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
    line,
    plain,
    plain_line,
)

Json = dict[str, Any]
Account = Callable[[str], str | None]
"""From a listed person's name to the id of their Slack account in this team, if they have one."""

APPROVE = "tocsin:approve"
DENY = "tocsin:deny"
EVENT_TYPE = "tocsin_delivery"

BLOCKS = 50
HEADER = 150
RICH = 3_000
"""Units of text in one rich text block. Slack names no limit; a section's is 3,000."""
WHOLE = 12_500
"""Units of JSON in all blocks together. Slack refuses more than about 13,200 with msg_blocks_too_long, though
each block is legal, and counts the containers too (bolt-js#2509, #2867)."""
FILLED = 10_500
"""Units of JSON after which no more words are taken: the rest is for containers and the line on the cut."""
RESERVED = 1_500
"""Of these, for a plan's buttons and code, which are never cut."""
ELEMENT = 60
"""Units of JSON around the words of one element or line."""
ELEMENTS = 40
"""Spans in one rich text block."""
FALLBACK = 3_500
"""Units of the fallback; chat.update refuses more than 4,000."""
PRE_LINES = 40
PRE = 2_400
NARROW = 78
"""Columns of a table that is still shown in a fixed font."""
FEW = 10
WIDE = 120
"""A table of more than FEW rows may be so wide: as a list it would not fit into one message."""


@dataclass(frozen=True, slots=True)
class Rendered:
    """What chat.postMessage takes, and the files that go into the thread."""

    text: str
    blocks: tuple[Json, ...]
    files: tuple[File, ...]


def render(document: Doc, account: Account = lambda person: None, *, attach: bool = True) -> Rendered:
    """Within every limit of Slack. What does not fit is cut, said to be, and attached as a whole.

    attach: whether files can follow; an edit brings none.
    """
    choices = sum(isinstance(block, Choices) for block in document.blocks)
    budget = _Budget(FILLED - RESERVED * choices)
    blocks: list[Json] = []
    # Places are kept for each plan's two blocks, and for saying that something was cut.
    places = BLOCKS - 1 - 2 * choices
    size = 0
    for block in document.blocks:
        if isinstance(block, Choices):
            blocks += _choices(block, account, _Budget(RESERVED))
            places += 2
            continue
        made = list(_block(block, account, budget)) if budget.left > ELEMENT else []
        length = sum(map(_json_units, made))
        if not made or len(blocks) + len(made) > places or size + length > WHOLE - RESERVED * choices:
            budget.cut = budget.cut or bool(made) or budget.left <= ELEMENT
            continue
        blocks += made
        size += length
        budget.left = min(budget.left, FILLED - RESERVED * choices - size)
    files = document.files if attach else ()
    if budget.cut:
        where = "; the whole is in the file full.txt" if attach else ""
        blocks.append(_rich([_section([_text(f"… cut here{where}")])]))
    if budget.cut and attach:
        files = (File("full.txt", "text/plain", plain(document).encode("utf-8", "replace")), *files)
    return Rendered(fallback(document, account), tuple(blocks), files)


def metadata(key: str, files: int) -> Json:
    """By which a post is found again after its answer was lost. `files` is how many belong to it."""
    return {"event_type": EVENT_TYPE, "event_payload": {"id": key, "files": files}}


def mark(key: str, number: int) -> str:
    """Six letters that name one file of one delivery; file messages carry no metadata, but a title."""
    return sha256(f"{key}\n{number}".encode("utf-8", "surrogatepass")).hexdigest()[:6]


def title(file: File, key: str, number: int) -> str:
    """The title under which a file is shown and found again."""
    return f"{file.name} · {mark(key, number)}"


def units(text: str) -> int:
    """Length in UTF-16 units."""
    return len(text) + sum(char > "\uffff" for char in text)


def cut(text: str, most: int) -> str:
    """At most `most` units, ending in … when something was cut; never within a character."""
    if units(text) <= most:
        return text
    left, kept = most - 1, []
    for char in text:
        left -= units(char)
        if left < 0:
            break
        kept.append(char)
    return "".join(kept) + "…"


def escape(text: str) -> str:
    """mrkdwn's three characters (docs.slack.dev/messaging/formatting-message-text)."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


# ---- the fallback: what a notification shows ------------------------------------------------------------

_JOINER = "\u2060"
"""Seen by nobody. It keeps Slack from making a link, an emoji or markup of outside words in the fallback."""
_MARKUP = frozenset("*_~`:@#")


def fallback(document: Doc, account: Account = lambda person: None, most: int = FALLBACK) -> str:
    """The Doc as escaped words, with its mentions as real ones. Within `most` units."""
    pings = {person: f"<@{user}>" for person in document.mentions if (user := account(person))}
    room = most - sum(units(ping) + 1 for ping in pings.values())
    words = _escaped(plain(document) or "(empty)", room)
    return " ".join([words, *pings.values()])


def _escaped(text: str, most: int) -> str:
    out: list[str] = []
    left = most - 1
    for index, char in enumerate(text):
        piece = _neutral(char, text[index - 1] if index else "\n", text[index + 1 : index + 2])
        left -= units(piece)
        if left < 0:
            return "".join(out) + "…"
        out.append(piece)
    return "".join(out)


def _neutral(char: str, before: str, after: str) -> str:
    if char in "&<>":
        return escape(char)
    if char == "." and before.isalnum() and after.isalnum():
        return f".{_JOINER}"  # Slack would make a link of example.com
    if char in _MARKUP and after and not after.isspace():
        return f"{char}{_JOINER}"
    return char


# ---- blocks ---------------------------------------------------------------------------------------------


@dataclass(slots=True)
class _Budget:
    """How many units of JSON the message still takes."""

    left: int
    cut: bool = False

    def take(self, text: str, most: int) -> str:
        """The text, or its beginning when there is not enough room."""
        kept = cut(text, most) if most > 1 else ""
        room = self.left - ELEMENT
        if _json_units(kept) > room:
            # A character takes two units of JSON at most, but for those that are cleaned away before.
            kept = cut(kept, room // 2) if room >= 4 else ""
        self.cut = self.cut or kept != text
        self.spend(kept)
        return kept

    def is_full(self) -> bool:
        """Whether nothing more goes in; what is asked for is then cut."""
        self.cut = self.cut or self.left <= ELEMENT
        return self.left <= ELEMENT

    def spend(self, text: str) -> None:
        """Count an element around these words."""
        self.left -= _json_units(text) + ELEMENT if text else 0


def _json_units(value: object) -> int:
    return units(json.dumps(value, ensure_ascii=False))


def _block(block: Block, account: Account, budget: _Budget) -> Iterable[Json]:
    match block:
        case Heading():
            yield _heading(block, account, budget)
        case Paragraph(spans=spans):
            yield from _sections([spans], account, budget)
        case Items(lines=lines):
            yield from _list(lines, account, budget)
        case Fields(pairs=pairs):
            rows = [(Strong(f"{name}: "), *spans) for name, spans in pairs]
            yield from _sections(rows, account, budget)
        case Table():
            yield from _table(block, account, budget)
        case Pre(text=text):
            yield from _pre(text, budget)
        case Choices():
            raise AssertionError("a plan's buttons have a budget of their own")


def _heading(block: Heading, account: Account, budget: _Budget) -> Json:
    spans = (Text(f"{block.symbol} "), *block.spans) if block.symbol else block.spans
    words = plain_line(spans).strip()
    parsed = any(isinstance(span, Link | Mention) for span in spans)
    if words and not parsed and units(words) <= HEADER:
        budget.spend(words)
        return {"type": "header", "text": {"type": "plain_text", "text": words, "emoji": False}}
    return _rich([_section(_elements(spans, account, budget, bold=True))])


def _sections(lines: Sequence[Line], account: Account, budget: _Budget) -> Iterable[Json]:
    """Lines one below the other, in as few blocks as the limits allow."""
    for batch in _batches(lines):
        if budget.is_full():
            return
        parts: list[Json] = []
        for index, spans in enumerate(batch):
            if budget.is_full():
                break
            parts += _elements(spans, account, budget)
            if index < len(batch) - 1:
                parts.append(_text("\n"))
        yield _rich([_section(parts)])


def _list(lines: Sequence[Line], account: Account, budget: _Budget) -> Iterable[Json]:
    for batch in _batches(lines):
        items = [_section(_elements(spans, account, budget)) for spans in batch if not budget.is_full()]
        if items:
            yield _rich([{"type": "rich_text_list", "style": "bullet", "elements": items}])


def _batches(lines: Sequence[Line]) -> Iterable[list[Line]]:
    """Consecutive lines that fit into one rich text block."""
    batch: list[Line] = []
    size = spans_in = 0
    for spans in lines:
        length = units(plain_line(spans)) + 1
        if batch and (size + length > RICH or spans_in + len(spans) + 1 > ELEMENTS):
            yield batch
            batch, size, spans_in = [], 0, 0
        batch.append(spans)
        size += length
        spans_in += len(spans) + 1
    if batch:
        yield batch


def _table(block: Table, account: Account, budget: _Budget) -> Iterable[Json]:
    """In a fixed font when it is narrow, or too long for one entry a row; else an entry a row, since Slack
    wraps what is wider than its window."""
    rows = plain(Doc((block,))).splitlines()
    width = max(map(len, rows), default=0)
    if width <= (NARROW if len(rows) <= FEW else WIDE):
        for part in _parts(rows):
            yield from _pre("\n".join(part), budget, lines=100)
        return
    yield from _list([_row(block.header, row) for row in block.rows], account, budget)


def _parts(rows: list[str]) -> Iterable[list[str]]:
    """Runs of rows that fit a preformatted element each."""
    part: list[str] = []
    for row in rows:
        if part and sum(len(one) + 1 for one in part) + len(row) > PRE - 100:
            yield part
            part = []
        part.append(row)
    if part:
        yield part


def _row(header: tuple[str, ...], row: tuple[Line, ...]) -> Line:
    """The first cell, then the others with their names; of two columns the second needs none."""
    spans: list[Span] = []
    for index, (name, cell) in enumerate(zip(header, row, strict=False)):
        if index == 0:
            spans += [Strong(span.text) if isinstance(span, Text) else span for span in cell]
        elif plain_line(cell).strip():
            between = " — " if len(header) == 2 else f" · {name}: " if name else " · "
            spans += [Text(between), *cell]
    return tuple(spans)


def _pre(text: str, budget: _Budget, lines: int = PRE_LINES) -> Iterable[Json]:
    rows = text.split("\n")
    if len(rows) > lines:
        budget.cut = True
        rows = rows[:lines]
    kept = budget.take("\n".join(rows), PRE)
    yield _rich([{"type": "rich_text_preformatted", "elements": [_text(kept or " ")]}])


def _choices(block: Choices, account: Account, budget: _Budget) -> Iterable[Json]:
    yield from _sections([line("or type ", Code(block.typed))], account, budget)
    if block.stop:
        yield {"type": "actions", "elements": [_button("Stop it", DENY, block.approval_id, "danger")]}
        return
    approve = _button("Approve", APPROVE, block.approval_id, "primary")
    question = cut(block.confirm or f"Approve {block.code}?", 300)
    approve["confirm"] = {
        "title": _plain_text("Are you sure?"),
        "text": _plain_text(question),
        "confirm": _plain_text("Approve"),
        "deny": _plain_text("Not yet"),
    }
    yield {"type": "actions", "elements": [approve, _button("Deny", DENY, block.approval_id, "danger")]}


def _button(label: str, action: str, value: str, style: str) -> Json:
    return {"type": "button", "text": _plain_text(label), "action_id": action, "value": value, "style": style}


def _plain_text(text: str) -> Json:
    return {"type": "plain_text", "text": text, "emoji": False}


# ---- rich text ------------------------------------------------------------------------------------------


def _rich(elements: list[Json]) -> Json:
    return {"type": "rich_text", "elements": elements}


def _section(elements: list[Json]) -> Json:
    return {"type": "rich_text_section", "elements": elements or [_text(" ")]}


def _text(text: str, **style: bool) -> Json:
    return {"type": "text", "text": text, **({"style": style} if style else {})}


def _link(url: str, style: dict[str, bool]) -> Json:
    return {"type": "link", "url": url, **({"style": style} if style else {})}


def _elements(spans: Line, account: Account, budget: _Budget, bold: bool = False) -> list[Json]:
    """The elements of one line. An element's text is never empty: Slack refuses that."""
    out: list[Json] = []
    budget.left -= ELEMENT
    if len(spans) > ELEMENTS:
        budget.cut = True
        spans = spans[:ELEMENTS]
    for span in spans:
        out += _element(span, account, budget, bold)
    return out


def _element(span: Span, account: Account, budget: _Budget, bold: bool) -> list[Json]:
    style = {"bold": True} if bold or isinstance(span, Strong) else {}
    match span:
        case Mention(person=person):
            user = account(person)
            if user:
                budget.spend(user)
                return [{"type": "user", "user_id": user}]
            return _words(budget, f"@{person}", style)
        case Link(text=text, url=url) if (
            span.safe and units(url) <= 2_000 and units(url) <= budget.left - ELEMENT
        ):
            budget.spend(url)
            if text == url or not text.strip():
                return [_link(url, style)]
            if "://" in text or set(text) & set("<>|&"):
                # Words that look like an address must not lead to another one, nor be read as a mention.
                return [*_words(budget, f"{text} ", style), _link(url, style)]
            words = budget.take(text, RICH)
            return [{**_link(url, style), **({"text": words} if words else {})}]
        case Link():
            return _words(budget, plain_line((span,)), style)
        case Code(text=text):
            return _words(budget, text, {**style, "code": True})
        case Text(text=text) | Strong(text=text) | Jump(text=text):
            return _words(budget, text, style)


def _words(budget: _Budget, text: str, style: dict[str, bool]) -> list[Json]:
    kept = budget.take(text, RICH)
    return [_text(kept, **style)] if kept else []
