"""From files to one merged tree: documents, extends, include, override. Asks for files, decides the rest."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from estate.compose.dotenv import DotEnv, read_dotenv
from estate.compose.environment import Environment
from estate.compose.expand import Expander
from estate.compose.files import Files, joined
from estate.compose.merge import Merge
from estate.compose.problem import Problem
from estate.compose.setting import Setting
from estate.compose.source import Unreadable
from estate.compose.template import Origin
from estate.compose.value import (
    Layer,
    Overriding,
    Reset,
    Rows,
    Section,
    Tree,
    Value,
    child,
    text_of,
    texts_of,
)

_DEEPEST = 32
"""Files that include or extend one another in a chain."""
_IMPORTED = ("services", "volumes", "networks", "secrets", "configs")


@dataclass(slots=True)
class Layers:
    """One reading of a project's files."""

    files: Files
    problems: list[Problem] = field(default_factory=list)
    unreadable: dict[Path, str] = field(default_factory=dict)
    folders: dict[Path, Path] = field(default_factory=dict)
    """File → the folder that its relative paths start from."""
    inherited: dict[Path, list[str]] = field(default_factory=dict)
    """Env file → names that stand there alone: the shell's own value is meant."""
    partial: dict[str, Path] = field(default_factory=dict)
    """Service → the file with what it extends, which could not be read: more may be said of it."""
    _plain: dict[Path, DotEnv] = field(default_factory=dict)
    """Env files that name no variable: they say the same whoever reads them."""

    def load(
        self, paths: list[Path], folder: Path, env: Environment, layer: Layer, above: tuple[Path, ...] = ()
    ) -> Section:
        """The later over the earlier. Raises nothing: what cannot be read is noted and left out."""
        merged = Section()
        for at, path in enumerate(paths):
            kind = layer if at == 0 else Layer.OVERRIDE
            try:
                self.folders.setdefault(path, folder)
                merged = self._file(merged, path, folder, env, kind, above)
            except (Unreadable, RecursionError) as wrong:
                self._cannot(path, wrong)
        return merged

    def settings(
        self,
        paths: list[Path],
        env: Environment,
        *,
        must: bool,
        earlier: Mapping[str, Setting] | None = None,
        at: Value | None = None,
    ) -> dict[str, Setting]:
        """What env files say, over what `earlier` ones said. `must`: each has to be there. `at`: what names
        them."""
        found = dict(earlier or {})
        for path in paths:
            try:
                source = self.files.source(path)
            except Unreadable as wrong:
                self._cannot(path, wrong, at)
                continue
            if source is None:
                if must:
                    self._cannot(path, Unreadable("there is no such file"), at)
                continue
            dotenv = self._plain.get(path) or read_dotenv(source, env.lookup, found)
            if "$" not in source.text:
                self._plain[path] = dotenv
            self.problems += [Problem(path, None, words) for words in dotenv.wrong]
            for name in dotenv.inherited:
                self.inherited.setdefault(path, []).append(name)
            found.update(dotenv.settings)
        return found

    def _cannot(self, path: Path, wrong: Exception, at: Value | None = None) -> None:
        words = "too much refers to itself" if isinstance(wrong, RecursionError) else str(wrong)
        self.unreadable.setdefault(path, words)
        if at is None:
            self.problems.append(Problem(path, None, f"{path.name}: {words}", path))
        elif Origin.UNSET in at.origins:  # so which file is meant is not known
            self.problems.append(Problem(at.file, at.span, f"{at.raw}: its variables must be set"))
        else:
            self.problems.append(Problem(at.file, at.span, f"{at.text}: {words}", path))

    def _documents(self, path: Path, env: Environment, layer: Layer) -> list[Section]:
        source = self.files.source(path)
        sections = []
        for node in self.files.documents(path):
            if node is None or source is None:
                continue
            tree = Expander(source, layer, env.lookup, self.problems).tree(node)
            if not isinstance(tree, Section):
                raise Unreadable("it is no mapping")
            services = tree.get("services")
            if services is not None and not isinstance(services, Section | Reset) and not _is_null(services):
                raise Unreadable("services: is no mapping")
            sections.append(tree)
        return sections

    def _file(
        self,
        merged: Section,
        path: Path,
        folder: Path,
        env: Environment,
        layer: Layer,
        above: tuple[Path, ...],
    ) -> Section:
        for section in self._documents(path, env, layer):
            whole = self._extended(section, path, folder, env)
            whole = self._included(whole, path, folder, env, above)
            merged = Merge().trees(merged, whole)
        return merged

    # ---- extends ----------------------------------------------------------------------------------------

    def _extended(self, section: Section, path: Path, folder: Path, env: Environment) -> Section:
        services = section.get("services")
        if not isinstance(services, Section):
            return section
        extends = _Extends(self, env)
        done = {name: extends.service(services, name, path, folder, ()) for name in services}
        return _with(section, "services", _with_all(services, done))

    def bases(self, path: Path, env: Environment) -> Section:
        """The services of a file that others extend, as they stand there. Raises Unreadable."""
        merged = Section()
        self.folders.setdefault(path, path.parent)
        for section in self._documents(path, env, Layer.EXTENDS):
            merged = Merge().trees(merged, section)
        services = merged.get("services")
        return services if isinstance(services, Section) else Section()

    # ---- include ----------------------------------------------------------------------------------------

    def _included(
        self, section: Section, path: Path, folder: Path, env: Environment, above: tuple[Path, ...]
    ) -> Section:
        include = section.get("include")
        whole = Section(section, source=section.source, span=section.span, keys_at=section.keys_at)
        whole.pop("include", None)
        for one in include if isinstance(include, Rows) else []:
            part = self._include(one, path, folder, env, (*above, path))
            for kind in _IMPORTED:
                self._import(whole, part, kind, path)
        return whole

    def _include(
        self, one: Tree, by: Path, folder: Path, env: Environment, above: tuple[Path, ...]
    ) -> Section:
        written = child(one, "path") if isinstance(one, Section) else one
        paths = [joined(folder, text) for text in texts_of(written)]
        span = one.span if isinstance(one, Value | Section) else None
        if not paths or any("://" in text or text.startswith("git@") for text in texts_of(written)):
            self.problems.append(Problem(by, span, "this include is no local file: it was not read"))
            return Section()
        if paths[0] in above or len(above) > _DEEPEST:
            self.problems.append(Problem(by, span, f"{paths[0].name} includes itself"))
            return Section()
        own = text_of(child(one, "project_directory"))
        inner = joined(folder, own) if own else paths[0].parent
        named = [joined(folder, text) for text in texts_of(child(one, "env_file"))]
        settings = self.settings(named or [inner / ".env"], env, must=bool(named))
        loaded = self.load(paths, inner, env.below(settings), Layer.INCLUDE, above)
        return stripped(loaded)

    def _import(self, whole: Section, part: Section, kind: str, by: Path) -> None:
        added, present = part.get(kind), whole.get(kind)
        if not isinstance(added, Section):
            return
        present = present if isinstance(present, Section) else Section()
        for name in added.keys() & present.keys():
            if _plain(added[name]) != _plain(present[name]):
                self.problems.append(Problem(by, None, f"{kind}.{name} is also in an included file"))
        whole[kind] = _with_all(present, {name: one for name, one in added.items() if name not in present})
        merged = whole[kind]
        if isinstance(merged, Section):
            merged.keys_at = {**added.keys_at, **present.keys_at}


class _Extends:
    """The services of one document, with what they extend."""

    def __init__(self, layers: Layers, env: Environment) -> None:
        self._layers = layers
        self._env = env
        self._bases: dict[Path, Section] = {}

    def service(
        self, services: Section, name: str, path: Path, folder: Path, chain: tuple[tuple[Path, str], ...]
    ) -> Tree:
        tree = services[name]
        extends = tree.get("extends") if isinstance(tree, Section) else None
        if not isinstance(tree, Section) or extends is None:
            return tree
        own = _without(tree, "extends")
        ref = text_of(extends) or text_of(child(extends, "service"))
        file = text_of(child(extends, "file"))
        if (path, name) in chain or len(chain) > _DEEPEST:
            return self._wrong(own, path, f"{name} extends itself")
        if ref is None:
            return self._wrong(own, path, f"{name}: extends needs a service")
        others = services
        if file is not None:
            other = joined(folder, file)
            try:
                others = self._services(other)
            except Unreadable as wrong:
                self._layers.unreadable.setdefault(other, str(wrong))
                self._layers.partial[chain[0][1] if chain else name] = other
                return self._wrong(own, path, f"{name} extends {ref} in {file}: {wrong}", other)
            next_path, next_folder = other, other.parent
        else:
            next_path, next_folder = path, folder
        if ref not in others:
            return self._wrong(own, path, f"{name} extends {ref}, which {file or 'this file'} does not have")
        base = self.service(others, ref, next_path, next_folder, (*chain, (path, name)))
        if not isinstance(base, Section):
            return own
        return Merge().trees(base, own, ("services", name))

    def _services(self, path: Path) -> Section:
        if path not in self._bases:
            self._bases[path] = self._layers.bases(path, self._env)
        return self._bases[path]

    def _wrong(self, tree: Section, path: Path, words: str, of: Path | None = None) -> Section:
        self._layers.problems.append(Problem(path, tree.span, words, of))
        return tree


def stripped(tree: Section) -> Section:
    """Without the marks of `!reset` and `!override`. What is shared stays shared."""
    stripped = _strip(tree, {})
    return stripped if isinstance(stripped, Section) else Section()


def _strip(tree: Tree, done: dict[int, Tree]) -> Tree:
    if id(tree) in done:
        return done[id(tree)]
    made: Tree = tree
    if isinstance(tree, Overriding):
        made = tree.value
    elif isinstance(tree, Section):
        kept = {key: _strip(one, done) for key, one in tree.items() if not isinstance(one, Reset)}
        made = _with_all(tree, kept, only=True)
    elif isinstance(tree, Rows):
        rows = (_strip(one, done) for one in tree if not isinstance(one, Reset))
        made = Rows(rows, source=tree.source, span=tree.span)
    done[id(tree)] = made
    return made


def _with(section: Section, key: str, tree: Tree) -> Section:
    return _with_all(section, {key: tree})


def _without(section: Section, key: str) -> Section:
    return _with_all(section, {name: one for name, one in section.items() if name != key}, only=True)


def _with_all(section: Section, trees: dict[str, Tree], *, only: bool = False) -> Section:
    items = trees if only else {**section, **trees}
    return Section(
        items, source=section.source, span=section.span, keys_at=section.keys_at, overrides=section.overrides
    )


def _is_null(tree: Tree) -> bool:
    return isinstance(tree, Value) and tree.data is None


def _plain(tree: Tree) -> object:
    if isinstance(tree, Value):
        return tree.data
    if isinstance(tree, Section):
        return {key: _plain(one) for key, one in tree.items()}
    return [_plain(one) for one in tree] if isinstance(tree, Rows) else None
