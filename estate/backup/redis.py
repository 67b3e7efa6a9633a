"""Redis and Valkey: a snapshot over the replication protocol, `redis-cli --rdb -`."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from bot.core.errors import NotDone
from bot.core.text import one_line
from estate.backup.database import Database
from estate.backup.dialect import Counts, Server
from estate.backup.postgres import until
from estate.backup.shell import Dump, Shell
from estate.model import Throwaway

STARTING = 120.0
_MARK = 40
"""Bytes that end a transfer of unknown length; redis-cli cannot cut them off a stream, so it is done here."""
_END = 0xFF
_CHECKSUM = 8
_FILE = "dump.rdb"


class Redis:
    """See `dialect.Dialect`. Keys that expire come and go by themselves: only the others are counted."""

    async def look(self, shell: Shell) -> tuple[Dump, ...]:
        tool = _tool(shell, "cli")
        # An error is an answer like any other, and ends with 0; only newer ones have -e.
        said = (await shell.text([tool, "PING"])).strip()
        if said != "PONG":
            raise NotDone(f"{tool} in {shell.container.name} was answered: {one_line(said, 300)}")
        return (Dump("", _FILE, (tool, "--rdb", "-")),)

    async def count(self, shell: Shell, names: Sequence[str]) -> Counts:
        said = await shell.text([_tool(shell, "cli"), "INFO", "keyspace"])
        found = re.findall(r"(?m)^(db\d+):keys=(\d+),expires=(\d+)", said)
        return {"": {name: int(keys) - int(expires) for name, keys, expires in found}}

    def flaw(self, path: Path) -> str | None:
        with path.open("r+b") as file:
            head = file.read(9)
            size = file.seek(0, 2)
            if not re.fullmatch(rb"(REDIS|VALKEY)\d{3,4}", head):
                return "it is no snapshot of Redis"
            for extra in (0, _MARK):
                if size > len(head) + extra + _CHECKSUM:
                    file.seek(size - extra - _CHECKSUM - 1)
                    if file.read(1)[0] == _END:
                        file.truncate(size - extra)
                        return None
        return "it has no end: the snapshot was cut off"

    def idle(self, database: Database, owner: str) -> Throwaway | None:
        return None

    async def prove(self, shell: Shell, inside: Sequence[str]) -> None:
        """Its end says that it is whole; more is told only by loading it."""

    def place(self, database: Database, owner: str, dumps: Mapping[str, str]) -> Server:
        server = "valkey-server" if database.program == "valkey-server" else "redis-server"
        folder, _, file = dumps[_FILE].rpartition("/")
        argv = (server, "--dir", folder, "--dbfilename", file, "--appendonly", "no", "--save", "")
        return Server(Throwaway(database.container.image_id, owner, argv=argv))

    async def wait(self, shell: Shell) -> None:
        async def loaded() -> bool:
            # While it loads, it answers PING with an error.
            try:
                return (await shell.text([_tool(shell, "cli"), "PING"])).strip() == "PONG"
            except NotDone:
                return False

        await until(loaded, STARTING)

    async def load(self, shell: Shell, dumps: Mapping[str, str]) -> tuple[str, ...]:
        return ("",)


def _tool(shell: Shell, what: str) -> str:
    return f"{'valkey' if shell.database.program == 'valkey-server' else 'redis'}-{what}"
