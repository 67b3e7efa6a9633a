"""What git knows of the tree: which files it keeps. One call, bounded; nothing of the repository's is run."""

import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

SECONDS = 20.0
QUIET = ("-c", "safe.directory=*", "-c", "core.fsmonitor=false", "-c", "core.quotePath=false")
_GITLINK = "160000"


@dataclass(frozen=True, slots=True)
class Git:
    """`tracked`: paths relative to the estate's root. `trouble`: why it could not be asked, in words."""

    tracked: frozenset[str] = frozenset()
    links: frozenset[str] = frozenset()
    """Folders that are other repositories' commits."""
    modules: frozenset[str] = frozenset()
    """Folders that `.gitmodules` says of which repository they are."""
    trouble: str = ""


def ask_git(root: Path) -> Git | None:
    """None where nothing is kept in git. Blocks."""
    if not any((folder / ".git").exists() for folder in (root, *root.parents)):
        return None
    try:
        done = subprocess.run(
            ["git", *QUIET, "ls-files", "-s", "-z"],
            cwd=root,
            env=environment(),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=SECONDS,
            check=False,
        )
    except FileNotFoundError:
        return Git(trouble="there is no git here: install it")
    except (OSError, subprocess.SubprocessError) as wrong:
        return Git(trouble=f"git could not be asked: {wrong}")
    if done.returncode:
        said = done.stderr.decode("utf-8", "replace").strip().splitlines()
        return Git(trouble=f"git says: {said[-1] if said else done.returncode}")
    rows = [row.partition("\t") for row in done.stdout.decode("utf-8", "replace").split("\0") if row]
    links = frozenset(path for head, _, path in rows if head.startswith(_GITLINK))
    tracked = frozenset(path for _, _, path in rows)
    return Git(tracked, links, modules=_modules(root) if links else frozenset())


def _modules(root: Path) -> frozenset[str]:
    """Git itself reads its file, and includes nothing from elsewhere."""
    if not (root / ".gitmodules").is_file():
        return frozenset()
    argv = ["git", *QUIET, "config", "--no-includes", "-z", "-f", ".gitmodules"]
    try:
        done = subprocess.run(
            [*argv, "--get-regexp", r"^submodule\..*\.path$"],
            cwd=root,
            env=environment(),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=SECONDS,
            check=False,
        )
    except (OSError, subprocess.SubprocessError):
        return frozenset()
    rows = done.stdout.decode("utf-8", "replace").split("\0")
    return frozenset(row.partition("\n")[2].rstrip("/") for row in rows if row)


def environment() -> dict[str, str]:
    """Without the configuration of the machine and the user, and without what a caller set for another
    tree."""
    kept = {name: text for name, text in os.environ.items() if not name.startswith("GIT_")}
    return {
        **kept,
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_OPTIONAL_LOCKS": "0",
        # A partial clone fetches what it lacks, by a program that the repository names.
        "GIT_NO_LAZY_FETCH": "1",
        "GIT_ALLOW_PROTOCOL": "",
    }
