"""Parses YAML once: a file's shape and its project's model are made of the same nodes."""

from collections.abc import Callable

from estate.compose.node import Node, parse
from estate.compose.source import Source, Unreadable

Parse = Callable[[Source], list[Node | None]]
"""The documents of a file. Raises Unreadable."""


class Parser:
    """By content, for one look at a tree, which is to say all that it can, also of what Compose refuses: a
    key may be there twice. Nodes know places by offsets, not by the file's name, and nobody changes them,
    so files that are the same share theirs."""

    def __init__(self) -> None:
        self._done: dict[bytes, list[Node | None] | Unreadable] = {}

    def parse(self, source: Source) -> list[Node | None]:
        """Raises Unreadable."""
        found = self._done.get(source.data)
        if found is None:
            try:
                found = parse(source, twice=True)
            except Unreadable as wrong:
                found = wrong
            self._done[source.data] = found
        if isinstance(found, Unreadable):
            raise found
        return found

    def forget(self) -> None:
        """After the look: what is kept is in the models."""
        self._done.clear()
