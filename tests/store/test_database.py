import asyncio
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from bot.core.errors import ConfigError, Upstream
from bot.store.database import Database, Lock, migrations, prepare


async def test_a_transaction_is_whole_or_nothing(database: Database) -> None:
    with pytest.raises(ZeroDivisionError):
        async with database.transaction() as tx:
            await tx.run("INSERT INTO facts VALUES ('a', '1', 0)")
            _ = 1 / 0
    async with database.transaction() as tx:
        await tx.run("INSERT INTO facts VALUES ('b', '1', 0)")
    assert [row["key"] for row in await database.rows("SELECT key FROM facts")] == ["b"]


async def test_transactions_do_not_mix(database: Database) -> None:
    async def add(number: int) -> None:
        async with database.transaction() as tx:
            await tx.run("INSERT INTO facts VALUES (?, '', 0)", (f"{number}a",))
            await asyncio.sleep(0)
            await tx.run("INSERT INTO facts VALUES (?, '', 0)", (f"{number}b",))

    await asyncio.gather(*(add(n) for n in range(20)))
    assert len(await database.rows("SELECT key FROM facts")) == 40


async def test_a_cancelled_transaction_leaves_the_writer_usable(database: Database) -> None:
    started = asyncio.Event()

    async def hang() -> None:
        async with database.transaction() as tx:
            await tx.run("INSERT INTO facts VALUES ('lost', '', 0)")
            started.set()
            await asyncio.sleep(60)

    task = asyncio.create_task(hang())
    await started.wait()
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    async with database.transaction() as tx:
        await tx.run("INSERT INTO facts VALUES ('kept', '', 0)")
    assert [row["key"] for row in await database.rows("SELECT key FROM facts")] == ["kept"]


async def test_a_locked_file_is_upstream_not_a_crash(database: Database) -> None:
    other = sqlite3.connect(database.path)
    other.execute("BEGIN EXCLUSIVE")
    try:
        with pytest.raises(Upstream, match="cannot be written: database is locked"):
            async with database.transaction() as tx:
                await tx.run("INSERT INTO facts VALUES ('a', '', 0)")
    finally:
        other.close()
    async with database.transaction() as tx:
        await tx.run("INSERT INTO facts VALUES ('a', '', 0)")


async def test_a_newer_schema_is_the_operators_mistake(tmp_path: Path) -> None:
    path = tmp_path / "tocsin.db"
    async with Database(path) as database, database.transaction() as tx:
        await tx.run("SELECT 1")
    raw = sqlite3.connect(path)
    raw.execute("PRAGMA user_version=999")
    raw.close()
    with pytest.raises(ConfigError, match="newer Tocsin"):
        await Database(path).open()


async def test_a_file_that_is_no_database_is_the_operators_mistake(tmp_path: Path) -> None:
    path = tmp_path / "tocsin.db"
    path.write_bytes(b"this is no database at all" * 100)
    with pytest.raises(ConfigError, match="cannot be used as a database"):
        await Database(path).open()


async def test_opening_twice_changes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "tocsin.db"
    for _ in range(2):
        async with Database(path) as database:
            version = await database.one("PRAGMA user_version")
            assert version is not None
            assert version[0] == len(migrations())
    assert path.stat().st_mode & 0o777 == 0o600


def test_the_lock_names_its_holder_and_goes_with_the_process(tmp_path: Path) -> None:
    prepare(tmp_path / "state")
    code = (
        "import sys; from pathlib import Path; from bot.store.database import Lock;"
        "Lock(Path(sys.argv[1])).take(); print('held', flush=True); sys.stdin.read()"
    )
    child = subprocess.Popen(
        [sys.executable, "-c", code, str(tmp_path / "state")], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    try:
        assert child.stdout is not None
        assert child.stdout.readline() == b"held\n"
        with pytest.raises(ConfigError, match=f"locked by process {child.pid}"):
            Lock(tmp_path / "state").take()
    finally:
        child.kill()
        child.wait()
    lock = Lock(tmp_path / "state")
    lock.take()
    lock.release()


def test_a_state_that_cannot_be_written_is_the_operators_mistake(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigError, match="cannot be written"):
        prepare(tmp_path / "file" / "state")


def test_the_state_directory_is_ours_alone(tmp_path: Path) -> None:
    prepare(tmp_path / "state")
    assert (tmp_path / "state").stat().st_mode & 0o777 == 0o700
