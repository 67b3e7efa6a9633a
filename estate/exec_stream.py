"""What goes into a container and comes out of it: a program's output into a file, files on their way in."""

import contextlib
import os
import socket
import tarfile
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Protocol

from bot.core.errors import NotDone, Upstream

ERRORS = 16 * 1024
"""Bytes that are kept of the end of stderr."""
PIECE = 64 * 1024


class Stream(Protocol):
    """The body of an answer: gives fewer bytes than asked for only at its end."""

    def read(self, amt: int, /) -> bytes: ...


class Cut:
    """Ends, from another thread, a read that waits."""

    def __init__(self) -> None:
        self.asked = False
        self._lock = threading.Lock()
        self._answer: Any = None

    def hold(self, answer: Any) -> None:
        """This answer is read now."""
        with self._lock:
            self._answer = answer
            if self.asked:
                self._shut()

    def now(self) -> None:
        """Does nothing to an answer that was read to its end."""
        with self._lock:
            self.asked = True
            self._shut()

    def _shut(self) -> None:
        found = self._answer
        for name in ("raw", "_fp", "fp", "raw", "_sock"):
            found = getattr(found, name, None)
        if isinstance(found, socket.socket):
            with contextlib.suppress(OSError):
                found.shutdown(socket.SHUT_RDWR)


def receive(stream: Stream, into: Path) -> str:
    """Write stdout into the new file, and return the end of stderr. The file is on disk when this returns.

    Each piece has a head of eight bytes: stream (0 to 2), three zeros, length (big-endian). Raises Upstream
    when the stream ends within a piece, and NotDone when the file cannot be written.
    """
    errors = bytearray()
    try:
        handle = os.open(into, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except OSError as wrong:
        raise NotDone(f"{into} cannot be written: {wrong.strerror}") from wrong
    try:
        for number, piece in _pieces(stream):
            if number == 2:
                errors += piece
                del errors[:-ERRORS]
            else:
                _write(handle, piece, into)
        _sync(handle, into)
    finally:
        os.close(handle)
    return errors.decode("utf-8", "replace")


def _pieces(stream: Stream) -> Iterator[tuple[int, bytes]]:
    while head := _exactly(stream, 8, at_end=True):
        left = int.from_bytes(head[4:], "big")
        while left:
            piece = _exactly(stream, min(left, PIECE))
            left -= len(piece)
            yield head[0], piece


def _exactly(stream: Stream, size: int, *, at_end: bool = False) -> bytes:
    found = b""
    while len(found) < size:
        piece = stream.read(size - len(found))
        if not piece:
            if at_end and not found:
                return b""
            raise Upstream("the Engine's answer broke off in the middle")
        found += piece
    return found


def _write(handle: int, piece: bytes, into: Path) -> None:
    try:
        at = 0
        while at < len(piece):
            at += os.write(handle, piece[at:])
    except OSError as wrong:
        raise NotDone(f"{into} cannot be written: {wrong.strerror}") from wrong


def _sync(handle: int, into: Path) -> None:
    try:
        os.fsync(handle)
    except OSError as wrong:
        raise NotDone(f"{into} cannot be written: {wrong.strerror}") from wrong


def tar_of(files: Mapping[str, Path]) -> Iterator[bytes]:
    """A tar archive of these files, piece by piece: path inside → path here. Everybody may read them.

    Raises NotDone when one cannot be read, or changes its size on the way.
    """
    folders = sorted({parent for name in files for parent in _parents(name)})
    for folder in folders:
        item = tarfile.TarInfo(folder)
        item.type, item.mode = tarfile.DIRTYPE, 0o755
        yield item.tobuf(tarfile.GNU_FORMAT)
    for name, path in files.items():
        try:
            with path.open("rb") as file:
                yield from _tar_item(name.lstrip("/"), file)
        except OSError as wrong:
            raise NotDone(f"{path} cannot be read: {wrong.strerror}") from wrong
    yield bytes(2 * tarfile.BLOCKSIZE)


def _parents(name: str) -> list[str]:
    parts = name.strip("/").split("/")[:-1]
    return ["/".join(parts[: count + 1]) for count in range(len(parts))]


def _tar_item(name: str, file: Any) -> Iterator[bytes]:
    item = tarfile.TarInfo(name)
    item.size, item.mode = os.fstat(file.fileno()).st_size, 0o644
    yield item.tobuf(tarfile.GNU_FORMAT)
    left = item.size
    while left:
        piece = file.read(min(left, PIECE))
        if not piece:
            raise NotDone(f"{file.name} became shorter while it was copied")
        left -= len(piece)
        yield piece
    if item.size % tarfile.BLOCKSIZE:
        yield bytes(tarfile.BLOCKSIZE - item.size % tarfile.BLOCKSIZE)
