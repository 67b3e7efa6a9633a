"""Resources and dependencies: what may take everything, and what starts too early."""

from collections.abc import Iterator

from audit.look import Look
from audit.model import Confidence, Failed, Fix, Kind, Passed, Result, Severity
from audit.places import of_key, of_value
from audit.rule import each_service, rule
from audit.subject import Subject
from estate.compose.value import Section, Value, child, text_of

_LIMITS = ("mem_limit", "cpus", "cpu_quota", "memswap_limit", "cpu_count")


@rule("RES-01", Severity.MEDIUM, fix=Fix.CONSENT, peers=("CL-0026",), by_absence=True)
@each_service
def no_limits(look: Look, one: Subject) -> Iterator[Result]:
    """The service may take all memory and every processor of its machine.

    Wrong: neither `deploy.resources.limits`, `mem_limit` nor `cpus` is set, and its running containers, as
    far as the Engine was asked, have no memory limit.
    Disprove: `docker inspect -f '{{.HostConfig.Memory}}' CONTAINER` shows more than 0.
    Mend: twice what it was seen to use at its most: `mem_limit: 512m`.
    """
    details = look.running.get(one.full_name, ())
    if _has_limits(one) or (details and all(detail.memory_limit for detail in details)):
        return
    seen = ("its running container has no memory limit",) if details else ()
    yield Failed(
        place=one.place,
        message="it has no limit on memory or processors",
        service=one.full_name,
        evidence=("the compose file sets none", *seen),
        disprove="docker inspect -f '{{.HostConfig.Memory}}' of its container shows more than 0",
        remedy=f"docker stats shows what it uses; add mem_limit to {one.name} in {one.file}",
        kind=Kind.BOTH if details else Kind.FILES,
    )


def _has_limits(one: Subject) -> bool:
    limits = child(one.service.tree, "deploy", "resources", "limits")
    named = isinstance(limits, Section) and any(key in limits for key in ("memory", "cpus"))
    return named or any(text_of(one.service.tree.get(key)) for key in _LIMITS)


@rule("RES-06", Severity.LOW, fix=Fix.CONSENT, by_absence=True)
def no_process_limit(look: Look) -> Iterator[Result]:
    """The service may start as many processes as the machine can hold, and take it down with them.

    Wrong: neither `pids_limit` nor `deploy.resources.limits.pids` is set, or it is 0 or -1.
    Not looked at: what nobody outside reaches.
    Disprove: `docker inspect -f '{{.HostConfig.PidsLimit}}' CONTAINER` shows more than 0 (the Engine's own
    configuration may set it for all).
    Mend: `pids_limit: 200`, or twice what `docker stats` shows.
    """
    for one in look.subjects:
        limits = child(one.service.tree, "deploy", "resources", "limits", "pids")
        text = text_of(one.service.tree.get("pids_limit")) or text_of(limits) or ""
        if text not in {"", "0", "-1"}:
            yield Passed(one.full_name)
        elif look.is_public(one):
            yield Failed(
                place=one.place,
                message="it has no limit on processes",
                service=one.full_name,
                disprove="docker inspect -f '{{.HostConfig.PidsLimit}}' of its container shows more than 0",
                remedy=f"add pids_limit: 200 to {one.name} in {one.file}",
            )


@rule("DEP-05", Severity.MEDIUM, fix=Fix.CONSENT, by_absence=True)
def no_restart(look: Look) -> Iterator[Result]:
    """The service does not come back after it fell, or after the machine was started anew.

    Wrong: neither `restart` nor `deploy.restart_policy` is there. `restart: "no"` is a decision, and is not
    meant.
    Not looked at: what runs to its end (somebody waits for it to complete, or its command is `true`); what a
    profile starts by hand.
    Disprove: it is a job, or systemd starts it.
    Mend: `restart: unless-stopped`.
    """
    finishing = {
        f"{one.model.name}/{name}"
        for one in look.subjects
        for name, condition in one.service.depends_on.items()
        if condition == "service_completed_successfully"
    }
    for one in look.subjects:
        if one.full_name in finishing or one.service.profiles or one.ends_at_once:
            continue
        if "restart" in one.service.tree or child(one.service.tree, "deploy", "restart_policy") is not None:
            yield Passed(one.full_name)
            continue
        yield Failed(
            place=one.place,
            message="it has no restart policy",
            service=one.full_name,
            disprove="it is a job, or systemd starts it",
            remedy=f"add restart: unless-stopped to {one.name} in {one.file}",
            confidence=Confidence.MEDIUM,
        )


@rule("DEP-01", Severity.LOW, fix=Fix.CONSENT, whole=True)
@each_service
def no_dependency(look: Look, one: Subject) -> Iterator[Result]:
    """A service needs another one of its project and does not wait for it.

    Wrong: its environment names another service of the same project as a host (alone in a variable called
    `…HOST`, with a port, or inside an address) and `depends_on` does not; or `depends_on` names one with a
    healthcheck and waits only until it is started, not until it is healthy.
    Disprove: the application tries again by itself until the other one answers.
    Mend: `depends_on: {NAME: {condition: service_healthy}}`.
    """
    needs = one.service.depends_on
    for name, variable in look.named_hosts(one).items():
        other = one.model.services[name]
        if name not in needs and not _reaches(look, name, one.name, one):
            yield _undeclared(look, one, name, variable)
        elif needs.get(name) == "service_started" and other.healthcheck:
            yield _early(look, one, name)


def _undeclared(look: Look, one: Subject, name: str, variable: str) -> Failed:
    value = one.service.environment[variable].value
    return Failed(
        place=of_value(look.snapshot, value, hide=True) if isinstance(value, Value) else one.place,
        message=f"{variable} names {name} as a host, and it does not wait for it",
        service=one.full_name,
        key=name,
        evidence=(f"depends_on of {one.name} does not name {name}",),
        disprove=f"{one.name} tries again by itself until {name} answers",
        remedy=f"add depends_on: {{{name}: {{condition: service_healthy}}}} to {one.name}",
        confidence=Confidence.MEDIUM,
    )


def _early(look: Look, one: Subject, name: str) -> Failed:
    return Failed(
        place=of_key(look.snapshot, one.service.tree, "depends_on", one.file),
        message=f"it waits until {name} is started, not until it is healthy",
        service=one.full_name,
        key=name,
        evidence=(f"{name} has a healthcheck, and depends_on does not ask for it",),
        disprove=f"{one.name} tries again by itself until {name} answers",
        remedy=f"write depends_on: {{{name}: {{condition: service_healthy}}}}",
        confidence=Confidence.MEDIUM,
    )


def _reaches(look: Look, start: str, wanted: str, one: Subject) -> bool:
    """Whether the other one waits for this one: then this one cannot wait for it."""
    seen, waiting = set(), [start]
    while waiting:
        name = waiting.pop()
        if name == wanted:
            return True
        if name not in seen and name in one.model.services:
            seen.add(name)
            waiting += one.model.services[name].depends_on
    return False


@rule("DEP-02", Severity.HIGH)
def cycle(look: Look) -> Iterator[Result]:
    """Services wait for one another in a circle, so Compose starts none of them.

    Wrong: `depends_on` leads from a service back to itself.
    Disprove: `docker compose config` takes the file.
    """
    for model in look.snapshot.models:
        found = _cycle({name: list(one.depends_on) for name, one in model.services.items()})
        if not found:
            yield Passed(model.name)
            continue
        one = look.by_name[f"{model.name}/{found[0]}"]
        yield Failed(
            place=of_key(look.snapshot, one.service.tree, "depends_on", one.file),
            message=f"they wait for one another: {' → '.join((*found, found[0]))}",
            service=one.full_name,
            key=" ".join(sorted(found)),
            disprove="docker compose config takes the file",
            remedy="take one of these dependencies away",
        )


def _cycle(needs: dict[str, list[str]]) -> list[str]:
    """The first circle, or nothing."""
    done: set[str] = set()
    for start in needs:
        path: list[str] = []
        waiting: list[tuple[str, int]] = [(start, 0)]
        while waiting:
            name, depth = waiting.pop()
            del path[depth:]
            if name in path:
                return path[path.index(name) :]
            if name in done or name not in needs:
                continue
            path.append(name)
            waiting += [(other, depth + 1) for other in needs[name]]
        done.update(_below(needs, start))
    return []


def _below(needs: dict[str, list[str]], start: str) -> set[str]:
    seen, waiting = set(), [start]
    while waiting:
        name = waiting.pop()
        if name not in seen:
            seen.add(name)
            waiting += needs.get(name, [])
    return seen
