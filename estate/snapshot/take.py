"""Takes a snapshot of the files: all reading is here, bounded in time, number and size. Blocks."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from estate.compose.dotenv import read_dotenv
from estate.compose.files import joined, read_disk, shown
from estate.compose.model import Model
from estate.compose.service import ResolvedService
from estate.compose.source import Source, Unreadable
from estate.compose.tree import ComposeTree
from estate.compose.value import Rows, Section, Value, child, text_of
from estate.snapshot.code import SUFFIXES, CodeDefault, defaults_in
from estate.snapshot.document import Document
from estate.snapshot.entry import Entry
from estate.snapshot.env_file import EnvFile, is_env_name
from estate.snapshot.git import ask_git
from estate.snapshot.model import Snapshot, Where
from estate.snapshot.walk import look_at, walk_tree

LONGEST_TEXT = 512 * 1024
"""Bytes of one README, unit, source file."""
LONGEST_KEY = 64 * 1024
MOST = 5000
"""Files of one sort that are read."""
MOST_BYTES = 64 * 1024 * 1024
"""Bytes that are kept of everything together."""

_TEXTS = (".md", ".service", ".timer", ".toml", ".sh")
_KEYS = (".key", ".pem")
_KEY_NAMES = {"id_rsa", "id_ed25519", "id_ecdsa", "id_dsa"}


class Snapshots:
    """`root` and the folders in `also`. Compose files that did not change are not parsed again."""

    def __init__(self, root: Path, also: Sequence[Path] = (), where: Where | None = None) -> None:
        self._root = root.absolute()
        self._roots = tuple(one.absolute() for one in (root, *also))
        self._where = where or Where()
        self._compose = ComposeTree(root, also)

    @property
    def root(self) -> Path:
        return self._root

    def take(self, now: datetime, *, git: bool = True) -> Snapshot:
        """Everything that stands in files. Raises nothing: what cannot be read is in it as such."""
        taking = _Taking(self._root, self._where)
        tree, models = self._compose.survey()
        for root in self._roots:
            taking.walk(root)
        taking.read(models)
        compose = {taking.relative(path) for model in models for path in model.files.sources}
        unread = {**tree.unreadable, **taking.unread}
        return Snapshot(
            root=self._root,
            taken=now,
            where=self._where,
            tree=tree,
            models=models,
            entries=taking.entries,
            env_files=tuple(taking.env_files.values()),
            documents={path: one for path, one in taking.documents.items() if path not in compose},
            texts=taking.texts,
            private_keys=frozenset(taking.private_keys),
            code=tuple(taking.code),
            git=ask_git(self._root) if git else None,
            unread=dict(sorted(unread.items())),
        )


class _Taking:
    """One look at everything."""

    def __init__(self, root: Path, where: Where) -> None:
        self._root = root
        self._where = where
        self._left = MOST_BYTES
        self.entries: dict[str, Entry] = {}
        self.env_files: dict[str, EnvFile] = {}
        self.documents: dict[str, Document] = {}
        self.texts: dict[str, str] = {}
        self.private_keys: set[str] = set()
        self.code: list[CodeDefault] = []
        self.unread: dict[str, str] = {}

    def relative(self, path: Path) -> str:
        return shown(path, self._root)

    def walk(self, root: Path) -> None:
        found = walk_tree(root, self.relative)
        self.entries.update(found.entries)
        self.unread.update(found.unread)

    def read(self, models: Sequence[Model]) -> None:
        for one in list(self.entries.values()):
            self._file(one)
        for model in models:
            self._project(model)

    # ---- by their names ---------------------------------------------------------------------------------

    def _file(self, entry: Entry) -> None:
        name = entry.name.lower()
        if is_env_name(name) and not entry.is_folder:
            self._env(self._root / entry.path, ())
        elif not entry.is_file:
            return
        elif name.endswith((".yml", ".yaml")):
            self._document(entry)
        elif (name.endswith(_TEXTS) or name == ".gitignore") and len(self.texts) < MOST:
            data = self._small(entry, LONGEST_TEXT)
            if data is not None:
                self.texts[entry.path] = data.decode("utf-8", "replace")
        elif name.endswith(_KEYS) or name in _KEY_NAMES or name == "acme.json":
            data = (self._small(entry, LONGEST_KEY) if entry.size else None) or b""
            if b"PRIVATE KEY" in data or b'"PrivateKey"' in data or b'"key"' in data:
                self.private_keys.add(entry.path)

    def _document(self, entry: Entry) -> None:
        if len(self.documents) < MOST:
            data = self._small(entry, LONGEST_TEXT)
            if data is not None:
                self.documents[entry.path] = Document(entry.path, data)

    def _small(self, entry: Entry, limit: int) -> bytes | None:
        """The bytes of a regular file, if it is worth them."""
        if entry.size > min(limit, self._left):
            return None
        try:
            data = read_disk(self._root / entry.path)
        except (OSError, Unreadable) as wrong:
            self.unread[entry.path] = (getattr(wrong, "strerror", None) or str(wrong)).lower()
            return None
        self._left -= len(data)
        return data

    # ---- by what compose files name ---------------------------------------------------------------------

    def _project(self, model: Model) -> None:
        for bound in model.environment.bound.values():
            if bound.setting is not None:
                self._env(bound.setting.source.path, ())
        for service in model.services.values():
            for path in _given(model, service):
                self._env(path, (f"{model.name}/{service.name}",))
            context = _context(model, service)
            if context is not None:
                self._sources(context)

    def _env(self, path: Path, users: tuple[str, ...]) -> None:
        shown = self.relative(path)
        known = self.env_files.get(shown)
        if known is not None:
            if not set(users) <= set(known.users):
                self.env_files[shown] = _used(known, users)
            return
        try:
            link = look_at(path, shown)
            entry = link
            if link.is_link:
                real = path.resolve(strict=True)
                entry = look_at(real, self.relative(real))
            source = Source(path, read_disk(path))
            folder = look_at(path.parent, self.relative(path.parent), follow=True)
        except FileNotFoundError:
            if path.is_symlink():
                self.unread[shown] = "it is a symlink that leads nowhere"
            return
        except (OSError, Unreadable, RuntimeError) as wrong:
            self.unread[shown] = (getattr(wrong, "strerror", None) or str(wrong)).lower()
            return
        found = read_dotenv(source, lambda _: None)
        self.env_files[shown] = EnvFile(
            shown,
            entry,
            link if link.is_link else None,
            found.settings,
            tuple(found.wrong),
            users,
            folder,
        )

    def _sources(self, context: Path) -> None:
        """The source code of what is built here."""
        prefix = self.relative(context)
        prefix = "" if prefix == "." else f"{prefix}/"
        seen = {one.path for one in self.code}
        for entry in list(self.entries.values()):
            if len(self.code) > MOST or entry.path in seen:
                continue
            if entry.is_file and entry.path.startswith(prefix) and entry.name.endswith(SUFFIXES):
                data = self._small(entry, LONGEST_TEXT)
                self.code += defaults_in(entry.path, (data or b"").decode("utf-8", "replace"))


def _used(known: EnvFile, users: tuple[str, ...]) -> EnvFile:
    return replace(known, users=tuple(dict.fromkeys((*known.users, *users))))


def _given(model: Model, service: ResolvedService) -> Iterator[Path]:
    """The env files that a service is given."""
    for variable in service.environment.values():
        if variable.setting is not None and variable.value is None:
            yield variable.setting.source.path
    written = service.tree.get("env_file")
    for one in written if isinstance(written, Rows) else [written]:
        value = child(one, "path") if isinstance(one, Section) else one
        if isinstance(value, Value) and value.data is not None:
            yield joined(model.directory, value.text)


def _context(model: Model, service: ResolvedService) -> Path | None:
    build = service.tree.get("build")
    text = text_of(build) or text_of(child(build, "context"))
    if build is None or (text is not None and "://" in text):
        return None
    return joined(model.directory, text or ".")
