"""A transaction that is cancelled at any moment leaves nothing open behind it, and stays cancelled."""

import asyncio
from pathlib import Path

import pytest

from bot.store.database import Database


async def _write(database: Database) -> None:
    async with database.transaction() as tx:
        await tx.run("INSERT INTO facts (key, value, at) VALUES ('k', 'v', 0)")


@pytest.mark.parametrize("turns", range(12))
async def test_cancelled_at_each_turn(tmp_path: Path, turns: int) -> None:
    async with Database(tmp_path / "x.db") as database:
        for _ in range(10):
            task = asyncio.create_task(_write(database))
            for _ in range(turns):
                await asyncio.sleep(0)
            task.cancel()
            (outcome,) = await asyncio.gather(task, return_exceptions=True)
            assert outcome is None or isinstance(outcome, asyncio.CancelledError)
            async with database.transaction() as tx:
                await tx.run("DELETE FROM facts")
        assert await database.rows("SELECT * FROM facts") == []


@pytest.mark.parametrize("pause", [0.0001, 0.0003, 0.0006, 0.001, 0.0015, 0.002])
async def test_cancelled_while_the_disk_is_at_work(tmp_path: Path, pause: float) -> None:
    async with Database(tmp_path / "x.db") as database:
        for _ in range(20):
            task = asyncio.create_task(_write(database))
            await asyncio.sleep(pause)
            task.cancel()
            (outcome,) = await asyncio.gather(task, return_exceptions=True)
            assert outcome is None or isinstance(outcome, asyncio.CancelledError)
            async with database.transaction() as tx:
                await tx.run("DELETE FROM facts")
