"""Rows that are added to YAML as it is written: a key of a mapping, an item of a list. Pure.

What is added stands first among its kind or right behind the last, indented as they are; `splice` then proves
that nothing else means anything else.
"""

from audit.fixes.changes import CannotFix
from audit.fixes.splice import line_end
from audit.model import Finding
from estate.compose.node import Alias, Mapping, Node, Scalar, Sequence, parse
from estate.compose.source import Source, Unreadable

_CLOSING = {b"[": b"]", b"{": b"}"}
_BETWEEN = {b" ", b"\t", b"\r", b"\n", b","}
Spliced = tuple[int, int, bytes]
"""From this byte to that one stands this instead."""


def document_of(source: Source, finding: Finding) -> Node:
    """The first document of a file. Raises CannotFix."""
    try:
        found = next((one for one in parse(source) if one is not None), None)
    except Unreadable as wrong:
        raise CannotFix(f"{finding.place.file}: {wrong}") from None
    if found is None:
        raise CannotFix(f"{finding.place.file} is empty: {finding.remedy}")
    return found


def below(node: Node | None, *path: str) -> Node | None:
    """What stands at a path of keys; None where nothing does. An alias is followed by nobody: it is others',
    too."""
    for key in path:
        if not isinstance(node, Mapping):
            return None
        node = next((one for name, one in node.pairs if isinstance(name, Scalar) and name.text == key), None)
    return node


def mapping_at(node: Node | None, finding: Finding, *path: str) -> Mapping:
    """Raises CannotFix where it is no mapping of its own, or is shared."""
    found = below(node, *path)
    if isinstance(found, Mapping) and found.anchor is None:
        return found
    what = "others share it" if isinstance(found, Alias | Mapping) else "it is no mapping of its own"
    raise CannotFix(f"{finding.place}: {what}: {finding.remedy}")


def key_added(source: Source, mapping: Mapping, rows: list[str], finding: Finding) -> Spliced:
    """Rows as the first of a mapping; each is written at its keys' indentation. Raises CannotFix for a
    mapping in braces."""
    if not mapping.pairs:
        raise CannotFix(f"{finding.place}: it is empty: {finding.remedy}")
    at = source.byte(mapping.pairs[0][0].start)
    start = source.data.rfind(b"\n", 0, at) + 1
    indent = source.data[start:at]
    if indent.strip(b" "):
        raise CannotFix(f"{finding.place}: its keys do not stand on lines of their own: {finding.remedy}")
    end = line_end(source.data)
    return start, start, b"".join(indent + row.encode() + end for row in rows)


def item_added(source: Source, items: Sequence, text: str, finding: Finding) -> Spliced:
    """An item behind the last. Raises CannotFix for a list that is shared, or has no plain end."""
    if items.anchor is not None:
        raise CannotFix(f"{finding.place}: others share the list: {finding.remedy}")
    start = source.byte(items.start)
    if source.data[start : start + 1] == b"[":
        end_of(source, items, finding)
        at = end_of(source, items.items[-1], finding) if items.items else start + 1
        return at, at, (", " if items.items else "").encode() + text.encode()
    if not items.items:
        raise CannotFix(f"{finding.place}: the list is empty: {finding.remedy}")
    first, last = items.items[0], items.items[-1]
    newline = line_end(source.data)
    row_start = source.data.rfind(b"\n", 0, source.byte(first.start)) + 1
    lead = source.data[row_start : source.byte(first.start)]
    indent, dash, gap = lead.partition(b"-")
    if indent.strip(b" ") or not dash or gap.strip(b" "):
        raise CannotFix(f"{finding.place}: its items do not stand on lines of their own: {finding.remedy}")
    row = indent + dash + (gap or b" ") + text.encode()
    after = source.data.find(b"\n", end_of(source, last, finding))
    if after < 0:
        return len(source.data), len(source.data), newline + row
    return after + 1, after + 1, row + newline


def end_of(source: Source, node: Node, finding: Finding) -> int:
    """Where the last word or bracket of a node ends, in bytes: libyaml ends a block only where the next thing
    starts, and does not say where a bracket closes. Raises CannotFix where that is not plain."""
    if isinstance(node, Mapping | Sequence):
        inner = node.items if isinstance(node, Sequence) else [one for pair in node.pairs for one in pair]
        start = source.byte(node.start)
        opening = source.data[start : start + 1]
        at = end_of(source, inner[-1], finding) if inner else start + 1
        if opening not in _CLOSING:
            return at
        while source.data[at : at + 1] in _BETWEEN:
            at += 1
        if source.data[at : at + 1] == _CLOSING[opening]:
            return at + 1
    elif isinstance(node, Scalar) and node.style not in {"|", ">"}:
        return source.byte(node.end)
    raise CannotFix(f"{finding.place}: where it ends is not plain: {finding.remedy}")
