"""The tree and the table → values with their places, and every mistake on the way."""

from collections.abc import Iterator
from collections.abc import Mapping as AbstractMapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from unicodedata import category

from bot.config import secrets
from bot.config.nodes import Mapping, Node, Scalar, Sequence, quoted
from bot.config.schema import Key, Kind, Listing, SecretValue, Section, Table, Value, homes
from bot.config.values import Wrong, near
from bot.core.errors import Mistake


@dataclass(frozen=True, slots=True)
class Item:
    """What was read at one place. `value`: a converted value, a dict of Items or a list of Items; None when
    it could not be read (the mistake is noted), so that references to its name still hold."""

    value: Any
    path: str
    line: int

    def get(self, *names: str) -> "Item | None":
        """The part below, or None if it was not given or could not be read."""
        item: Item | None = self
        for name in names:
            item = item.value.get(name) if item is not None and isinstance(item.value, dict) else None
        return item

    def plain(self, name: str, default: Any = None) -> Any:
        """The value below, or the default."""
        item = self.get(name)
        return default if item is None or item.value is None else item.value

    def parts(self) -> "dict[str, Item]":
        return self.value if isinstance(self.value, dict) else {}

    def items(self) -> "list[Item]":
        return self.value if isinstance(self.value, list) else []


@dataclass(slots=True)
class Reader:
    """One reading of one file."""

    file: Path
    env: AbstractMapping[str, str]
    mistakes: list[tuple[int, Mistake]] = field(default_factory=list)
    warnings: list[tuple[int, str]] = field(default_factory=list)

    def mistake(self, line: int, what: str, remedy: str = "") -> None:
        self.mistakes.append((line, Mistake(f"{self.file}:{line}", what, remedy)))

    def warn(self, line: int, what: str) -> None:
        self.warnings.append((line, f"{self.file}:{line}: {what}"))

    def read(self, kind: Kind, node: Node, path: str, line: int) -> Item:
        """Everything at this place. `line` is where the key stands."""
        value: Any = None
        if isinstance(kind, Section):
            value = self._section(kind, node, path, line)
        elif isinstance(kind, Table):
            value = self._table(kind, node, path)
        elif isinstance(kind, Listing):
            value = self._listing(kind, node, path)
        elif isinstance(kind, Value):
            value = self._value(kind, node, path)
        return Item(value, path, line)

    # ---- mappings ----

    def _pairs(self, node: Node, path: str) -> tuple[tuple[Scalar, Node], ...]:
        if isinstance(node, Mapping):
            return node.pairs
        if not (isinstance(node, Scalar) and node.empty and not node.trap):
            self.mistake(
                node.line, f"{path or 'the file'}: {_what(node)} stands here", 'write "key: value" lines'
            )
        return ()

    def _section(self, section: Section, node: Node, path: str, line: int) -> dict[str, Item]:
        read: dict[str, Item] = {}
        known = {name: key for key in section.keys for name in key.spellings}
        pairs = self._pairs(node, path)
        present = {key.text for key, _ in pairs}
        for name_node, value in pairs:
            key = known.get(name_node.text)
            below = join(path, name_node.text)
            if key is None:
                remedy = _unknown(name_node.text, section, present)
                self.mistake(name_node.line, f"{below}: unknown key", remedy)
            elif isinstance(key.kind, SecretValue):
                self._secret(key, key.kind, name_node, value, path, read)
            else:
                read[key.name] = self.read(key.kind, value, below, name_node.line)
        if isinstance(node, Mapping) or (isinstance(node, Scalar) and node.empty):
            for key in section.keys:
                if key.required and not present & set(key.spellings):
                    self.mistake(line, f"{join(path, key.name)}: is missing", _give(key))
        return read

    def _table(self, table: Table, node: Node, path: str) -> dict[str, Item]:
        read: dict[str, Item] = {}
        for name, value in self._pairs(node, path):
            below = join(path, name.text)
            special = table.special.get(name.text)
            if special is not None:
                read[name.text] = self.read(special, value, below, name.line)
                continue
            try:
                key = str(table.key(name.text))
            except Wrong as wrong:
                self.mistake(name.line, f"{path}: {wrong.what}", name.trap or wrong.remedy)
                key = name.text
            read[key] = self.read(table.value, value, below, name.line)
        return read

    # ---- lists and values ----

    def _listing(self, listing: Listing, node: Node, path: str) -> list[Item] | None:
        if isinstance(node, Scalar) and node.empty and not node.trap:
            node = Sequence((), node.line)
        if not isinstance(node, Sequence):
            self.mistake(node.line, f"{path}: {_what(node)} stands here", f"it wants {listing.wants}")
            return None
        if len(node.items) < listing.least:
            self.mistake(node.line, f"{path}: is empty", f"it wants {listing.wants}")
            return None
        return [
            self.read(listing.item, item, f"{path}[{number}]", item.line)
            for number, item in enumerate(node.items)
        ]

    def _value(self, kind: Value, node: Node, path: str) -> object:
        text = self._text(node, path, kind.wants)
        if text is None:
            return None
        try:
            return kind.convert(text)
        except Wrong as wrong:
            self.mistake(node.line, f"{path}: {wrong.what}", wrong.remedy)
            return None

    def _text(self, node: Node, path: str, wants: str) -> str | None:
        if not isinstance(node, Scalar):
            self.mistake(node.line, f"{path}: {_what(node)} stands here", f"it wants {wants}")
        elif node.empty:
            comment = "a value that starts with # needs quotes, " if "room" in wants else ""
            remedy = node.trap or f"{comment}it wants {wants}, or leave the key out"
            self.mistake(node.line, f"{path}: is empty", remedy)
        elif any(category(char) in {"Cc", "Cf", "Cs", "Zl", "Zp"} for char in node.text):
            self.mistake(node.line, f"{path}: holds a line end or an invisible character", "take it out")
        elif node.text.startswith("${") and node.text.endswith("}"):
            what = f"{path}: only secrets are read from the environment"
            self.mistake(node.line, what, "write the value here")
        else:
            return node.text
        return None

    def _secret(
        self, key: Key, kind: SecretValue, name: Scalar, node: Node, path: str, read: dict[str, Item]
    ) -> None:
        below = join(path, name.text)
        if key.name in read:
            other = name.text.removesuffix("_file") if name.text.endswith("_file") else f"{name.text}_file"
            self.mistake(name.line, f"{below}: {join(path, other)} is given too", "keep one of the two")
            return
        # Noted even when it cannot be read: it was given, so it is not missing.
        read[key.name] = Item(None, below, name.line)
        if not isinstance(node, Scalar) or node.empty or node.trap:
            trap = node.trap if isinstance(node, Scalar) else ""
            remedy = trap or "give the secret, best as a file"
            self.mistake(node.line, f"{below}: no text stands here", remedy)
            return
        try:
            if name.text == key.name:
                secret, warning = secrets.inline(node.text, self.env, f"{self.file}:{node.line}")
            else:
                secret, warning = secrets.from_file(node.text, self.file.parent)
            if not secret.value.startswith(kind.starts):
                remedy = f"Slack's {_token_name(kind)} starts so; were two swapped?"
                raise Wrong(f"does not start with {kind.starts}", remedy)
        except Wrong as wrong:
            self.mistake(node.line, f"{below}: {wrong.what}", wrong.remedy)
            return
        if warning:
            self.warn(node.line, f"{below}: {warning}")
        read[key.name] = Item(secret, below, name.line)


def join(path: str, name: str) -> str:
    """A dotted path; names with dots, blanks or signs in quotes."""
    shown = name if name.replace("_", "").replace("-", "").isalnum() and name.isascii() else quoted(name)
    return f"{path}.{shown}" if path else shown


def faults(reader: Reader, found: "Iterator[Any] | list[Any]") -> None:
    """The YAML's own faults, as mistakes."""
    for fault in found:
        reader.mistake(fault.line, fault.what, fault.remedy)


def _what(node: Node) -> str:
    if isinstance(node, Mapping):
        return "a mapping"
    return "a list" if isinstance(node, Sequence) else "a single value"


def _unknown(name: str, section: Section, present: set[str]) -> str:
    free = [known for known in section.names if known not in present]
    found = near(name, free) or near(name, section.names)
    if found is not None:
        return f'did you mean "{found}"?'
    at = homes(name)
    if at:
        return f"it belongs under {' or '.join(at)}"
    return f"known here: {', '.join(key.name for key in section.keys)}"


def _give(key: Key) -> str:
    if isinstance(key.kind, SecretValue):
        return f"give {key.name}_file: a file that holds it"
    if key.name == "http":
        return 'write http: {listen: "127.0.0.1:9099"}'
    if isinstance(key.kind, Value | Listing):
        return f"it wants {key.kind.wants}"
    return key.help


def _token_name(kind: SecretValue) -> str:
    return "bot token" if kind.starts == "xoxb-" else "app-level token"
