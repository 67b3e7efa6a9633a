"""TRF-03, TRF-04 and TRF-07: a router passes a middleware that is defined already. Pure."""

from collections.abc import Callable
from dataclasses import replace

from audit.fixes.changes import CannotFix, Changes
from audit.fixes.file import File
from audit.fixes.label import labelled
from audit.fixes.proxy import look_at
from audit.fixes.rows import below
from audit.fixes.service import changed, name_of, service_at
from audit.fixes.splice import service_in
from audit.look import Look
from audit.model import Finding
from audit.rules.traefik import AUTH, is_strict
from audit.traefik import Middleware, Router
from estate.compose.load import Plain
from estate.compose.node import Mapping, Scalar, Sequence
from estate.snapshot.model import Snapshot

_NOW = "Traefik reads a file at once, and labels when the container is made anew: docker compose up -d"


def rate_limited(finding: Finding, snapshot: Snapshot) -> Changes:
    """Raises CannotFix."""
    return _passed(finding, snapshot, lambda one: "ratelimit" in one.kinds)


def with_headers(finding: Finding, snapshot: Snapshot) -> Changes:
    """Raises CannotFix."""
    return _passed(finding, snapshot, is_strict)


def authenticated(finding: Finding, snapshot: Snapshot) -> Changes:
    """By the one authentication that there is. Raises CannotFix where there are several, or none."""
    look = look_at(finding, snapshot)
    found = [one for one in look.proxy.middlewares.values() if one.kinds & set(AUTH)]
    if len(found) != 1:
        names = ", ".join(one.full_name for one in found) or "none"
        raise CannotFix(f"which authentication is meant, is not plain ({names} is defined): {finding.remedy}")
    return _passed(finding, snapshot, lambda one: one is found[0], look)


def _passed(
    finding: Finding, snapshot: Snapshot, fits: Callable[[Middleware], bool], look: Look | None = None
) -> Changes:
    look = look or look_at(finding, snapshot)
    wanted = next((one for one in look.proxy.middlewares.values() if fits(one)), None)
    if wanted is None:
        raise CannotFix(f"no middleware is defined that would do it: {finding.remedy}")
    router = next((one for one in look.proxy.routers if one.place == finding.place), None)
    if router is None:
        changes = _at_the_door(finding, snapshot, look, wanted.full_name)
    elif router.subject is None:
        file = File(finding.place.file, snapshot, finding)
        changes = file.with_item(
            ("http", "routers", router.name, "middlewares"), wanted.full_name, wanted.full_name
        )
    else:
        changes = _by_label(finding, snapshot, router, wanted.full_name)
    return replace(changes, notes=(_NOW,))


def _at_the_door(finding: Finding, snapshot: Snapshot, look: Look, name: str) -> Changes:
    """At the entry point that all routers have in common."""
    routers = [one for one in look.proxy.routers if one.protocol == "http"]
    points = {one.entry_points for one in routers}
    point = next(iter(points), ())
    if len(points) != 1 or len(point) != 1 or not look.proxy.file:
        raise CannotFix(f"its routers have no one entry point in common: {finding.remedy}")
    file = File(look.proxy.file, snapshot, finding)
    return file.with_item(("entryPoints", point[0], "http", "middlewares"), name, name)


def _by_label(finding: Finding, snapshot: Snapshot, router: Router, name: str) -> Changes:
    source, service = service_at(finding, snapshot)
    labels = below(service, "labels")
    key = f"traefik.http.routers.{router.name}.middlewares"
    subject = router.subject
    assert subject is not None
    known = next((one for one in subject.service.labels if one.lower() == key.lower()), None)
    service_name = name_of(finding)
    if known is None:
        return labelled(finding, snapshot, key, name)

    def meant(documents: list[Plain]) -> None:
        found = service_in(documents, service_name)["labels"]
        if isinstance(found, dict):
            found[known] = f"{found[known]},{name}"
        else:
            at = next(n for n, one in enumerate(found) if str(one).partition("=")[0] == known)
            found[at] = f"{found[at]},{name}"

    value = _label(labels, known)
    if value is None or value.anchor is not None or value.style in {"|", ">"}:
        raise CannotFix(f"{finding.place}: its labels are not its own: {finding.remedy}")
    end = source.byte(value.end) - (1 if value.style else 0)
    return changed(finding, source, (end, end, f",{name}".encode()), meant)


def _label(labels: object, key: str) -> Scalar | None:
    if isinstance(labels, Mapping):
        found = below(labels, key)
        return found if isinstance(found, Scalar) else None
    for one in labels.items if isinstance(labels, Sequence) else ():
        if isinstance(one, Scalar) and one.text.partition("=")[0] == key:
            return one
    return None
