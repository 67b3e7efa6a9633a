"""A file as plain values, before any variable: enough to know a compose file by its shape. Pure.

Scalars stay as they are written; what stands where is in `node.py`.
"""

import itertools
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from estate.compose.node import DEEPEST, Alias, Mapping, Node, Scalar, Sequence, parse
from estate.compose.parser import Parse
from estate.compose.source import LONGEST, Source, Unreadable

__all__ = ["DEEPEST", "LONGEST", "Plain", "Unreadable", "load"]

Plain = None | str | list[Any] | dict[str, Any]
"""A scalar is its text (`3.10` stays `3.10`), or None for YAML's null; the rest as ever."""

_NULL = {"", "~", "null", "Null", "NULL"}


def load(data: bytes, parse: Parse = parse) -> list[Plain]:
    """The documents of a file. Raises Unreadable, whatever the bytes are."""
    return [None if node is None else _Reader().value(node) for node in parse(Source(Path(), data))]


class _Reader:
    """From one document's nodes to values. An alias gives the same value again, not a copy."""

    def __init__(self) -> None:
        self._done: dict[int, Plain] = {}

    def value(self, node: Node) -> Plain:
        node = node.node if isinstance(node, Alias) else node
        if id(node) not in self._done:
            self._done[id(node)] = self._make(node)
        return self._done[id(node)]

    def _make(self, node: Node) -> Plain:
        match node:
            case Alias():
                return self.value(node.node)
            case _ if node.tag == "!reset":
                return None
            case Scalar():
                return None if not node.style and node.text in _NULL else node.text
            case Sequence():
                return [self.value(item) for item in node.items]
            case _:
                return self._mapping(node)

    def _mapping(self, node: Mapping) -> dict[str, Any]:
        merged: dict[str, Any] = {}
        own: dict[str, Any] = {}
        for key, child in node.pairs:
            name = self.value(key)
            if name == "<<" and isinstance(key, Scalar) and not key.style:
                for source in reversed(list(self._sources(child))):
                    merged.update(source)
            else:
                own["" if name is None else name if isinstance(name, str) else repr(name)] = self.value(child)
        return {**merged, **own}

    def _sources(self, node: Node) -> Iterable[Any]:
        value = self.value(node)
        each = value if isinstance(value, list) else [value]
        return itertools.takewhile(lambda one: isinstance(one, dict), each)
