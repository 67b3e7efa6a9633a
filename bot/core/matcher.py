"""Alertmanager's matchers: `severity="critical"`, `job!=node`, `team=~"a|b"`, `{a="b",c!~"d"}`. Pure.

As Alertmanager does since 0.27, the classic grammar (`pkg/labels`) decides where it can read the text, and
the UTF-8 grammar (`matcher/parse`: quoted label names, Go's escapes) reads the rest. Regular expressions are
anchored at both ends. A label that is missing has the value "".

They are run by RE2, whose grammar and meaning Go's are, and whose time grows with the value's length and not
faster: no pattern of an operator and no label of a stranger can hold the process.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any


class MatcherError(ValueError):
    """A matcher that cannot be read: what is wrong, at which character (from 1), and what to write."""

    def __init__(self, text: str, position: int, problem: str, remedy: str) -> None:
        super().__init__(f"matcher {text!r}, character {position + 1}: {problem}; {remedy}")
        self.position = position
        self.remedy = remedy


class BadSyntax(MatcherError):
    """It does not have the form NAME OPERATOR VALUE."""


class BadRegex(MatcherError):
    """The value of `=~` or `!~` is no regular expression."""


class Op(StrEnum):
    """How a label is compared."""

    EQUAL = "="
    NOT_EQUAL = "!="
    REGEX = "=~"
    NOT_REGEX = "!~"


@dataclass(frozen=True, slots=True)
class Matcher:
    """One comparison. Build it with `parse`; `value` is unescaped."""

    name: str
    op: Op
    value: str
    pattern: Any = field(default=None, compare=False, repr=False)

    def matches(self, labels: Mapping[str, str]) -> bool:
        """Whether these labels satisfy it; a missing label counts as ""."""
        value = labels.get(self.name, "")
        if self.op is Op.EQUAL:
            return value == self.value
        if self.op is Op.NOT_EQUAL:
            return value != self.value
        pattern = self.pattern or _compile(self.value)
        return (pattern.fullmatch(value) is not None) == (self.op is Op.REGEX)

    def __str__(self) -> str:
        name = self.name if _BARE_NAME.fullmatch(self.name) else _quoted(self.name)
        return f"{name}{self.op}{_quoted(self.value)}"


_BARE_NAME = re.compile(r"[A-Za-z_:][A-Za-z0-9_:]*")
_RESERVED = frozenset("{}!=~,\\\"'`")
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "a": "\a", "b": "\b", "f": "\f", "v": "\v", "\\": "\\", '"': '"'}
_FORM = 'write it as name="value", with one of = != =~ !~'


def parse(text: str) -> Matcher:
    """One matcher. Raises MatcherError (a ValueError)."""
    found = parse_all(text)
    if len(found) != 1:
        raise BadSyntax(text, 0, f"{len(found)} matchers where one was expected", _FORM)
    return found[0]


def parse_all(text: str) -> tuple[Matcher, ...]:
    """One matcher, several with commas between, or a list in braces. Raises MatcherError (a ValueError)."""
    reader = _Reader(text)
    try:
        return _classic_all(text) or reader.all()
    except _NotClassic:
        return reader.all()


def matches(matchers: tuple[Matcher, ...], labels: Mapping[str, str]) -> bool:
    """Whether all of them match; an empty list matches everything."""
    return all(matcher.matches(labels) for matcher in matchers)


# ---- the classic grammar --------------------------------------------------------------------------------


class _NotClassic(Exception):
    """The classic grammar cannot read it."""


_CLASSIC = re.compile(
    r"[ \t\n\f\r]*([A-Za-z_:][A-Za-z0-9_:]*)[ \t\n\f\r]*(=~|=|!=|!~)[ \t\n\f\r]*(.*?)[ \t\n\f\r]*", re.DOTALL
)


def _classic_all(text: str) -> tuple[Matcher, ...]:
    """A port of `labels.ParseMatchers`."""
    found = []
    for start, token in _classic_tokens(text):
        match = _CLASSIC.fullmatch(token)
        if match is None:
            raise _NotClassic
        value = _classic_value(match[3])
        found.append(_matcher(text, start + match.start(3), match[1], Op(match[2]), value))
    return tuple(found)


def _classic_tokens(text: str) -> list[tuple[int, str]]:
    first, last = text.startswith("{"), len(text) - text.endswith("}")
    tokens: list[tuple[int, str]] = []
    start = int(first)
    inside = escaped = False
    for at in range(start, last):
        char = text[at]
        if char == "," and not inside:
            tokens.append((start, text[start:at]))
            start = at + 1
        elif char == '"' and not escaped:
            inside = not inside
        escaped = char == "\\" and not escaped
    if text[start:last].strip():
        tokens.append((start, text[start:last]))
    return tokens


def _classic_value(raw: str) -> str:
    quoted = raw.startswith('"')
    if quoted:
        if len(raw) < 2 or not re.fullmatch(r'(?:[^"\\]|\\.)*"', raw[1:], re.DOTALL):
            raise _NotClassic
        raw = raw[1:-1]
    elif re.search(r'(?<!\\)(?:\\\\)*"', raw):
        raise _NotClassic
    kept = {"n": "\n", '"': '"', "\\": "\\"}
    return re.sub(r"\\(.)", lambda match: kept.get(match[1], match[0]), raw, flags=re.DOTALL)


# ---- the UTF-8 grammar ----------------------------------------------------------------------------------


class _Reader:
    """A cursor over the text."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0

    def all(self) -> tuple[Matcher, ...]:
        self._blanks()
        if self._end():
            raise BadSyntax(self.text, 0, "it is empty", _FORM)
        braces = self._take("{")
        found: list[Matcher] = []
        while True:
            self._blanks()
            if self._end() or (braces and self.text[self.at] == "}"):
                break
            found.append(self._matcher())
            self._blanks()
            if not self._take(","):
                break
        if braces and not self._take("}"):
            raise BadSyntax(self.text, self.at, "a `}` is missing", "end the list with }")
        self._blanks()
        if not self._end():
            raise BadSyntax(self.text, self.at, f"{self.text[self.at]!r} is too much here", _QUOTE_IT)
        return tuple(found)

    def _matcher(self) -> Matcher:
        name = self._word("a label name")
        if not name:
            raise BadSyntax(self.text, self.at, "a label name is missing", _FORM)
        self._blanks()
        op = self._operator()
        self._blanks()
        start = self.at
        value = self._word("a value", may_be_empty=True)
        return _matcher(self.text, start, name, op, value)

    def _operator(self) -> Op:
        for op in (Op.REGEX, Op.NOT_REGEX, Op.NOT_EQUAL, Op.EQUAL):
            if self._take(op.value):
                return op
        raise BadSyntax(self.text, self.at, "an operator (= != =~ !~) is missing", _FORM)

    def _word(self, what: str, may_be_empty: bool = False) -> str:
        if self._take('"'):
            return self._quoted()
        start = self.at
        while not self._end() and self.text[self.at] not in _RESERVED and not self.text[self.at].isspace():
            self.at += 1
        word = self.text[start : self.at]
        if not word and not (may_be_empty and (self._end() or self.text[self.at] in ",}")):
            raise BadSyntax(self.text, self.at, f"{what} is missing", _QUOTE_IT)
        return word

    def _quoted(self) -> str:
        start = self.at - 1
        out: list[str] = []
        while not self._end():
            char = self.text[self.at]
            self.at += 1
            if char == '"':
                return "".join(out)
            out.append(self._escape() if char == "\\" else char)
        raise BadSyntax(self.text, start, "this quote is not closed", 'end the value with "')

    def _escape(self) -> str:
        start = self.at - 1
        char = self.text[self.at : self.at + 1]
        self.at += 1
        if char in _ESCAPES and char:
            return _ESCAPES[char]
        number = re.compile(r"x([0-9A-Fa-f]{2})|u([0-9A-Fa-f]{4})|U([0-9A-Fa-f]{8})|([0-7]{3})").match(
            self.text, self.at - 1
        )
        if number is not None:
            code = int(number[4], 8) if number[4] else int(number[1] or number[2] or number[3], 16)
            if (
                code <= 0x10FFFF
                and not 0xD800 <= code <= 0xDFFF
                and (code < 0x80 or not (number[1] or number[4]))
            ):
                self.at = number.end()
                return chr(code)
        raise BadSyntax(self.text, start, f"the escape \\{char} is unknown", "write a backslash as \\\\")

    def _take(self, token: str) -> bool:
        if self.text.startswith(token, self.at):
            self.at += len(token)
            return True
        return False

    def _blanks(self) -> None:
        while not self._end() and self.text[self.at].isspace():
            self.at += 1

    def _end(self) -> bool:
        return self.at >= len(self.text)


_QUOTE_IT = 'put names and values with signs or blanks in them between " and "'


# ---- regular expressions --------------------------------------------------------------------------------


def _matcher(text: str, position: int, name: str, op: Op, value: str) -> Matcher:
    if op in (Op.EQUAL, Op.NOT_EQUAL):
        return Matcher(name, op, value)
    try:
        return Matcher(name, op, value, _compile(value))
    except ValueError as error:
        problem = f"{value!r} is no regular expression here ({error})"
        raise BadRegex(text, position, problem, "write it as Go's RE2 has it, `.` and `(` escaped") from error


def _compile(value: str) -> Any:
    """Raises ValueError for what RE2 does not take."""
    import re2  # with the first expression: who has none need not load it

    options = re2.Options()
    options.log_errors = False
    try:
        return re2.compile(value, options)
    except re2.error as error:
        said = error.args[0] if error.args else ""
        raise ValueError(said.decode("utf-8", "replace") if isinstance(said, bytes) else said) from error


def _quoted(text: str) -> str:
    body = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{body}"'
