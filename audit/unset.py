"""Variables of a project that nobody sets, and where they are used. Pure."""

import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field

from estate.compose.model import Model
from estate.compose.template import Origin
from estate.compose.value import Value, walk

_MOST = 200_000
"""Values of a project, looked at."""
_SHELL = {
    "HOME",
    "PWD",
    "USER",
    "PATH",
    "LOGNAME",
    "SHELL",
    "LANG",
    "DISPLAY",
    "XDG_RUNTIME_DIR",
    "SSH_AUTH_SOCK",
}
"""Every shell has these."""


@dataclass(slots=True)
class Missing:
    """One variable. `required`: Compose stops without it."""

    uses: list[tuple[Value, str]] = field(default_factory=list)
    """Where, and in what (`services web image`)."""
    required: bool = False


def missing_in(model: Model) -> dict[str, Missing]:
    """By name; without what allows for it (`${X:-}`, `${X:+…}`), what every shell has, and services that an
    inactive profile keeps away."""
    found: dict[str, Missing] = defaultdict(Missing)
    seen: set[tuple[str, int, str]] = set()

    def visit(path: tuple[str, ...], value: Value) -> None:
        if path[0].startswith("x-") or "$" not in value.raw:
            return
        if path[0] == "services" and len(path) > 1 and path[1] not in model.active:
            return
        for name, required in _unset_in(model, value):
            use = (str(value.file), value.span.start, name)
            if use not in seen:
                seen.add(use)
                found[name].uses.append((value, " ".join(path[:4])))
                found[name].required |= required

    walk(model.tree, (), visit, [_MOST])
    return dict(found)


def _unset_in(model: Model, value: Value) -> Iterator[tuple[str, bool]]:
    for name, colon in re.findall(r"\$\{([_a-zA-Z]\w*)(:?)\?", value.raw):
        bound = model.environment.lookup(name)
        if bound is None or (colon and not bound.text):
            yield name, True
    for one in value.written:
        piece = one.piece
        if piece.origin is Origin.UNSET and piece.variables:
            name = piece.variables[-1]
            if name not in _SHELL and not re.search(rf"\$\{{{re.escape(name)}:?[+?]", value.raw):
                yield name, False
