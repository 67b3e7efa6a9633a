"""YAML as it is written, with the place of everything. Pure.

The loaders of PyYAML are YAML 1.1 (`on` is True, `22:22` is 1342), die on Compose's `!reset` and `!override`,
let a second key of the same name pass, crash the process when the nesting is deep, and let merge keys grow
without end. So the nodes are made here from the C parser's events, while depth and number are counted.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import yaml

from estate.compose.source import Source, Unreadable

DEEPEST = 64
"""Levels of nesting; real files have fewer than 12."""
NODES = 200_000
MOST_TWICE = 8

_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_PROPERTY = re.compile(
    r"(?:&[\w-]+|![^\s,\[\]{}]*|!<[^>\s]*>)(?:[ \t\r\n]+(?:#[^\n]*\n[ \t\r\n]*)*|(?=[?:,\]}%@`])|\Z)"
)
"""An anchor or a tag, and what separates it. libyaml lets an anchor end right before each of those signs."""


@dataclass(frozen=True, slots=True, eq=False)
class Scalar:
    """One word or text. `start` and `end` are characters of the source; quotes are inside, anchor and tag
    are not."""

    text: str
    style: str
    """`''` plain, or one of `' " | >`."""
    tag: str | None
    anchor: str | None
    start: int
    end: int


@dataclass(frozen=True, slots=True, eq=False)
class Sequence:
    items: tuple["Node", ...]
    tag: str | None
    anchor: str | None
    start: int
    end: int


@dataclass(frozen=True, slots=True, eq=False)
class Mapping:
    """`twice`: keys that stood there before; of those at most MOST_TWICE."""

    pairs: tuple[tuple["Node", "Node"], ...]
    tag: str | None
    anchor: str | None
    start: int
    end: int
    twice: tuple[Scalar, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class Alias:
    """`*name`, and the node that it stands for."""

    name: str
    node: "Node"
    start: int
    end: int


Node = Scalar | Sequence | Mapping | Alias
_Pairs = tuple[tuple[Node, Node], ...]


def parse(source: Source, *, twice: bool = False) -> list[Node | None]:
    """The documents of a file; None for an empty one. Raises Unreadable, whatever the text is.

    twice: a key that stood there before is noted and not refused. Two mappings are then read as one, and of
    other values the later counts.
    """
    try:
        return list(_Composer(source.text, twice=twice).documents())
    except yaml.YAMLError as wrong:
        raise Unreadable(_words(wrong)) from None
    except (ValueError, RecursionError) as wrong:
        # PyYAML lets a ValueError through for some escapes (`"\\U00110000"`).
        raise wrong if isinstance(wrong, Unreadable) else Unreadable(str(wrong)) from None


def scalars(documents: list[Node | None]) -> list[Scalar]:
    """Every scalar of a file, keys too, in the order of the file."""
    found: list[Scalar] = []
    waiting: list[Node | None] = documents[::-1]
    while waiting:
        match waiting.pop():
            case Scalar() as one:
                found.append(one)
            case Sequence(items=items):
                waiting += items[::-1]
            case Mapping(pairs=pairs):
                waiting += [node for pair in pairs for node in pair][::-1]
            case _:
                pass
    return found


def _words(wrong: yaml.YAMLError) -> str:
    mark = getattr(wrong, "problem_mark", None) or getattr(wrong, "context_mark", None)
    problem = getattr(wrong, "problem", None) or re.sub(r"\s+", " ", str(wrong)).strip()
    return f"line {mark.line + 1}: {problem}" if mark else problem


_END = object()


class _Composer:
    def __init__(self, text: str, *, twice: bool) -> None:
        self._text = text
        self._twice = twice
        self._count = 0
        self._anchors: dict[str, Node | None] = {}
        self._loader = _Loader(text)

    def documents(self) -> Iterator[Node | None]:
        try:
            while self._loader.check_event():
                event = self._loader.get_event()
                if isinstance(event, yaml.DocumentStartEvent):
                    self._anchors = {}
                    node = self._node(0)
                    yield None if _is_nothing(node) else node
        finally:
            self._loader.dispose()

    def _node(self, depth: int) -> Any:
        """The next node, or _END at the end of a collection."""
        event = self._loader.get_event()
        self._count += 1
        if depth > DEEPEST:
            raise Unreadable(f"line {event.start_mark.line + 1}: nested deeper than {DEEPEST} levels")
        if self._count > NODES:
            raise Unreadable(f"it has more than {NODES} nodes")
        if isinstance(event, yaml.ScalarEvent):
            return self._scalar(event)
        if isinstance(event, yaml.MappingStartEvent | yaml.SequenceStartEvent):
            return self._collection(event, depth)
        if isinstance(event, yaml.AliasEvent):
            return self._alias(event)
        return _END

    def _scalar(self, event: Any) -> Scalar:
        start, end = event.start_mark.index, event.end_mark.index
        if event.anchor or event.tag:
            start = self._past_properties(start, end)
        node = Scalar(event.value, event.style or "", event.tag, event.anchor, start, end)
        if event.anchor:
            self._anchors[event.anchor] = node
        return node

    def _past_properties(self, start: int, end: int) -> int:
        for _ in range(2):
            found = _PROPERTY.match(self._text, start, end)
            start = found.end() if found else start
        return start

    def _collection(self, event: Any, depth: int) -> Node:
        if event.anchor:
            self._anchors[event.anchor] = None
        start = event.start_mark.index
        items: list[Any] = []
        while (node := self._node(depth + 1)) is not _END:
            items.append(node)
        # The end of a block collection is wherever the next thing starts; its last child's end says more.
        end = items[-1].end if items and not event.flow_style else self._loader_end(event)
        made: Node
        if isinstance(event, yaml.MappingStartEvent):
            pairs = tuple(zip(items[::2], items[1::2], strict=True))
            pairs, again = self._each_once(pairs)
            made = Mapping(pairs, event.tag, event.anchor, start, end, again)
        else:
            made = Sequence(tuple(items), event.tag, event.anchor, start, end)
        if event.anchor:
            self._anchors[event.anchor] = made
        return made

    def _loader_end(self, event: Any) -> int:
        return int(event.end_mark.index)

    def _each_once(self, pairs: _Pairs) -> tuple[_Pairs, tuple[Scalar, ...]]:
        """The pairs, and the keys that stood there before."""
        again: list[Scalar] = []
        seen: set[str] = set()
        for key, _ in pairs:
            if isinstance(key, Scalar):
                if key.text in seen:
                    if not self._twice:
                        line = self._text.count("\n", 0, key.start) + 1
                        raise Unreadable(f"line {line}: {key.text[:60]!r} is there twice")
                    again.append(key)
                seen.add(key.text)
        return (_united(pairs) if again else pairs), tuple(again[:MOST_TWICE])

    def _alias(self, event: Any) -> Alias:
        line = event.start_mark.line + 1
        if event.anchor not in self._anchors:
            raise Unreadable(f"line {line}: *{event.anchor} names no anchor of this file")
        node = self._anchors[event.anchor]
        if node is None:
            raise Unreadable(f"line {line}: &{event.anchor} contains itself")
        return Alias(event.anchor, node, event.start_mark.index, event.end_mark.index)


def _united(pairs: _Pairs) -> _Pairs:
    """Each key once: two mappings as one; of other values the later, where the first one stood."""
    found: dict[str | int, tuple[Node, Node]] = {}
    for at, (key, value) in enumerate(pairs):
        name = key.text if isinstance(key, Scalar) else at
        if (before := found.get(name)) is None:
            found[name] = key, value
            continue
        first = before[1]
        if isinstance(first, Mapping) and isinstance(value, Mapping):
            both = _united((*first.pairs, *value.pairs))
            again = (*first.twice, *value.twice)
            value = Mapping(both, first.tag, first.anchor, first.start, value.end, again)
        found[name] = before[0], value
    return tuple(found.values())


def _is_nothing(node: Any) -> bool:
    return isinstance(node, Scalar) and not node.text and not node.style and node.tag is None
