"""MySQL and MariaDB: `mysqldump` or `mariadb-dump` of each database, in one transaction."""

import secrets
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path

from bot.core.errors import NotDone
from estate.backup.database import Database
from estate.backup.dialect import Counts, Server, tail
from estate.backup.postgres import until
from estate.backup.shell import LONG, Dump, Shell, file_name
from estate.model import Throwaway

_SYSTEM = ("information_schema", "performance_schema", "sys")
_DATABASES = "select schema_name from information_schema.schemata order by 1"
_TABLES = (
    "select concat('select ', quote(concat(table_schema, '.', table_name)), ', count(*) from `',"
    " replace(table_schema, '`', '``'), '`.`', replace(table_name, '`', '``'), '`')"
    " from information_schema.tables where table_type = 'BASE TABLE' and table_schema = %s order by 1"
)
_OPTIONS = ("--single-transaction", "--routines", "--events", "--hex-blob")
_AT_ONCE = 50
STARTING = 180.0


class Mysql:
    """See `dialect.Dialect`. The database `mysql` (accounts and rights) is dumped, and not loaded in a drill:
    the throw-away server has its own."""

    async def look(self, shell: Shell) -> tuple[Dump, ...]:
        tool = "mariadb-dump" if await shell.works(["mariadb-dump", "--version"]) else "mysqldump"
        names = _rows(await shell.text(await _client(shell, _DATABASES)))
        user = f"--user={shell.database.user}"
        return tuple(
            Dump(name, f"{file_name(name)}.sql", (tool, user, *_OPTIONS, "--databases", name))
            for name in names
            if name not in _SYSTEM
        )

    async def count(self, shell: Shell, names: Sequence[str]) -> Counts:
        found: Counts = {}
        for name in names:
            if name == "mysql":
                continue
            quoted = "'" + name.replace("\\", "\\\\").replace("'", "''") + "'"
            statements = _rows(await shell.text(await _client(shell, _TABLES.replace("%s", quoted))))
            found[name] = {}
            for at in range(0, len(statements), _AT_ONCE):
                query = " union all ".join(statements[at : at + _AT_ONCE])
                for row in (await shell.text(await _client(shell, query), seconds=600)).splitlines():
                    table, _, rows = row.rpartition("\t")
                    found[name][table] = int(rows)
        return found

    def flaw(self, path: Path) -> str | None:
        return None if b"-- Dump completed" in tail(path) else "it has no end: the dump was cut off"

    def idle(self, database: Database, owner: str) -> Throwaway | None:
        return None

    async def prove(self, shell: Shell, inside: Sequence[str]) -> None:
        """Its end says that it is whole; more is told only by loading it."""

    def place(self, database: Database, owner: str, dumps: Mapping[str, str]) -> Server:
        password = secrets.token_urlsafe(12)
        environment = {"MARIADB_ROOT_PASSWORD": password, "MYSQL_ROOT_PASSWORD": password}
        wanted = Throwaway(database.container.image_id, owner, environment)
        # Not for the container itself: while it makes its files ready, its own client has no password yet.
        return Server(wanted, "root", {"MYSQL_PWD": password})

    async def wait(self, shell: Shell) -> None:
        # By TCP: while the image makes its files ready, a first server answers on the socket alone.
        client = (await _client(shell, "select 1"))[0]
        ask = [client, "--host=127.0.0.1", "--protocol=tcp", "--user=root", "-e", "select 1"]
        await until(partial(shell.works, ask), STARTING)

    async def load(self, shell: Shell, dumps: Mapping[str, str]) -> tuple[str, ...]:
        for file, path in dumps.items():
            if file != "mysql.sql":
                words = await _client(shell, f"source {path}")
                await shell.text(words, seconds=LONG)
        names = _rows(await shell.text(await _client(shell, _DATABASES)))
        return tuple(name for name in names if name not in {*_SYSTEM, "mysql"})


async def _client(shell: Shell, query: str) -> list[str]:
    tool = "mariadb" if await shell.works(["mariadb", "--version"]) else "mysql"
    return [tool, f"--user={shell.database.user}", "--batch", "--skip-column-names", "-e", query]


def _rows(said: str) -> list[str]:
    rows = said.splitlines()
    if any("\\n" in row for row in rows):
        raise NotDone("a database or a table has a line end in its name, which cannot be read back safely")
    return [row for row in rows if row]
