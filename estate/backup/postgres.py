"""PostgreSQL: `pg_dump -Fc` of each database and `pg_dumpall --globals-only`."""

import asyncio
import json
import re
import secrets
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path

from bot.core.errors import NotDone
from estate.backup.database import Database
from estate.backup.dialect import Counts, Server, tail
from estate.backup.shell import LONG, Dump, Shell, file_name
from estate.model import Throwaway

_DATABASES = (
    "select coalesce(json_agg(datname order by datname), '[]') from pg_database"
    " where datallowconn and not datistemplate"
)
_TABLES = (
    "select coalesce(json_agg(format('select %L, count(*) from %I.%I',"
    " n.nspname || '.' || c.relname, n.nspname, c.relname) order by 1), '[]')"
    " from pg_class c join pg_namespace n on n.oid = c.relnamespace"
    " where c.relkind in ('r', 'p') and not c.relispartition"
    " and n.nspname <> 'information_schema' and n.nspname !~ '^pg_'"
)
_AT_ONCE = 50
"""Tables that one query counts."""
GLOBALS = "globals.sql"
STARTING = 120.0
"""Seconds that a new server gets until it answers."""


class Postgres:
    """See `dialect.Dialect`."""

    async def look(self, shell: Shell) -> tuple[Dump, ...]:
        said = await shell.text(_psql(shell, "template1", _DATABASES))
        user = shell.database.user
        globals_ = Dump("", GLOBALS, ("pg_dumpall", "-w", "-U", user, "--globals-only"))
        dumps = (
            Dump(name, f"{file_name(name)}.dump", ("pg_dump", "-w", "-U", user, "-Fc", "-d", conninfo(name)))
            for name in _names(said)
        )
        return (globals_, *dumps)

    async def count(self, shell: Shell, names: Sequence[str]) -> Counts:
        found: Counts = {}
        for name in names:
            statements = _names(await shell.text(_psql(shell, name, _TABLES)))
            found[name] = {}
            for some in _batches(statements):
                query = f"select json_object_agg(a, b) from ({' union all '.join(some)}) t (a, b)"  # noqa: S608 - quoted by the server
                said = await shell.text(_psql(shell, name, query), seconds=600)
                found[name] |= {str(table): int(rows) for table, rows in json.loads(said).items()}
        return found

    def flaw(self, path: Path) -> str | None:
        if path.name == GLOBALS:
            whole = b"PostgreSQL database cluster dump complete" in tail(path)
            return None if whole else "it has no end: the dump was cut off"
        with path.open("rb") as file:
            return None if file.read(5) == b"PGDMP" else "it is no archive of pg_dump"

    def idle(self, database: Database, owner: str) -> Throwaway | None:
        return Throwaway(database.container.image_id, owner, argv=("sleep", "86400"))

    async def prove(self, shell: Shell, inside: Sequence[str]) -> None:
        for path in inside:
            if path.endswith(".dump"):
                listed = await shell.text(["pg_restore", "--list", path])
                if "TOC Entries" not in listed:
                    raise NotDone(f"pg_restore lists nothing of {path.rpartition('/')[2]}")
                await shell.text(["pg_restore", "--file=/dev/null", path], seconds=LONG)

    def place(self, database: Database, owner: str, dumps: Mapping[str, str]) -> Server:
        environment = {
            "POSTGRES_USER": database.user,
            "POSTGRES_PASSWORD": secrets.token_urlsafe(12),
            "POSTGRES_DB": "postgres",
            # Nobody can reach it, and the globals change its passwords.
            "POSTGRES_HOST_AUTH_METHOD": "trust",
        }
        return Server(Throwaway(database.container.image_id, owner, environment), database.user)

    async def wait(self, shell: Shell) -> None:
        # By TCP: while the image makes its files ready, a first server answers on the socket alone.
        ask = [
            "psql",
            "-X",
            "-w",
            "-h",
            "127.0.0.1",
            "-U",
            shell.database.user,
            "-d",
            "template1",
            "-c",
            "select 1",
        ]
        await until(partial(shell.works, ask), STARTING)

    async def load(self, shell: Shell, dumps: Mapping[str, str]) -> tuple[str, ...]:
        user = shell.database.user
        at = ["-w", "-h", "127.0.0.1", "-U", user]
        if GLOBALS in dumps:
            # It says that the user it is loaded as exists already: that is no failure.
            await shell.text(["psql", "-X", "-q", *at, "-d", "template1", "-f", dumps[GLOBALS]], seconds=LONG)
        for file, path in dumps.items():
            if file.endswith(".dump"):
                own = ["-d", "postgres"] if file == "postgres.dump" else ["--create", "-d", "template1"]
                await shell.text(["pg_restore", "--exit-on-error", *at, *own, path], seconds=LONG)
        return tuple(_names(await shell.text(_psql(shell, "template1", _DATABASES))))


def _psql(shell: Shell, name: str, query: str) -> list[str]:
    return ["psql", "-X", "-w", "-A", "-t", "-U", shell.database.user, "-d", conninfo(name), "-c", query]


def conninfo(name: str) -> str:
    """A database's name where a connection string may stand too."""
    if re.fullmatch(r"\w[\w-]*", name, re.ASCII):
        return name
    escaped = name.replace("\\", "\\\\").replace("'", "\\'")
    return f"dbname='{escaped}'"


def _names(said: str) -> list[str]:
    try:
        found = json.loads(said)
    except ValueError:
        raise NotDone("psql did not answer with a list") from None
    return [str(one) for one in found]


def _batches(statements: Sequence[str]) -> Iterator[Sequence[str]]:
    for at in range(0, len(statements), _AT_ONCE):
        yield statements[at : at + _AT_ONCE]


async def until(answers: Callable[[], Awaitable[bool]], seconds: float) -> None:
    """Ask twice a second until it answers. Raises NotDone when the time is over."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + seconds
    while not await answers():
        if loop.time() > deadline:
            raise NotDone(f"the throw-away database did not answer within {seconds:.0f} s")
        await asyncio.sleep(0.5)
