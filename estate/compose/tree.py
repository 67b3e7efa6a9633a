"""The compose tree on disk: finds the files, reads what changed, says what is configured.

What Compose would do with the files is followed where it decides what runs: variables and `.env`, project
names, override files, COMPOSE_FILE, COMPOSE_PROFILES, `include`, `extends`.
"""

import os
import re
import stat
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from estate.compose.discover import discover
from estate.compose.file import ComposeFile, read_file
from estate.compose.files import shown
from estate.compose.invocation import OVERRIDES, STANDARD, Invocation
from estate.compose.load import LONGEST, Unreadable
from estate.compose.model import Model
from estate.compose.models import Models
from estate.compose.parser import Parse, Parser
from estate.compose.secrets import public_words, secret_values
from estate.compose.value import Section, child, text_of
from estate.compose.variables import filled, listed, read_env
from estate.model import Service, Tree

if TYPE_CHECKING:
    import asyncio

_SECRET_FILE = 16 * 1024
"""Bytes: a larger file under `secrets:` is a key store, not a value that could be said."""

_Stamp = tuple[int, int, int]
_Known = ComposeFile | str | None
"""What a file turned out to be: a compose file, unreadable for this reason, or something else."""


@dataclass(frozen=True, slots=True)
class _Project:
    """Files that Compose reads together, the later over the earlier."""

    folder: Path
    files: list[tuple[Path, ComposeFile]]
    is_chosen: bool
    """By COMPOSE_FILE in `.env`."""
    variables: Mapping[str, str]


class ComposeTree:
    """`root` and the folders in `also`, read in a thread. A file is parsed again when its inode, size or time
    of change differs."""

    def __init__(self, root: Path, also: Sequence[Path] = (), *, moment: float = 0.0) -> None:
        """moment: for so many seconds a tree that was read is still the same moment."""
        self._moment = moment
        self._last: tuple[float, Tree] | None = None
        self._roots = tuple(one.absolute() for one in (root, *also))
        self._cache: dict[Path, tuple[_Stamp, _Known]] = {}
        self._models = Models()
        self._lock: asyncio.Lock | None = None

    async def tree(self) -> Tree:
        """What is configured now. A root that is not there is in `unreadable`."""
        import asyncio  # an audit of files alone has no loop, and should not load one

        self._lock = self._lock or asyncio.Lock()
        async with self._lock:
            if self._last is None or time.monotonic() - self._last[0] > self._moment:
                read = await asyncio.to_thread(self._read)
                self._last = (time.monotonic(), read)
            return self._last[1]

    def survey(self) -> tuple[Tree, tuple[Model, ...]]:
        """The same, with the model of each project. Blocks."""
        look = _Look(self._roots, self._cache, self._models)
        for root in self._roots:
            look.into(root)
        return look.tree(), tuple(look.models)

    def _read(self) -> Tree:
        return self.survey()[0]


class _Look:
    """One look at the whole tree."""

    def __init__(
        self, roots: Sequence[Path], cache: dict[Path, tuple[_Stamp, _Known]], models: Models
    ) -> None:
        self._models = models
        self._parser = Parser()
        self._roots = roots
        self._cache = cache
        self._projects: list[_Project] = []
        self._included: set[Path] = set()
        self._bases: set[Path] = set()
        self._envs: dict[Path, dict[str, str]] = {}
        self._pairs: list[tuple[str, str]] = []
        self._unreadable: dict[str, str] = {}
        self.models: list[Model] = []
        """Each project's, once `tree` was asked."""

    def into(self, root: Path) -> None:
        """Find projects below `root`."""
        found = discover(root)
        for folder, reason in found.unreadable.items():
            self._unreadable[self._relative(folder)] = reason
        for folder, names in sorted(found.folders.items()):
            self._folder(folder, names)

    def tree(self) -> Tree:
        """Everything that was found."""
        found: dict[tuple[str, str], Service] = {}
        for project in self._projects:
            if self._belongs_elsewhere(project):
                continue
            model = self._model(project)
            self.models.append(model)
            for service in self._services(project, model):
                found.setdefault((service.project, service.name), service)
            self._note_secrets(model)
        services = tuple(sorted(found.values(), key=lambda one: (one.project, one.name)))
        secrets = secret_values(self._pairs, set(public_words(services)))
        self._parser.forget()
        return Tree(services, dict(sorted(self._unreadable.items())), secrets)

    # ---- projects ---------------------------------------------------------------------------------------

    def _folder(self, folder: Path, names: Sequence[str]) -> None:
        read = {name: one for name in names if (one := self._file(folder / name)) is not None}
        if not read:
            return
        variables = self._env(folder / ".env")
        main = self._main(folder, read, variables)
        if main:
            self._project(folder, main, variables)
        for name, one in read.items():
            # Beside a project's own file, `docker-compose.dev.yml` is another way to run the same project.
            variant = main and re.match(r"(?:docker-)?compose[._-]", name)
            if not variant and all(path.name != name for path, _ in main):
                self._project(folder, [(folder / name, one)], variables)

    def _main(
        self, folder: Path, read: Mapping[str, ComposeFile], variables: Mapping[str, str]
    ) -> list[tuple[Path, ComposeFile]]:
        separator = variables.get("COMPOSE_PATH_SEPARATOR") or ":"
        paths = [folder / name for name in listed(variables.get("COMPOSE_FILE"), separator)]
        if paths:
            return [(path, one) for path in paths if (one := self._file(path)) is not None]
        first = next((name for name in STANDARD if name in read), None)
        override = next((name for name in OVERRIDES if name in read), None)
        return [(folder / name, read[name]) for name in (first, override) if name and first]

    def _project(
        self, folder: Path, files: list[tuple[Path, ComposeFile]], variables: Mapping[str, str]
    ) -> None:
        is_chosen = bool(variables.get("COMPOSE_FILE")) and files[0][0] != folder / files[0][0].name
        self._projects.append(_Project(folder, files, is_chosen, variables))
        for path, one in files:
            bases = (path.parent / filled(base, variables) for base in one.bases)
            self._bases.update(_real(base) for base in bases)
            self._include(path, one, variables)

    def _include(self, by: Path, one: ComposeFile, variables: Mapping[str, str]) -> None:
        for written in one.includes:
            path = by.parent / filled(written, variables)
            if _real(path) in {*self._included, _real(by)}:
                continue
            self._included.add(_real(path))
            part = self._file(path)
            if part is not None:
                self._include(path, part, {**self._env(path.parent / ".env"), **variables})

    def _belongs_elsewhere(self, project: _Project) -> bool:
        path = _real(project.files[0][0])
        return path in self._included or (path in self._bases and path.name not in STANDARD)

    # ---- what they say ----------------------------------------------------------------------------------

    def _model(self, project: _Project) -> Model:
        files = () if project.is_chosen else tuple(str(path) for path, _ in project.files)
        model = self._models.get(Invocation(project.folder, files), self._parser.parse)
        for path, reason in model.unreadable.items():
            if path.exists():
                self._unreadable.setdefault(self._relative(path), reason)
        return model

    def _services(self, project: _Project, model: Model) -> Iterator[Service]:
        """A service's file is the first that names it."""
        for one in model.services.values():
            first = next((path for path, file in project.files if one.name in file.services), None)
            path = first or (one.at[0].path if one.at else project.files[0][0])
            yield Service(
                project=model.name,
                name=one.name,
                file=self._relative(path),
                image=(one.image.text if one.image else "") or None,
                container_name=one.container_name,
                profiles=() if one.name in model.active else tuple(one.profiles),
                replicas=one.replicas,
            )

    def _note_secrets(self, model: Model) -> None:
        for service in model.services.values():
            self._pairs += [(name, one.text) for name, one in service.environment.items() if one.text]
        self._pairs += [(name, bound.text) for name, bound in model.environment.bound.items()]
        secrets = model.tree.get("secrets")
        for one in secrets.values() if isinstance(secrets, Section) else ():
            file = text_of(child(one, "file"))
            if file is not None:
                data = self._small(model.directory / file, _SECRET_FILE)
                self._pairs.append(("secret", data.decode("utf-8", "replace").strip()))

    # ---- files ------------------------------------------------------------------------------------------

    def _file(self, path: Path) -> ComposeFile | None:
        known: _Known
        try:
            status = path.stat()
            if not stat.S_ISREG(status.st_mode):
                # A pipe would be waited for, a device would never end.
                raise ValueError("it is not a regular file")
            stamp = (status.st_ino, status.st_size, status.st_mtime_ns)
            if self._cache.get(path, ((), None))[0] != stamp:
                self._cache[path] = (stamp, _parse(path, status.st_size, self._parser.parse))
            known = self._cache[path][1]
        except (OSError, ValueError) as wrong:
            known = _words(wrong)
        if isinstance(known, str):
            self._unreadable[self._relative(path)] = known
            return None
        return known

    def _env(self, path: Path) -> dict[str, str]:
        if path not in self._envs:
            data = self._small(path, LONGEST)
            self._envs[path] = read_env(data)
            self._pairs += self._envs[path].items()
        return self._envs[path]

    def _small(self, path: Path, limit: int) -> bytes:
        """The bytes of a file that may be missing; one that may not be read is noted."""
        try:
            if path.is_file() and path.stat().st_size <= limit:
                return path.read_bytes()
        except (OSError, ValueError) as wrong:
            self._unreadable[self._relative(path)] = _words(wrong)
        return b""

    def _relative(self, path: Path) -> str:
        return shown(path, self._roots[0])


def _parse(path: Path, size: int, parse: Parse) -> _Known:
    standard = path.name in STANDARD
    if size > LONGEST:
        return f"it is longer than {LONGEST // 1024 // 1024} MiB" if standard else None
    try:
        return read_file(path.read_bytes(), standard=standard, parse=parse)
    except Unreadable as wrong:
        return str(wrong)


def _real(path: Path) -> Path:
    """Without symlinks; a path that cannot be followed (a loop, a NUL) stays as it is."""
    try:
        return Path(os.path.realpath(path))
    except (OSError, ValueError):
        return path


def _words(wrong: OSError | ValueError) -> str:
    return (getattr(wrong, "strerror", None) or str(wrong)).lower()
