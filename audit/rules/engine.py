"""What the Engine runs, against what the files say, and how the Engine itself is set."""

import re
from collections.abc import Iterator
from itertools import pairwise

from audit.credentials import names_credential
from audit.look import Look
from audit.model import Confidence, Failed, Kind, Passed, Place, Result, Severity, Unknown
from audit.places import of_key, of_value
from audit.rule import rule
from audit.subject import Subject
from estate.compose.template import Origin
from estate.compose.value import Section, child, text_of
from estate.model import Container, Detail, Image, Sample, State
from estate.reference import Reference, parse_reference


def _running(look: Look) -> Iterator[tuple[Subject, Detail]]:
    for one in look.subjects:
        for detail in look.running.get(one.full_name, ()):
            if detail.container.state is State.RUNNING:
                yield one, detail


def _images(look: Look) -> dict[tuple[str, str], Image]:
    """Host and id → image."""
    return {(one.host, one.id): one for view in look.snapshot.engines for one in view.images}


# ---- images ---------------------------------------------------------------------------------------------


@rule("IMG-06", Severity.HIGH, needs_engine=True)
def other_image(look: Look) -> Iterator[Result]:
    """What runs is not the image that the file names.

    Wrong: the container was made from another reference than the file gives now; or the tag that both name is
    another image here since a pull, and the container was not made anew.
    Not looked at: what is built here; images whose name hangs on a variable that nobody sets.
    Disprove: `docker inspect -f '{{.Image}}' CONTAINER` is what `docker image inspect` says of the file's.
    Mend: `docker compose up -d SERVICE`; for a version that nobody chose, `!pin` first.
    """
    for one, detail in _running(look):
        value = one.service.image
        if one.service.is_built or value is None or not value.text or Origin.UNSET in value.origins:
            continue
        words = _differs(look, detail.container, parse_reference(value.text))
        if not words:
            yield Passed(detail.container.name)
            continue
        yield Failed(
            place=of_value(look.snapshot, value),
            message=f"{detail.container.name} {words}",
            service=one.full_name,
            key=detail.container.name,
            evidence=(f"the file: {value.text}", f"it runs: {detail.container.image}"),
            disprove=f"docker inspect -f '{{{{.Image}}}}' {detail.container.name} is the file's image",
            remedy=f"docker compose up -d {one.name} in {one.folder or '.'}; look what changes before",
            kind=Kind.BOTH,
        )


def _differs(look: Look, container: Container, wanted: Reference) -> str:
    asked = parse_reference(container.image)
    stock = [one for view in look.snapshot.engines if view.host == container.host for one in view.images]
    here = next((one for one in stock if any(_is(tag, wanted) for tag in (*one.tags, *one.digests))), None)
    if here is not None and here.id == container.image_id:
        return ""
    if asked.repository and not (asked.is_same_repository(wanted) and _tag(asked) == _tag(wanted)):
        return f"was made from {container.image}, and the file says {wanted}"
    if here is not None:
        return (
            f"runs an image that is not {wanted} any more: a newer one was pulled, and it was not made anew"
        )
    return ""  # its tag was taken away: what the file names is not here


def _is(name: str, wanted: Reference) -> bool:
    one = parse_reference(name)
    if not one.is_same_repository(wanted):
        return False
    return one.digest == wanted.digest if wanted.digest else one.tag is not None and one.tag == _tag(wanted)


def _tag(one: Reference) -> str:
    return one.digest or one.tag or "latest"


_NAMES = {"x86_64": "amd64", "aarch64": "arm64", "armv7l": "arm", "i686": "386", "i386": "386"}


@rule("IMG-12", Severity.MEDIUM, needs_engine=True)
def other_architecture(look: Look) -> Iterator[Result]:
    """A container's image was made for another kind of processor than this machine has.

    Wrong: the image's architecture is not the Engine's: it runs slowly, by emulation, or not at all. 32-bit
    images on a 64-bit machine of the same family are not meant.
    Disprove: `docker image inspect -f '{{.Architecture}}'` and `docker info` say the same.
    Mend: pull it again without `platform`, or take an image that is made for this one.
    """
    images = _images(look)
    machines = {view.host: view.facts for view in look.snapshot.engines}
    for one, detail in _running(look):
        image = images.get((detail.container.host, detail.container.image_id))
        facts = machines.get(detail.container.host)
        if image is None or not image.architecture or facts is None or not facts.architecture:
            continue
        here = _NAMES.get(facts.architecture, facts.architecture)
        if image.architecture == here or (here, image.architecture) in {("amd64", "386"), ("arm64", "arm")}:
            yield Passed(detail.container.name)
            continue
        yield Failed(
            place=one.place,
            message=f"{detail.container.name}'s image is for {image.architecture}, and the machine is {here}",
            service=one.full_name,
            key=detail.container.name,
            disprove="docker image inspect -f '{{.Architecture}}' and docker info say the same",
            remedy="pull it again without platform, or take one that is made for this machine",
            kind=Kind.ENGINE,
        )


@rule("SEC-14", Severity.INFO, needs_engine=True)
def image_of_root(look: Look) -> Iterator[Result]:
    """What people outside reach runs as root inside, because its image does.

    Wrong: the image names no user, or root; the file names none; and the service is routed or publishes a
    port. `user: root` in the file is SEC-13.
    Not meant: images that start as root and give it up; which those are, their manuals say.
    Disprove: `docker top CONTAINER` shows another user.
    Mend: `user:`, with data that this user owns.
    """
    images = _images(look)
    for one, detail in _running(look):
        image = images.get((detail.container.host, detail.container.image_id))
        if image is None or not look.is_public(one) or text_of(one.service.tree.get("user")):
            continue
        if image.user.partition(":")[0] not in {"", "0", "root"}:
            yield Passed(detail.container.name)
        elif image.architecture:  # it was looked at closely
            yield Failed(
                place=one.place,
                message=f"{detail.container.name} runs as root, as its image does",
                service=one.full_name,
                key=detail.container.name,
                disprove=f"docker top {detail.container.name} shows another user",
                remedy=f"add user: to {one.name} in {one.file}, and give that user its data",
                kind=Kind.BOTH,
                confidence=Confidence.LOW,
            )


# ---- containers -----------------------------------------------------------------------------------------


@rule("ENV-10", Severity.INFO, needs_engine=True)
def shown_secrets(look: Look) -> Iterator[Result]:
    """Whoever may ask the Engine reads a container's secrets: they stand in its environment.

    Wrong: variables that are called like credentials are set in a running container. Only how many there are
    is told. `…_FILE` is the way around.
    Disprove: they are switches or names, not secrets.
    Mend: `secrets:` and `…_FILE`, where the image knows it; and few who hold the Docker socket.
    """
    for one, detail in _running(look):
        names = [name for name, text in detail.environment.items() if text and names_credential(name)]
        if not names:
            yield Passed(detail.container.name)
            continue
        count = f"{len(names)} variables" if len(names) > 1 else "1 variable"
        yield Failed(
            place=one.place,
            message=f"docker inspect {detail.container.name} shows {count} that are called like secrets",
            service=one.full_name,
            key=detail.container.name,
            disprove="they are no secrets",
            remedy="give them as files (secrets:, NAME_FILE) where the image knows that",
            kind=Kind.ENGINE,
            confidence=Confidence.MEDIUM,
        )


_MIB = 2**20


@rule("RES-04", Severity.MEDIUM, peers=("CL-0014",), needs_engine=True)
def endless_log(look: Look) -> Iterator[Result]:
    """What the service says is kept for ever, until the disk is full.

    Wrong: its container's log driver is `json-file` without `max-size`, also after the Engine's own defaults,
    which are in what the Engine says of a container.
    Disprove: `docker inspect -f '{{json .HostConfig.LogConfig}}' CONTAINER` has max-size.
    Mend: `logging: {driver: local}`, or `max-size` and `max-file`; or the Engine's `log-opts`, for all.
    """
    for one, detail in _running(look):
        if not detail.log_driver:
            continue
        if detail.log_driver != "json-file" or detail.log_options.get("max-size"):
            yield Passed(detail.container.name)
            continue
        yield Failed(
            place=of_key(look.snapshot, one.service.tree, "logging", one.file)
            if "logging" in one.service.tree
            else one.place,
            message=f"{detail.container.name} logs into json-file without an end",
            service=one.full_name,
            key=detail.container.name,
            disprove="docker inspect -f '{{json .HostConfig.LogConfig}}' of it has max-size",
            remedy=f"add logging: {{driver: local}} to {one.name} in {one.file}, and make it anew",
            kind=Kind.BOTH,
        )


@rule("CMP-07", Severity.HIGH, needs_engine=True)
def absent_external(look: Look) -> Iterator[Result]:
    """A network or volume that somebody else is to make is not there, so the project does not start.

    Wrong: `external: true`, and the Engine has none of that name.
    Not looked at: what no active service uses.
    Disprove: `docker network ls` or `docker volume ls` lists it.
    Mend: `docker network create NAME`; or start what makes it first.
    """
    views = look.snapshot.engines
    for view in views:
        if view.facts is None and view.no_facts:
            yield Unknown(f"the networks of {view.host}", view.no_facts)
    if not views or any(view.facts is None for view in views):
        return
    have = {
        "networks": {name for view in views if view.facts for name in view.facts.networks},
        "volumes": {name for view in views if view.facts for name in view.facts.volumes},
    }
    users: dict[tuple[str, str], list[tuple[Subject, str]]] = {}
    for one in look.subjects:
        for kind, written, name in _externals(one) if one.is_active else ():
            users.setdefault((kind, name), []).append((one, written))
    for (kind, name), each in users.items():
        one, written = each[0]
        if name in have[kind]:
            yield Passed(f"{kind} {name}")
        else:
            yield Failed(
                place=of_key(look.snapshot, child(one.model.tree, kind), written, one.file),
                message=f"the {kind[:-1]} {name} is to be there already, and is not",
                service=one.full_name,
                key=f"{kind} {name}",
                evidence=(f"used by {', '.join(user.full_name for user, _ in each[:10])}",),
                disprove=f"docker {kind[:-1]} ls lists {name}",
                remedy=f"docker {kind[:-1]} create {name}; or start what makes it first",
                kind=Kind.BOTH,
            )


def _externals(one: Subject) -> Iterator[tuple[str, str, str]]:
    """Kind, the name in the file, and the name that Docker knows."""
    used = {"networks": set(one.networks), "volumes": {m.source for m in one.mounts if m.kind == "volume"}}
    for kind, names in used.items():
        for name in sorted(names):
            tree = child(one.model.tree, kind, name)
            said = child(tree, "external")
            if isinstance(said, Section):
                yield kind, name, text_of(said.get("name")) or name
            elif text_of(said) == "true":
                yield kind, name, text_of(child(tree, "name")) or name


# ---- what it uses ---------------------------------------------------------------------------------------

TIGHT = 0.9
"""Of a memory limit."""
BUSY = 0.8
"""Of one processor."""
YOUNG = 600.0
"""Seconds after its start in which a container may well be busy."""


@rule("RES-02", Severity.MEDIUM, needs_engine=True)
def tight_limit(look: Look) -> Iterator[Result]:
    """A service has nearly used up its memory limit: the kernel will end it next.

    Wrong: in each of several looks, one second apart, it uses more than 90 % of its limit, without what the
    kernel may take back at once. What was killed already is HC-08.
    Disprove: `docker stats` shows less an hour later.
    Mend: a higher limit, or less that it is asked to keep.
    """
    for one, detail in _running(look):
        samples = _samples(look, detail.container)
        if not detail.memory_limit or not samples:
            continue
        shares = [sample.memory / detail.memory_limit for sample in samples]
        if min(shares) <= TIGHT:
            yield Passed(detail.container.name)
            continue
        used, limit = samples[-1].memory // _MIB, detail.memory_limit // _MIB
        yield Failed(
            place=one.place,
            message=f"{detail.container.name} uses {used} of {limit} MiB",
            service=one.full_name,
            key=detail.container.name,
            evidence=(f"{len(samples)} looks: {', '.join(f'{share:.0%}' for share in shares)}",),
            disprove="docker stats shows less an hour later",
            remedy=f"raise mem_limit of {one.name} in {one.file}, or let it keep less",
            kind=Kind.ENGINE,
            confidence=Confidence.MEDIUM,
        )


@rule("RES-03", Severity.MEDIUM, needs_engine=True)
def busy(look: Look) -> Iterator[Result]:
    """A container takes a processor for itself, and has for as long as it runs.

    Wrong: between any two of several looks, one second apart, it used more than 80 % of one processor, and so
    it did on average since it started, ten minutes ago or longer. One line of `docker stats` is no proof.
    Busy now and not on average is unknown: it may be a moment.
    Disprove: its work is to compute.
    Mend: `!logs` say what it does over and over; `cpus` keeps the rest of the machine from it.
    """
    for one, detail in _running(look):
        samples = _samples(look, detail.container)
        if len(samples) < 2 or detail.started is None:
            continue
        rates = [_rate(earlier, later) for earlier, later in pairwise(samples)]
        age = (samples[-1].at - detail.started).total_seconds()
        average = samples[-1].cpu / age if age > 0 else 0.0
        if min(rates) <= BUSY:
            yield Passed(detail.container.name)
        elif age < YOUNG or average <= BUSY:
            why = f"it is busy now, and took {average:.0%} of a processor since its start {age:.0f} s ago"
            yield Unknown(detail.container.name, f"{why}: that may be a moment", one.place)
        else:
            yield Failed(
                place=one.place,
                message=f"{detail.container.name} takes {min(rates):.0%} of a processor, all the time",
                service=one.full_name,
                key=detail.container.name,
                evidence=(
                    f"{len(rates)} seconds: {', '.join(f'{rate:.0%}' for rate in rates)}",
                    f"{average:.0%} on average in the {age / 3600:.1f} h since its start",
                ),
                disprove="its work is to compute",
                remedy=f"!logs {one.full_name} says what it does over and over; cpus: 0.5 bounds it",
                kind=Kind.ENGINE,
            )


def _samples(look: Look, container: Container) -> tuple[Sample, ...]:
    for view in look.snapshot.engines:
        if view.host == container.host:
            return view.samples.get(container.id, ())
    return ()


def _rate(earlier: Sample, later: Sample) -> float:
    seconds = (later.at - earlier.at).total_seconds()
    return (later.cpu - earlier.cpu) / seconds if seconds > 0 else 0.0


# ---- the Engine itself ----------------------------------------------------------------------------------


@rule("HOST-02", Severity.LOW, needs_engine=True)
def engine_settings(look: Look) -> Iterator[Result]:
    """The Engine itself says that something about it is wrong.

    Wrong: `docker info` has a warning. Critical: it listens to the network without asking who calls. Info:
    `live-restore` is off, so that every container stops when the Engine itself is started anew.
    Disprove: `docker info` does not say it.
    Mend: /etc/docker/daemon.json.
    """
    for view in look.snapshot.engines:
        if view.facts is None:
            if view.no_facts:
                yield Unknown(f"the Engine {view.host}", view.no_facts)
            continue
        wrong = [(one, _how_bad(one)) for one in view.facts.warnings]
        if not view.facts.live_restore:
            words = "live-restore is off: every container stops when the Engine is started anew"
            wrong.append((words, Severity.INFO))
        for words, severity in wrong:
            yield Failed(
                place=Place("", text=f"the Engine {view.host}"),
                message=f"the Engine {view.host}: {words.removeprefix('WARNING: ').strip()}",
                key=f"{view.host} {words}",
                disprove="docker info does not say it",
                remedy="see /etc/docker/daemon.json (docs.docker.com/reference/cli/dockerd)",
                severity=severity,
                kind=Kind.ENGINE,
            )
        if not wrong:
            yield Passed(f"the Engine {view.host}")


def _how_bad(words: str) -> Severity:
    if re.search(r"without (?:encryption|TLS|authentication)|insecure|root on the host", words, re.I):
        return Severity.CRITICAL
    return Severity.LOW if "swap limit" not in words and "bridge-nf" not in words else Severity.INFO
