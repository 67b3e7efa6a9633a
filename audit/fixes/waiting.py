"""DEP-01: a service waits for the one that it names. Pure."""

from audit.fixes.changes import CannotFix, Changes
from audit.fixes.rows import below, end_of, key_added
from audit.fixes.service import changed, name_of, service_at, with_rows
from audit.fixes.splice import line_end, service_in
from audit.look import Look
from audit.model import Finding
from audit.subject import Subject
from estate.compose.load import Plain
from estate.compose.node import Mapping, Scalar, Sequence
from estate.compose.source import Source
from estate.snapshot.model import Snapshot

HEALTHY = "service_healthy"
STARTED = "service_started"


def waits(finding: Finding, snapshot: Snapshot) -> Changes:
    """Until it is healthy where it has a healthcheck, else until it is started. Raises CannotFix."""
    look = Look(snapshot, snapshot.taken)
    subject = look.by_name.get(finding.service)
    if subject is None:
        raise CannotFix(f"{finding.service} is not configured any more")
    other = _other(look, subject, finding)
    condition = HEALTHY if subject.model.services[other].healthcheck else STARTED
    source, service = service_at(finding, snapshot)
    depends, name = below(service, "depends_on"), name_of(finding)

    def meant(documents: list[Plain]) -> None:
        found = service_in(documents, name)
        had = found.get("depends_on") or {}
        if isinstance(had, list):
            had = {one: {"condition": STARTED} for one in had}
        found["depends_on"] = {**had, other: {**had.get(other, {}), "condition": condition}}

    if depends is None:
        rows = ["depends_on:", f"  {other}:", f"    condition: {condition}"]
        return with_rows(finding, snapshot, rows, meant)
    if isinstance(depends, Mapping) and depends.anchor is None and below(depends, other) is None:
        rows = [f"{other}:", f"  condition: {condition}"]
        return changed(finding, source, key_added(source, depends, rows, finding), meant)
    if isinstance(depends, Mapping) and isinstance(below(depends, other, "condition"), Scalar):
        old = below(depends, other, "condition")
        assert old is not None
        by = (source.byte(old.start), source.byte(old.end), condition.encode())
        return changed(finding, source, by, meant)
    if not isinstance(depends, Sequence) or depends.anchor is not None:
        raise CannotFix(f"{finding.place}: depends_on is shared, or in braces: {finding.remedy}")
    items = [one for one in depends.items if isinstance(one, Scalar) and one.style not in {"|", ">"}]
    if len(items) != len(depends.items) or not items:
        raise CannotFix(f"{finding.place}: depends_on is no plain list: {finding.remedy}")
    conditions = {one.text: STARTED for one in items} | {other: condition}
    start = source.byte(depends.start)
    if source.data[start : start + 1] == b"[":
        each = ", ".join(f"{one}: {{condition: {text}}}" for one, text in conditions.items())
        by = (start, end_of(source, depends, finding), f"{{{each}}}".encode())
        return changed(finding, source, by, meant)
    row = source.data.rfind(b"\n", 0, source.byte(items[0].start)) + 1
    lead, _, _ = source.data[row : source.byte(items[0].start)].partition(b"-")
    indent = lead.decode() if len(lead) > _indent(source, service) else lead.decode() + "  "
    newline = line_end(source.data).decode()
    text = newline.join(f"{indent}{one}:{newline}{indent}  condition: {c}" for one, c in conditions.items())
    stretch = source.data[row : source.byte(items[-1].end)]
    if b"#" in stretch:
        raise CannotFix(f"{finding.place}: there are remarks in depends_on: {finding.remedy}")
    return changed(finding, source, (row, source.byte(items[-1].end), text.encode()), meant)


def _indent(source: Source, service: Mapping) -> int:
    at = source.byte(service.pairs[0][0].start)
    return at - (source.data.rfind(b"\n", 0, at) + 1)


def _other(look: Look, subject: Subject, finding: Finding) -> str:
    """Whom the finding is about: the one of those that it names whose finding this is."""
    words = finding.message
    for name in (*look.named_hosts(subject), *subject.service.depends_on):
        if f" {name} " in f"{words} ":
            return name
    raise CannotFix(f"{finding.id}: whom it should wait for is not plain: {finding.remedy}")
