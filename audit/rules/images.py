"""Images: which version runs tomorrow."""

from collections import defaultdict
from collections.abc import Iterator

from audit.awaited import unsure
from audit.look import Look
from audit.model import Confidence, Failed, Fix, Passed, Result, Severity, Unknown
from audit.places import of_value
from audit.rule import rule
from audit.subject import Subject
from estate.compose.template import Origin, Piece
from estate.compose.value import Value
from estate.reference import Reference, parse_reference
from estate.versions import read_tag


@rule("IMG-01", Severity.MEDIUM, fix=Fix.AUTOMATIC, peers=("CL-0004",))
def mutable_tag(look: Look) -> Iterator[Result]:
    """The image's tag is `latest`, so nobody chose what the next pull brings.

    Wrong: after all variables are filled in, the tag is `latest` or there is none, and no digest. Found in
    all its spellings: written out, left out, the default inside `${V:-latest}`, set in `.env`.
    High instead of medium: the service keeps data or is reached from outside, so a surprise costs more.
    Not looked at: what is built here.
    Disprove: `docker compose config --images` shows another tag or a digest.
    Mend: `!pin SERVICE`, which proves by digest which version runs now and writes that.
    """
    for one in look.subjects:
        value = one.service.image
        if one.service.is_built or value is None:
            continue
        image = one.image
        if image is None or not image.repository or _is_unfinished(value, image):
            yield Unknown(one.full_name, _unfinished_words(value), of_value(look.snapshot, value))
        elif image.digest or image.tag not in (None, "latest"):
            yield Passed(one.full_name)
        else:
            yield _mutable(look, one, value, image)


def _mutable(look: Look, one: Subject, value: Value, image: Reference) -> Failed:
    severe = one.keeps_data or look.is_public(one)
    reasons = [
        *(["it keeps data"] if one.keeps_data else []),
        *(["it is reached from outside"] if look.is_public(one) else []),
    ]
    pieces = _last_pieces(value, len(image.tag or ""))
    hedge = unsure(look, one.model, value) if any(one.origin is Origin.DEFAULT for one in pieces) else ()
    return Failed(
        place=of_value(look.snapshot, value),
        message=f"{image.repository} has the tag latest: {_spelling(value, image)}",
        service=one.full_name,
        evidence=(f"resolved: {value.text}", *reasons, *hedge),
        disprove=f"docker compose config --images in {one.folder or '.'} shows another tag, or a digest",
        remedy=f"!pin {one.full_name}",
        severity=Severity.HIGH if severe else Severity.MEDIUM,
        confidence=Confidence.MEDIUM if hedge else Confidence.HIGH,
    )


def _spelling(value: Value, image: Reference) -> str:
    if image.tag is None:
        return "no tag is written, which means it"
    pieces = _last_pieces(value, len(image.tag))
    names = list(dict.fromkeys(name for one in pieces for name in one.variables))
    if any(one.origin is Origin.ENV_FILE for one in pieces):
        return f"a .env file sets it, by {', '.join(names)}"
    if any(one.origin is Origin.DEFAULT for one in pieces):
        return f"the default of {names[-1]}, which nothing in this tree sets"
    return "it is written out"


def _last_pieces(value: Value, length: int) -> list[Piece]:
    """What the last so many characters were put together from, the last first."""
    found: list[Piece] = []
    for one in reversed(value.written):
        if length <= 0:
            break
        if one.piece.text:
            found.append(one.piece)
            length -= len(one.piece.text)
    return found


def _is_unfinished(value: Value, image: Reference) -> bool:
    """A variable that nobody sets is part of its name or tag: what it means is decided elsewhere."""
    empty = any(one.piece.origin is Origin.UNSET for one in value.written)
    return empty and (value.text.endswith((":", "/", "@")) or not value.text or image.tag is None)


def _unfinished_words(value: Value) -> str:
    names = ", ".join(value.variables) or "a variable"
    return f"its image hangs on {names}, which is set nowhere in this tree"


@rule("IMG-02", Severity.LOW, fix=Fix.CONSENT, peers=("CL-0004",))
def channel_tag(look: Look) -> Iterator[Result]:
    """The tag is a channel, which moves with every release.

    Wrong: it is a word without a version, and not `latest`: `stable`, `main`, `nightly`, `alpine`, `lts`.
    Disprove: the publisher never moves that tag.
    Mend: `!pin SERVICE`.
    """
    for one in look.subjects:
        value, image = one.service.image, one.image
        if one.service.is_built or value is None or image is None or not image.tag or image.tag == "latest":
            continue
        if image.floats != "moving tag" or any(char.isdigit() for char in image.tag):
            yield Passed(one.full_name)
            continue
        yield Failed(
            place=of_value(look.snapshot, value),
            message=f"{image.repository}:{image.tag} is a channel: any pull may bring another version",
            service=one.full_name,
            evidence=(f"resolved: {value.text}",),
            disprove="the publisher's tags: this one never moves",
            remedy=f"!pin {one.full_name}",
        )


@rule("IMG-03", Severity.INFO, fix=Fix.CONSENT)
def partial_version(look: Look) -> Iterator[Result]:
    """The tag names a version only in part, so patches come unasked.

    Wrong: `traefik:v3.5`, `mysql:8.0`, `postgres:15-alpine`: the tag is one or two numbers, perhaps with a
    suffix. Where a team wants exactly that, waive it. Not meant: what has two numbers and no more, as
    PostgreSQL since 10 (`postgres:16.4`).
    Disprove: the publisher never moves that tag.
    """
    for one in look.subjects:
        value, image = one.service.image, one.image
        if one.service.is_built or value is None or image is None or not image.tag:
            continue
        if image.floats != "partial version" or _is_whole(one, image.tag):
            yield Passed(one.full_name)
            continue
        yield Failed(
            place=of_value(look.snapshot, value),
            message=f"{image.repository}:{image.tag} is a version in part: patches come with any pull",
            service=one.full_name,
            evidence=(f"resolved: {value.text}",),
            disprove="the publisher's tags: this one never moves",
            remedy=f"!pin {one.full_name}",
        )


def _is_whole(one: Subject, tag: str) -> bool:
    """Whether two numbers are all that its releases have."""
    read = read_tag(tag)
    if one.app not in {"postgres", "pgadmin4"} or read.precision != 2:
        return False
    return one.app != "postgres" or (read.major or 0) >= 10


_BASES = {
    *("alpine", "busybox", "debian", "ubuntu", "bash", "curl", "nginx", "httpd", "caddy"),
    *("python", "node", "php", "golang", "ruby", "openjdk", "eclipse-temurin"),
}
"""Images that are no application: two of them may differ."""


@rule("IMG-08", Severity.MEDIUM)
def split_versions(look: Look) -> Iterator[Result]:
    """Two services of one project run different versions of the same application.

    Wrong: services of one project share an image's repository and differ in tag or digest: Mastodon's web and
    sidekiq, for instance. Databases and proxies are not looked at: two of them may well differ.
    Disprove: the application's manual says that these may differ.
    """
    by_repository: dict[tuple[str, str], list[Subject]] = defaultdict(list)
    for one in look.subjects:
        if (
            one.image is not None
            and one.image.repository
            and not one.service.is_built
            and not one.is_database
            and one.app not in _BASES
        ):
            by_repository[one.model.name, one.repository].append(one)
    for (project, repository), group in by_repository.items():
        versions = {str(one.image) for one in group}
        if len(group) < 2:
            continue
        if len(versions) == 1:
            yield Passed(f"{project} {repository}")
            continue
        value = group[-1].service.image
        assert value is not None  # it has a reference
        yield Failed(
            place=of_value(look.snapshot, value),
            message=f"{repository} runs in {len(versions)} versions in one project",
            service=group[-1].full_name,
            key=repository,
            evidence=tuple(f"{one.full_name}: {one.image}" for one in group),
            disprove="these services are meant to differ",
            remedy="give them one version, in one place: an anchor, or a variable in .env",
            confidence=Confidence.MEDIUM,
        )


@rule("IMG-11", Severity.LOW)
def image_and_build(look: Look) -> Iterator[Result]:
    """A service has an image from a registry and is built here, so it is not plain which one runs.

    Wrong: `image:` names a registry, or a public repository with a version, and `build:` is there too:
    `docker compose pull` brings the one, `up --build` makes the other. A name alone is only the result's
    name.
    Disprove: nobody but this build pushes to that name.
    """
    for one in look.subjects:
        value = one.service.image
        if not one.service.is_built or value is None:
            continue
        reference = parse_reference(value.text)
        host = reference.repository.partition("/")[0]
        if "." not in host and ":" not in host:
            yield Passed(one.full_name)
            continue
        yield Failed(
            place=of_value(look.snapshot, value),
            message=f"{reference.repository} is pulled from {host} or built here, whichever comes last",
            service=one.full_name,
            disprove="only this build pushes to that name",
            remedy="drop one of the two, or set pull_policy: build",
            confidence=Confidence.LOW,
        )
