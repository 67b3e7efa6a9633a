"""What registries have of the images that the estate names, as far as an audit looks at it. Pure."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from estate.compose.model import Model
from estate.compose.template import Origin
from estate.reference import Reference, parse_reference


@dataclass(frozen=True, slots=True)
class Published:
    """By `host/name`, and by `host/name:tag`, as `repository_of` and `tag_of` make them."""

    tags: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """A repository → its tags, in no order that means anything."""
    digests: Mapping[str, frozenset[str]] = field(default_factory=dict)
    """A tag → what it names now: the index, and the image of each platform in it. Empty: there is no such
    tag."""
    unasked: Mapping[str, str] = field(default_factory=dict)
    """A registry, or a repository → why nothing more is known of it."""


def repository_of(image: Reference) -> str:
    return f"{image.host}/{image.name}"


def tag_of(image: Reference) -> str:
    return f"{repository_of(image)}:{image.tag}"


def named_images(models: Iterable[Model]) -> tuple[Reference, ...]:
    """What services are to be pulled from, each once, as far as that is known: what hangs on a variable that
    nobody sets, and what is built here, is not."""
    found: dict[Reference, None] = {}
    for model in models:
        for service in model.services.values():
            value = service.image
            if service.is_built or value is None or not value.text or Origin.UNSET in value.origins:
                continue
            image = parse_reference(value.text)
            if image.repository:
                found[image] = None
    return tuple(found)
