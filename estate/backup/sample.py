"""A few files of each item, by hash, so that a drill has something to compare with. Blocks."""

import hashlib
import os
import random
import time
from pathlib import Path

from estate.backup.manifest import Sample

EACH = 20
"""Files an item."""
LOOKED_AT = 5000
LARGEST = 64 * 1024 * 1024
"""Bytes: larger files are compared by size only."""


def samples(folder: Path, run: str) -> tuple[Sample, ...]:
    """Hashes of up to EACH regular files below, picked by the number of the run."""
    names = _some(folder)
    picked = random.Random(run).sample(names, min(EACH, len(names)))  # not for secrets
    return tuple(one for path in sorted(picked) if (one := _sample(path)) is not None)


def _some(folder: Path) -> list[Path]:
    if folder.is_file():
        return [folder]
    found: list[Path] = []
    deadline = time.monotonic() + 10
    for root, _, names in os.walk(folder):
        found += [Path(root) / name for name in names]
        if len(found) > LOOKED_AT or time.monotonic() > deadline:
            break
    return sorted(found)


def _sample(path: Path) -> Sample | None:
    try:
        before = path.lstat()
        if not os.path.isfile(path) or path.is_symlink() or before.st_size > LARGEST:  # noqa: PTH113
            return None
        hashed = sha256(path)
        after = path.lstat()
        str(path).encode()
    except (OSError, UnicodeEncodeError):
        return None
    same = (before.st_size, before.st_mtime_ns) == (after.st_size, after.st_mtime_ns)
    return Sample(str(path), after.st_size, after.st_mtime_ns, hashed) if same else None


def sha256(path: Path) -> str:
    """In hex. Raises OSError."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
