"""A copy of the sample estate to work on: with the file modes it asks for, in a git repository of its own.

Only the standard library, since `examples/estate/up.py` runs without our environment. Blocks.
"""

import shutil
import subprocess
from pathlib import Path

MODES = "modes.txt"
"""In the sample: `0600 traefik/.env`, one a line. Git keeps no 0600, so a clone has lost them."""
_NOT_COPIED = ("__pycache__", MODES)
_AUTHOR = ("-c", "user.name=Sample", "-c", "user.email=sample@localhost")


def copy_sample(source: Path, target: Path) -> None:
    """`target` must not be there yet. Raises OSError."""
    shutil.copytree(source, target, symlinks=True, ignore=shutil.ignore_patterns(*_NOT_COPIED))
    modes = source / MODES
    for row in modes.read_text().splitlines() if modes.exists() else ():
        mode, _, name = row.partition(" ")
        if mode.isdigit() and name:
            (target / name).chmod(int(mode, 8))


def keep_in_git(folder: Path, message: str = "The sample estate") -> bool:
    """Put all of it under git, as one commit. False when there is no git, or it does not work here."""
    calls = (
        ("init", "--quiet", "--initial-branch=main"),
        ("add", "--all"),
        (*_AUTHOR, "-c", "commit.gpgSign=false", "commit", "--quiet", "--no-verify", "--message", message),
    )
    try:
        for words in calls:
            subprocess.run(["git", *words], cwd=folder, capture_output=True, check=True, timeout=30)
    except (OSError, subprocess.SubprocessError):
        return False
    return True
