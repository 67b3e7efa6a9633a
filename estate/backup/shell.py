"""Programs inside one database's container, with its password in their environment, never in their words."""

import itertools
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

from bot.core.errors import NotDone
from bot.core.text import one_line
from estate.backup.database import Database, Kind
from estate.model import Container, Executed, Throwaway

QUICK = 60.0
"""Seconds for a question to a database."""
LONG = 6 * 3600.0
"""Seconds for one dump, and for loading one."""
_LARGEST_ANSWER = 32 * 1024 * 1024
_PASSWORD_NAMES = {Kind.POSTGRES: "PGPASSWORD", Kind.MYSQL: "MYSQL_PWD", Kind.REDIS: "REDISCLI_AUTH"}


class Inside(Protocol):
    """What of an Engine this needs; see `bot.ports.Engine`."""

    @property
    def host(self) -> str: ...

    async def containers(self) -> Sequence[Container]: ...

    async def execute(
        self,
        container: Container,
        argv: Sequence[str],
        *,
        into: Path,
        seconds: float,
        environment: Mapping[str, str] | None = None,
    ) -> Executed: ...

    async def create(self, wanted: Throwaway) -> Container: ...

    async def put(self, container: Container, files: Mapping[str, Path]) -> None: ...

    async def start(self, container: Container) -> None: ...

    async def remove(self, container: Container) -> None: ...


@dataclass(frozen=True, slots=True)
class Dump:
    """One file that one command writes. `name`: the database; `file`: relative to the database's folder."""

    name: str
    file: str
    argv: tuple[str, ...]


class Shell:
    """One container, and a folder for what is said in it."""

    def __init__(self, engine: Inside, database: Database, scratch: Path) -> None:
        self.engine = engine
        self.database = database
        self._scratch = scratch
        self._numbers = itertools.count(1)

    @property
    def container(self) -> Container:
        return self.database.container

    def at(self, container: Container, user: str, environment: Mapping[str, str]) -> "Shell":
        """The same kind of database in another container."""
        moved = replace(
            self.database, container=container, user=user, environment=dict(environment), password_file=""
        )
        return Shell(self.engine, moved, self._scratch)

    async def text(self, argv: Sequence[str], *, seconds: float = QUICK) -> str:
        """What it says on stdout. Raises NotDone when it does not end well, Upstream."""
        ended, said = await self._run(argv, seconds)
        if ended.exit_code:
            raise NotDone(self._failed(argv, ended))
        return said

    async def works(self, argv: Sequence[str]) -> bool:
        """Whether it ends with 0."""
        ended, _ = await self._run(argv, QUICK)
        return ended.exit_code == 0

    async def into(self, argv: Sequence[str], path: Path) -> None:
        """Its stdout into a new file. Raises NotDone (also when that cannot be written), Upstream."""
        ended = await self.engine.execute(
            self.container, argv, into=path, seconds=LONG, environment=await self._environment()
        )
        if ended.exit_code:
            raise NotDone(self._failed(argv, ended))

    async def _run(self, argv: Sequence[str], seconds: float) -> tuple[Executed, str]:
        environment = await self._environment()
        return await self._execute(argv, seconds, environment)

    async def _execute(
        self, argv: Sequence[str], seconds: float, environment: Mapping[str, str]
    ) -> tuple[Executed, str]:
        path = self._scratch / f"said-{os.getpid()}-{id(self)}-{next(self._numbers)}"
        try:
            ended = await self.engine.execute(
                self.container, argv, into=path, seconds=seconds, environment=environment
            )
            with path.open("rb") as file:
                said = file.read(_LARGEST_ANSWER)
        finally:
            path.unlink(missing_ok=True)
        return ended, said.decode("utf-8", "replace")

    async def _environment(self) -> Mapping[str, str]:
        known = self.database
        if not known.password_file:
            return known.environment
        ended, said = await self._execute(["cat", known.password_file], QUICK, {})
        name = _PASSWORD_NAMES.get(known.kind)
        return {name: said.rstrip("\n")} if name and not ended.exit_code else known.environment

    def _failed(self, argv: Sequence[str], ended: Executed) -> str:
        if ended.exit_code in {126, 127}:
            return f"{argv[0]} cannot be run in {self.container.name}"
        rows = [row for row in ended.errors.splitlines() if row.strip()]
        said = f": {one_line(' '.join(rows[-3:]), 500)}" if rows else ""
        return f"{argv[0]} in {self.container.name} ended with {ended.exit_code}{said}"


def file_name(name: str) -> str:
    """A database's name as a file's name."""
    from urllib.parse import quote

    return quote(name, safe=" ").replace(".", "%2E") if name.startswith(".") else quote(name, safe=" ")
