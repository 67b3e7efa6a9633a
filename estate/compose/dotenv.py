"""`.env` files, by Compose's grammar. Pure.

`export NAME=value`, `NAME: value`, `'raw'`, `"escapes and $VARIABLES"`, bare with ` # comment`, byte order
mark, CRLF, quotes over several lines, `NAME` alone (taken from the shell).
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from estate.compose.setting import Setting
from estate.compose.source import Source
from estate.compose.template import Bound, Lookup, Origin, fill

_SPACE = " \t\v\f\r\x85\xa0"
_ROW = re.compile(
    rf"(?:export(?=[{_SPACE}]))?[{_SPACE}]*([A-Za-z0-9_.\[\]-]+)[{_SPACE}]*(?:[=:]|(?=\n|\Z))[{_SPACE}]*"
)
_WORDS = re.compile(rf"[\w.{_SPACE}-]+")
_ESCAPES = {"a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v", "\\": "\\", '"': '"'}
_ESCAPES["$"] = "$$"


@dataclass(slots=True)
class DotEnv:
    """What a file sets; the last of two settings of one name holds."""

    settings: dict[str, Setting] = field(default_factory=dict)
    inherited: list[str] = field(default_factory=list)
    """Names alone: the shell's own value is meant."""
    wrong: list[str] = field(default_factory=list)
    """Lines that Compose would stop at: they are passed over here."""


def read_dotenv(source: Source, outer: Lookup, earlier: Mapping[str, Setting] | None = None) -> DotEnv:
    """`outer` answers first for the variables inside values, then the file itself, then `earlier` files.

    Never raises: what Compose would refuse is in `wrong`.
    """
    return _Reader(source, outer, earlier or {}).read()


class _Reader:
    def __init__(self, source: Source, outer: Lookup, earlier: Mapping[str, Setting]) -> None:
        self._earlier = earlier
        self._source = source
        self._text = source.text
        self._outer = outer
        self._found = DotEnv()

    def read(self) -> DotEnv:
        at = 0
        while (at := self._start(at)) < len(self._text):
            at = self._row(at)
        return self._found

    def _start(self, at: int) -> int:
        """Past blanks and comments."""
        while at < len(self._text):
            if self._text[at] == "#":
                at = self._line_end(at)
            elif not self._text[at].isspace():
                break
            else:
                at += 1
        return at

    def _line_end(self, at: int) -> int:
        end = self._text.find("\n", at)
        return len(self._text) if end < 0 else end

    def _row(self, at: int) -> int:
        row = _ROW.match(self._text, at)
        if not row:
            end = self._line_end(at)
            # A last line of words without a line end is passed over by Compose, too.
            if end < len(self._text) or not _WORDS.fullmatch(self._text, at, end):
                self._complain(at, "no NAME=value")
            return end
        name = row.group(1)
        if not row.group().rstrip(_SPACE).endswith(("=", ":")):
            if row.end() < len(self._text):
                self._found.inherited.append(name)
            return row.end()
        quote = self._text[row.end() : row.end() + 1]
        if quote in ("'", '"') and quote:
            return self._quoted(name, row.end(), quote)
        end = self._line_end(row.end())
        bare = re.split(r"[ ]#", self._text[row.end() : end], maxsplit=1)[0].rstrip()
        # Where nothing stands, a value goes right behind the sign, not behind a line end's \r.
        start = row.end() if bare else at + len(row.group().rstrip(_SPACE))
        self._set(name, bare, (start, start + len(bare)), "", "$" in bare, at)
        return end

    def _quoted(self, name: str, at: int, quote: str) -> int:
        end = self._closing(at + 1, quote)
        if end < 0:
            self._complain(at, f"{name} has a quote that is not closed")
            return self._line_end(at)
        inner = self._text[at + 1 : end]
        if quote == "'":
            text = inner.replace("\\'", "'")
        else:
            text = re.sub(r"\\(.)", _unescaped, inner, flags=re.DOTALL)
        self._set(name, text, (at + 1, end), quote, quote == '"' and "$" in inner, at)
        return end + 1

    def _closing(self, at: int, quote: str) -> int:
        escaped = False
        for place in range(at, len(self._text)):
            character = self._text[place]
            if character == quote and not escaped:
                return place
            escaped = character == "\\" and not escaped
        return -1

    def _set(self, name: str, text: str, at: tuple[int, int], quote: str, filled: bool, start: int) -> None:
        if filled:
            result = fill(text, self._lookup)
            for wrong in result.wrong:
                self._complain(start, wrong)
            text = result.text
        span = self._source.span(*at)
        self._found.settings[name] = Setting(name, text, self._source, span, quote, not filled)

    def _lookup(self, name: str) -> Bound | None:
        known = self._outer(name)
        setting = self._found.settings.get(name) or self._earlier.get(name)
        if known is not None or setting is None:
            return known
        return Bound(setting.text, Origin.ENV_FILE, setting)

    def _complain(self, at: int, words: str) -> None:
        self._found.wrong.append(f"line {self._source.span(at, at).line}: {words}")


def _unescaped(found: re.Match[str]) -> str:
    return _ESCAPES.get(found.group(1), found.group())
