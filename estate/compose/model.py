"""A project as Compose understands it, with the place of everything. Pure."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from estate.compose.environment import Environment
from estate.compose.files import Files
from estate.compose.invocation import Invocation
from estate.compose.problem import Problem
from estate.compose.service import ResolvedService
from estate.compose.value import Section


@dataclass(frozen=True, slots=True)
class Model:
    """`problems`: why Compose would stop; without any it would not, as far as this reader knows its rules."""

    name: str
    invocation: Invocation
    directory: Path
    """The project's folder: relative paths of its own files start here."""
    paths: tuple[Path, ...]
    """The files that were chosen, the later over the earlier."""
    services: Mapping[str, ResolvedService]
    """All, whatever their profiles."""
    active: frozenset[str]
    """Those that run with the active profiles."""
    tree: Section
    environment: Environment
    problems: tuple[Problem, ...]
    unreadable: Mapping[Path, str]
    files: Files = field(repr=False)
    partial: Mapping[str, Path] = field(default_factory=dict)
    """Service → the file with what it extends, which could not be read: more may be said of it."""


def fold(name: str) -> str:
    """A project's name as Compose folds it: `A b` → `ab`, `--help` → `help`."""
    return re.sub(r"[^a-z0-9_-]", "", name.lower()).lstrip("_-")
