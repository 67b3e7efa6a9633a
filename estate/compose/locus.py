"""Where the image of each service is written, and whether it can be pinned there. Pure."""

from dataclasses import dataclass
from enum import StrEnum

from estate.compose.edit import CannotEdit, Edit, SeveralPlaces, Unresolved, plan_edit
from estate.compose.model import Model
from estate.compose.service import ResolvedService
from estate.compose.source import Span
from estate.compose.template import Origin
from estate.compose.value import Layer, Value
from estate.reference import parse_reference


class Kind(StrEnum):
    """What decides the image."""

    LITERAL = "literal"
    ENV = "env"
    """A setting of a `.env` file."""
    DEFAULT = "default"
    """A text inside `${V:-…}`."""
    OVERRIDE = "override"
    INCLUDE = "include"
    EXTENDS = "extends"
    ANCHOR = "anchor"
    """Written once, used by several."""
    SHELL = "shell"
    UNSET = "unset"
    BUILT = "build"
    MISSING = "missing"
    MIXED = "mixed"
    """Put together from several places, or written as a block."""
    UNRESOLVED = "unresolved"
    """The project cannot be resolved."""


@dataclass(frozen=True, slots=True)
class Locus:
    """`reason` is empty when the image can be pinned; then `file` and `span` are what an edit touches."""

    service: str
    kind: Kind
    value: Value | None
    reason: str
    file: str = ""
    span: Span | None = None
    also: tuple[str, ...] = ()
    """Other services whose image changes with it."""

    @property
    def pinnable(self) -> bool:
        return not self.reason


def images(model: Model) -> dict[str, Locus]:
    """For each service. Raises nothing."""
    return {name: image_locus(model, service) for name, service in model.services.items()}


def image_locus(model: Model, service: ResolvedService) -> Locus:
    """For one service: an edit is planned with a version that nobody has, and thrown away."""
    value = service.image
    if service.is_built:
        reason = "it is built here, not pulled" + (" (image: names the result)" if value else "")
        return Locus(service.name, Kind.BUILT, value, reason)
    if value is None or not value.text:
        return Locus(service.name, Kind.MISSING, value, "no image is named")
    try:
        edit = _tried(model, service.name, value)
    except CannotEdit as wrong:
        return Locus(service.name, _kind_refused(value, wrong), value, str(wrong))
    also = tuple(sorted({one.service for one in edit.changes if one.is_image} - {service.name}))
    kind = _kind(model, value, edit, also)
    return Locus(service.name, kind, value, "", str(edit.file), edit.span, also)


def samples(image: str) -> list[str]:
    """The same image in another version, as it might be pinned: with the tag's suffix, and without."""
    reference = parse_reference(image)
    _, dash, suffix = (reference.tag or "").partition("-")
    return [f"{reference.repository}:0.0.0{end}" for end in dict.fromkeys((dash + suffix, ""))]


def _tried(model: Model, service: str, value: Value) -> Edit:
    refused: CannotEdit | None = None
    for sample in samples(value.text):
        try:
            return plan_edit(model, value, sample, service=service, approved=frozenset(model.services))
        except CannotEdit as wrong:
            refused = refused or wrong
    raise refused or CannotEdit("it is no image reference")


_REFUSED = ((Origin.SHELL, Kind.SHELL), (Origin.UNSET, Kind.UNSET), (Origin.ENV_FILE, Kind.ENV))


def _kind_refused(value: Value, wrong: CannotEdit) -> Kind:
    if isinstance(wrong, Unresolved):
        return Kind.UNRESOLVED
    if isinstance(wrong, SeveralPlaces):
        return Kind.MIXED
    return next((kind for origin, kind in _REFUSED if origin in value.origins), Kind.MIXED)


_LAYERS = {Layer.OVERRIDE: Kind.OVERRIDE, Layer.INCLUDE: Kind.INCLUDE, Layer.EXTENDS: Kind.EXTENDS}


def _kind(model: Model, value: Value, edit: Edit, also: tuple[str, ...]) -> Kind:
    if edit.is_env:
        return Kind.ENV
    if also or not _stands_in_service(model, value):
        return Kind.ANCHOR
    piece = next((one.piece for one in value.written if one.span == edit.span), None)
    if piece is not None and piece.origin is Origin.DEFAULT:
        return Kind.DEFAULT
    return _LAYERS.get(value.layer, Kind.LITERAL)


def _stands_in_service(model: Model, value: Value) -> bool:
    """Not under an anchor somewhere else. One under an anchor that nobody else uses is as good as literal."""
    return (
        value.anchor is None
        or sum(one.image is not None and one.image.place == value.place for one in model.services.values())
        <= 1
    )
