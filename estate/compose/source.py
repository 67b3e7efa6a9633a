"""The bytes of one file, and where each of its characters stands. Pure.

Every tool counts differently: PyYAML in characters and without the byte order mark, editors in lines and
columns, a splice in bytes. Here is the one place that translates.
"""

from bisect import bisect_left, bisect_right
from functools import cached_property
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple

BOM = b"\xef\xbb\xbf"
LONGEST = 2 * 1024 * 1024
"""Bytes of one file."""


class Unreadable(ValueError):
    """The bytes cannot be read as what they should be; says where and why."""


class Span(NamedTuple):
    """A stretch of a file: `start` and `end` in bytes, and where it starts for a person: line and column,
    both from 1, the column in characters."""

    start: int
    end: int
    line: int
    column: int

    def __str__(self) -> str:
        return f"{self.line}:{self.column}"


class Source:
    """One file's bytes, decoded. Offsets that come in are characters of `text`."""

    def __init__(self, path: Path, data: bytes) -> None:
        """Raises Unreadable when the bytes are too many or not UTF-8."""
        if len(data) > LONGEST:
            raise Unreadable(f"it is longer than {LONGEST // 1024 // 1024} MiB")
        self.path = path
        self.data = data
        self._skipped = len(BOM) if data.startswith(BOM) else 0
        try:
            self.text = data[self._skipped :].decode()
        except UnicodeDecodeError as wrong:
            raise Unreadable(f"byte {wrong.start + self._skipped} is not UTF-8") from None

    @cached_property
    def digest(self) -> str:
        """sha256 of the bytes, in hexadecimal."""
        return sha256(self.data).hexdigest()

    def byte(self, at: int) -> int:
        """Where the character `at` starts, in bytes of the file."""
        if not self._wide[0]:
            return at + self._skipped
        places, extra = self._wide
        return at + self._skipped + extra[bisect_left(places, at)]

    def span(self, start: int, end: int) -> Span:
        """The stretch between two characters."""
        lines = self._lines
        line = bisect_right(lines, start)
        column = start - lines[line - 1] + 1
        if not self._wide[0]:  # each character is one byte: most files, and this is asked for every value
            return Span(start + self._skipped, end + self._skipped, line, column)
        return Span(self.byte(start), self.byte(end), line, column)

    @cached_property
    def _lines(self) -> list[int]:
        starts, at = [0], 0
        while (at := self.text.find("\n", at) + 1) > 0:
            starts.append(at)
        return starts

    @cached_property
    def _wide(self) -> tuple[list[int], list[int]]:
        """The characters that take more than one byte, and how many more the ones before each take."""
        if self.text.isascii():
            return [], [0]
        places, extra, more = [], [0], 0
        for at, character in enumerate(self.text):
            if character > "\x7f":
                code = ord(character)
                more += 1 + (code > 0x7FF) + (code > 0xFFFF)
                places.append(at)
                extra.append(more)
        return places, extra
