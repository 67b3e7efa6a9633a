"""One service of the resolved model, in Compose's canonical words. Pure."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from estate.compose.merge import named
from estate.compose.setting import Setting
from estate.compose.source import Source, Span
from estate.compose.template import Bound
from estate.compose.value import Rows, Section, Tree, Value, child, text_of, texts_of

_SPACE = " \t\r\n"


@dataclass(frozen=True, slots=True)
class Variable:
    """One variable of the container. `text` None: named, and set by nobody."""

    text: str | None
    value: Value | None = None
    """Where `environment:` says it."""
    setting: Setting | None = None
    """Where an `env_file` says it, or the `.env` that a name alone takes it from."""


@dataclass(frozen=True, slots=True)
class ResolvedService:
    """`tree` holds everything; the properties say what most ask for."""

    name: str
    tree: Section
    at: tuple[Source, Span] | None
    """Where its name stands, in the last file that has it."""
    environment: Mapping[str, Variable]
    labels: Mapping[str, str]

    @property
    def image(self) -> Value | None:
        found = self.tree.get("image")
        return found if isinstance(found, Value) and found.data is not None else None

    @property
    def is_built(self) -> bool:
        build = self.tree.get("build")
        return build is not None and not (isinstance(build, Value) and build.data is None)

    @property
    def container_name(self) -> str | None:
        return text_of(self.tree.get("container_name")) or None

    @property
    def restart(self) -> str | None:
        return text_of(self.tree.get("restart")) or None

    @property
    def profiles(self) -> list[str]:
        return list(dict.fromkeys(texts_of(self.tree.get("profiles"))))

    @property
    def command(self) -> list[str] | None:
        """None: the image's own."""
        return argv(self.tree.get("command"))

    @property
    def entrypoint(self) -> list[str] | None:
        return argv(self.tree.get("entrypoint"))

    @property
    def healthcheck(self) -> list[str] | None:
        """The test: `[CMD-SHELL, …]`, `[CMD, …]`, `[NONE]`; None where nothing is said."""
        test = child(self.tree, "healthcheck", "test")
        if isinstance(test, Value):
            return ["CMD-SHELL", test.text] if test.data is not None else None
        return texts_of(test) if isinstance(test, Rows) else None

    @property
    def depends_on(self) -> dict[str, str]:
        """Service → condition."""
        depends = self.tree.get("depends_on")
        if isinstance(depends, Section):
            pairs = ((name, text_of(child(one, "condition"))) for name, one in depends.items())
            return {name: condition or "service_started" for name, condition in pairs}
        return dict.fromkeys(texts_of(depends), "service_started")

    @property
    def replicas(self) -> int:
        """How many containers; what is no number counts as one."""
        text = text_of(child(self.tree, "deploy", "replicas")) or text_of(self.tree.get("scale")) or "1"
        return int(text) if text.isascii() and text.isdecimal() and len(text) < 6 else 1


def labels_of(tree: Tree | None) -> dict[str, str]:
    """A name alone has an empty text."""
    return {name: text_of(one) or "" for name, one in named(tree)}


def variables_of(tree: Tree | None, lookup: Mapping[str, Bound]) -> dict[str, Variable]:
    """`environment:`; a name alone takes what whoever calls Compose has."""
    found: dict[str, Variable] = {}
    for name, one in named(tree):
        if not isinstance(one, Value):
            continue
        bound = lookup.get(name)
        if one.data is not None:
            found[name] = Variable(one.text, one)
        else:
            found[name] = Variable(bound.text if bound else None, one, bound.setting if bound else None)
    return found


def argv(tree: Tree | None) -> list[str] | None:
    """A command as words; a text is split as a shell would."""
    if isinstance(tree, Rows):
        return [one.text for one in tree if isinstance(one, Value)]
    return split(tree.text) if isinstance(tree, Value) and tree.data is not None else None


def split(text: str) -> list[str]:
    """Words by a shell's rules for quotes and backslashes; no variables, no comments. A quote that is not
    closed ends with the text."""
    words: list[str] = []
    word: list[str] | None = None
    at = 0
    while at < len(text):
        character = text[at]
        if character in _SPACE:
            if word is not None:
                words.append("".join(word))
            word = None
            at += 1
            continue
        word = [] if word is None else word
        if character in "'\"":
            at = _quoted(text, at, word)
        elif character == "\\":
            word.append(text[at + 1 : at + 2])
            at += 2
        else:
            word.append(character)
            at += 1
    return words if word is None else [*words, "".join(word)]


def _quoted(text: str, at: int, word: list[str]) -> int:
    quote, at = text[at], at + 1
    while at < len(text) and text[at] != quote:
        if quote == '"' and text[at] == "\\" and re.match(r'[\\"$`]', text[at + 1 : at + 2]):
            at += 1
        word.append(text[at])
        at += 1
    return at + 1
