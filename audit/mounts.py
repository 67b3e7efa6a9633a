"""What a service mounts, as its compose file says. Pure."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from estate.compose.model import Model
from estate.compose.service import ResolvedService
from estate.compose.value import Rows, Section, Tree, Value, child, open_text_of, text_of


@dataclass(frozen=True, slots=True)
class MountPoint:
    """`source`: an absolute path of the host for a bind (`${NAME}/…` where a variable that nobody sets begins
    it), a volume's name for a volume, empty for an anonymous one. `kind`: bind | volume | tmpfs | …"""

    kind: str
    source: str
    target: str
    writable: bool
    tree: Tree

    @property
    def is_bind(self) -> bool:
        return self.kind == "bind"


def mounts_of(model: Model, service: ResolvedService) -> Iterator[MountPoint]:
    """What cannot be read as a mount is passed over."""
    rows = service.tree.get("volumes")
    for one in rows if isinstance(rows, Rows) else ():
        mount = _short(model, one) if isinstance(one, Value) else _long(model, one)
        if mount is not None:
            yield mount


def _short(model: Model, value: Value) -> MountPoint | None:
    parts = value.open_text.split(":")
    if not value.text:
        return None
    if len(parts) == 1:
        return MountPoint("volume", "", parts[0], True, value)
    options = parts[2].split(",") if len(parts) > 2 else []
    writable = not {"ro", "readonly"} & set(options)
    if parts[0].startswith("${"):
        return MountPoint("bind", parts[0], parts[1], writable, value)
    if parts[0].startswith((".", "/", "~")):
        return MountPoint("bind", _absolute(model, value, parts[0]), parts[1], writable, value)
    return MountPoint("volume", parts[0], parts[1], writable, value)


def _long(model: Model, tree: Tree) -> MountPoint | None:
    kind, target = text_of(child(tree, "type")) or "volume", text_of(child(tree, "target"))
    if not isinstance(tree, Section) or target is None:
        return None
    source = open_text_of(child(tree, "source")) or open_text_of(child(tree, "src")) or ""
    writable = text_of(child(tree, "read_only")) != "true"
    if kind == "bind" and source and not source.startswith("${"):
        source = _absolute(model, child(tree, "source") or child(tree, "src"), source)
    return MountPoint(kind, source, target, writable, tree)


def _absolute(model: Model, tree: Tree | None, text: str) -> str:
    """Relative paths start at the project's folder; in an included file, at that file's."""
    start = model.directory
    if isinstance(tree, Value) and tree.layer.value == "include":
        start = tree.file.parent
    return os.path.normpath(start / Path(text)) if not text.startswith("~") else text
