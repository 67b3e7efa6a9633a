"""What one compose file says, before any other file and any variable is looked at. Pure."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from estate.compose.load import Plain, Unreadable, load
from estate.compose.node import parse
from estate.compose.parser import Parse

_KEYS = {
    "image",
    "build",
    "extends",
    "command",
    "container_name",
    "environment",
    "env_file",
    "ports",
    "volumes",
    "depends_on",
    "healthcheck",
    "deploy",
    "networks",
    "restart",
    "labels",
    "entrypoint",
    "network_mode",
}
_LOOKS = re.compile(rb"^(?:\xef\xbb\xbf)?[\"']?services[\"']?[ \t]*:[ \t]*(?:#.*)?\r?$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class ComposeFile:
    """A file that configures services. Values are as written, with their variables."""

    services: Mapping[str, Mapping[str, Any]]
    name: str | None = None
    includes: tuple[str, ...] = ()
    """Paths, as written."""

    @property
    def bases(self) -> tuple[str, ...]:
        """The files that services extend from, as written."""
        found = (service.get("extends") for service in self.services.values())
        return tuple(e["file"] for e in found if isinstance(e, dict) and isinstance(e.get("file"), str))


def read_file(data: bytes, *, standard: bool, parse: Parse = parse) -> ComposeFile | None:
    """The file, or None when it is no compose file: then it is somebody else's YAML.

    `standard`: its name says that it is one. Raises Unreadable only when it is, or looks like, one.
    """
    if b"services" not in data and not standard:
        return None
    try:
        documents = load(data, parse)
    except Unreadable:
        if standard or _LOOKS.search(data):
            raise
        return None
    found = [one for one in (_document(document, standard) for document in documents) if one]
    if not found:
        return None
    services: dict[str, Mapping[str, Any]] = {}
    for one in found:
        services.update(one.services)
    return ComposeFile(
        services,
        next((one.name for one in found if one.name), None),
        tuple(path for one in found for path in one.includes),
    )


def _document(document: Plain, standard: bool) -> ComposeFile | None:
    if not isinstance(document, dict):
        return None
    services = document.get("services")
    services = services if isinstance(services, dict) else {}
    if not standard and not _are_services(services):
        return None
    includes = tuple(_includes(document.get("include")))
    if not services and not includes:
        return None
    name = document.get("name")
    return ComposeFile(
        {key: value if isinstance(value, dict) else {} for key, value in services.items()},
        name if isinstance(name, str) else None,
        includes,
    )


def _are_services(services: Mapping[str, Any]) -> bool:
    """By shape: mappings, at least one of which has a key that only a service has."""
    values = [value for value in services.values() if value is not None]
    return all(isinstance(value, dict) for value in values) and any(_KEYS & value.keys() for value in values)


def _includes(value: Any) -> list[str]:
    each = value if isinstance(value, list) else []
    paths = (one.get("path") if isinstance(one, dict) else one for one in each)
    flat = [path for one in paths for path in (one if isinstance(one, list) else [one])]
    return [path for path in flat if isinstance(path, str)]
