"""The sentences of a Markdown text, with where they stand. CommonMark, read by markdown-it. Pure."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from bot.core.text import one_line

LARGEST = 2 * 1024 * 1024
"""Characters of a report that are read."""
_SENTENCE = re.compile(r"(?<=[.!?])\s+(?=[A-Z0-9`*])")


@dataclass(frozen=True, slots=True)
class Statement:
    """`text`: in plain words. `code`: what stands in backticks. `below`: the items of a list that it opens.
    `row`: of a table, header → cell. `sections`: the headings above it."""

    text: str
    line: int
    code: tuple[str, ...] = ()
    below: tuple[str, ...] = ()
    row: tuple[tuple[str, str], ...] = ()
    sections: tuple[str, ...] = ()
    is_heading: bool = False


@dataclass(slots=True)
class _Reader:
    sections: dict[int, str] = field(default_factory=dict)

    @property
    def above(self) -> tuple[str, ...]:
        return tuple(text for _, text in sorted(self.sections.items()))


def statements(text: str) -> Iterator[Statement]:
    """Headings, paragraphs by sentence, items of lists, rows of tables; not what stands in blocks of code."""
    from markdown_it import MarkdownIt
    from markdown_it.tree import SyntaxTreeNode

    tokens = MarkdownIt("commonmark", {"maxNesting": 60}).enable("table").parse(text[:LARGEST])
    reader = _Reader()
    for node in SyntaxTreeNode(tokens).children:
        yield from _block(reader, node)


def _block(reader: _Reader, node) -> Iterator[Statement]:  # type: ignore[no-untyped-def]
    match node.type:
        case "heading":
            level = int(node.tag[1])
            reader.sections = {one: words for one, words in reader.sections.items() if one < level}
            said, code = _words(node.children[0])
            yield Statement(said, _line(node), code, sections=reader.above, is_heading=True)
            reader.sections[level] = said
        case "paragraph":
            yield from _paragraph(reader, node)
        case "bullet_list" | "ordered_list":
            for item in node.children:
                yield from _item(reader, item)
        case "table":
            yield from _table(reader, node)
        case "blockquote":
            for one in node.children:
                yield from _block(reader, one)
        case _:
            pass


def _paragraph(reader: _Reader, node, below: tuple[str, ...] = ()) -> Iterator[Statement]:  # type: ignore[no-untyped-def]
    inline = node.children[0] if node.children else None
    if inline is None:
        return
    line = _line(node)
    rows = _rows(inline)
    whole = " ".join(words for words, _ in rows)
    if len(rows) > 1 and not below and all(_SENTENCE.search(words) is None for words, _ in rows):
        sentences = rows  # one thing a row: **Generated:** …, **Scope:** …
    else:
        code = tuple(one for _, each in rows for one in each)
        sentences = [(words, tuple(one for one in code if one in words)) for words in _SENTENCE.split(whole)]
    for number, (words, code) in enumerate(sentences):
        is_last = number == len(sentences) - 1
        at = line + (number if sentences is rows else 0)
        if words.strip():
            yield Statement(words.strip(), at, code, below if is_last else (), sections=reader.above)


def _item(reader: _Reader, item) -> Iterator[Statement]:  # type: ignore[no-untyped-def]
    children = list(item.children)
    lists = [one for one in children if one.type in {"bullet_list", "ordered_list"}]
    below = tuple(words for one in lists for words in _items(one))
    for one in children:
        if one.type == "paragraph":
            yield from _paragraph(reader, one, below)
        else:
            yield from _block(reader, one)


def _items(node) -> Iterator[str]:  # type: ignore[no-untyped-def]
    for item in node.children:
        for one in item.children:
            if one.type == "paragraph" and one.children:
                yield _words(one.children[0])[0]


def _table(reader: _Reader, node) -> Iterator[Statement]:  # type: ignore[no-untyped-def]
    rows = [row for part in node.children for row in part.children]
    if not rows:
        return
    heads = [_words(cell.children[0])[0] if cell.children else "" for cell in rows[0].children]
    for row in rows[1:]:
        cells = [_words(cell.children[0]) if cell.children else ("", ()) for cell in row.children]
        code = tuple(one for _, each in cells for one in each)
        pairs = tuple(zip(heads, (words for words, _ in cells), strict=False))
        text = " | ".join(words for words, _ in cells)
        yield Statement(text, _line(row), code, row=pairs, sections=reader.above)


def _rows(inline) -> list[tuple[str, tuple[str, ...]]]:  # type: ignore[no-untyped-def]
    """The text of each source line, with its code spans."""
    rows: list[tuple[list[str], list[str]]] = [([], [])]
    for one in inline.walk() if inline.children else ():
        match one.type:
            case "text":
                rows[-1][0].append(one.content)
            case "code_inline":
                rows[-1][0].append(one.content)
                rows[-1][1].append(one.content)
            case "softbreak" | "hardbreak":
                rows.append(([], []))
            case _:
                pass
    return [(one_line("".join(words), 2000), tuple(code)) for words, code in rows]


def _words(inline) -> tuple[str, tuple[str, ...]]:  # type: ignore[no-untyped-def]
    rows = _rows(inline)
    return " ".join(words for words, _ in rows).strip(), tuple(one for _, code in rows for one in code)


def _line(node) -> int:  # type: ignore[no-untyped-def]
    found: Sequence[int] | None = node.map
    return found[0] + 1 if found else 1
