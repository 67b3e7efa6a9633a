"""From files and variables to services, as far as it decides what runs. Pure, but for the files that
`extends` names, which are asked for through a function."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from estate.compose.file import ComposeFile
from estate.compose.variables import fill, listed
from estate.model import Service

ReadFile = Callable[[Path], ComposeFile | None]
_DEEPEST = 8


@dataclass(frozen=True, slots=True)
class Project:
    """Files that Compose reads together, the later over the earlier."""

    name: str
    files: Sequence[tuple[Path, ComposeFile]]
    variables: Mapping[str, str]

    @property
    def path(self) -> Path:
        return self.files[0][0]

    def services(self, read: ReadFile, relative: Callable[[Path], str]) -> Iterator[Service]:
        """What it configures. A service's file is the first that names it."""
        merged: dict[str, dict[str, Any]] = {}
        where: dict[str, Path] = {}
        for path, one in self.files:
            for name in one.services:
                merged[name] = {**merged.get(name, {}), **self._resolved(path, one, name, read, 0)}
                where.setdefault(name, path)
        active = set(listed(self.variables.get("COMPOSE_PROFILES")))
        for name, raw in merged.items():
            profiles = tuple(self._text(one) or "" for one in _list(raw.get("profiles")))
            yield Service(
                project=self.name,
                name=name,
                file=relative(where[name]),
                image=self._text(raw.get("image")),
                container_name=self._text(raw.get("container_name")),
                profiles=() if active & {*profiles, "*"} else profiles,
                replicas=self._replicas(raw),
            )

    def _resolved(
        self, path: Path, one: ComposeFile, name: str, read: ReadFile, depth: int
    ) -> dict[str, Any]:
        raw = {key: value for key, value in one.services.get(name, {}).items() if value is not None}
        extends = raw.get("extends")
        base = extends if isinstance(extends, str) else None
        if isinstance(extends, dict) and isinstance(extends.get("service"), str):
            base = extends["service"]
            if isinstance(extends.get("file"), str):
                path = path.parent / fill(extends["file"], self.variables).text
                one = read(path) or ComposeFile({})
        if base is None or depth > _DEEPEST:
            return raw
        # A base's profiles are its own.
        inherited = self._resolved(path, one, base, read, depth + 1)
        return {**{key: value for key, value in inherited.items() if key != "profiles"}, **raw}

    def _text(self, value: Any) -> str | None:
        return fill(value, self.variables).text or None if isinstance(value, str) else None

    def _replicas(self, raw: Mapping[str, Any]) -> int:
        deploy = raw.get("deploy")
        value = self._text(deploy.get("replicas") if isinstance(deploy, dict) else None)
        value = value or self._text(raw.get("scale")) or "1"
        return int(value) if value.isascii() and value.isdecimal() and len(value) < 6 else 1


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value] if isinstance(value, str) else []


def fold(name: str) -> str:
    """A project's name as Compose folds it: `A b` → `ab`, `--help` → `help`."""
    return re.sub(r"[^a-z0-9_-]", "", name.lower()).lstrip("_-")
