"""What each database server is asked, by its own tools: to be dumped, counted, loaded and checked."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from bot.core.errors import NotDone
from estate.backup.database import Database, Kind
from estate.backup.shell import Dump, Shell
from estate.model import Throwaway

Counts = dict[str, dict[str, int]]
"""Database → table → rows."""


@dataclass(frozen=True, slots=True)
class Server:
    """A throw-away server, and how one speaks to it."""

    wanted: Throwaway
    user: str = ""
    environment: Mapping[str, str] = field(default_factory=dict, repr=False)


class Dialect(Protocol):
    """One kind of server. Everything raises NotDone, in words, and Upstream."""

    async def look(self, shell: Shell) -> tuple[Dump, ...]:
        """What a dump would write, and the exact commands. Changes nothing."""
        ...

    async def count(self, shell: Shell, names: Sequence[str]) -> Counts:
        """The rows of every table now."""
        ...

    def flaw(self, path: Path) -> str | None:
        """What a dump's own end and beginning say is wrong with it; None when nothing. Blocks."""
        ...

    async def prove(self, shell: Shell, inside: Sequence[str]) -> None:
        """Read these dumps (paths inside the throw-away container) to their ends, where a tool can."""
        ...

    def idle(self, database: Database, owner: str) -> Throwaway | None:
        """A container in which `prove` runs; None where it needs none."""
        ...

    def place(self, database: Database, owner: str, dumps: Mapping[str, str]) -> Server:
        """A server of its own to load dumps into. `dumps`: file → path inside."""
        ...

    async def wait(self, shell: Shell) -> None:
        """Until it answers."""
        ...

    async def load(self, shell: Shell, dumps: Mapping[str, str]) -> tuple[str, ...]:
        """Load them (file → path inside); the databases that are there now."""
        ...


def dialect(kind: Kind) -> Dialect:
    """Raises NotDone for a server that there is no tool for."""
    from estate.backup.mysql import Mysql
    from estate.backup.postgres import Postgres
    from estate.backup.redis import Redis

    match kind:
        case Kind.POSTGRES:
            return Postgres()
        case Kind.MYSQL:
            return Mysql()
        case Kind.REDIS:
            return Redis()
        case Kind.OTHER:
            raise NotDone("there is no tool for this server")


def tail(path: Path, size: int = 4096) -> bytes:
    """The last bytes of a file."""
    with path.open("rb") as file:
        file.seek(0, 2)
        file.seek(max(file.tell() - size, 0))
        return file.read(size)
