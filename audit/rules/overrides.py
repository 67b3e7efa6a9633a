"""Files that Compose reads without being told to."""

from collections.abc import Iterator

from audit.look import Look
from audit.model import Failed, Passed, Place, Result, Severity
from audit.rule import rule
from estate.compose.invocation import OVERRIDES
from estate.compose.model import Model
from estate.compose.value import Layer, Value, walk

_GRAVE = ("image", "build", "command", "entrypoint", "ports", "volumes", "privileged", "network_mode", "user")
_MOST_VALUES = 20_000


@rule("CMP-03", Severity.LOW)
def silent_override(look: Look) -> Iterator[Result]:
    """An override file lies beside the compose file, and Compose merges it without being asked.

    Wrong: `compose.override.yml` or one of its spellings stands beside the base file and COMPOSE_FILE does
    not name it, so it changes what runs for whoever says `docker compose up` and not for whoever says
    `-f compose.yml`. High: it changes what is run or what is open: image, build, command, ports, mounts,
    privileges.
    Disprove: everybody deploys with the override on purpose.
    Mend: name both files in COMPOSE_FILE in `.env`, or give it another name.
    """
    for model in look.snapshot.models:
        override = next((path for path in model.paths[1:] if path.name in OVERRIDES), None)
        if override is None:
            continue
        file = look.snapshot.relative(override)
        if model.environment.text("COMPOSE_FILE"):
            yield Passed(file)
            continue
        changed = _changed(model)
        grave = sorted({key for keys in changed.values() for key in keys if key in _GRAVE})
        yield Failed(
            place=Place(file),
            message=f"Compose merges it over {model.paths[0].name} unasked"
            + (f", and it changes {', '.join(grave)}" if grave else ""),
            key=file,
            evidence=tuple(
                f"{model.name}/{name}: {', '.join(sorted(keys))}" for name, keys in changed.items()
            ),
            disprove="everybody deploys with it on purpose",
            remedy=f"name both files in COMPOSE_FILE in .env beside it, or rename {override.name}",
            severity=Severity.HIGH if grave else None,
        )


def _changed(model: Model) -> dict[str, set[str]]:
    """Service → the keys that the override decides, at least in part."""
    found: dict[str, set[str]] = {}
    for name, service in model.services.items():

        def note(path: tuple[str, ...], value: Value, service_name: str = name) -> None:
            if value.layer is Layer.OVERRIDE and path:
                found.setdefault(service_name, set()).add(path[0])

        walk(service.tree, (), note, [_MOST_VALUES])
    return found
