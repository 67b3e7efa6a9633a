"""Writes one whole file of the tree: all of it or nothing, and only over what was shown. Blocks."""

import contextlib
import os
import stat
import tempfile
from hashlib import sha256
from pathlib import Path

from bot.core.errors import NotDone
from bot.core.plan import FileChange
from estate.compose.files import read_disk
from estate.compose.source import Unreadable

NEW = 0o644
"""The mode of a file that was not there."""


def rewrite(root: Path, change: FileChange) -> bytes | None:
    """Put the new bytes in place; what stood there before, or None. Owner and mode stay.

    Raises NotDone when what stands there is not what was shown, or cannot be written; then it stands there
    still.
    """
    path = root / change.path
    before = _read(path)
    if (sha256(before).hexdigest() if before is not None else "") != change.before:
        raise NotDone(f"{change.path} has changed since the plan was made; nothing was written")
    _put(path, change.path, change.after)
    return before


def restore(root: Path, change: FileChange, before: bytes | None) -> None:
    """Take it back. Raises NotDone when somebody has changed it since."""
    path = root / change.path
    if _read(path) != change.after:
        raise NotDone(f"{change.path} was changed since; it was left as it is")
    if before is None:
        path.unlink()
        _sync(path.parent)
    else:
        _put(path, change.path, before)


def _read(path: Path) -> bytes | None:
    try:
        return None if not os.path.lexists(path) else read_disk(path)
    except (OSError, Unreadable) as wrong:
        raise NotDone(f"{path.name} cannot be read: {_words(wrong)}; nothing was written") from None


def _put(path: Path, shown: str, data: bytes) -> None:
    try:
        if path.is_symlink():
            raise NotDone(f"{shown} is a symlink; write into the file that it leads to by hand")
        status = path.stat() if path.exists() else None
        handle, name = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".tmp", dir=path.parent)
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(data)
                file.flush()
                if status is not None and (status.st_uid, status.st_gid) != (os.geteuid(), os.getegid()):
                    os.fchown(handle, status.st_uid, status.st_gid)
                os.fchmod(handle, stat.S_IMODE(status.st_mode) if status is not None else NEW)
                os.fsync(handle)
            Path(name).replace(path)
        finally:
            with contextlib.suppress(FileNotFoundError):
                Path(name).unlink()
        _sync(path.parent)
    except OSError as wrong:
        raise NotDone(f"{shown} cannot be written: {_words(wrong)}; nothing was written") from None


def _sync(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _words(wrong: Exception) -> str:
    return (getattr(wrong, "strerror", None) or str(wrong)).lower()
