"""Every file of the tree, as far as it is ours: bounded in depth, number and time. Blocks.

Folders of data beside a compose file are not looked into; symlinks are seen, never followed.
"""

import os
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from estate.compose.discover import DEEPEST, ENTRIES, NEVER, is_data
from estate.compose.invocation import STANDARD
from estate.snapshot.entry import Entry

SECONDS = 30.0


@dataclass(slots=True)
class Walked:
    """What was seen, by path; what could not be listed, with the reason."""

    entries: dict[str, Entry] = field(default_factory=dict)
    unread: dict[str, str] = field(default_factory=dict)


def walk_tree(root: Path, relative: Callable[[Path], str], seconds: float = SECONDS) -> Walked:
    """Raises nothing."""
    found = Walked()
    ends = time.monotonic() + seconds
    waiting = [(root, 0)]
    while waiting:
        folder, depth = waiting.pop()
        if len(found.entries) > ENTRIES or time.monotonic() > ends:
            found.unread[relative(folder)] = "there are too many files; the rest was not looked at"
            break
        try:
            entries = _list(folder, relative)
        except OSError as wrong:
            found.unread[relative(folder)] = (wrong.strerror or str(wrong)).lower()
            continue
        found.entries.update((one.path, one) for one in entries)
        is_project = any(one.name in STANDARD for one in entries)
        if depth < DEEPEST:
            below = [one for one in entries if one.is_folder and one.name not in NEVER]
            waiting += [
                (folder / one.name, depth + 1) for one in below if not (is_project and is_data(one.name))
            ]
    return found


def look_at(path: Path, shown: str, *, follow: bool = False) -> Entry:
    """One path. Raises OSError."""
    status = path.stat() if follow else path.lstat()
    target = str(path.readlink()) if path.is_symlink() and not follow else ""
    return _entry(shown, status, target)


def _entry(shown: str, status: os.stat_result, target: str) -> Entry:
    return Entry(
        shown,
        status.st_mode,
        status.st_uid,
        status.st_gid,
        status.st_size,
        status.st_dev,
        status.st_ino,
        target,
    )


def _list(folder: Path, relative: Callable[[Path], str]) -> list[Entry]:
    found = []
    above = relative(folder)
    prefix = "" if above == "." else f"{above}/"
    with os.scandir(folder) as entries:
        for count, one in enumerate(entries):
            if count > ENTRIES:
                break
            try:
                target = str(Path(one.path).readlink()) if one.is_symlink() else ""
                found.append(_entry(prefix + one.name, one.stat(follow_symlinks=False), target))
            except OSError:
                continue  # it went while we looked
    return sorted(found, key=lambda one: one.path)
