"""What differs between two resolved models. Pure."""

from dataclasses import dataclass

from estate.compose.model import Model
from estate.compose.value import Value, walk

_MOST = 200_000


@dataclass(frozen=True, slots=True)
class Change:
    """One text that differs. `None`: it is not there."""

    path: tuple[str, ...]
    """`services web image`, `services web environment TAG`, `volumes data name`, `project files`."""
    before: str | None
    after: str | None

    @property
    def service(self) -> str:
        """Empty when it belongs to none."""
        return self.path[1] if self.path[0] == "services" else ""

    @property
    def is_image(self) -> bool:
        return len(self.path) == 3 and self.path[0] == "services" and self.path[2] == "image"

    def __str__(self) -> str:
        return f"{'.'.join(self.path)}: {self.before} → {self.after}"


def differences(before: Model, after: Model) -> list[Change]:
    """In the order of the files."""
    old, new = flat(before), flat(after)
    keys = dict.fromkeys([*old, *new])
    return [Change(key, old.get(key), new.get(key)) for key in keys if old.get(key) != new.get(key)]


def flat(model: Model) -> dict[tuple[str, ...], str | None]:
    """Every text of a model by its path."""
    found: dict[tuple[str, ...], str | None] = {
        ("project", "name"): model.name,
        ("project", "files"): " ".join(map(str, model.paths)),
        ("project", "active"): " ".join(sorted(model.active)),
    }

    def visit(path: tuple[str, ...], value: Value) -> None:
        if path[0] != "x" and not path[0].startswith("x-"):
            found[path] = value.text

    walk(model.tree, (), visit, [_MOST])
    for name, service in model.services.items():
        for key, variable in service.environment.items():
            found.setdefault(("services", name, "environment", key), variable.text)
        for key, text in service.labels.items():
            found.setdefault(("services", name, "labels", key), text)
    return found
