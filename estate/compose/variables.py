"""`${VARIABLES}` and `.env` files, by Compose's rules. Pure."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

_NAME = re.compile(r"[_a-zA-Z][_a-zA-Z0-9]*")
_OPERATOR = re.compile(r":?[-?+]")
_DEEPEST = 16


@dataclass(frozen=True, slots=True)
class Filled:
    """A text with its variables filled in, and the names that had neither value nor default."""

    text: str
    missing: tuple[str, ...] = ()


def fill(text: str, values: Mapping[str, str]) -> Filled:
    """`$V`, `${V}`, `${V:-d}`, `${V-d}`, `${V:?e}`, `${V?e}`, `${V:+a}`, `${V+a}`, nested; `$$` is a dollar.

    What is no variable stays as it is: a tolerant reader, where Compose would stop.
    """
    if "$" not in text:
        return Filled(text)
    filler = _Filler(values)
    return Filled(filler.fill(text, 0), tuple(dict.fromkeys(filler.missing)))


class _Filler:
    def __init__(self, values: Mapping[str, str]) -> None:
        self._values = values
        self.missing: list[str] = []

    def fill(self, text: str, depth: int) -> str:
        out: list[str] = []
        at = 0
        while (dollar := text.find("$", at)) >= 0:
            out.append(text[at:dollar])
            said, at = self._one(text, dollar, depth)
            out.append(said)
        return "".join([*out, text[at:]])

    def _one(self, text: str, at: int, depth: int) -> tuple[str, int]:
        """What stands for the `$…` at `at`, and where it ends."""
        if text.startswith("$$", at):
            return "$", at + 2
        braced = text.startswith("${", at)
        name = _NAME.match(text, at + (2 if braced else 1))
        if not name:
            return "$", at + 1
        if not braced:
            return self._value(name.group()), name.end()
        end = _closing(text, name.end())
        if end < 0 or depth > _DEEPEST:
            return "$", at + 1
        rest = text[name.end() : end]
        operator = _OPERATOR.match(rest)
        if not rest:
            return self._value(name.group()), end + 1
        if not operator:
            return "$", at + 1
        return self._choose(name.group(), operator.group(), rest[operator.end() :], depth), end + 1

    def _choose(self, name: str, operator: str, word: str, depth: int) -> str:
        value = self._values.get(name)
        present = value is not None and (value != "" or ":" not in operator)
        match operator[-1]:
            case "+":
                return self.fill(word, depth + 1) if present else ""
            case "-":
                return value if present and value is not None else self.fill(word, depth + 1)
            case _:
                return value if present and value is not None else self._value(name)

    def _value(self, name: str) -> str:
        if not self._values.get(name):
            self.missing += [] if name in self._values else [name]
        return self._values.get(name, "")


def _closing(text: str, at: int) -> int:
    """Where the `}` of a `${` stands, or -1."""
    depth = 0
    while at < len(text):
        if text.startswith("${", at):
            depth += 1
            at += 1
        elif text[at] == "}":
            if depth == 0:
                return at
            depth -= 1
        at += 1
    return -1


# ---- .env -----------------------------------------------------------------------------------------------

_ROW = re.compile(r"[ \t]*(?:export[ \t]+)?([A-Za-z_][A-Za-z0-9_.-]*)[ \t]*(?:=|:[ \t])[ \t]*")
_SINGLE = re.compile(r"'([^']*)'")
_DOUBLE = re.compile(r'"((?:[^"\\]|\\.)*)"', re.DOTALL)
_ESCAPES = {"n": "\n", "r": "\r", "t": "\t", '"': '"', "\\": "\\", "$": "$$"}


def read_env(data: bytes, outer: Mapping[str, str] | None = None) -> dict[str, str]:
    """A `.env` file: `export`, `'raw'`, `"escapes and $VARIABLES"`, bare with ` # comment`, BOM, CRLF, quotes
    over several lines. A line that is none of these is passed over. Never raises."""
    text = data.decode("utf-8-sig", "replace").replace("\r\n", "\n")
    found: dict[str, str] = dict(outer or {})
    own: dict[str, str] = {}
    at = 0
    while at < len(text):
        row = _ROW.match(text, at)
        end = _line_end(text, at)
        if row and row.end() <= end:
            value, at = _env_value(text, row.end(), end, found)
            found[row.group(1)] = own[row.group(1)] = value
            end = _line_end(text, at)
        at = end + 1
    return own


def _line_end(text: str, at: int) -> int:
    end = text.find("\n", at)
    return len(text) if end < 0 else end


def _env_value(text: str, at: int, end: int, values: Mapping[str, str]) -> tuple[str, int]:
    if single := _SINGLE.match(text, at):
        return single.group(1), single.end()
    if double := _DOUBLE.match(text, at):
        raw = re.sub(
            r"\\(.)", lambda m: _ESCAPES.get(m.group(1), m.group()), double.group(1), flags=re.DOTALL
        )
        return fill(raw, values).text, double.end()
    bare = re.split(r"(?:^|[ \t])#", text[at:end], maxsplit=1)[0].strip()
    return fill(bare, values).text, end


def listed(value: str | None, separator: str = ",") -> Sequence[str]:
    """`a,b` as COMPOSE_PROFILES and COMPOSE_FILE write it."""
    return tuple(part.strip() for part in (value or "").split(separator) if part.strip())
