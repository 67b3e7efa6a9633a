"""What registries say of the images that the files name."""

from collections.abc import Iterator

from audit.look import Look
from audit.model import Confidence, Failed, Kind, Passed, Result, Severity, Unknown
from audit.places import of_value
from audit.rule import Needs, rule
from audit.subject import Subject
from estate.compose.value import Value
from estate.reference import Reference
from estate.snapshot.published import Published, named_images, repository_of, tag_of
from estate.versions import Class, newer, read_tag


def _named(look: Look) -> Iterator[tuple[Subject, Value, Reference]]:
    named = set(named_images(look.snapshot.models))
    for one in look.subjects:
        value, image = one.service.image, one.image
        if value is not None and image is not None and not one.service.is_built and image in named:
            yield one, value, image


def _published(look: Look) -> Published:
    assert look.snapshot.published is not None  # needs says so
    return look.snapshot.published


def _why_not(published: Published, image: Reference) -> str:
    """Why nothing is known of it; empty when nobody had to ask."""
    return published.unasked.get(repository_of(image)) or published.unasked.get(image.host, "")


@rule("IMG-05", Severity.HIGH, needs=Needs.REGISTRIES)
def digest_of_another(look: Look) -> Iterator[Result]:
    """A tag and a digest are written, and the digest is not what the tag names: the digest wins, silently.

    Wrong: the registry's digest of the tag is another one, and so are those of the images in it. Low where
    the tag moves on by design (`16`, `latest`): then the digest only holds it back.
    Not looked at: digests without a tag; a registry that does not answer is unknown.
    Disprove: `docker buildx imagetools inspect IMAGE:TAG` shows the digest.
    Mend: write the digest of the tag that is meant, or the tag that the digest has.
    """
    published = _published(look)
    for one, value, image in _named(look):
        if not image.tag or not image.digest:
            continue
        digests = published.digests.get(tag_of(image))
        if digests is None:
            yield Unknown(one.full_name, _why_not(published, image), of_value(look.snapshot, value))
        elif not digests:
            why = f"the registry {image.host} has no {image.name}:{image.tag} to compare with"
            yield Unknown(one.full_name, why, of_value(look.snapshot, value))
        elif image.digest in digests:
            yield Passed(one.full_name)
        else:
            moves = bool(Reference(image.repository, image.tag).floats)
            how = "has moved on to" if moves else "names"
            yield Failed(
                place=of_value(look.snapshot, value),
                message=f"{image.repository}:{image.tag} {how} another image than the digest beside it",
                service=one.full_name,
                evidence=(f"written: {image.digest}", f"the registry's: {', '.join(sorted(digests)[:3])}"),
                disprove=f"docker buildx imagetools inspect {image.repository}:{image.tag} shows it",
                remedy="write the digest of the tag that is meant, or the tag that this digest has",
                severity=Severity.LOW if moves else None,
                kind=Kind.BOTH,
            )


@rule("IMG-07", Severity.INFO, needs=Needs.REGISTRIES)
def newer_version(look: Look) -> Iterator[Result]:
    """A newer version of the image is there.

    Wrong: the registry has a tag of the same kind (flavour, `v` or none, as many numbers, no prerelease) with
    higher numbers. What is newer within the major version is named before what is not.
    Not looked at: tags that are no version or date (IMG-01 has those); what is built here. One audit asks all
    registries 200 times and 10 seconds at most: the rest is unknown.
    Disprove: the tag that is named is of another product, which shares the repository.
    Mend: `!update SERVICE VERSION`, which goes back by itself if the service is not as well there.
    """
    published = _published(look)
    untold: dict[str, list[str]] = {}
    for one, value, image in _named(look):
        if not image.tag or read_tag(image.tag).kind is Class.NAME:
            continue
        tags = published.tags.get(repository_of(image))
        if tags is None:
            if why := _why_not(published, image):
                untold.setdefault(why, []).append(one.full_name)
            continue
        same, other = newer(tags, image.tag)
        if same is None and other is None:
            yield Passed(one.full_name)
            continue
        words = [f"{same} is there" if same else "", f"{other}, across a major version" if other else ""]
        yield Failed(
            place=of_value(look.snapshot, value),
            message=f"{image.repository}:{image.tag}: {'; '.join(word for word in words if word)}",
            service=one.full_name,
            evidence=(f"the registry {image.host} lists {len(tags)} tags of {image.name}",),
            disprove="that tag is of another product in the same repository",
            remedy=f"!update {one.full_name} {same or other}, after reading what has changed",
            kind=Kind.BOTH,
            confidence=Confidence.MEDIUM,
        )
    for why, names in untold.items():
        yield Unknown(f"{names[0]} and {len(names) - 1} more" if len(names) > 1 else names[0], why)
