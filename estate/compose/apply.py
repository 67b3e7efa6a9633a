"""Writes a planned edit: one span of one file, all of it or nothing. Blocks; call it in a thread."""

import contextlib
import errno
import os
import stat
import tempfile
from hashlib import sha256
from pathlib import Path

from estate.compose.edit import CannotEdit, Edit, check
from estate.compose.files import read_disk
from estate.compose.source import Unreadable

_IN_PLACE = {errno.EBUSY, errno.EXDEV, errno.EPERM, errno.EACCES, errno.EROFS, errno.EINVAL}
"""Why a rename over the file may be impossible while writing into it is not: it is mounted alone into a
container, its owner cannot be kept, or its folder may not be written."""


class EditFailed(Exception):
    """The edit is not in the file; says why, and what the file holds now."""


class Drifted(EditFailed):
    """The file is not the one that the plan was made on. Nothing was written."""


def apply_edit(edit: Edit, file: Path | None = None) -> None:
    """Put it into `edit.file` (or `file`: the same one, by another path). Raises EditFailed; then the file
    holds what it held."""
    path = _target(file or edit.file)
    before = _read(path)
    if sha256(before).hexdigest() != edit.before:
        raise Drifted(f"{path} has changed since the plan was made: nothing was written")
    after = edit.on(before)
    try:
        check(edit, before, after)
    except (CannotEdit, Unreadable) as wrong:
        raise EditFailed(f"{path}: {wrong}; nothing was written") from None
    _put(path, before, after)


def replace_bytes(file: Path, before: str, after: bytes) -> bytes:
    """Write `after` into a file whose sha256 is `before`; the bytes that stood there. Raises EditFailed; then
    the file holds what it held, and Drifted when that is not what `before` says."""
    path = _target(file)
    old = _read(path)
    if sha256(old).hexdigest() != before:
        raise Drifted(f"{path} has changed since the plan was made: nothing was written")
    _put(path, old, after)
    return old


def undo_edit(edit: Edit, file: Path | None = None) -> None:
    """Take it out again. Raises Drifted when the file has been changed since."""
    apply_edit(edit.reversed(), file)


def _target(path: Path) -> Path:
    """A symlink stays; what it leads to is written."""
    try:
        return path.resolve(strict=True)
    except (OSError, RuntimeError, ValueError) as wrong:
        raise EditFailed(f"{path}: {_words(wrong)}; nothing was written") from None


def _read(path: Path) -> bytes:
    try:
        return read_disk(path)
    except (OSError, Unreadable) as wrong:
        raise EditFailed(f"{path} cannot be read: {_words(wrong)}") from None


def _put(path: Path, before: bytes, after: bytes) -> None:
    """The very bytes that were checked are there then, or else what was there before is put back."""
    _write(path, before, after)
    if _read(path) != after:
        _write(path, after, before)
        raise EditFailed(f"{path} does not hold what was written; what was there before is back")


def _write(path: Path, before: bytes, after: bytes) -> None:
    try:
        status = path.stat()
        if status.st_nlink > 1 or not _replace(path, status, before, after):
            _overwrite(path, before, after)
    except OSError as wrong:
        raise EditFailed(f"{path} cannot be written: {_words(wrong)}") from None


def _replace(path: Path, status: os.stat_result, before: bytes, after: bytes) -> bool:
    """A new file in its place. False when that cannot be done here."""
    try:
        handle, name = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".tmp", dir=path.parent)
    except OSError as wrong:
        return _cannot(wrong)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(after)
            file.flush()
            _keep(handle, path, status)
            os.fsync(handle)
        if path.read_bytes() != before:
            raise Drifted(f"{path} was changed while it was being written: nothing was written")
        Path(name).replace(path)
    except OSError as wrong:
        return _cannot(wrong)
    finally:
        with contextlib.suppress(FileNotFoundError):
            Path(name).unlink()
    _sync_folder(path.parent)
    return True


def _cannot(wrong: OSError) -> bool:
    if wrong.errno in _IN_PLACE:
        return False
    raise wrong


def _keep(handle: int, path: Path, status: os.stat_result) -> None:
    """Owner, mode and extended attributes (access lists and labels are among them)."""
    new = os.fstat(handle)
    if (new.st_uid, new.st_gid) != (status.st_uid, status.st_gid):
        os.fchown(handle, status.st_uid, status.st_gid)
    os.fchmod(handle, stat.S_IMODE(status.st_mode))
    try:
        names = os.listxattr(path)
    except OSError:
        return  # a file system without them
    for name in names:
        value = os.getxattr(path, name)
        try:
            if os.getxattr(handle, name) == value:
                continue
        except OSError:
            pass  # not there yet
        os.setxattr(handle, name, value)


def _overwrite(path: Path, before: bytes, after: bytes) -> None:
    """Into the file itself. When that fails half-way, what was there is written back."""
    with path.open("r+b") as file:
        if file.read() != before:
            raise Drifted(f"{path} was changed while it was being written: nothing was written")
        try:
            _fill(file.fileno(), after)
        except OSError:
            _fill(file.fileno(), before)
            raise


def _fill(handle: int, data: bytes) -> None:
    at = 0
    while at < len(data):
        at += os.pwrite(handle, data[at:], at)
    os.ftruncate(handle, len(data))
    os.fsync(handle)


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _words(wrong: Exception) -> str:
    return (getattr(wrong, "strerror", None) or str(wrong)).lower()
