"""MON-02: alert rules that Prometheus does not load are mounted, or named. Pure."""

import posixpath
from dataclasses import replace
from fnmatch import fnmatchcase

from audit.fixes.changes import CannotFix, Changes
from audit.fixes.file import File
from audit.fixes.rows import below
from audit.fixes.service import name_of, service_at, with_item, with_rows
from audit.fixes.splice import service_in
from audit.inside import flag_of, in_container, on_host
from audit.look import Look
from audit.model import Finding
from audit.rules.monitoring import has_alerts
from audit.subject import Subject
from estate.compose.load import Plain
from estate.compose.node import Sequence
from estate.snapshot.model import Snapshot

CONFIG = "/etc/prometheus/prometheus.yml"


def loaded(finding: Finding, snapshot: Snapshot) -> Changes:
    """Raises CannotFix where it is not plain which file or folder is meant."""
    look = Look(snapshot, snapshot.taken)
    one = look.by_name.get(finding.service)
    if one is None:
        raise CannotFix(f"{finding.service} is not configured any more")
    file = flag_of(one, "config.file") or CONFIG
    config = on_host(one, file)
    if finding.place.file == config:
        changes = _mounted(finding, snapshot, one, posixpath.dirname(file))
    else:
        changes = _named(finding, snapshot, one, config or "", posixpath.dirname(file))
    note = "Prometheus reads rules at its start, or when it is told to reload"
    return replace(changes, notes=(note,))


def _named(finding: Finding, snapshot: Snapshot, one: Subject, config: str, folder: str) -> Changes:
    """An entry of `rule_files` for a file that lies in the container already."""
    inside = in_container(one, finding.place.file)
    if inside is None:
        raise CannotFix(f"{finding.place.file} is not mounted into {one.full_name}: {finding.remedy}")
    entry = posixpath.relpath(inside, folder) if inside.startswith(f"{folder}/") else inside
    return File(config, snapshot, finding).with_item(("rule_files",), entry, entry)


def _mounted(finding: Finding, snapshot: Snapshot, one: Subject, folder: str) -> Changes:
    """The folder of the rules that the entry means, at the place where the entry looks."""
    pattern = finding.place.text.strip("'\"")
    inside = posixpath.normpath(posixpath.join(folder, pattern))
    name = posixpath.basename(inside)
    found = {
        path.rpartition("/")[0]
        for path, document in snapshot.documents.items()
        if (not one.folder or path.startswith(f"{one.folder}/"))
        and fnmatchcase(path.rpartition("/")[2], name)
        and has_alerts(document)
    }
    if len(found) != 1:
        which = ", ".join(sorted(found)) or "no file with alert rules is called so"
        raise CannotFix(f"what {pattern} means is not plain ({which}): {finding.remedy}")
    host = posixpath.relpath(found.pop(), one.folder or ".")
    text = f"./{host}:{posixpath.dirname(inside)}:ro"
    # The finding stands in Prometheus' own file; what is changed is its service.
    there = replace(finding, place=one.place)
    source, service = service_at(there, snapshot)
    volumes, service_name = below(service, "volumes"), name_of(finding)

    def meant(documents: list[Plain]) -> None:
        written = service_in(documents, service_name)
        written["volumes"] = [*(written.get("volumes") or ()), text]

    if volumes is None:
        return with_rows(there, snapshot, ["volumes:", f"  - {text}"], meant)
    if not isinstance(volumes, Sequence):
        raise CannotFix(f"{one.place}: its volumes are not its own: {finding.remedy}")
    return with_item(there, source, volumes, text, meant)
