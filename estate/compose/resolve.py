"""A project's files to its model: what `docker compose config` would say, and where each value stands.

Nothing but `read` touches the world.
"""

from pathlib import Path

from estate.compose.environment import Environment
from estate.compose.files import Files, Read, joined
from estate.compose.invocation import OVERRIDES, STANDARD, Invocation
from estate.compose.layers import Layers, stripped
from estate.compose.model import Model, fold
from estate.compose.problem import Problem
from estate.compose.service import ResolvedService, Variable, labels_of, variables_of
from estate.compose.setting import Setting
from estate.compose.source import Unreadable
from estate.compose.template import Bound, Origin
from estate.compose.value import Layer, Rows, Section, Tree, Value, child, text_of

_TRUE = {"1", "t", "T", "TRUE", "true", "True", "y", "yes"}


def resolve(invocation: Invocation, read: Read) -> Model:
    """Raises nothing: what is wrong is in the model's `problems`."""
    return resolve_files(invocation, Files(read))


def resolve_files(invocation: Invocation, files: Files) -> Model:
    """As `resolve`, from files that may be known already."""
    return _Resolver(invocation, files).model()


class _Resolver:
    def __init__(self, invocation: Invocation, files: Files) -> None:
        self._call = invocation
        self._layers = Layers(files)
        self._problems = self._layers.problems

    def model(self) -> Model:
        call = self._call
        env = self._first_environment()
        paths = self._paths(env)
        folder = self._folder(paths)
        env = self._second_environment(env, folder)
        name = self._name(env, paths, folder)
        bound = {"COMPOSE_PROJECT_NAME": Bound(name, Origin.PROJECT)}
        env = Environment({**env.bound, **bound})
        tree = stripped(self._layers.load(paths, folder, env, Layer.MAIN))
        if not paths:
            self._problems.append(Problem(call.directory, None, "there is no compose file"))
        services = self._services(tree, env)
        wanted = {*call.profiles, *env.listed("COMPOSE_PROFILES")}
        active = frozenset(
            one.name
            for one in services.values()
            if not one.profiles or "*" in wanted or wanted.intersection(one.profiles)
        )
        return Model(
            name,
            call,
            folder,
            tuple(paths),
            services,
            active,
            tree,
            env,
            tuple(dict.fromkeys(self._problems)),
            self._layers.unreadable,
            self._layers.files,
            self._layers.partial,
        )

    # ---- variables, files, folder, name -----------------------------------------------------------------

    def _first_environment(self) -> Environment:
        call = self._call
        env = Environment.of_shell(call.shell)
        if call.env_files:
            paths = [joined(call.directory, one) for one in call.env_files]
            return env.below(self._layers.settings(paths, env, must=True))
        if self._reads_no_env(env):
            return env
        folder = call.directory
        if call.project_directory is not None:
            folder = joined(call.directory, call.project_directory)
        elif call.files:
            folder = joined(call.directory, call.files[0]).parent
        return env.below(self._layers.settings([folder / ".env"], env, must=False))

    def _second_environment(self, env: Environment, folder: Path) -> Environment:
        """A `.env` where Compose is called may choose files elsewhere; the one beside them counts, too."""
        if self._call.env_files or self._reads_no_env(Environment.of_shell(self._call.shell)):
            return env
        return env.below(self._layers.settings([folder / ".env"], env, must=False))

    def _reads_no_env(self, env: Environment) -> bool:
        return env.text("COMPOSE_DISABLE_ENV_FILE") in _TRUE

    def _paths(self, env: Environment) -> list[Path]:
        folder = self._call.directory
        chosen = self._call.files or env.listed("COMPOSE_FILE", env.text("COMPOSE_PATH_SEPARATOR") or ":")
        if chosen:
            return list(dict.fromkeys(joined(folder, one) for one in chosen))
        if self._call.project_directory is not None:
            folder = joined(folder, self._call.project_directory)
        main = next((folder / name for name in STANDARD if self._is_there(folder / name)), None)
        over = next((folder / name for name in OVERRIDES if self._is_there(folder / name)), None)
        return [path for path in (main, over) if path is not None and main is not None]

    def _is_there(self, path: Path) -> bool:
        try:
            return self._layers.files.source(path) is not None
        except Unreadable:
            return True

    def _folder(self, paths: list[Path]) -> Path:
        if self._call.project_directory is not None:
            return joined(self._call.directory, self._call.project_directory)
        return paths[0].parent if paths else self._call.directory

    def _name(self, env: Environment, paths: list[Path], folder: Path) -> str:
        named = self._call.name or env.text("COMPOSE_PROJECT_NAME") or self._written_name(env, paths)
        return fold(named or folder.name) or "default"

    def _written_name(self, env: Environment, paths: list[Path]) -> str:
        """`name:` of the last file that has one. What is wrong in a file is told when it is loaded."""
        quiet = Layers(self._layers.files)
        found = ""
        for path in paths:
            try:
                for node in self._layers.files.documents(path):
                    if node is not None and self._has_name(node):
                        tree = quiet.load([path], path.parent, env, Layer.MAIN)
                        found = text_of(tree.get("name")) or found
            except Unreadable:
                continue
        return found

    def _has_name(self, node: object) -> bool:
        pairs = getattr(node, "pairs", ())
        return any(getattr(key, "text", None) in ("name", "<<") for key, _ in pairs)

    # ---- services ---------------------------------------------------------------------------------------

    def _services(self, tree: Section, env: Environment) -> dict[str, ResolvedService]:
        services = tree.get("services")
        if not isinstance(services, Section):
            return {}
        return {name: self._service(services, name, one, env) for name, one in services.items()}

    def _service(self, services: Section, name: str, tree: Tree, env: Environment) -> ResolvedService:
        section = tree if isinstance(tree, Section) else Section()
        environment = self._env_files(section, env) | variables_of(section.get("environment"), env.bound)
        labels = self._label_files(section, env) | labels_of(section.get("labels"))
        return ResolvedService(name, section, services.keys_at.get(name), environment, labels)

    def _env_files(self, service: Section, env: Environment) -> dict[str, Variable]:
        found: dict[str, Setting] = {}
        alone: list[str] = []
        written = service.get("env_file")
        for one in written if isinstance(written, Rows) else [written]:
            value = child(one, "path") if isinstance(one, Section) else one
            if isinstance(value, Value) and value.data is not None:
                must = text_of(child(one, "required")) != "false"
                path = joined(self._layers.folders.get(value.file, value.file.parent), value.text)
                found = self._layers.settings([path], env, must=must, earlier=found, at=value)
                alone += self._layers.inherited.get(path, [])
        taken = {name: Variable(env.text(name)) for name in alone if env.lookup(name)}
        return taken | {name: Variable(one.text, setting=one) for name, one in found.items()}

    def _label_files(self, service: Section, env: Environment) -> dict[str, str]:
        written = service.get("label_file")
        found: dict[str, str] = {}
        for one in written if isinstance(written, Rows) else [written]:
            if isinstance(one, Value) and one.data is not None:
                path = joined(self._layers.folders.get(one.file, one.file.parent), one.text)
                settings = self._layers.settings([path], env, must=True, at=one)
                found |= {name: setting.text for name, setting in settings.items()}
        return found
