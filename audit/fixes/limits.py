"""RES-01 and RES-06: limits on memory and on processes. Pure."""

from dataclasses import replace

from audit.fixes.changes import CannotFix, Changes
from audit.fixes.service import name_of, with_rows
from audit.fixes.splice import service_in
from audit.look import Look
from audit.model import Finding
from estate.compose.load import Plain
from estate.snapshot.model import Snapshot

PROCESSES = "200"
_MIB = 2**20
_STEP = 64
"""MiB: a limit is a whole number of these."""


def processes(finding: Finding, snapshot: Snapshot) -> Changes:
    """`pids_limit: 200`. Raises CannotFix where the service says otherwise already."""
    name = name_of(finding)

    def meant(documents: list[Plain]) -> None:
        service = service_in(documents, name)
        if "pids_limit" in service:
            raise KeyError("pids_limit is there already")
        service["pids_limit"] = PROCESSES

    changes = with_rows(finding, snapshot, [f"pids_limit: {PROCESSES}"], meant)
    return replace(changes, notes=("docker stats shows how many it has now: PIDS",))


def memory(finding: Finding, snapshot: Snapshot) -> Changes:
    """Twice the most that its containers were seen to use. Raises CannotFix where nobody measured."""
    look = Look(snapshot, snapshot.taken)
    found = {detail.container.id for detail in look.running.get(finding.service, ())}
    seen = [
        one.memory
        for view in snapshot.engines
        for name, samples in view.samples.items()
        for one in samples
        if name in found
    ]
    if not seen:
        raise CannotFix(f"{finding.service} was not measured: it does not run here. {finding.remedy}")
    limit = f"{-(-2 * max(seen) // (_STEP * _MIB)) * _STEP}m"
    name = name_of(finding)

    def meant(documents: list[Plain]) -> None:
        service_in(documents, name)["mem_limit"] = limit

    changes = with_rows(finding, snapshot, [f"mem_limit: {limit}"], meant)
    used = f"it uses {max(seen) // _MIB} MiB now; look at its busiest hour before you say yes"
    return replace(changes, notes=(used,))
