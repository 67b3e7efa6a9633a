"""The folder in which a backup is made ready: dumps, what is known of them, and the list that restic gets.

Its paths are always the same, so that a plan can name them and a snapshot be compared with the one before.
Only one run at a time uses it. Blocks; call it in a thread where it copies.
"""

import contextlib
import fcntl
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from bot.core.errors import Refused


class Spool:
    """Below the bot's own state. `saved` goes into the snapshot as it is."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.root = folder / "spool"
        self.saved = self.root / "saved"
        self.databases = self.saved / "databases"
        self.sqlite = self.saved / "sqlite"
        self.manifest = self.saved / "manifest.json"
        self.list = self.root / "paths"
        self.scratch = folder / "scratch"
        self.cache = folder / "cache"

    def ready(self) -> None:
        """Empty, and ours alone."""
        self.clear()
        for folder in (self.folder, self.root, self.saved, self.databases, self.sqlite, self.scratch):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)

    def clear(self) -> None:
        """Remove what a run leaves, and what a run that was killed left."""
        for folder in (self.root, self.scratch):
            shutil.rmtree(folder, ignore_errors=True)

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """Nobody else on this state backs up, verifies or drills. Raises Refused."""
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        handle = os.open(self.folder / "lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise Refused("another backup, verify or drill runs; ask again when it has ended") from None
            yield
        finally:
            os.close(handle)


def write(path: Path, data: bytes) -> None:
    """A new file (0600), on disk when this returns. Raises OSError."""
    path.unlink(missing_ok=True)
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        at = 0
        while at < len(data):
            at += os.write(handle, data[at:])
        os.fsync(handle)
    finally:
        os.close(handle)


def free(folder: Path) -> int:
    """Bytes that are free where this folder is, or will be."""
    while not folder.exists():
        folder = folder.parent
    return shutil.disk_usage(folder).free
