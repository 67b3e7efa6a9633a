"""How a running container was deployed, by its labels, so that it can be made anew in the same way. Pure.

The labels are Compose's own (com.docker.compose.project.working_dir, .config_files, .environment_file): paths
on the deploying host, absolute from Compose 2, relative to the folder from Compose 1.
"""

from collections.abc import Mapping
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
        files=tuple(joined(directory, file) for file in files),
        env_files=tuple(joined(directory, file) for file in _listed(label("project.environment_file"))),
        config_hash=label("config-hash"),
        version=label("version"),
    )
    _same_place(found, paths)
    return found


def _listed(text: str) -> list[str]:
    return [part.strip() for part in text.split(",") if part.strip()]


def _same_place(found: Deployment, paths: Mapping[str, str]) -> None:
    """Compose writes the paths that it sees into mounts and labels; the Engine takes them for the host's."""
    for path in (found.directory, *found.files):
        for host, ours in paths.items():
            if path.is_relative_to(host) and Path(ours) != Path(host):
                raise CannotDeploy(
                    f"it was made from {path}, which I see below {ours}: Compose would mount my paths"
                    f" instead of the host's. Mount the tree at {host} for me, too"
                )
