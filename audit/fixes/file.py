"""A YAML file of the tree that is no compose file, as it is written, for the fixes that change it. Pure."""

from pathlib import Path
from typing import Any

from audit.fixes.changes import CannotFix, Changes
from audit.fixes.rows import Spliced, below, document_of, item_added, key_added
from audit.fixes.splice import splice
from audit.model import Finding
from estate.compose.load import Plain
from estate.compose.node import Mapping, Node, Scalar, Sequence
from estate.compose.source import Source
from estate.snapshot.model import Snapshot


class File:
    """`path` is relative to the estate's root."""

    def __init__(self, path: str, snapshot: Snapshot, finding: Finding) -> None:
        """Raises CannotFix where it is not there, or cannot be read."""
        document = snapshot.documents.get(path)
        if document is None or path.startswith("/"):
            raise CannotFix(f"{path or 'what runs'} is no YAML file of this estate: {finding.remedy}")
        self.path = path
        self.finding = finding
        self.source = Source(Path(path), document.data)
        self.node: Node = document_of(self.source, finding)

    def cased(self, *path: str) -> tuple[str, ...]:
        """Keys as this file spells them."""
        found, node = [], self.node
        for key in path:
            pairs = node.pairs if isinstance(node, Mapping) else ()
            names = [one.text for one, _ in pairs if isinstance(one, Scalar)]
            found.append(next((name for name in names if name.lower() == key.lower()), key))
            below_it = below(node, found[-1])
            if below_it is None:
                return (*found, *path[len(found) :])
            node = below_it
        return tuple(found)

    def with_item(self, path: tuple[str, ...], text: str, value: Any) -> Changes:
        """A list at these keys with one more item, made where there is none: `text` is how the item is
        written, `value` what it means. Raises CannotFix."""
        path = self.cased(*path)
        node = below(self.node, *path)

        def meant(documents: list[Plain]) -> None:
            found: Any = documents[0]
            for key in path[:-1]:
                found = found.setdefault(key, {}) if found.get(key) is None else found[key]
            found[path[-1]] = [*(found.get(path[-1]) or ()), value]

        if isinstance(node, Sequence):
            return self.changed(item_added(self.source, node, text, self.finding), meant)
        if node is not None:
            raise CannotFix(f"{self.path}: {'.'.join(path)} is no list of its own: {self.finding.remedy}")
        deepest = max(
            (n for n in range(len(path)) if isinstance(below(self.node, *path[:n]), Mapping)), default=0
        )
        mapping = below(self.node, *path[:deepest])
        if not isinstance(mapping, Mapping) or mapping.anchor is not None:
            raise CannotFix(f"{self.path}: it is no mapping of its own: {self.finding.remedy}")
        left = path[deepest:]
        rows = [f"{'  ' * at}{key}:" for at, key in enumerate(left[:-1])]
        rows.append(f"{'  ' * (len(left) - 1)}{left[-1]}: [{text}]")
        return self.changed(key_added(self.source, mapping, rows, self.finding), meant)

    def with_value(self, path: tuple[str, ...], text: str) -> Changes:
        """A word at these keys, made where there is none. Raises CannotFix."""
        path = self.cased(*path)
        node, above = below(self.node, *path), below(self.node, *path[:-1])

        def meant(documents: list[Plain]) -> None:
            found: Any = documents[0]
            for key in path[:-1]:
                found = found[key]
            found[path[-1]] = text

        if isinstance(node, Scalar) and node.anchor is None:
            start, end = (self.source.byte(at) for at in (node.start, node.end))
            return self.changed((start, end, text.encode()), meant)
        if node is None and isinstance(above, Mapping) and above.anchor is None:
            rows = [f"{path[-1]}: {text}"]
            return self.changed(key_added(self.source, above, rows, self.finding), meant)
        raise CannotFix(f"{self.path}: {'.'.join(path)} is no word of its own: {self.finding.remedy}")

    def changed(self, by: Spliced, meant: Any) -> Changes:
        return splice(self.source, self.path, *by, meant)
