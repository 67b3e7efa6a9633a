"""A service of a compose file as it is written, for the fixes that add to it. Pure."""

from audit.fixes.changes import CannotFix, Changes
from audit.fixes.rows import Spliced, item_added, key_added, mapping_at
from audit.fixes.splice import Meant, source_of, splice
from audit.model import Finding
from estate.compose.node import Mapping, Node, Sequence
from estate.compose.source import Source
from estate.snapshot.model import Snapshot


def written(finding: Finding, snapshot: Snapshot) -> tuple[Source, Node]:
    """The file that a finding is in, and its first document. Raises CannotFix."""
    source = source_of(finding, snapshot)
    for model in snapshot.models:
        for path, one in model.files.sources.items():
            if one is source:
                found = next((node for node in model.files.documents(path) if node is not None), None)
                if found is not None:
                    return source, found
    raise CannotFix(f"{finding.place.file} is no compose file: {finding.remedy}")


def name_of(finding: Finding) -> str:
    """The service's name in its file."""
    return finding.service.rpartition("/")[2]


def service_at(finding: Finding, snapshot: Snapshot) -> tuple[Source, Mapping]:
    """Raises CannotFix where it is no mapping of its own in that file."""
    source, document = written(finding, snapshot)
    return source, mapping_at(document, finding, "services", name_of(finding))


def changed(finding: Finding, source: Source, by: Spliced, meant: Meant) -> Changes:
    """Raises CannotFix when the file then says anything else than what is meant."""
    return splice(source, finding.place.file, *by, meant)


def with_rows(finding: Finding, snapshot: Snapshot, rows: list[str], meant: Meant) -> Changes:
    """The service with these rows as its first ones. Raises CannotFix."""
    source, service = service_at(finding, snapshot)
    return changed(finding, source, key_added(source, service, rows, finding), meant)


def with_item(finding: Finding, source: Source, items: Sequence, text: str, meant: Meant) -> Changes:
    """A list with one more item. Raises CannotFix."""
    return changed(finding, source, item_added(source, items, text, finding), meant)
