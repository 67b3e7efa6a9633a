"""What a backup is done with. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import time, timedelta
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Settings:
    """`engine`: restic | command | systemd. `folder`: ours alone, for spool, scratch and cache."""

    engine: str
    folder: Path
    host: str
    """This machine's name, in snapshots."""
    repository: str | None = None
    password: str | None = field(default=None, repr=False)
    argv: tuple[str, ...] = ()
    unit: str | None = None
    max_age: timedelta = timedelta(hours=26)
    schedule: time | None = None
    """UTC."""
    paths: Mapping[str, str] = field(default_factory=dict)
    """A path on the host → the same place as we see it."""
    root: Path | None = None
    """The estate, as we see it."""
    trial: bool = False
    """A repository in the console's own state, to try it with: made at its first use."""
