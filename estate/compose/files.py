"""The files that a model was made of, as they were read: each once. The reading itself is a function."""

import os
import stat
from collections.abc import Callable, Mapping
from pathlib import Path, PurePath

from estate.compose.node import Node, parse
from estate.compose.parser import Parse
from estate.compose.source import LONGEST, Source, Unreadable

Read = Callable[[Path], bytes]
"""The bytes of a file. Raises OSError or Unreadable."""


def read_disk(path: Path) -> bytes:
    """From the disk, never more than LONGEST bytes, never from a pipe or a device.

    Raises OSError, and Unreadable.
    """
    try:
        mode = path.stat().st_mode
        # Opening a directory says so; opening a pipe would wait.
        if not stat.S_ISREG(mode) and not stat.S_ISDIR(mode):
            raise Unreadable("it is not a regular file")
        with path.open("rb") as file:
            data = file.read(LONGEST + 1)
    except ValueError as wrong:
        raise wrong if isinstance(wrong, Unreadable) else Unreadable(f"no such path: {wrong}") from None
    if len(data) > LONGEST:
        raise Unreadable(f"it is longer than {LONGEST // 1024 // 1024} MiB")
    return data


def no_more(path: Path) -> bytes:
    """For models that are made of what is known already."""
    raise FileNotFoundError(2, "no such file or directory", str(path))


class Files:
    """What was read. A file that cannot be read keeps its reason."""

    def __init__(self, read: Read, known: Mapping[Path, bytes] | None = None, parse: Parse = parse) -> None:
        self._read = read
        self._parse = parse
        self._sources: dict[Path, Source | Unreadable | None] = {}
        self._documents: dict[Path, list[Node | None]] = {}
        for path, data in (known or {}).items():
            self._sources[path] = Source(path, data)

    @property
    def sources(self) -> dict[Path, Source]:
        """What could be read, by its path."""
        return {path: one for path, one in self._sources.items() if isinstance(one, Source)}

    def source(self, path: Path) -> Source | None:
        """None when there is no such file. Raises Unreadable."""
        if path not in self._sources:
            self._sources[path] = self._look(path)
        known = self._sources[path]
        if isinstance(known, Unreadable):
            raise known
        return known

    def documents(self, path: Path) -> list[Node | None]:
        """The YAML documents of a file that must be there. Raises Unreadable."""
        if path not in self._documents:
            source = self.source(path)
            if source is None:
                raise Unreadable("there is no such file")
            self._documents[path] = self._parse(source)
        return self._documents[path]

    def replaced(self, path: Path, data: bytes) -> "Files":
        """The same files, one with other bytes; nothing else will be read. Raises Unreadable."""
        other = Files(no_more)
        other._sources = {**self._sources, path: Source(path, data)}
        other._documents = {known: nodes for known, nodes in self._documents.items() if known != path}
        return other

    def _look(self, path: Path) -> Source | Unreadable | None:
        try:
            return Source(path, self._read(path))
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError as wrong:
            return Unreadable((wrong.strerror or str(wrong)).lower())
        except Unreadable as wrong:
            return wrong


def shown(path: PurePath, root: PurePath) -> str:
    """Relative to the root where it lies in it. As text, which is ten times as fast as pathlib."""
    text, start = str(path), f"{root}/"
    if text.startswith(start):
        return text[len(start) :]
    return "." if path == root else text


def joined(folder: Path, text: str) -> Path:
    """A path as Compose joins it: `..` goes up in the text, whatever symlinks say."""
    return Path(os.path.normpath(folder / text))
