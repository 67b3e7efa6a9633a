"""A YAML file that is no compose file, with the place of everything in it. Pure."""

from functools import cached_property
from pathlib import Path

from estate.compose.expand import Expander
from estate.compose.node import parse
from estate.compose.source import Source, Unreadable
from estate.compose.value import Layer, Tree


class Document:
    """Parsed when it is first asked for: most files are nobody's business."""

    def __init__(self, path: str, data: bytes) -> None:
        """`path` is relative to the estate's root."""
        self.path = path
        self.data = data

    @cached_property
    def _read(self) -> tuple[tuple[Tree, ...], str]:
        try:
            source = Source(Path(self.path), self.data)
            nodes = [node for node in parse(source) if node is not None]
            return tuple(Expander(source, Layer.MAIN, None, []).tree(node) for node in nodes), ""
        except (Unreadable, RecursionError) as wrong:
            return (), str(wrong) or "it is nested too deeply"

    @property
    def trees(self) -> tuple[Tree, ...]:
        """Its YAML documents; a `$` in it is a dollar. Empty when it cannot be read."""
        return self._read[0]

    @property
    def tree(self) -> Tree | None:
        """The first of them."""
        return next(iter(self.trees), None)

    @property
    def wrong(self) -> str:
        """Why it cannot be read, in words; empty when it can."""
        return self._read[1]

    @property
    def text(self) -> str:
        return self.data.decode("utf-8", "replace")
