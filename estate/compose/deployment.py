"""How a running container was deployed, by its labels, so that it can be made anew in the same way. Pure.

The labels are Compose's own (com.docker.compose.project.working_dir, .config_files, .environment_file): paths
on the deploying host, absolute from Compose 2, relative to the folder from Compose 1.
"""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from estate.compose.files import joined
from estate.compose.invocation import Invocation

_LABEL = "com.docker.compose."


class CannotDeploy(ValueError):
    """It cannot be made anew from here as it was made; says why, and what would help."""


@dataclass(frozen=True, slots=True)
class Deployment:
    """The same project, folder and files as when it was made."""

    project: str
    service: str
    directory: Path
    files: tuple[Path, ...]
    env_files: tuple[Path, ...] = ()
    config_hash: str = ""
    """Of what its files said then."""
    version: str = ""
    """Of the Compose tool that made it."""

    @property
    def options(self) -> tuple[str, ...]:
        """What stands between the tool and its command."""
        files = (word for file in self.files for word in ("--file", str(file)))
        env = (word for file in self.env_files for word in ("--env-file", str(file)))
        folder = ("--project-directory", str(self.directory))
        return ("--project-name", self.project, *folder, *files, *env)

    def invocation(self, shell: Mapping[str, str]) -> Invocation:
        """The same call, for the reader."""
        return Invocation(
            directory=self.directory,
            files=tuple(str(file) for file in self.files),
            env_files=tuple(str(file) for file in self.env_files),
            project_directory=str(self.directory),
            name=self.project,
            shell=shell,
        )


def read_deployment(labels: Mapping[str, str], paths: Mapping[str, str]) -> Deployment:
    """From a container's labels. `paths`: host path → the same place as we see it. Raises CannotDeploy."""

    def label(name: str) -> str:
        return labels.get(_LABEL + name, "").strip()

    folder, files = label("project.working_dir"), _listed(label("project.config_files"))
    if not folder or not files:
        raise CannotDeploy(
            "its labels do not say from which files it was made: make it anew with Compose once"
        )
    if any(file == "-" for file in files):
        raise CannotDeploy("it was made from a file that was piped into Compose: there is none to be changed")
    directory = Path(folder)
    if not directory.is_absolute():
        raise CannotDeploy(f"its labels name the folder {folder}, which is not absolute")
    found = Deployment(
        project=label("project"),
        service=label("service"),
        directory=directory,
        files=_placed(directory, files, files[0]),
        env_files=_placed(directory, _listed(label("project.environment_file")), files[0]),
        config_hash=label("config-hash"),
        version=label("version"),
    )
    _same_place(found, paths)
    return found


def _listed(text: str) -> list[str]:
    return [part.strip() for part in text.split(",") if part.strip()]


def _placed(directory: Path, names: Sequence[str], first: str) -> tuple[Path, ...]:
    """Absolute paths. Those of Compose 1 are relative to where it was called, which no label says. The
    project's folder is that of its `first` file, so it was called from where that file leads there."""
    if all(Path(name).is_absolute() for name in names):
        return tuple(joined(directory, name) for name in names)
    steps = Path(os.path.normpath(first)).parent.parts
    if ".." in steps:
        # Called beside it: only what lies in the same folder can be told.
        if {Path(os.path.normpath(name)).parent.parts for name in names} != {steps}:
            raise CannotDeploy(
                f"Compose 1 made it from {', '.join(names)} and says not where that is:"
                " make it anew with Compose once"
            )
        return tuple(directory / Path(name).name for name in names)
    called = directory
    if steps and not Path(first).is_absolute() and directory.parts[-len(steps) :] == steps:
        called = Path(*directory.parts[: -len(steps)])
    return tuple(joined(called, name) for name in names)


def _same_place(found: Deployment, paths: Mapping[str, str]) -> None:
    """Compose writes the paths that it sees into mounts and labels; the Engine takes them for the host's."""
    for path in (found.directory, *found.files, *found.env_files):
        host = max((one for one in paths if path.is_relative_to(one)), key=len, default=None)
        if host is not None and Path(paths[host]) != Path(host):
            raise CannotDeploy(
                f"it was made from {path}, which I see below {paths[host]}: Compose would mount my paths"
                f" instead of the host's. Mount the tree at {host} for me, too"
            )
