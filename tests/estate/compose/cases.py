"""The fixtures, the real Compose, and what of a model is compared.

Compared for each active service: image, container_name, restart, profiles, environment (env files and the
shell's values too), labels, command, entrypoint, the healthcheck's test, depends_on; and the project's name
and the set of active services. Not compared: ports, volumes, networks, build, deploy, secrets, configs,
numbers and durations (their spelling is normalised), and whether a file passes Compose's schema.
"""

import json
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from estate.compose.files import read_disk
from estate.compose.invocation import Invocation
from estate.compose.model import Model
from estate.compose.resolve import resolve

COMPOSE = Path(sys.executable).parent / "docker-compose"
FIXTURES = Path(__file__).parent / "fixtures"
NAMES = sorted(path.name for path in FIXTURES.iterdir() if path.is_dir())
_BASE = {"PATH": "/usr/bin:/bin", "HOME": "/nonexistent"}


@dataclass(frozen=True)
class Case:
    """A project's folder and how Compose is called in it."""

    folder: Path
    files: tuple[str, ...] = ()
    env_files: tuple[str, ...] = ()
    profiles: tuple[str, ...] = ()
    project_directory: str | None = None
    shell: Mapping[str, str] = field(default_factory=dict)
    fails: bool = False

    @property
    def model(self) -> Model:
        return resolve(self.invocation, read_disk)

    @property
    def invocation(self) -> Invocation:
        shell = {**_BASE, **self.shell}
        return Invocation(
            self.folder, self.files, self.env_files, self.profiles, self.project_directory, None, shell
        )

    @cached_property
    def real(self) -> dict[str, Any] | None:
        """What `docker-compose config` says; None when it stops."""
        argv = [str(COMPOSE)]
        for flag, values in (
            ("-f", self.files),
            ("--env-file", self.env_files),
            ("--profile", self.profiles),
        ):
            for value in values:
                argv += [flag, value]
        if self.project_directory is not None:
            argv += ["--project-directory", self.project_directory]
        done = subprocess.run(
            [*argv, "config", "--format", "json"],
            cwd=self.folder,
            env={**_BASE, **self.shell},
            capture_output=True,
            timeout=60,
            check=False,
        )
        return _single_dollars(json.loads(done.stdout)) if done.returncode == 0 else None


def case(folder: Path) -> Case:
    told = folder / "case.json"
    options = json.loads(told.read_text()) if told.exists() else {}
    return Case(folder, **{key: tuple(one) if isinstance(one, list) else one for key, one in options.items()})


def of_model(model: Model) -> dict[str, Any]:
    """A model in the words of `seen`."""
    found = {}
    for name in model.active:
        one = model.services[name]
        found[name] = {
            "image": one.image.text if one.image else None,
            "container_name": one.container_name,
            "restart": one.restart,
            "profiles": one.profiles,
            "environment": {key: variable.text for key, variable in one.environment.items()},
            "labels": dict(one.labels),
            "command": one.command,
            "entrypoint": one.entrypoint,
            "test": one.healthcheck,
            "depends_on": one.depends_on,
        }
    return {"name": model.name, "services": found}


def of_real(real: dict[str, Any]) -> dict[str, Any]:
    found = {}
    for name, one in (real.get("services") or {}).items():
        found[name] = {
            "image": one.get("image"),
            "container_name": one.get("container_name"),
            "restart": one.get("restart"),
            "profiles": one.get("profiles") or [],
            "environment": one.get("environment") or {},
            "labels": one.get("labels") or {},
            "command": one.get("command"),
            "entrypoint": one.get("entrypoint"),
            "test": (one.get("healthcheck") or {}).get("test"),
            "depends_on": {key: d["condition"] for key, d in (one.get("depends_on") or {}).items()},
        }
    return {"name": real["name"], "services": found}


def _single_dollars(value: Any) -> Any:
    """`config` writes `$` as `$$`, so that its output can be read again."""
    if isinstance(value, str):
        return value.replace("$$", "$")
    if isinstance(value, dict):
        return {key: _single_dollars(one) for key, one in value.items()}
    return [_single_dollars(one) for one in value] if isinstance(value, list) else value
