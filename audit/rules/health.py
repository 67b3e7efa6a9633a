"""Health: whether anybody would notice, and who is ill now."""

import re
from collections.abc import Iterator, Sequence

from audit.image_probes import brings_probe
from audit.look import Look
from audit.model import Confidence, Failed, Kind, Passed, Place, Result, Severity, Unknown
from audit.places import of_tree
from audit.rule import rule
from audit.subject import Subject
from estate.compose.value import child, text_of
from estate.diagnosis import Trouble, diagnose, missing_binary
from estate.inventory import Thing
from estate.model import Detail

_ONE_OFF, _HEALTHY = "service_completed_successfully", "service_healthy"


@rule("HC-01", Severity.MEDIUM, by_absence=True)
def no_healthcheck(look: Look) -> Iterator[Result]:
    """Nothing checks whether the service works: Docker calls it well for as long as a process lives.

    Wrong: the compose file has no `healthcheck`, and, as far as the Engine was asked, its containers have
    none from the image either; or it is switched off (`disable: true`, `NONE`). Without the Engine the
    image's own is known of some images (`audit/image_probes.py`); where `disable: false` says that it is to
    count; and where another service waits for its health, without which it would wait in vain. Of the others
    the confidence is low.
    Not looked at: what runs to its end (`restart: "no"`, or somebody waits for it to complete).
    Disprove: `docker inspect -f '{{.Config.Healthcheck}}' CONTAINER` shows one.
    Mend: a probe that asks for what users ask for, with a program that the image has.
    """
    finishing, awaited = _awaited(look, _ONE_OFF), _awaited(look, _HEALTHY)
    for one in look.subjects:
        if one.full_name in finishing or one.ends_at_once or one.service.restart in {"no", "false"}:
            continue
        check = one.service.tree.get("healthcheck")
        test = one.service.healthcheck
        keeps = text_of(child(check, "disable")) == "false"
        is_off = text_of(child(check, "disable")) == "true" or (test is not None and test[:1] == ["NONE"])
        if is_off:
            yield Failed(
                place=of_tree(look.snapshot, check, one.file, "healthcheck:"),
                message="its healthcheck is switched off",
                service=one.full_name,
                key="off",
                disprove="another program checks it and would tell",
                remedy="take `disable` away, or write a probe of its own",
            )
        elif test:
            yield Passed(one.full_name)
        else:
            yield _without(look, one, is_relied_on=keeps or one.full_name in awaited)


def _awaited(look: Look, wanted: str) -> set[str]:
    """Services that another one waits for until they are so."""
    return {
        f"{one.model.name}/{name}"
        for one in look.subjects
        for name, condition in one.service.depends_on.items()
        if condition == wanted
    }


def _without(look: Look, one: Subject, *, is_relied_on: bool) -> Result:
    details = look.running.get(one.full_name, ())
    if any(detail.health_command and detail.health_command[0] != "NONE" for detail in details):
        return Passed(one.full_name)
    seen = bool(details)
    if not seen and (is_relied_on or (one.image is not None and brings_probe(one.image))):
        return Passed(one.full_name)
    return Failed(
        place=one.place,
        message="it has no healthcheck",
        service=one.full_name,
        evidence=(
            "the compose file has none",
            "its container has none from the image either"
            if seen
            else "whether the image has one was not seen",
        ),
        disprove="docker inspect -f '{{.Config.Healthcheck}}' of its container shows one",
        remedy=f"add a healthcheck to {one.name} in {one.file}, by a program that is in the image",
        confidence=Confidence.HIGH if seen else Confidence.LOW,
        kind=Kind.BOTH if seen else Kind.FILES,
    )


# ---- what runs ------------------------------------------------------------------------------------------


def _troubled(look: Look) -> Iterator[tuple[Thing, Detail, Trouble]]:
    for thing in look.things:
        for container in thing.containers:
            detail = look.details.get(container.id)
            if detail is not None and (trouble := diagnose(detail, look.now)):
                yield thing, detail, trouble


def _place_of(look: Look, thing: Thing) -> Place:
    subject = look.by_name.get(thing.full_name)
    if subject is not None:
        return subject.place
    return Place(thing.service.file if thing.service else "", text=thing.full_name)


def _told(look: Look, kinds: Sequence[str]) -> Iterator[Result]:
    """A finding for each container whose trouble is of one of these kinds; what is well is counted."""
    ill = {id(detail): (thing, trouble) for thing, detail, trouble in _troubled(look)}
    for thing in look.things:
        for container in thing.containers:
            detail = look.details.get(container.id)
            if detail is None:
                continue
            found = ill.get(id(detail))
            if found is None or found[1].kind not in kinds:
                yield Passed(container.name)
                continue
            trouble = found[1]
            since = f" since {trouble.since:%Y-%m-%d %H:%M} UTC" if trouble.since else ""
            yield Failed(
                place=_place_of(look, thing),
                message=f"{container.name} is {trouble.kind}{since}",
                service=thing.full_name,
                key=container.name,
                evidence=tuple(word for word in trouble.why if word),
                disprove=f"docker inspect {container.name} says otherwise now",
                remedy=f"!unhealthy and !logs {thing.full_name} say more",
                kind=Kind.ENGINE,
            )
    yield from _unseen(look)


def _unseen(look: Look) -> Iterator[Result]:
    for view in look.snapshot.engines:
        for name, why in view.unseen.items():
            yield Unknown(name, why)


@rule("HC-02", Severity.HIGH, needs_engine=True)
def unhealthy(look: Look) -> Iterator[Result]:
    """A container is unhealthy now.

    Wrong: the Engine's health status is `unhealthy`. The last probe's words, its exit code, the streak and
    since when stand in the evidence. When Traefik routes to it, Traefik leaves it out: it is not reached
    either.
    Disprove: `docker inspect -f '{{.State.Health.Status}}' CONTAINER` shows healthy.
    """
    yield from _told(look, ["unhealthy"])


@rule("HC-03", Severity.HIGH, needs_engine=True)
def missing_probe(look: Look) -> Iterator[Result]:
    """A healthcheck calls a program that its image does not have, so it can never be well.

    Wrong: a probe ended with 127, or said that the executable was not found, and the program is the probe's
    own.
    Disprove: `docker exec CONTAINER which PROGRAM` finds it.
    Mend: a probe with a program that is there (wget, curl, the application itself).
    """
    for thing in look.things:
        for container in thing.containers:
            detail = look.details.get(container.id)
            if detail is None or not detail.probes:
                continue
            name = missing_binary(detail.probes[-1], detail.health_command)
            if name is None:
                yield Passed(container.name)
                continue
            yield Failed(
                place=_place_of(look, thing),
                message=f"its probe calls {name}, which is not in the image",
                service=thing.full_name,
                key=container.name,
                evidence=(f"the last probe ended with {detail.probes[-1].exit_code}",),
                disprove=f"docker exec {container.name} which {name} finds it",
                remedy="use a program that the image has, or the application's own check",
                kind=Kind.ENGINE,
            )


_VACUOUS = re.compile(
    r"(?:exit 0|(?:true|:|/bin/true)(?:\s+[^|&;]*)?|echo\b.*)\Z|.*\|\|\s*(?:true|exit 0|:|echo\b[^|&;]*)\s*\Z"
    r"|.*;\s*(?:exit 0|true)\s*\Z"
    r"|(?:ps|pgrep|pidof)\b[^|&;]*(?:\|\s*grep\b[^&;]*?)?(?:\|\|\s*exit 1\s*)?\Z"
    r"|kill -0 \S+(?:\s*\|\|\s*exit 1)?\Z"
    r"|(?!docker|podman|kubectl)[\w./-]+\s+(?:--version|-version|-[vV]|version)(?:\s*\|\|\s*exit 1)?\s*\Z",
    re.DOTALL,
)


@rule("HC-04", Severity.HIGH)
def vacuous_probe(look: Look) -> Iterator[Result]:
    """A healthcheck cannot fail, or asks only whether a process exists, which Docker knows anyway.

    Wrong: the probe is `exit 0`, `true`, `echo …`; or ends in `|| true`, `|| exit 0`; or is `ps | grep`,
    `pgrep`, `pidof`, `kill -0 1`; or asks a program for its version alone. A probe with any other part that
    can fail is not meant.
    Disprove: stop the application inside the container (not the process): the probe fails.
    Mend: ask for what users ask for.
    """
    for one in look.subjects:
        test = one.service.healthcheck
        if not test or test[0] == "NONE" or len(test) < 2:
            continue
        words = test[1:]
        if words[0] in {"sh", "bash", "/bin/sh", "/bin/bash"} and len(words) > 2:
            words = words[2:]
        command = " ".join(words).strip()
        if not _VACUOUS.match(command):
            yield Passed(one.full_name)
            continue
        yield Failed(
            place=of_tree(look.snapshot, child(one.service.tree, "healthcheck", "test"), one.file, command),
            message=f"its probe says well whatever happens: {command[:80]}",
            service=one.full_name,
            evidence=(f"the probe: {command[:120]}",),
            disprove="make the application fail while its process lives: the container becomes unhealthy",
            remedy="a probe that asks the application, and fails when it does not answer",
        )


@rule("HC-08", Severity.HIGH, needs_engine=True)
def fallen(look: Look) -> Iterator[Result]:
    """A container falls again and again, ended with an error, or was killed for lack of memory.

    Wrong: it is restarting, or restarted within ten minutes; it ended with another code than 0, or ended
    although its restart policy says that it should run; or the kernel killed a process of it for lack of
    memory.
    Disprove: `docker ps` shows it up for long; the code is expected.
    """
    yield from _told(look, ["restarting", "exited", "dead", "created", "short of memory", "removing"])


@rule("HC-09", Severity.MEDIUM, needs_engine=True)
def stuck_starting(look: Look) -> Iterator[Result]:
    """A container has been starting for longer than its own healthcheck allows.

    Wrong: the health status is `starting` for longer than start period + retries x (interval + time-out).
    Disprove: it becomes healthy by itself.
    """
    yield from _told(look, ["stuck starting"])


_TOO_SLOW = re.compile(r"health ?check (?:at .{0,40})?exceeded timeout(?: \((?P<limit>[^)]{1,20})\))?", re.I)


@rule("HC-06", Severity.LOW, needs_engine=True)
def timing_untuned(look: Look) -> Iterator[Result]:
    """A healthcheck's times do not fit what was seen: it is cut off before it can answer.

    Wrong: of the last probes that the Engine kept, one ended because its time-out was over. That says how
    long the probe takes, not that the application is ill.
    Disprove: the probe hangs for ever; then the application is ill, and a longer time-out mends nothing.
    Mend: a longer `timeout`; a longer `start_period` where it happens only after a start.
    Not looked at: how long a container took to become healthy, which Docker does not keep.
    """
    for thing in look.things:
        for container in thing.containers:
            detail = look.details.get(container.id)
            if detail is None or not detail.probes:
                continue
            slow = [found for one in detail.probes if (found := _TOO_SLOW.search(one.output))]
            if not slow:
                yield Passed(container.name)
                continue
            limit = slow[-1]["limit"]
            after = f" after {limit}" if limit else ""
            yield Failed(
                place=_place_of(look, thing),
                message=f"its probe was cut off{after}, {len(slow)} of the last {len(detail.probes)} times",
                service=thing.full_name,
                key=container.name,
                evidence=(f"the Engine says: health check exceeded timeout{after}",),
                disprove="the probe, called by hand in the container, never ends",
                remedy=f"call the probe by hand, see how long it takes, and give it twice that as timeout in"
                f" {thing.service.file if thing.service else 'its compose file'}",
                kind=Kind.ENGINE,
                confidence=Confidence.MEDIUM,
            )
