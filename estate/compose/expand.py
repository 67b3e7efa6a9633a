"""From a file's nodes to its values: aliases followed, merge keys merged, variables filled. Pure."""

from collections.abc import Iterator

from estate.compose.node import Alias, Mapping, Node, Scalar, Sequence
from estate.compose.problem import Problem
from estate.compose.source import Source, Span, Unreadable
from estate.compose.template import Lookup, Origin, Piece, fill
from estate.compose.value import Layer, Overriding, Reset, Rows, Section, Tree, Value, Written
from estate.compose.word import characters, meaning

_MERGE = "<<"
_MERGES = 100_000
"""Keys that merge keys may bring into one document."""


class Expander:
    """One document. An anchored node becomes one value, wherever it is used, so that nothing explodes.

    `lookup` None: there are no variables in this file, a dollar is a dollar.
    """

    def __init__(self, source: Source, layer: Layer, lookup: Lookup | None, problems: list[Problem]) -> None:
        self._source = source
        self._layer = layer
        self._lookup = lookup
        self._problems = problems
        self._done: dict[int, Tree] = {}
        self._merged = 0

    def tree(self, node: Node, anchor: str | None = None) -> Tree:
        """Raises Unreadable for what cannot be merged."""
        if isinstance(node, Alias):
            node = node.node
        known = self._done.get(id(node))
        if known is None:
            known = self._done[id(node)] = self._make(node, anchor)
        return known

    def _make(self, node: Node, anchor: str | None) -> Tree:
        if isinstance(node, Alias):
            return self.tree(node)
        if node.tag == "!reset":
            return Reset()
        anchor = node.anchor or anchor
        span = self._source.span(node.start, node.end)
        overrides = node.tag == "!override"
        if isinstance(node, Scalar):
            value = self._value(node, anchor)
            return Overriding(value) if overrides else value
        if isinstance(node, Sequence):
            items = [self.tree(item, anchor) for item in node.items]
            return Rows(items, source=self._source, span=span, overrides=overrides)
        section = self._section(node, anchor)
        section.span, section.overrides = span, overrides
        return section

    def _section(self, node: Mapping, anchor: str | None) -> Section:
        own: dict[str, Tree] = {}
        merged: dict[str, Tree] = {}
        places: dict[str, tuple[Source, Span]] = {}
        for again in node.twice:
            span = self._source.span(again.start, again.end)
            self._problems.append(Problem(self._source.path, span, f"{again.text[:60]!r} is there twice"))
        for key, child in node.pairs:
            name = self._key(key)
            if name == _MERGE and isinstance(key, Scalar) and not key.style:
                for source in reversed(list(self._merged_in(child, anchor))):
                    self._count(source, key)
                    merged.update(source)
                    places.update(source.keys_at)
            else:
                own[name] = self.tree(child, anchor)
                places[name] = (self._source, self._source.span(key.start, key.end))
        # What is written here stands where it is written; what is merged comes after it.
        items = {**own, **{name: tree for name, tree in merged.items() if name not in own}}
        return Section(items, source=self._source, keys_at=places)

    def _merged_in(self, node: Node, anchor: str | None) -> Iterator[Section]:
        tree = self.tree(node, anchor)
        for one in tree if isinstance(tree, Rows) else [tree]:
            if not isinstance(one, Section):
                line = self._source.span(node.start, node.end).line
                raise Unreadable(f"line {line}: << needs a mapping")
            yield one

    def _count(self, source: Section, key: Node) -> None:
        self._merged += len(source)
        if self._merged > _MERGES:
            line = self._source.span(key.start, key.end).line
            raise Unreadable(f"line {line}: merge keys bring in more than {_MERGES} keys")

    def _key(self, node: Node) -> str:
        node = node.node if isinstance(node, Alias) else node
        if not isinstance(node, Scalar):
            line = self._source.span(node.start, node.end).line
            raise Unreadable(f"line {line}: a key must be a word")
        return node.text

    def _value(self, node: Scalar, anchor: str | None) -> Value:
        span = self._source.span(node.start, node.end)
        if self._lookup is None or "$" not in node.text:
            data = meaning(node)
            piece = Piece(node.text, Origin.WRITTEN, 0, len(node.text))
            lines = self._source.text.count("\n", node.start, node.end)
            written = (Written(piece, None if lines else _inside(span, node)),)
            return Value(data, node.text, self._source, span, self._layer, node.style, anchor, written)
        filled = fill(node.text, self._lookup)
        for wrong in filled.wrong:
            self._problems.append(Problem(self._source.path, span, wrong))
        places = characters(self._source.text, node)
        pieces = tuple(self._written(piece, places) for piece in filled.pieces)
        return Value(filled.text, node.text, self._source, span, self._layer, node.style, anchor, pieces)

    def _written(self, piece: Piece, places: list[int] | None) -> Written:
        span = self._source.span(places[piece.start], places[piece.end]) if places else None
        return Written(piece, span)


def _inside(span: Span, node: Scalar) -> Span | None:
    """Without the quotes."""
    if node.style in ("|", ">"):
        return None
    if not node.style:
        return span
    return Span(span.start + 1, span.end - 1, span.line, span.column + 1)
