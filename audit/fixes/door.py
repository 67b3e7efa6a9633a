"""TRF-05 and TRF-14: what Traefik's own file leaves open is closed. Pure."""

from dataclasses import replace

from audit.fixes.changes import CannotFix, Changes, both
from audit.fixes.file import File
from audit.fixes.label import labelled
from audit.fixes.proxy import look_at
from audit.model import Finding
from estate.snapshot.model import Snapshot

_ANEW = "Traefik reads its own file at its start: !restart it"


def dashboard_closed(finding: Finding, snapshot: Snapshot) -> Changes:
    """`api.insecure: false`; and a route to its port leads to `api@internal` then. Raises CannotFix where
    a flag says it."""
    look = look_at(finding, snapshot)
    changes = _file(finding, snapshot).with_value(("api", "insecure"), "false")
    routers = [
        one
        for one in look.proxy.routers
        if one.subject is look.proxy.subject and one.subject and one.protocol == "http" and not one.service
    ]
    for one in routers:
        assert one.subject is not None
        there = replace(finding, place=one.place, service=one.subject.full_name)
        key = f"traefik.http.routers.{one.name}.service"
        if len(routers) > 1:
            raise CannotFix(f"several routes lead to Traefik itself: {finding.remedy}")
        changes = both(changes, labelled(there, snapshot, key, "api@internal"))
    note = "" if routers else "the dashboard then needs a route of its own to api@internal"
    return replace(changes, notes=(_ANEW, note) if note else (_ANEW,))


def named_only(finding: Finding, snapshot: Snapshot) -> Changes:
    """`exposedByDefault: false`. Raises CannotFix where a service leans on being taken without a word."""
    look = look_at(finding, snapshot)
    silent = [
        one.full_name
        for one in look.subjects
        if one.full_name in look.proxy.routed
        and not any(key.lower() == "traefik.enable" for key in one.service.labels)
    ]
    if silent:
        raise CannotFix(
            f"{', '.join(silent[:5])} would not be routed any more: add traefik.enable=true first"
        )
    changes = _file(finding, snapshot).with_value(("providers", "docker", "exposedByDefault"), "false")
    return replace(changes, notes=(_ANEW,))


def _file(finding: Finding, snapshot: Snapshot) -> File:
    proxy = look_at(finding, snapshot).proxy
    if not proxy.file:
        raise CannotFix(f"Traefik is set by its command: {finding.remedy}")
    return File(proxy.file, snapshot, finding)
