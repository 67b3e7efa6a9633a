"""DEP-05: `restart: unless-stopped`, as the first key of its service. Pure."""

from audit.fixes.changes import Changes
from audit.fixes.service import name_of, with_rows
from audit.fixes.splice import service_in
from audit.model import Finding
from estate.compose.load import Plain
from estate.snapshot.model import Snapshot

POLICY = "unless-stopped"


def added(finding: Finding, snapshot: Snapshot) -> Changes:
    """One line, indented as the others. Raises CannotFix for a service in braces, or one that is shared."""

    def meant(documents: list[Plain]) -> None:
        service_in(documents, name_of(finding))["restart"] = POLICY

    return with_rows(finding, snapshot, [f"restart: {POLICY}"], meant)
