"""BAK-01 and BAK-09: the backup's configuration names a folder more, or says how long it keeps. Pure."""

import re

from audit.fixes.changes import CannotFix, Changes
from audit.fixes.file import File
from audit.fixes.rows import key_added
from audit.look import Look
from audit.model import Finding, Kind
from audit.rules.backup import configuration, uncovered
from estate.compose.load import Plain
from estate.compose.node import Mapping
from estate.snapshot.model import Snapshot

KEPT = {"daily": "7", "weekly": "4", "monthly": "6"}


def added(finding: Finding, snapshot: Snapshot) -> Changes:
    """An item of `services.volumes`. Raises CannotFix for a database, which is to be dumped, and
    for what no snapshot has, whatever a set says."""
    if finding.kind is Kind.BOTH:
        raise CannotFix(f"{finding.id}: no file mends it, a backup does: {finding.remedy}")
    look = Look(snapshot, snapshot.taken)
    document, subject = configuration(look), look.by_name.get(finding.service)
    if document is None or subject is None:
        raise CannotFix(f"{finding.id}: what it is about is gone")
    if subject.is_database:
        raise CannotFix(
            f"{finding.service} is a database: a copy of its files is no backup. Name its container, database"
            f" and user among the databases of {document.path}"
        )
    what, is_volume = uncovered(look, subject, finding.place)
    name = re.sub(r"[^a-z0-9]+", "-", what.lower()).strip("-")
    pairs = (
        {"name": what, "critical": "true"} if is_volume else {"name": name, "path": what, "critical": "true"}
    )
    text = "{" + ", ".join(f"{key}: {_quoted(word)}" for key, word in pairs.items()) + "}"
    return File(document.path, snapshot, finding).with_item(("services", "volumes"), text, pairs)


def _quoted(word: str) -> str:
    return word if re.fullmatch(r"[A-Za-z0-9_./-]*[A-Za-z/][A-Za-z0-9_./-]*", word) else f"'{word}'"


def forgetting(finding: Finding, snapshot: Snapshot) -> Changes:
    """`retention:` with days, weeks and months. Raises CannotFix where there is one that says something
    else."""
    file = File(finding.place.file, snapshot, finding)
    if not isinstance(file.node, Mapping):
        raise CannotFix(f"{file.path} is no mapping: {finding.remedy}")
    row = "retention: {" + ", ".join(f"{key}: {count}" for key, count in KEPT.items()) + "}"

    def meant(documents: list[Plain]) -> None:
        found = documents[0]
        if not isinstance(found, dict) or "retention" in found:
            raise KeyError("retention is there already")
        found["retention"] = dict(KEPT)

    return file.changed(key_added(file.source, file.node, [row], finding), meant)
