"""Undo the Content-Encoding of a body, within bounds. Pure.

RFC 9110, 8.4.1: gzip and deflate. What cannot be undone is passed on as it came, for it may not be lost.
"""

import zlib
from collections.abc import Iterator

_PIECE = 256 * 1024


class Unpacker:
    """Fed with a body's chunks in their order. About `most` bytes come out, then nothing more."""

    def __init__(self, encoding: str, most: int) -> None:
        self._kind = encoding.strip().lower()
        self._most = most
        self._out = 0
        self._first = b""
        self._packed: zlib._Decompress | None = None
        self._plain = self._kind not in ("gzip", "x-gzip", "deflate")
        self._over = False

    def feed(self, chunk: bytes) -> Iterator[bytes]:
        """What this chunk unpacks to, in pieces."""
        if self._plain:
            yield chunk
            return
        if self._over or not chunk:
            return
        if not self._out:
            self._first += chunk
        try:
            yield from self._unpack(chunk)
        except zlib.error:
            self._over = True
        if not self._out and (self._over or len(self._first) > _PIECE):
            # It says that it is packed and is not, or it is nothing but a head.
            self._plain = True
            yield self._first

    def _unpack(self, data: bytes) -> Iterator[bytes]:
        if self._packed is None:
            self._packed = self._begin(data)
        while True:
            piece = self._packed.decompress(data, _PIECE)
            data = self._packed.unconsumed_tail
            if piece:
                self._out += len(piece)
                self._first = b""
                yield piece
            if self._out > self._most:
                self._over = True
                return
            if self._packed.eof:
                data = self._packed.unused_data
                if not data:
                    return
                self._packed = self._begin(data)  # gzip files one after another are one
            elif not data and len(piece) < _PIECE:
                return

    def _begin(self, data: bytes) -> "zlib._Decompress":
        if self._kind != "deflate":
            return zlib.decompressobj(wbits=31)
        # Some senders mean zlib's format, as the RFC does, and some the bare one.
        return zlib.decompressobj(wbits=15 if data[0] & 0x0F == 8 else -15)
