"""One value of a compose file after its variables are filled in, and the shapes that hold values. Pure.

Everything here is shared and never changed: an anchor's value is the same object wherever it is used.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from pathlib import Path

from estate.compose.source import Source, Span
from estate.compose.template import Origin, Piece
from estate.compose.word import Data, spoken


class Layer(StrEnum):
    """By which way a file came into the model."""

    MAIN = "main"
    OVERRIDE = "override"
    INCLUDE = "include"
    EXTENDS = "extends"


@dataclass(frozen=True, slots=True)
class Written:
    """A piece of a value, and the bytes of the compose file that it is made of.

    `span` is the literal text, the default inside `${V:-…}`, or the whole `${V}`; None when it cannot be told
    from its neighbours (a text over several lines).
    """

    piece: Piece
    span: Span | None


@dataclass(frozen=True, slots=True)
class Value:
    """A scalar. `span` holds its quotes, not its anchor or tag."""

    data: Data
    """Its meaning: text where a variable or quotes are in it."""
    raw: str
    """As written, without quotes and escapes; with its variables."""
    source: Source = field(repr=False)
    span: Span
    layer: Layer
    style: str
    """`''` plain, or one of `' " | >`."""
    anchor: str | None
    """The anchor that it stands under, itself or the nearest thing around it."""
    written: tuple[Written, ...] = field(repr=False)
    start: int = 0
    """How many characters of `text` were cut off: `NAME=` in a list."""

    @property
    def text(self) -> str:
        return spoken(self.data)

    @property
    def file(self) -> Path:
        return self.source.path

    @property
    def place(self) -> tuple[Path, int]:
        """The same for two uses of one written value."""
        return self.source.path, self.span.start

    @property
    def variables(self) -> tuple[str, ...]:
        """The variables that were asked for, in order, each once."""
        return tuple(dict.fromkeys(name for one in self.written for name in one.piece.variables))

    @property
    def defaulted(self) -> tuple[str, ...]:
        """Those of them in whose place a default stands."""
        defaults = (one.piece.variables for one in self.written if one.piece.origin is Origin.DEFAULT)
        return tuple(dict.fromkeys(name for names in defaults for name in names))

    @property
    def unset(self) -> tuple[str, ...]:
        """Those of them that nobody sets, so that nothing stands there."""
        empty = (one.piece.variables for one in self.written if one.piece.origin is Origin.UNSET)
        return tuple(dict.fromkeys(name for names in empty for name in names))

    @property
    def open_text(self) -> str:
        """Its text, where `${NAME}` stands in the place of what nobody sets: two such may be different."""
        if not self.unset:
            return self.text
        pieces = (
            "".join(f"${{{name}}}" for name in one.piece.variables[-1:])
            if one.piece.origin is Origin.UNSET
            else one.piece.text
            for one in self.written
        )
        return "".join(pieces)[self.start :]

    @property
    def origins(self) -> frozenset[Origin]:
        return frozenset(one.piece.origin for one in self.written)

    def after(self, count: int) -> "Value":
        """Without its first characters: the value of `NAME=value`."""
        return replace(self, data=self.text[count:], start=self.start + count)


class Section(dict[str, "Tree"]):
    """A mapping, with the place of each key."""

    __slots__ = ("keys_at", "overrides", "source", "span")

    def __init__(
        self,
        items: Mapping[str, "Tree"] | Iterable[tuple[str, "Tree"]] = (),
        *,
        source: Source | None = None,
        span: Span | None = None,
        keys_at: Mapping[str, tuple[Source, Span]] | None = None,
        overrides: bool = False,
    ) -> None:
        super().__init__(items)
        self.source = source
        self.span = span
        self.keys_at = keys_at or {}
        self.overrides = overrides
        """`!override`: what earlier layers say here does not count."""


class Rows(list["Tree"]):
    """A sequence."""

    __slots__ = ("overrides", "source", "span")

    def __init__(
        self,
        items: Iterable["Tree"] = (),
        *,
        source: Source | None = None,
        span: Span | None = None,
        overrides: bool = False,
    ) -> None:
        super().__init__(items)
        self.source = source
        self.span = span
        self.overrides = overrides


@dataclass(frozen=True, slots=True)
class Reset:
    """`!reset`: nothing is here, whatever earlier layers say."""


@dataclass(frozen=True, slots=True)
class Overriding:
    """A scalar under `!override`."""

    value: Value


Tree = Value | Section | Rows | Reset | Overriding

Walk = Callable[[tuple[str, ...], Value], None]


def walk(tree: Tree | None, path: tuple[str, ...], visit: Walk, budget: list[int]) -> None:
    """Visit every value below, with its path, until the budget is spent."""
    if budget[0] <= 0:
        return
    budget[0] -= 1
    if isinstance(tree, Value):
        visit(path, tree)
    elif isinstance(tree, Section):
        for key, child in tree.items():
            walk(child, (*path, key), visit, budget)
    elif isinstance(tree, Rows):
        for at, child in enumerate(tree):
            walk(child, (*path, str(at)), visit, budget)


def child(tree: Tree | None, *path: str) -> Tree | None:
    """What stands at a path of keys, or None."""
    for key in path:
        tree = tree.get(key) if isinstance(tree, Section) else None
    return tree


def open_text_of(tree: Tree | None) -> str | None:
    """As `text_of`, with `${NAME}` in the place of what nobody sets."""
    return tree.open_text if isinstance(tree, Value) else text_of(tree)


def is_open(text: str) -> bool:
    """Whether a variable that nobody sets is a part of it, so that what it is is decided elsewhere."""
    return "${" in text


def text_of(tree: Tree | None) -> str | None:
    """The text of a value that is not null."""
    return tree.text if isinstance(tree, Value) and tree.data is not None else None


def texts_of(tree: Tree | None) -> list[str]:
    """A text, or a list of texts."""
    each = tree if isinstance(tree, Rows) else [tree]
    return [text for one in each if (text := text_of(one)) is not None]
