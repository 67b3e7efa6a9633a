"""From what the compose reader knows to a place in a file. Pure."""

from pathlib import Path

from audit.model import Place
from estate.compose.setting import Setting
from estate.compose.source import Source, Span
from estate.compose.value import Rows, Section, Tree, Value
from estate.snapshot.model import Snapshot

LONGEST = 160
"""Characters of the text that is shown."""


def of_value(snapshot: Snapshot, value: Value, *, hide: bool = False) -> Place:
    """`hide`: the text is a secret."""
    return _place(snapshot, value.file, value.span, "" if hide else value.raw)


def of_setting(snapshot: Snapshot, setting: Setting) -> Place:
    """In an env file. What it is set to is never shown."""
    return _place(snapshot, setting.source.path, setting.span, f"{setting.name}=")


def of_span(snapshot: Snapshot, at: tuple[Source, Span] | None, file: str, text: str = "") -> Place:
    """A key's place, or the file."""
    return _place(snapshot, at[0].path, at[1], text) if at else Place(file, text=text)


def of_tree(snapshot: Snapshot, tree: Tree | None, file: str, text: str = "") -> Place:
    """Where a mapping, a list or a value starts, or the file."""
    if isinstance(tree, Value):
        return of_value(snapshot, tree) if not text else _place(snapshot, tree.file, tree.span, text)
    if isinstance(tree, Section | Rows) and tree.source is not None and tree.span is not None:
        return _place(snapshot, tree.source.path, tree.span, text)
    return Place(file, text=text)


def of_key(snapshot: Snapshot, section: Tree | None, key: str, file: str) -> Place:
    """Where a key of a mapping is written."""
    at = section.keys_at.get(key) if isinstance(section, Section) else None
    return of_span(snapshot, at, file, f"{key}:")


def _place(snapshot: Snapshot, path: Path, span: Span, text: str) -> Place:
    short = " ".join(text.split())
    short = short if len(short) <= LONGEST else short[: LONGEST - 1] + "…"
    return Place(snapshot.relative(path), span.line, span.column, short)
