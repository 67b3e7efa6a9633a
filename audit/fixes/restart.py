"""DEP-05: `restart: unless-stopped`, as the first key of its service. Pure."""

from audit.fixes.changes import CannotFix, Changes
from audit.fixes.splice import line_end, service_in, source_of, splice
from audit.model import Finding
from estate.compose.load import Plain
from estate.compose.node import Mapping, Node, Scalar
from estate.compose.source import Source
from estate.snapshot.model import Snapshot

POLICY = "unless-stopped"


def added(finding: Finding, snapshot: Snapshot) -> Changes:
    """One line, indented as the others. Raises CannotFix for a service in braces, or one that is shared."""
    source = source_of(finding, snapshot)
    name = finding.service.rpartition("/")[2]
    first = _first_key(source, snapshot, finding, name)
    start = source.data.rfind(b"\n", 0, source.byte(first.start)) + 1
    indent = source.data[start : source.byte(first.start)]
    if indent.strip(b" "):
        raise CannotFix(f"{finding.place}: its keys do not stand on lines of their own: {finding.remedy}")
    row = indent + f"restart: {POLICY}".encode() + line_end(source.data)

    def meant(documents: list[Plain]) -> None:
        service_in(documents, name)["restart"] = POLICY

    return splice(source, finding.place.file, start, start, row, meant)


def _first_key(source: Source, snapshot: Snapshot, finding: Finding, name: str) -> Scalar:
    for model in snapshot.models:
        for path, one in model.files.sources.items():
            if one is not source:
                continue
            for document in model.files.documents(path):
                service = _at(_at(document, "services"), name)
                if isinstance(service, Mapping) and service.pairs and isinstance(service.pairs[0][0], Scalar):
                    return service.pairs[0][0]
    raise CannotFix(f"{finding.place}: it is no mapping of its own: {finding.remedy}")


def _at(node: Node | None, name: str) -> Node | None:
    if not isinstance(node, Mapping):
        return None
    return next((one for key, one in node.pairs if isinstance(key, Scalar) and key.text == name), None)
