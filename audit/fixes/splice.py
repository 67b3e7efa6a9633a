"""One stretch of one compose file replaced, and proved: read again, exactly what was meant differs. Pure."""

import difflib
from collections.abc import Callable
from copy import deepcopy
from hashlib import sha256
from typing import Any

from audit.fixes.changes import CannotFix, Changes
from audit.model import Finding
from bot.core.plan import FileChange
from estate.compose.load import Plain, load
from estate.compose.source import Source, Unreadable
from estate.snapshot.model import Snapshot

Meant = Callable[[list[Plain]], None]
"""Makes of the file's documents, as they are, what they should be."""


def source_of(finding: Finding, snapshot: Snapshot) -> Source:
    """The file that a finding is in. Raises CannotFix."""
    file = finding.place.file
    if not file or file.startswith("/"):
        raise CannotFix(f"{file or 'what runs'} lies outside of the estate: {finding.remedy}")
    for model in snapshot.models:
        for path, source in model.files.sources.items():
            if snapshot.relative(path) == file:
                return source
    raise CannotFix(f"{file} is no compose file: {finding.remedy}")


def splice(source: Source, file: str, start: int, end: int, new: bytes, meant: Meant) -> Changes:
    """Bytes `start` to `end` become `new`. Raises CannotFix when the file then says anything else than what
    is meant."""
    after = source.data[:start] + new + source.data[end:]
    try:
        wanted, found = deepcopy(load(source.data)), load(after)
        meant(wanted)
    except (Unreadable, KeyError, TypeError, IndexError) as wrong:
        raise CannotFix(f"{file} cannot be changed in one place: {wrong}; change it by hand") from None
    if found != wanted:
        raise CannotFix(f"{file} is written in a way that more would change than is meant; change it by hand")
    return Changes(
        files=(FileChange(file, sha256(source.data).hexdigest(), after),),
        diff="\n".join(_diff(file, source.data, after)),
        calls=(f"write {file}",),
        interrupts="nothing now: what runs is as it was until the next docker compose up -d",
        undo=f"the bytes of {file} as they were",
    )


def _diff(file: str, before: bytes, after: bytes) -> list[str]:
    """Without the lines around: a secret may stand beside what is changed."""
    rows = difflib.unified_diff(
        before.decode("utf-8", "replace").splitlines(),
        after.decode("utf-8", "replace").splitlines(),
        file,
        file,
        lineterm="",
        n=0,
    )
    return list(rows)


def service_in(documents: list[Plain], name: str) -> dict[str, Any]:
    """The mapping of a service. Raises KeyError where it is none."""
    for one in documents:
        if isinstance(one, dict) and isinstance(one.get("services"), dict) and name in one["services"]:
            found = one["services"][name]
            if isinstance(found, dict):
                return found
    raise KeyError(name)


def line_end(data: bytes) -> bytes:
    """How this file ends its lines."""
    return b"\r\n" if b"\r\n" in data else b"\n"
