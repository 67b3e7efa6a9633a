"""Finding YAML files that may be compose files, in a tree that anybody laid out.

Names prove little (44 % of real compose files have none of the standard ones), so every `*.yml` and `*.yaml`
is a candidate, the standard names first. Bounded: depth, number of entries, symlink loops.
"""

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from estate.compose.invocation import OVERRIDES, STANDARD

DEEPEST = 8
ENTRIES = 100_000

NEVER = {".git", ".venv", "venv", "node_modules", "__pycache__", "lost+found", ".terraform", ".cache"}


@dataclass(slots=True)
class Found:
    """Folders with candidates, and what could not be looked into, with the reason."""

    folders: dict[Path, list[str]] = field(default_factory=dict)
    """Folder → the names of its YAML files, standard ones first, then by name."""
    unreadable: dict[Path, str] = field(default_factory=dict)


def discover(root: Path) -> Found:
    """Look into `root`. Raises nothing: what cannot be listed is in `unreadable`."""
    found = Found()
    seen: set[tuple[int, int]] = set()
    entries = 0
    waiting = [(root, 0)]
    while waiting:
        folder, depth = waiting.pop()
        try:
            status = folder.stat()
            if (status.st_dev, status.st_ino) in seen:
                continue
            seen.add((status.st_dev, status.st_ino))
            files, folders = _list(folder)
        except OSError as wrong:
            found.unreadable[folder] = (wrong.strerror or str(wrong)).lower()
            continue
        entries += len(files) + len(folders)
        if entries > ENTRIES:
            found.unreadable[root] = f"it holds more than {ENTRIES} files; the rest was not looked at"
            break
        candidates = sorted((name for name in files if _is_yaml(name)), key=_rank)
        if candidates:
            found.folders[folder] = candidates
        # Beside a compose file stand the data of its services: large, private to them, and not ours.
        below = () if depth >= DEEPEST else sorted(folders, reverse=True)
        is_project = any(name in STANDARD for name in candidates)
        waiting += [(folder / name, depth + 1) for name in below if not (is_project and is_data(name))]
    return found


def _list(folder: Path) -> tuple[list[str], list[str]]:
    files, folders = [], []
    with os.scandir(folder) as entries:
        for entry in _bounded(entries):
            try:
                is_folder = entry.is_dir()
            except OSError:
                continue  # a symlink that leads nowhere
            if not is_folder:
                files.append(entry.name)
            elif entry.name not in NEVER:
                folders.append(entry.name)
    return files, folders


def _bounded(entries: Iterator[os.DirEntry[str]]) -> Iterator[os.DirEntry[str]]:
    for count, entry in enumerate(entries):
        if count > ENTRIES:
            return
        yield entry


def is_data(name: str) -> bool:
    return name in {
        "data",
        "volumes",
        "db",
        "database",
        "storage",
        "backups",
        "media",
        "uploads",
        "cache",
        "logs",
    }


def _is_yaml(name: str) -> bool:
    return name.lower().endswith((".yml", ".yaml"))


_ORDER: Mapping[str, int] = {name: place for place, name in enumerate(STANDARD + OVERRIDES)}


def _rank(name: str) -> tuple[int, str]:
    return _ORDER.get(name, len(_ORDER)), name
