"""`${VARIABLES}` by Compose's rules, and where each piece of the result comes from. Pure."""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum

from estate.compose.setting import Setting

_NAME = re.compile(r"[_a-zA-Z][_a-zA-Z0-9]*")
_OPERATOR = re.compile(r":?[-?+]")
_DEEPEST = 16


class Origin(StrEnum):
    """Who decided a piece of text."""

    WRITTEN = "written"
    """It stands there."""
    SHELL = "shell"
    """The environment of whoever calls Compose."""
    ENV_FILE = "env file"
    """A `.env` file, or one given with --env-file."""
    DEFAULT = "default"
    """Written inside `${V:-…}` or `${V:+…}`."""
    PROJECT = "project"
    """Compose itself: COMPOSE_PROJECT_NAME."""
    UNSET = "unset"
    """Nobody: the variable has no value."""


@dataclass(frozen=True, slots=True)
class Bound:
    """What a variable has, and from whom."""

    text: str
    origin: Origin
    setting: Setting | None = None


@dataclass(frozen=True, slots=True)
class Piece:
    """A stretch of a filled text that has one origin.

    `start` and `end` are characters of the template: the text itself, the default, or the whole `${V}`.
    """

    text: str
    origin: Origin
    start: int
    end: int
    variables: tuple[str, ...] = ()
    """The variables that were asked on the way, the outermost first."""
    setting: Setting | None = None


@dataclass(slots=True)
class Filled:
    """A text with its variables filled in."""

    pieces: list[Piece] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
    """Variables that had neither value nor default: they are empty, and Compose warns."""
    wrong: list[str] = field(default_factory=list)
    """Why Compose would stop here; the text then stays as it is written."""

    @property
    def text(self) -> str:
        return "".join(piece.text for piece in self.pieces)


Lookup = Callable[[str], Bound | None]


def fill(template: str, lookup: Lookup) -> Filled:
    """`$V`, `${V}`, `${V:-d}`, `${V-d}`, `${V:?e}`, `${V?e}`, `${V:+a}`, `${V+a}`, nested; `$$` is a dollar.

    Never raises: what Compose would refuse is in `wrong`.
    """
    filled = Filled()
    if "$" not in template:
        filled.pieces.append(Piece(template, Origin.WRITTEN, 0, len(template)))
    else:
        _Filler(template, lookup, filled).stretch(0, len(template), (), 0)
    return filled


class _Filler:
    def __init__(self, template: str, lookup: Lookup, filled: Filled) -> None:
        self._template = template
        self._lookup = lookup
        self._filled = filled

    def stretch(self, start: int, end: int, inside: tuple[str, ...], depth: int) -> None:
        at = start
        while (dollar := self._template.find("$", at, end)) >= 0:
            self._write(at, dollar, inside)
            at = self._one(dollar, end, inside, depth)
        if at < end or start == end:
            self._write(at, end, inside, even_empty=start == end)

    def _write(self, start: int, end: int, inside: tuple[str, ...], *, even_empty: bool = False) -> None:
        if start < end or even_empty:
            origin = Origin.DEFAULT if inside else Origin.WRITTEN
            self._filled.pieces.append(Piece(self._template[start:end], origin, start, end, inside))

    def _one(self, at: int, end: int, inside: tuple[str, ...], depth: int) -> int:
        """Fill the `$…` at `at`; say where it ends."""
        template = self._template
        origin = Origin.DEFAULT if inside else Origin.WRITTEN
        if template.startswith("$$", at) and at + 2 <= end:
            self._filled.pieces.append(Piece("$", origin, at, at + 2, inside))
            return at + 2
        braced = template.startswith("${", at)
        name = _NAME.match(template, at + (2 if braced else 1), end)
        if name and not braced:
            self._put(name.group(), at, name.end(), inside)
            return name.end()
        if not braced:
            # Since Compose 2.12 a dollar before anything else is a dollar: `^/(sys|proc)($|/)`.
            self._write(at, at + 1, inside)
            return at + 1
        close = _closing(template, at + 2, end)
        if not name or close < 0 or depth > _DEEPEST:
            return self._invalid(at, inside)
        if name.end() == close:
            self._put(name.group(), at, close + 1, inside)
            return close + 1
        operator = _OPERATOR.match(template, name.end(), close)
        if not operator:
            return self._invalid(at, inside)
        self._choose(name.group(), operator, (at, close), inside, depth)
        return close + 1

    def _invalid(self, at: int, inside: tuple[str, ...]) -> int:
        self._filled.wrong.append("${ that begins no variable; $$ means a dollar")
        self._write(at, at + 1, inside)
        return at + 1

    def _choose(
        self, name: str, operator: re.Match[str], at: tuple[int, int], inside: tuple[str, ...], depth: int
    ) -> None:
        bound = self._lookup(name)
        present = bound is not None and (bound.text != "" or ":" not in operator.group())
        kind, word, (start, close) = operator.group()[-1], operator.end(), at
        if kind == "?" or (kind == "+") != present:
            self._unused(word, close, (*inside, name), depth + 1)
        if kind == "+" and not present:
            self._filled.pieces.append(Piece("", Origin.UNSET, start, close + 1, (*inside, name)))
        elif (kind == "+") == present and kind != "?":
            self.stretch(word, close, (*inside, name), depth + 1)
        else:
            if kind == "?" and not present:
                self._filled.wrong.append(f"{name} must be set: {self._template[word:close]}")
            self._put(name, start, close + 1, inside)

    def _unused(self, start: int, end: int, inside: tuple[str, ...], depth: int) -> None:
        """Compose fills it in before it looks whether it is wanted, and stops at what is wrong in it."""
        other = _Filler(self._template, self._lookup, Filled())
        other.stretch(start, end, inside, depth)
        self._filled.wrong += other._filled.wrong

    def _put(self, name: str, start: int, end: int, inside: tuple[str, ...]) -> None:
        bound = self._lookup(name)
        if bound is None:
            self._filled.missing.append(name)
            bound = Bound("", Origin.UNSET)
        variables = (*inside, name)
        self._filled.pieces.append(Piece(bound.text, bound.origin, start, end, variables, bound.setting))


def _closing(text: str, at: int, end: int) -> int:
    """Where the `}` of a `${` stands, or -1. Compose counts what opens inside, also behind a dollar that is
    doubled; where that does not come out even, it takes the last one."""
    depth, begin = 0, at
    while at < end:
        if text.startswith("${", at):
            depth += 1
            at += 1
        elif text[at] == "}":
            if depth == 0:
                return at
            depth -= 1
        at += 1
    return text.rfind("}", begin, end)
