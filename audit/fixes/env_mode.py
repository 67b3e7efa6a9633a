"""ENV-01: an environment file that others may read becomes its owner's alone. Pure."""

import os

from audit.fixes.changes import CannotFix, Changes
from audit.model import Finding
from audit.mounts import mounts_of
from bot.core.plan import ModeChange
from estate.snapshot.env_file import EnvFile
from estate.snapshot.model import Snapshot

PRIVATE = "0600"


def private(finding: Finding, snapshot: Snapshot) -> Changes:
    """chmod 600. Not where whoever deploys could then not read it any more."""
    one = next((env for env in snapshot.env_files if env.path == finding.place.file), None)
    if one is None or not one.entry.permissions & 0o077:
        raise CannotFix(f"{finding.id} is about its folder: {finding.remedy}")
    entry = one.entry
    if entry.path.startswith("/"):
        raise CannotFix(f"{one.path} leads out of the estate, to {entry.path}: {finding.remedy}")
    strangers = _other_owners(one, snapshot)
    if strangers:
        raise CannotFix(
            f"{entry.path} belongs to user {entry.uid}, and {strangers} to another one, who could not read it"
            f" any more then. Decide who deploys: chown it, then {finding.remedy}"
        )
    change = ModeChange(entry.path, entry.identity, entry.octal, PRIVATE)
    return Changes(
        modes=(change,),
        diff=f"--- {entry.path}\nold mode {entry.octal}\nnew mode {PRIVATE}",
        calls=(f"fchmod {PRIVATE} {entry.path} (inode {entry.inode}, owner {entry.uid})",),
        interrupts="nothing: what runs has read it already",
        undo=f"chmod {entry.octal} {entry.path}",
        notes=tuple(_notes(one, snapshot)),
    )


def _other_owners(one: EnvFile, snapshot: Snapshot) -> str:
    """The compose file beside it, where somebody else owns it. root reads everything."""
    folder = one.path.rpartition("/")[0]
    for model in snapshot.models:
        for path in model.paths:
            entry = snapshot.entries.get(snapshot.relative(path))
            if entry is not None and entry.folder == folder and entry.uid not in {0, one.entry.uid}:
                return entry.path
    return ""


def _notes(one: EnvFile, snapshot: Snapshot) -> list[str]:
    real = os.path.join(snapshot.root, one.entry.path)  # noqa: PTH118 - text, not a look at the disk
    seen = [
        f"{model.name}/{service.name} sees the file itself in its container: a process there that is not"
        f" user {one.entry.uid} cannot read it any more"
        for model in snapshot.models
        for service in model.services.values()
        for mount in mounts_of(model, service)
        if mount.is_bind and f"{real}/".startswith(f"{mount.source}/")
    ]
    link = [f"{one.path} is a symlink to it"] if one.link is not None else []
    return [*dict.fromkeys(seen), *link]
