"""A label of a service, as one more item or key of what is written. Pure."""

from audit.fixes.changes import CannotFix, Changes
from audit.fixes.rows import below, key_added
from audit.fixes.service import changed, name_of, service_at, with_item
from audit.fixes.splice import service_in
from audit.model import Finding
from estate.compose.load import Plain
from estate.compose.node import Mapping, Sequence
from estate.snapshot.model import Snapshot


def labelled(finding: Finding, snapshot: Snapshot, key: str, text: str) -> Changes:
    """`key` is none of its labels yet. Raises CannotFix where its labels are not its own."""
    source, service = service_at(finding, snapshot)
    labels, name = below(service, "labels"), name_of(finding)

    def meant(documents: list[Plain]) -> None:
        found = service_in(documents, name)["labels"]
        if isinstance(found, dict):
            found[key] = text
        else:
            found.append(f"{key}={text}")

    if isinstance(labels, Sequence):
        return with_item(finding, source, labels, f"{key}={text}", meant)
    if isinstance(labels, Mapping) and labels.anchor is None:
        return changed(finding, source, key_added(source, labels, [f"{key}: {text}"], finding), meant)
    raise CannotFix(f"{finding.place}: its labels are not its own: {finding.remedy}")
