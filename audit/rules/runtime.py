"""What is configured against what runs."""

from collections.abc import Iterator

from audit.look import Look
from audit.model import Confidence, Failed, Kind, Passed, Place, Result, Severity
from audit.rule import rule
from estate.inventory import Thing
from estate.model import State


@rule("RUN-01", Severity.MEDIUM, needs_engine=True, whole=True)
def configured_not_running(look: Look) -> Iterator[Result]:
    """A service is configured and does not run.

    Wrong: no profile keeps it away, and it has no container, or none that runs. Low instead of medium:
    SERVICES.yml says that it is only configured.
    Not looked at: what has no replicas; jobs (`restart: "no"`); what SERVICES.yml calls `deprecated`.
    Disprove: `docker ps` shows it, perhaps under another project's name.
    """
    said = {entry.folder: entry.status for entry in (look.registry.entries if look.registry else ())}
    for thing in look.things:
        subject = look.by_name.get(thing.full_name)
        if subject is None or not thing.expected or said.get(subject.folder) == "deprecated":
            continue
        if thing.running:
            yield Passed(thing.full_name)
        elif subject.service.restart not in {"no", "false"}:
            states = ", ".join(f"{one.name}: {one.state.value}" for one in thing.containers)
            yield Failed(
                place=subject.place,
                message="it is configured and does not run"
                + ("" if thing.containers else ": it has no container"),
                service=thing.full_name,
                evidence=(states or "no container has its labels",),
                disprove="docker ps shows it",
                remedy=f"!start {thing.full_name}"
                if thing.containers
                else f"docker compose up -d {thing.name}",
                kind=Kind.BOTH,
                severity=Severity.LOW if said.get(subject.folder) == "configured" else None,
            )


@rule("RUN-02", Severity.MEDIUM, needs_engine=True)
def orphan(look: Look) -> Iterator[Result]:
    """A container runs that this tree does not configure.

    Wrong: its Compose labels name files that are not in the tree any more, or are of another place; or it has
    no Compose labels. Looked at only when most of what runs here is of this tree: else this is not the
    machine's estate.
    Disprove: another tree on this machine configures it.
    """
    own = sum(1 for thing in look.things if thing.service is not None and thing.containers)
    strange = [thing for thing in look.things if thing.service is None and thing.containers]
    if own == 0 or len(strange) > own:
        return
    for thing in strange:
        one = thing.containers[0]
        if one.labels.get("com.docker.compose.oneoff", "").lower() == "true":
            continue
        files = one.labels.get("com.docker.compose.project.config_files", "")
        yield _orphan(thing, files)
    for thing in look.things:
        if thing.service is not None and thing.containers:
            yield Passed(thing.full_name)


def _orphan(thing: Thing, files: str) -> Failed:
    one = thing.containers[0]
    words = (
        f"it was started from {files}, which is not in this tree"
        if files
        else "no Compose file configures it"
    )
    return Failed(
        place=Place("", text=one.name),
        message=f"{one.name} {'runs' if one.state is State.RUNNING else 'is there'}, and {words}",
        service=thing.full_name,
        key=one.name,
        evidence=(f"image {one.image}", one.status),
        disprove="another tree on this machine configures it",
        remedy=f"bring its compose file into the tree, or remove it: docker rm {one.name}",
        kind=Kind.BOTH,
        confidence=Confidence.MEDIUM,
    )
