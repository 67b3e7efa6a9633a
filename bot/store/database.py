"""One SQLite file, one writer. WAL, `synchronous=FULL`: what a transaction wrote is on disk when it ends."""

import asyncio
import fcntl
import os
import sqlite3
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime
from importlib import resources
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import aiosqlite

from bot.core.errors import ConfigError, Mistake, Upstream
from bot.core.journal import GENESIS, Entry, chain
from bot.store import codec

Params = Sequence[Any]


class Lock:
    """The right to be the one process on a state directory. Held until `release` or the process ends."""

    def __init__(self, state: Path) -> None:
        self._path = state / "lock"
        self._fd: int | None = None

    def take(self) -> None:
        """Raises ConfigError when another process holds it."""
        fd = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            holder = os.read(fd, 32).decode(errors="replace").strip() or "another process"
            os.close(fd)
            raise ConfigError(
                Mistake(
                    f"state: {self._path.parent}",
                    f"is locked by process {holder}",
                    "one process at a time may use it: stop the other, or give this one a state of its own",
                )
            ) from None
        os.ftruncate(fd, 0)
        os.write(fd, f"{os.getpid()}\n".encode())
        self._fd = fd

    def release(self) -> None:
        if self._fd is not None:
            os.close(self._fd)
            self._fd = None


def prepare(state: Path) -> None:
    """Make the state directory, 0700. Raises ConfigError when it cannot be written."""
    try:
        state.mkdir(mode=0o700, parents=True, exist_ok=True)
        if state.stat().st_uid == os.geteuid():
            state.chmod(0o700)
        probe = state / ".write-probe"
        probe.write_bytes(b"")
        probe.unlink()
    except OSError as trouble:
        raise ConfigError(
            Mistake(
                f"state: {state}",
                f"cannot be written: {trouble.strerror}",
                "give the directory to the user that runs tocsin, or name another",
            )
        ) from trouble


class Transaction:
    """Statements that become durable together. Made by `Database.transaction` only.

    Statements without a result wait, and go to the connection's thread together: at the next read, or with
    the COMMIT. Each way there and back costs as much as ten statements, and the lock is held meanwhile.
    """

    def __init__(self, database: "Database") -> None:
        self._database = database
        self._waiting: list[tuple[bool, str, Any]] = []
        self.begun = False

    async def run(self, sql: str, params: Params = ()) -> None:
        """Without a result; an error of it may show only at the end of the transaction."""
        self._waiting.append((False, sql, params))

    async def many(self, sql: str, rows: Iterable[Params]) -> None:
        """As `run`, for each row."""
        self._waiting.append((True, sql, list(rows)))

    async def count(self, sql: str, params: Params = ()) -> int:
        """Returns the number of rows it touched."""
        return int(await self._send(lambda connection: connection.execute(sql, params).rowcount))

    async def rows(self, sql: str, params: Params = ()) -> list[sqlite3.Row]:
        found: list[sqlite3.Row] = await self._send(
            lambda connection: connection.execute(sql, params).fetchall()
        )
        return found

    async def one(self, sql: str, params: Params = ()) -> sqlite3.Row | None:
        found = await self.rows(sql, params)
        return found[0] if found else None

    async def commit(self) -> None:
        """Only for `Database.transaction`."""
        if self.begun or self._waiting:
            await self._send(lambda connection: connection.execute("COMMIT"))

    async def _send(self, last: Callable[[sqlite3.Connection], Any]) -> Any:
        """One trip to the connection's thread: BEGIN where it is the first, what waits, and `last`."""
        waiting, self._waiting = self._waiting, []
        begins, self.begun = not self.begun, True

        def work(connection: sqlite3.Connection) -> Any:
            if begins:
                connection.execute("BEGIN IMMEDIATE")
            for many, sql, params in waiting:
                (connection.executemany if many else connection.execute)(sql, params)
            return last(connection)

        return await self._database.in_thread(work)

    async def journal(self, entries: Sequence[Entry], at: datetime) -> None:
        """Append entries to the journal's chain."""
        if not entries:
            return
        seq, head = await self._database.journal_head()
        rows = []
        for entry in entries:
            row = chain(seq + 1, at, entry, head)
            seq, head = row.seq, row.hash
            rows.append(codec.row_to_params(row))
        await self.many("INSERT INTO journal VALUES (?,?,?,?,?,?,?,?,?)", rows)
        self._database.set_journal_head(seq, head)


class Database:
    """Opens, migrates, and hands out transactions, one at a time."""

    def __init__(self, path: Path, *, read_only: bool = False) -> None:
        self.path = path
        self._read_only = read_only
        self._lock = asyncio.Lock()
        self._writer: aiosqlite.Connection | None = None
        self._reader: aiosqlite.Connection | None = None
        self._head: tuple[int, str] | None = None

    async def open(self) -> Self:
        """Raises ConfigError when the file is of a newer Tocsin or no database of ours."""
        try:
            if not self._read_only:
                self._writer = await self._connect()
                await self._migrate()
            self._reader = await self._connect()
        except sqlite3.Error as trouble:
            await self.close()
            raise ConfigError(
                Mistake(
                    str(self.path),
                    f"cannot be used as a database: {trouble}",
                    "move it away to start anew, or restore it from a backup",
                )
            ) from trouble
        except BaseException:
            await self.close()
            raise
        return self

    async def close(self) -> None:
        """Close both connections; an open one would keep the process from ending."""
        for connection in (self._reader, self._writer):
            if connection is not None:
                await connection.close()
        self._reader = self._writer = None

    async def __aenter__(self) -> Self:
        return await self.open()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Transaction]:
        """Everything inside is durable when the block ends, or nothing is.

        Raises Upstream when the disk is full or the file is locked; the caller may try again.
        """
        async with self._lock:
            writer = self._open_writer()
            try:
                tx = Transaction(self)
                yield tx
                await tx.commit()
            except BaseException as trouble:
                self._head = None
                if self._writer is not None:
                    # Always, for a cancelled BEGIN or COMMIT may still be under way in the writer's thread:
                    # this one is queued behind it, and whether there is anything to undo shows only then.
                    with suppress(sqlite3.OperationalError):
                        await writer.execute("ROLLBACK")
                if isinstance(trouble, sqlite3.OperationalError):
                    raise Upstream(f"the state cannot be written: {trouble} ({self.path})") from trouble
                raise

    async def rows(self, sql: str, params: Params = ()) -> list[sqlite3.Row]:
        """Read what is committed, beside the writer."""
        if self._reader is None:
            raise RuntimeError("the database is closed")
        try:
            return list(await self._reader.execute_fetchall(sql, params))
        except sqlite3.OperationalError as trouble:
            raise Upstream(f"the state cannot be read: {trouble} ({self.path})") from trouble

    async def one(self, sql: str, params: Params = ()) -> sqlite3.Row | None:
        found = await self.rows(sql, params)
        return found[0] if found else None

    async def journal_head(self) -> tuple[int, str]:
        """Number and hash of the newest row, as the writer sees it."""
        if self._head is None:
            rows = await self._open_writer().execute_fetchall(
                "SELECT seq, hash FROM journal ORDER BY seq DESC LIMIT 1"
            )
            newest = next(iter(rows), None)
            self._head = (newest[0], newest[1]) if newest else (0, GENESIS)
        return self._head

    def set_journal_head(self, seq: int, head: str) -> None:
        """Only for `Transaction.journal`; forgotten again when the transaction rolls back."""
        self._head = (seq, head)

    async def in_thread(self, work: Callable[[sqlite3.Connection], Any]) -> Any:
        """Only for `Transaction`: many statements in one trip, for which aiosqlite has no public name."""
        writer = self._open_writer()
        return await writer._execute(lambda: work(writer._conn))  # type: ignore[no-untyped-call]

    def _open_writer(self) -> aiosqlite.Connection:
        if self._writer is None:
            raise RuntimeError("the database is closed")
        return self._writer

    async def _connect(self) -> aiosqlite.Connection:
        mode = "ro" if self._read_only else "rwc"
        address = f"{self.path.absolute().as_uri()}?mode={mode}"
        connection = await aiosqlite.connect(address, uri=True, isolation_level=None)
        connection.row_factory = sqlite3.Row
        if self._read_only:
            return connection
        try:
            for pragma in (
                "busy_timeout=2000",
                "journal_mode=WAL",
                "synchronous=FULL",
                "foreign_keys=ON",
                "journal_size_limit=67108864",
                "cache_size=-8000",
            ):
                await connection.execute(f"PRAGMA {pragma}")
        except BaseException:
            # Its thread is no daemon: left open, it would keep the process from ending.
            await connection.close()
            raise
        self.path.chmod(0o600)
        return connection

    async def _migrate(self) -> None:
        writer = self._open_writer()
        version = await self._user_version()
        steps = migrations()
        if version > len(steps):
            raise ConfigError(
                Mistake(
                    str(self.path),
                    f"was written by a newer Tocsin (schema {version}, this one knows {len(steps)})",
                    "run that version again, or start on another state directory",
                )
            )
        for number, script in enumerate(steps[version:], start=version + 1):
            # One transaction a step: a kill in the middle leaves the version before, whole.
            await writer.executescript(f"BEGIN IMMEDIATE;\n{script}\nPRAGMA user_version={number};\nCOMMIT;")

    async def _user_version(self) -> int:
        rows = await self._open_writer().execute_fetchall("PRAGMA user_version")
        return int(next(iter(rows))[0])


def migrations() -> list[str]:
    """The scripts that lead from nothing to today's schema, in order. The first is `schema.sql`."""
    package = resources.files("bot.store")
    later = sorted(
        (entry for entry in (package / "migrations").iterdir() if entry.name.endswith(".sql")),
        key=lambda entry: entry.name,
    )
    return [entry.read_text("utf-8") for entry in (package / "schema.sql", *later)]


def utc(seconds: float) -> datetime:
    """Seconds since 1970 → aware UTC."""
    return datetime.fromtimestamp(seconds, UTC)
