"""Services and scripts that make backups, and what a service's paths are outside. Pure."""

import re
from os.path import normpath
from pathlib import PurePosixPath

from audit.inside import on_host
from audit.subject import Subject
from estate.compose.value import Value, child

_PROGRAM = re.compile(
    r"(?:^|[/_-])(?:(?:auto)?restic(?:ker|profile)?|rustic|backrest|zerobyte|borg(?:backup|matic|warehouse)?"
    r"|kopia|duplicity|duplicati|duplicacy|rsnapshot|urbackup|backup)(?:$|[/_-])"
)

_CALLED = re.compile(r"backup|restic|borg|dump|snapshot", re.IGNORECASE)
_CALLS = re.compile(r"\b(?:restic|borg) +(?:backup|create)\b")


def is_backup_script(path: str, text: str) -> bool:
    """A shell script (`.sh`), by its name, or by what it calls."""
    return path.endswith(".sh") and bool(_CALLED.search(path) or _CALLS.search(text))


def makes_backups(one: Subject) -> bool:
    """By its image's name."""
    return bool(_PROGRAM.search(one.repository.lower()))


def outside(one: Subject, inside: str) -> PurePosixPath | None:
    """A path in the container, or a secret there, relative to the estate's root where it lies in it; None
    when it is in no folder or file of the host's."""
    path = PurePosixPath(inside)
    if path.is_relative_to("/run/secrets"):
        named = child(one.model.tree, "secrets", path.name, "file")
        if not isinstance(named, Value):
            return None
        return PurePosixPath(one.snapshot.relative(PurePosixPath(normpath(named.file.parent / named.text))))
    found = on_host(one, inside)
    return PurePosixPath(found) if found is not None else None
