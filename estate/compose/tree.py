"""The compose tree on disk: finds the files, reads what changed, says what is configured.

What Compose would do with the files is followed where it decides what runs: variables and `.env`, project
names, override files, COMPOSE_FILE, COMPOSE_PROFILES, `include`, `extends`.
"""

import asyncio
import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from estate.compose.discover import OVERRIDES, STANDARD, discover
from estate.compose.file import ComposeFile, pairs, read_file, texts
from estate.compose.load import LONGEST, Unreadable
from estate.compose.project import Project, fold
from estate.compose.secrets import public_words, secret_values
from estate.compose.variables import fill, listed, read_env
from estate.model import Service, Tree

_SECRET_FILE = 16 * 1024
"""Bytes: a larger file under `secrets:` is a key store, not a value that could be said."""

_Stamp = tuple[int, int, int]
_Known = ComposeFile | str | None
"""What a file turned out to be: a compose file, unreadable for this reason, or something else."""


class ComposeTree:
    """`root` and the folders in `also`, read in a thread. A file is parsed again when its inode, size or time
    of change differs."""

    def __init__(self, root: Path, also: Sequence[Path] = ()) -> None:
        self._roots = (root, *also)
        self._cache: dict[Path, tuple[_Stamp, _Known]] = {}
        self._lock = asyncio.Lock()

    async def tree(self) -> Tree:
        """What is configured now. A root that is not there is in `unreadable`."""
        async with self._lock:
            return await asyncio.to_thread(self._read)

    def _read(self) -> Tree:
        look = _Look(self._roots, self._cache)
        for root in self._roots:
            look.into(root)
        return look.tree()


class _Look:
    """One look at the whole tree."""

    def __init__(self, roots: Sequence[Path], cache: dict[Path, tuple[_Stamp, _Known]]) -> None:
        self._roots = roots
        self._cache = cache
        self._projects: list[Project] = []
        self._parts: list[Project] = []
        """What `include` brought in, under the including project's name."""
        self._included: set[Path] = set()
        self._bases: set[Path] = set()
        self._envs: dict[Path, dict[str, str]] = {}
        self._pairs: list[tuple[str, str]] = []
        self._unreadable: dict[str, str] = {}

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
        alone = [one for one in self._projects if not self._belongs_elsewhere(one)]
        for project in (*alone, *self._parts):
            for service in project.services(self._file, self._relative):
                found.setdefault((service.project, service.name), service)
            for path, one in project.files:
                self._note_secrets(path, one, project.variables)
        services = tuple(sorted(found.values(), key=lambda one: (one.project, one.name)))
        secrets = secret_values(self._pairs, set(public_words(services)))
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
        written = next((one.name for _, one in reversed(files) if one.name), "")
        name = fold(variables.get("COMPOSE_PROJECT_NAME") or fill(written, variables).text)
        project = Project(name or fold(_real(folder).name) or "default", files, variables)
        self._projects.append(project)
        for path, one in files:
            bases = (path.parent / fill(base, variables).text for base in one.bases)
            self._bases.update(_real(base) for base in bases)
            self._include(project, path, one)

    def _include(self, project: Project, by: Path, one: ComposeFile) -> None:
        for written in one.includes:
            path = by.parent / fill(written, project.variables).text
            if _real(path) in {*self._included, _real(by)}:
                continue
            self._included.add(_real(path))
            part = self._file(path)
            if part is not None:
                variables = {**self._env(path.parent / ".env"), **project.variables}
                self._parts.append(Project(project.name, [(path, part)], variables))
                self._include(project, path, part)

    def _belongs_elsewhere(self, project: Project) -> bool:
        path = _real(project.path)
        return path in self._included or (path in self._bases and path.name not in STANDARD)

    # ---- files ------------------------------------------------------------------------------------------

    def _file(self, path: Path) -> ComposeFile | None:
        known: _Known
        try:
            status = path.stat()
            stamp = (status.st_ino, status.st_size, status.st_mtime_ns)
            if self._cache.get(path, ((), None))[0] != stamp:
                self._cache[path] = (stamp, _parse(path, status.st_size))
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

    def _note_secrets(self, path: Path, one: ComposeFile, variables: Mapping[str, str]) -> None:
        for service in one.services.values():
            for name, value in pairs(service.get("environment")):
                self._pairs.append((name, fill(value, variables).text))
            for file in texts(service.get("env_file")):
                self._env(path.parent / fill(file, variables).text)
        for file in one.secret_files:
            data = self._small(path.parent / fill(file, variables).text, _SECRET_FILE)
            self._pairs.append(("secret", data.decode("utf-8", "replace").strip()))

    def _small(self, path: Path, limit: int) -> bytes:
        """The bytes of a file that may be missing; one that may not be read is noted."""
        try:
            if path.is_file() and path.stat().st_size <= limit:
                return path.read_bytes()
        except (OSError, ValueError) as wrong:
            self._unreadable[self._relative(path)] = _words(wrong)
        return b""

    def _relative(self, path: Path) -> str:
        root = self._roots[0]
        return str(path.relative_to(root)) if path.is_relative_to(root) else str(path)


def _parse(path: Path, size: int) -> _Known:
    standard = path.name in STANDARD
    if size > LONGEST:
        return f"it is longer than {LONGEST // 1024 // 1024} MiB" if standard else None
    try:
        return read_file(path.read_bytes(), standard=standard)
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
