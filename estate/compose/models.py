"""Resolved projects, kept for as long as their files stay as they are. Blocks; call it in a thread."""

from pathlib import Path

from estate.compose.files import Files, Read, read_disk
from estate.compose.invocation import Invocation
from estate.compose.model import Model
from estate.compose.node import parse
from estate.compose.parser import Parse
from estate.compose.resolve import resolve_files

_Stamp = tuple[int, int, int]


class Models:
    """Resolved projects, kept as long as no file that took part, or was looked for, has changed."""

    def __init__(self) -> None:
        self._kept: dict[str, tuple[dict[Path, _Stamp | None], Model]] = {}

    def get(self, invocation: Invocation, parse: Parse = parse) -> Model:
        key = repr(invocation)
        stamps, model = self._kept.get(key, ({}, None))
        if model is None or any(_stamp(path) != stamp for path, stamp in stamps.items()):
            stamps = {}
            model = resolve_files(invocation, Files(_stamped(stamps), parse=parse))
            self._kept[key] = (stamps, model)
        return model


def _stamped(stamps: dict[Path, _Stamp | None]) -> Read:
    def read(path: Path) -> bytes:
        stamps[path] = _stamp(path)  # before reading: a change in between is seen next time
        return read_disk(path)

    return read


def _stamp(path: Path) -> _Stamp | None:
    try:
        status = path.stat()
    except (OSError, ValueError):
        return None
    return status.st_ino, status.st_size, status.st_mtime_ns
