"""CMP-04: the line `version:` goes. Pure."""

import re

from audit.fixes.changes import CannotFix, Changes
from audit.fixes.splice import source_of, splice
from audit.model import Finding
from estate.compose.load import Plain
from estate.snapshot.model import Snapshot

_LINE = re.compile(
    rb"(?:\xef\xbb\xbf)?[\"']?version[\"']?[ \t]*:"
    rb"[ \t]*[\"']?[\w.]+[\"']?[ \t]*(?:#[^\r\n]*)?\r?\n?"
)


def dropped(finding: Finding, snapshot: Snapshot) -> Changes:
    """That line and nothing else. Raises CannotFix where it is not one line."""
    source = source_of(finding, snapshot)
    rows = source.data.splitlines(keepends=True)
    row = rows[finding.place.line - 1]
    if not _LINE.fullmatch(row):
        raise CannotFix(f"{finding.place}: it is more than one line; take it away by hand")
    start = sum(map(len, rows[: finding.place.line - 1]))
    bom = 3 if row.startswith(b"\xef\xbb\xbf") else 0
    return splice(source, finding.place.file, start + bom, start + len(row), b"", _without)


def _without(documents: list[Plain]) -> None:
    for one in documents:
        if isinstance(one, dict) and "version" in one:
            del one["version"]
            return
    raise KeyError("version")
