"""Why Compose would stop, and where. Pure."""

from dataclasses import dataclass
from pathlib import Path

from estate.compose.source import Span


@dataclass(frozen=True, slots=True)
class Problem:
    """`span` is None where the whole file is meant. `of`: the file that is not there, or cannot be read; the
    place is where it is named, if that is known.
    """

    file: Path
    span: Span | None
    words: str
    of: Path | None = None

    def __str__(self) -> str:
        return f"{self.file}:{self.span}: {self.words}" if self.span else f"{self.file}: {self.words}"
