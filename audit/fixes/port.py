"""CMP-09 and TRF-08: a port is quoted, or bound to this machine. Pure."""

from audit.fixes.changes import CannotFix, Changes
from audit.fixes.splice import source_of, splice
from audit.model import Finding
from audit.places import of_value
from audit.ports import published
from estate.compose.load import Plain
from estate.compose.value import Value
from estate.snapshot.model import Snapshot

LOOPBACK = "127.0.0.1:"
_EVERYWHERE = ("0.0.0.0:", "[::]:")


def quoted(finding: Finding, snapshot: Snapshot) -> Changes:
    """In quotes. Raises CannotFix."""
    value = _value(finding, snapshot)
    new = f'"{value.raw}"'.encode()
    source = source_of(finding, snapshot)
    return splice(source, finding.place.file, value.span.start, value.span.end, new, lambda _: None)


def on_loopback(finding: Finding, snapshot: Snapshot) -> Changes:
    """`127.0.0.1:` in front. Raises CannotFix for the long form, and for what others share."""
    value = _value(finding, snapshot)
    if value.anchor is not None:
        raise CannotFix(f"{finding.place}: others share it, by the anchor {value.anchor}: {finding.remedy}")
    if ":" not in value.raw or value.style not in {"", "'", '"'}:
        raise CannotFix(f"{finding.place}: Docker chooses its port of the host: {finding.remedy}")
    bare = value.raw
    for address in _EVERYWHERE:
        bare = bare.removeprefix(address)
    after = f"{LOOPBACK}{bare}"
    source = source_of(finding, snapshot)
    written = source.data[value.span.start : value.span.end].decode()
    if value.raw not in written:
        raise CannotFix(f"{finding.place}: it is written with escapes: {finding.remedy}")
    new = written.replace(value.raw, after, 1).encode()

    def meant(documents: list[Plain]) -> None:
        found = _replace(documents, value.raw, after, finding.service.rpartition("/")[2])
        if not found:
            raise KeyError(value.raw)

    return splice(source, finding.place.file, value.span.start, value.span.end, new, meant)


def _replace(documents: list[Plain], before: str, after: str, name: str) -> bool:
    for one in documents:
        services = one.get("services") if isinstance(one, dict) else None
        ports = services[name].get("ports") if isinstance(services, dict) and name in services else None
        if isinstance(ports, list) and before in ports:
            ports[ports.index(before)] = after
            return True
    return False


def _value(finding: Finding, snapshot: Snapshot) -> Value:
    """The port that the finding is about. Raises CannotFix."""
    for model in snapshot.models:
        for service in model.services.values():
            for port in published(service):
                if isinstance(port.tree, Value) and of_value(snapshot, port.tree) == finding.place:
                    return port.tree
    raise CannotFix(f"{finding.place}: it is not one text: {finding.remedy}")
