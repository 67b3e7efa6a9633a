"""YAML as Compose means it, from files that anybody wrote. Pure.

The loaders of PyYAML are YAML 1.1 (`on` is True, `22:22` is 1342), die on Compose's `!reset` and `!override`,
crash the process when the nesting is deep, and let merge keys grow without end. So: the depth is counted on
events first, then the C parser's nodes are turned into values here. Scalars stay as they are written.
"""

import itertools
import re
from typing import Any

import yaml

DEEPEST = 64
"""Levels of nesting; real files have fewer than 12."""
LONGEST = 2 * 1024 * 1024
"""Bytes of one file."""
NODES = 200_000

Value = None | str | list[Any] | dict[str, Any]
"""A scalar is its text (`3.10` stays `3.10`), or None for YAML's null; the rest as ever."""

_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_MERGE = "tag:yaml.org,2002:merge"
_NULL = {"", "~", "null", "Null", "NULL"}


class Unreadable(ValueError):
    """The text cannot be read as YAML; says where and why."""


def load(data: bytes) -> list[Value]:
    """The documents of a file. Raises Unreadable, whatever the bytes are."""
    if len(data) > LONGEST:
        raise Unreadable(f"it is longer than {LONGEST // 1024 // 1024} MiB")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as wrong:
        raise Unreadable(f"byte {wrong.start} is not UTF-8") from None
    try:
        _measure(text)
        return [_Reader().value(node) for node in yaml.compose_all(text, Loader=_Loader)]
    except yaml.YAMLError as wrong:
        raise Unreadable(_words(wrong)) from None
    except (ValueError, RecursionError) as wrong:
        # PyYAML lets a ValueError through for some escapes (`"\\U00110000"`).
        raise wrong if isinstance(wrong, Unreadable) else Unreadable(str(wrong)) from None


def _measure(text: str) -> None:
    depth = 0
    for count, event in enumerate(yaml.parse(text, Loader=_Loader)):
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
        if depth > DEEPEST:
            line = event.start_mark.line + 1 if event.start_mark else 0
            raise Unreadable(f"line {line}: nested deeper than {DEEPEST} levels")
        if count > NODES:
            raise Unreadable(f"it has more than {NODES} nodes")


def _words(wrong: yaml.YAMLError) -> str:
    mark = getattr(wrong, "problem_mark", None) or getattr(wrong, "context_mark", None)
    problem = getattr(wrong, "problem", None) or re.sub(r"\s+", " ", str(wrong)).strip()
    return f"line {mark.line + 1}: {problem}" if mark else problem


class _Reader:
    """From one document's nodes to values. An alias gives the same value again, not a copy."""

    def __init__(self) -> None:
        self._done: dict[int, Value] = {}

    def value(self, node: yaml.Node | None) -> Value:
        if node is None:
            return None
        if id(node) not in self._done:
            self._done[id(node)] = None  # what contains itself is cut there
            self._done[id(node)] = self._make(node)
        return self._done[id(node)]

    def _make(self, node: yaml.Node) -> Value:
        if node.tag == "!reset":
            return None
        if isinstance(node, yaml.MappingNode):
            return self._mapping(node)
        if isinstance(node, yaml.SequenceNode):
            return [self.value(child) for child in node.value]
        plain = not getattr(node, "style", None)
        return None if plain and node.value in _NULL else str(node.value)

    def _mapping(self, node: yaml.MappingNode) -> dict[str, Any]:
        merged: dict[str, Any] = {}
        own: dict[str, Any] = {}
        for key, child in node.value:
            if key.tag == _MERGE:
                for source in reversed(list(self._sources(child))):
                    merged.update(source)
            else:
                name = self.value(key)
                own["" if name is None else name if isinstance(name, str) else repr(name)] = self.value(child)
        return {**merged, **own}

    def _sources(self, node: yaml.Node) -> Any:
        value = self.value(node)
        each = value if isinstance(value, list) else [value]
        return itertools.takewhile(lambda one: isinstance(one, dict), each)
