"""A look at the disk: where a path of the Engine's host is for us, and what stands there. Blocks."""

import os
import stat
import subprocess
from collections.abc import Mapping
from pathlib import Path

from estate.backup.item import Place, Sort, within

GIT = 20.0
"""Seconds."""


class Disk:
    """paths: `estate.paths`, a path on the host → the same place here. root: the estate, perhaps in git."""

    def __init__(self, paths: Mapping[str, str], root: Path | None) -> None:
        self._paths = paths
        self._tracked, self._dirty = _git(root) if root is not None else ((), ())

    def __call__(self, source: str) -> Place:
        """See `item.Look`."""
        here = self.here(source)
        try:
            path = here.resolve(strict=True)
            mode = path.stat().st_mode
        except OSError as wrong:
            words = (wrong.strerror or str(wrong)).lower()
            return Place(str(here), Sort.MISSING, f"I cannot see it from here: {words}")
        except (RuntimeError, ValueError) as wrong:
            return Place(str(here), Sort.MISSING, f"I cannot see it from here: {wrong}")
        sort = _sort(mode)
        if sort in {Sort.FOLDER, Sort.FILE} and not os.access(path, os.R_OK):
            return Place(str(path), Sort.MISSING, "I may not read it")
        return Place(str(path), sort, in_git=self._in_git(str(path)))

    def here(self, source: str) -> Path:
        """The longest prefix decides."""
        for host in sorted(self._paths, key=len, reverse=True):
            if within(source, host):
                return Path(self._paths[host] + source[len(host.rstrip("/")) :])
        return Path(source)

    def _in_git(self, path: str) -> bool:
        if not any(within(one, path) for one in self._tracked):
            return False
        return not any(within(one, path) or within(path, one) for one in self._dirty)


def _sort(mode: int) -> Sort:
    if stat.S_ISDIR(mode):
        return Sort.FOLDER
    if stat.S_ISREG(mode):
        return Sort.FILE
    return Sort.SOCKET if stat.S_ISSOCK(mode) else Sort.OTHER


def _git(root: Path) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """What git has, and what differs from it, is new or is ignored; both empty where there is no git."""
    top = _ask(root, "rev-parse", "--show-toplevel")
    if not top:
        return (), ()
    folder = top[0].rstrip("\n")
    if not _ask(root, "rev-parse", "--verify", "--quiet", "HEAD"):
        return (), ()
    tracked = _ask(root, "ls-files", "-z", "--full-name")
    changed = _ask(root, "status", "--porcelain", "-z", "--ignored", "--untracked-files=all", "--no-renames")
    if tracked is None or changed is None:
        return (), ()
    return _below(folder, tracked), _below(folder, [row[3:] for row in changed])


def _below(folder: str, names: list[str]) -> tuple[str, ...]:
    return tuple(f"{folder}/{name.rstrip('/')}" for name in names if name)


def _ask(root: Path, *words: str) -> list[str] | None:
    argv = ["git", "-c", "safe.directory=*", "-C", str(root), *words]
    env = {"PATH": os.environ.get("PATH", ""), "GIT_OPTIONAL_LOCKS": "0", "LC_ALL": "C"}
    try:
        done = subprocess.run(
            argv, capture_output=True, stdin=subprocess.DEVNULL, timeout=GIT, env=env, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.decode("utf-8", "surrogateescape").split("\0") if done.returncode == 0 else None
