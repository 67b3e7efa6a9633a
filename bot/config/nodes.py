"""YAML text → a tree whose every part knows its line, with YAML's own traps refused or made harmless.

No value is given a type here: `on`, `3.10`, `22:22` and `0644` stay the text they are, and the key that holds
them says what it wants. So it does not matter whether a reader of YAML 1.1 or 1.2 was in the author's mind.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

import yaml

from bot.core.text import one_line

DEEPEST = 32
"""Levels of nesting, aliases followed. A hundred thousand `[` end a recursive reader's process."""
LARGEST = 50_000
"""Values, aliases followed: a few lines of anchors can stand for billions."""


@dataclass(frozen=True, slots=True)
class Scalar:
    """A single value, as text. `plain`: written without quotes. `trap`: what was probably meant instead."""

    text: str
    plain: bool
    line: int
    trap: str = ""

    @property
    def empty(self) -> bool:
        """Nothing, `~` or `null`."""
        return self.plain and self.text in {"", "~", "null", "Null", "NULL"}


@dataclass(frozen=True, slots=True)
class Sequence:
    items: "tuple[Node, ...]"
    line: int


@dataclass(frozen=True, slots=True)
class Mapping:
    """`pairs` in file order, merge keys (`<<`) already merged, no key twice."""

    pairs: "tuple[tuple[Scalar, Node], ...]"
    line: int


Node = Scalar | Sequence | Mapping


@dataclass(frozen=True, slots=True)
class Fault:
    """Something wrong with the YAML itself."""

    line: int
    what: str
    remedy: str = ""


class Unreadable(Exception):
    """The text cannot be read as YAML at all."""

    def __init__(self, fault: Fault) -> None:
        super().__init__(fault.what)
        self.fault = fault


def parse(content: bytes) -> tuple[Node, list[Fault]]:
    """The tree, and the faults that do not prevent reading on. Raises Unreadable."""
    text = _decode(content)
    builder = _Builder()
    try:
        for event in yaml.parse(text, Loader=yaml.SafeLoader):
            builder.take(event)
    except yaml.YAMLError as error:
        raise Unreadable(_explain(error, text)) from None
    if builder.root is None:
        raise Unreadable(Fault(1, "the file is empty", "start from config.example.yml"))
    return builder.root, builder.faults


def _decode(content: bytes) -> str:
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise Unreadable(Fault(1, "the file is written in UTF-16", "save it as UTF-8"))
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise Unreadable(Fault(line, "the file is not written in UTF-8", "save it as UTF-8")) from None


# ---- events to nodes ------------------------------------------------------------------------------------

_TAGS = {f"tag:yaml.org,2002:{name}" for name in ("str", "int", "float", "bool", "null", "map", "seq")}
_QUOTE_SIGN = "a value that starts with ! needs quotes"


@dataclass(slots=True)
class _Open:
    """A collection whose end was not seen yet. size and depth: of its content, aliases followed."""

    line: int
    anchor: str | None
    mapping: bool
    items: list[Node]
    size: int = 1
    depth: int = 0


class _Builder:
    """Takes the parser's events in order. Not recursive, so no depth of input can exhaust the stack."""

    def __init__(self) -> None:
        self.root: Node | None = None
        self.faults: list[Fault] = []
        self._open: list[_Open] = []
        self._anchors: dict[str, tuple[Node, int, int]] = {}
        self._documents = 0

    def take(self, event: yaml.Event) -> None:
        line = event.start_mark.line + 1 if event.start_mark is not None else 1
        if isinstance(event, yaml.DocumentStartEvent):
            self._documents += 1
            if self._documents > 1:
                raise Unreadable(Fault(line, "a second document starts here", "keep one, without ---"))
        elif isinstance(event, yaml.AliasEvent):
            self._alias(event.anchor or "", line)
        elif isinstance(event, yaml.ScalarEvent):
            self._add(self._scalar(event, line), event.anchor, 1, 0)
        elif isinstance(event, yaml.MappingStartEvent | yaml.SequenceStartEvent):
            self._tag(event.tag, line)
            mapping = isinstance(event, yaml.MappingStartEvent)
            self._open.append(_Open(line, event.anchor, mapping, []))
            self._bounded(len(self._open), 0, line)
        elif isinstance(event, yaml.MappingEndEvent | yaml.SequenceEndEvent):
            self._close()

    def _scalar(self, event: yaml.ScalarEvent, line: int) -> Scalar:
        trap = self._tag(event.tag, line, event.value)
        plain = event.style is None and event.tag is None
        return Scalar(event.value, plain or bool(trap), line, trap)

    def _tag(self, tag: str | None, line: int, value: str = "") -> str:
        if tag is None or tag in _TAGS or (tag == "!" and value):
            return ""
        if tag.startswith("!") and not value:
            return _QUOTE_SIGN  # `!abc:example.org` reads as a tag on nothing
        self.faults.append(Fault(line, "a YAML tag (a word that starts with !) stands here", _QUOTE_SIGN))
        return ""

    def _alias(self, anchor: str, line: int) -> None:
        if anchor not in self._anchors:
            remedy = "a value that starts with * needs quotes; an alias stands after its anchor, not in it"
            raise Unreadable(Fault(line, "this alias has no anchor (&name) before it", remedy))
        node, size, depth = self._anchors[anchor]
        self._add(node, None, size, depth)

    def _close(self) -> None:
        done = self._open.pop()
        node: Node
        if done.mapping:
            node = Mapping(tuple(self._pairs(done)), done.line)
        else:
            node = Sequence(tuple(done.items), done.line)
        self._add(node, done.anchor, done.size, done.depth + 1)

    def _add(self, node: Node, anchor: str | None, size: int, depth: int) -> None:
        if anchor is not None:
            self._anchors[anchor] = node, size, depth
        if not self._open:
            self.root = node
            return
        top = self._open[-1]
        top.items.append(node)
        top.size += size
        top.depth = max(top.depth, depth)
        self._bounded(len(self._open) + depth, top.size, node.line)

    @staticmethod
    def _bounded(depth: int, size: int, line: int) -> None:
        if depth > DEEPEST:
            raise Unreadable(Fault(line, f"more than {DEEPEST} levels are nested in each other here"))
        if size > LARGEST:
            raise Unreadable(Fault(line, f"the aliases here stand for more than {LARGEST} values"))

    def _pairs(self, done: _Open) -> Iterator[tuple[Scalar, Node]]:
        seen: dict[str, int] = {}
        merges: list[Node] = []
        own: list[tuple[Scalar, Node]] = []
        for key, value in zip(done.items[::2], done.items[1::2], strict=True):
            if not isinstance(key, Scalar):
                remedy = "a key is one word; text that starts with { or [ needs quotes"
                self.faults.append(Fault(key.line, "a list or mapping stands where a key is wanted", remedy))
                continue
            if key.text in seen:
                what = f"the key {quoted(key.text)} stands twice, first in line {seen[key.text]}"
                self.faults.append(Fault(key.line, what, "keep one of them"))
                continue
            seen[key.text] = key.line
            if key.plain and key.text == "<<":
                merges.append(value)
            else:
                own.append((key, value))
        yield from own
        for merge in merges:
            yield from self._merged(merge, seen)

    def _merged(self, merge: Node, seen: dict[str, int]) -> Iterator[tuple[Scalar, Node]]:
        for source in merge.items if isinstance(merge, Sequence) else (merge,):
            if not isinstance(source, Mapping):
                self.faults.append(Fault(merge.line, "<< wants a mapping", "write <<: *name"))
                continue
            for key, value in source.pairs:
                if key.text not in seen:
                    seen[key.text] = key.line
                    yield key, value


# ---- words ----------------------------------------------------------------------------------------------

_TOKEN = re.compile(r"xox[a-z]-|xapp-|xoxe\.|syt_|mat_|mct_|gh[pousr]_|glpat-|hvs\.|ey[JI]", re.IGNORECASE)


def quoted(text: str, limit: int = 60) -> str:
    """A value in a message: one harmless line, short, and never what may be a secret in the wrong place."""
    if looks_secret(text):
        return "(what looks like a secret)"
    return '"' + one_line(text, limit) + '"'


def looks_secret(text: str) -> bool:
    """Whether it has the form of a token. Used only to keep it out of messages."""
    text = text.strip()
    if _TOKEN.match(text) or re.match(r"\w+://[^/@\s]*:[^/@\s]*@", text):
        return True
    mixed = bool(re.search(r"[0-9]", text)) and bool(re.search(r"[A-Za-z]", text))
    return len(text) >= 24 and mixed and re.fullmatch(r"[A-Za-z0-9+_=-]+", text) is not None


_ADVICE = (
    (r"found character '\\t'", "indent with spaces, not with tabs"),
    (r"found character '[@`%]'", "a value that starts with @, ` or % needs quotes"),
    (r"while scanning an (alias|anchor)|undefined alias", "a value that starts with * or & needs quotes"),
    (r"mapping values are not allowed", 'text that holds ": " needs quotes; else look at the indentation'),
    (r"could not find expected ':'", "a : is missing here, or the indentation does not fit"),
    (r"while parsing a flow|expected ',' or", 'a , } or ] is missing; within { } "${NAME}" needs quotes'),
    (r"while scanning a quoted scalar|end of stream", "a quote is not closed"),
    (r"unknown escape", "a backslash needs single quotes: 'a\\b'"),
    (r"while parsing a block", "the indentation does not fit the lines above"),
    (r"control characters|special characters", "remove the characters that cannot be seen"),
    (r"tag", _QUOTE_SIGN),
)


def _explain(error: yaml.YAMLError, text: str) -> Fault:
    mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
    if isinstance(error, yaml.reader.ReaderError):
        line = text.count("\n", 0, error.position) + 1
        what = f"the character U+{_code(error.character):04X} may not stand in YAML"
        return Fault(line, what, "remove it, or write it with an escape in double quotes")
    line = mark.line + 1 if mark is not None else 1
    problem = f"{getattr(error, 'context', '')} {getattr(error, 'problem', '')}"
    remedy = next((advice for pattern, advice in _ADVICE if re.search(pattern, problem)), "")
    # The parser's words, without what it quotes: that may be half of a secret.
    said = re.sub(r"((?:alias|anchor|handle) )'.*", r"\1…", getattr(error, "problem", None) or "no YAML")
    return Fault(line, f"not readable as YAML: {one_line(said, 120)}", remedy)


def _code(character: object) -> int:
    return ord(character) if isinstance(character, str) and character else int(str(character) or 0)
