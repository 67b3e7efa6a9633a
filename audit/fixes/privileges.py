"""SEC-03: `no-new-privileges`. Pure."""

from audit.fixes.changes import CannotFix, Changes
from audit.fixes.rows import below
from audit.fixes.service import name_of, service_at, with_item, with_rows
from audit.fixes.splice import service_in
from audit.model import Finding
from estate.compose.load import Plain
from estate.compose.node import Sequence
from estate.snapshot.model import Snapshot

OPTION = "no-new-privileges:true"


def kept(finding: Finding, snapshot: Snapshot) -> Changes:
    """One item of `security_opt`, which is made where there is none. Raises CannotFix."""
    source, service = service_at(finding, snapshot)
    options, name = below(service, "security_opt"), name_of(finding)

    def meant(documents: list[Plain]) -> None:
        found = service_in(documents, name)
        found["security_opt"] = [*(found.get("security_opt") or ()), OPTION]

    if options is None:
        return with_rows(finding, snapshot, [f'security_opt: ["{OPTION}"]'], meant)
    if not isinstance(options, Sequence):
        raise CannotFix(f"{finding.place}: security_opt is no list of its own: {finding.remedy}")
    return with_item(finding, source, options, f'"{OPTION}"', meant)
