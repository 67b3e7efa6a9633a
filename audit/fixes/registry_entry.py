"""DOC-03 and DOC-04: SERVICES.yml says what there is. Pure."""

import re
from typing import Any

from audit.fixes.changes import CannotFix, Changes
from audit.fixes.file import File
from audit.fixes.rows import below
from audit.look import Look
from audit.model import Finding
from estate.compose.load import Plain
from estate.compose.node import Mapping, Scalar, Sequence
from estate.snapshot.model import Snapshot


def added(finding: Finding, snapshot: Snapshot) -> Changes:
    """An entry for a folder that has none. Raises CannotFix where an entry's folder is gone: which of the two
    is wrong, only a person knows."""
    look = Look(snapshot, snapshot.taken)
    registry = look.registry
    folder = finding.place.file.rpartition("/")[0]
    if registry is None or registry.wrong or finding.place.file == registry.file or not folder:
        raise CannotFix(f"{finding.place}: {finding.remedy}")
    mine = [one for one in look.subjects if one.folder == folder]
    name = folder.rpartition("/")[2]
    runs = any(look.running.get(one.full_name) for one in mine)
    pairs: dict[str, Any] = {
        "id": re.sub(r"[^a-z0-9-]+", "-", name.lower()).strip("-"),
        "name": name,
        "dir": folder,
        "type": "db" if mine and all(one.is_database for one in mine) else "app",
        "status": "running" if runs else "configured",
    }
    text = "{" + ", ".join(f"{key}: {_quoted(word)}" for key, word in pairs.items()) + "}"
    return File(registry.file, snapshot, finding).with_item(("services",), text, pairs)


def _quoted(word: str) -> str:
    return word if re.fullmatch(r"[A-Za-z][A-Za-z0-9_./-]*", word) else f"'{word}'"


def status_true(finding: Finding, snapshot: Snapshot) -> Changes:
    """`running` where it runs, `configured` where it does not. Raises CannotFix for a domain: whether the
    entry or the route is wrong, only a person knows."""
    look = Look(snapshot, snapshot.taken)
    registry = look.registry
    entries = registry.entries if registry is not None else ()
    at, entry = next(
        (
            (at, one)
            for at, one in enumerate(entries)
            if finding.place == one.at(snapshot, "status") and finding.service
        ),
        (0, None),
    )
    if registry is None or entry is None or registry.strange:
        raise CannotFix(f"{finding.place}: {finding.remedy}")
    after = "configured" if entry.status == "running" else "running"
    file = File(registry.file, snapshot, finding)
    rows = below(file.node, "services")
    item = rows.items[at] if isinstance(rows, Sequence) else None
    value = below(item, "status") if isinstance(item, Mapping) else None
    if not isinstance(value, Scalar) or value.anchor is not None:
        raise CannotFix(f"{finding.place}: it is no word of its own: {finding.remedy}")

    def meant(documents: list[Plain]) -> None:
        found: Any = documents[0]
        found["services"][at]["status"] = after

    start, end = file.source.byte(value.start), file.source.byte(value.end)
    return file.changed((start, end, after.encode()), meant)
