"""Markdown of what comes from outside: escaped, so that no name forges a heading, a link or a row. Pure."""

import re
from collections.abc import Iterable, Iterator, Sequence

from bot.core.text import one_line

# ASCII punctuation that CommonMark or GitHub's tables give a meaning inside a line.
_SPECIAL = re.compile(r"([\\`*_\[\]<>|~#&!])")

_BAR = re.compile(r"(?<!\\)\|")


def text(words: str) -> str:
    """One line of plain words."""
    found = _SPECIAL.sub(r"\\\1", one_line(words))
    return re.sub(r"^(\s*)([-+=]|\d+[.)])(?=\s|$)", r"\1\\\2", found)


def code(words: str) -> str:
    """As it stands, in a code span whose fence is longer than any in it."""
    found = one_line(words)
    longest = max((len(run) for run in re.findall(r"`+", found)), default=0)
    fence = "`" * (longest + 1)
    pad = " " if found.startswith("`") or found.endswith("`") or not found.strip() else ""
    return f"{fence}{pad}{found}{pad}{fence}"


def block(rows: Iterable[str], language: str = "sh") -> Iterator[str]:
    """A fenced block."""
    kept = [one_line(row) for row in rows]
    longest = max((len(run) for row in kept for run in re.findall(r"~+", row)), default=0)
    fence = "~" * max(3, longest + 1)
    yield f"{fence}{language}"
    yield from kept
    yield fence


def table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    """`rows`: already Markdown; a bar inside of a code span is escaped, as GitHub wants it."""
    yield f"| {' | '.join(heads)} |"
    yield f"|{'|'.join('---' for _ in heads)}|"
    for row in rows:
        cells = (_BAR.sub(r"\\|", cell) for cell in row)
        yield f"| {' | '.join(cells)} |"
