import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime

import pytest

from bot.core.model import Room
from bot.outbox import Outbox
from bot.store.database import Database
from bot.store.outbox import OutboxStore
from bot.testing import FakePlatform

OPS = Room("fake", "C1", "ops")
DEV = Room("fake", "C2", "dev")
FALLBACK = Room("fake", "C9", "fallback")


class RealClock:
    def now(self) -> datetime:
        return datetime.now(UTC)


@dataclass
class Desk:
    """An outbox with one fake platform, run for the length of a block."""

    store: OutboxStore
    platform: FakePlatform

    @asynccontextmanager
    async def running(self) -> AsyncIterator[Outbox]:
        outbox = Outbox(
            self.store, {"fake": self.platform}, lambda: [FALLBACK], RealClock(), spread=lambda: 0.0
        )
        task = asyncio.create_task(outbox.run())
        try:
            yield outbox
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def idle(self, seconds: float = 15) -> None:
        """Wait until nothing waits any more."""
        async with asyncio.timeout(seconds):
            while await self.store.waiting():
                await asyncio.sleep(0.01)

    async def until(self, true: Callable[[], bool], seconds: float = 15) -> None:
        async with asyncio.timeout(seconds):
            while not true():
                await asyncio.sleep(0.01)


@pytest.fixture
async def desk(tmp_path) -> AsyncIterator[Desk]:
    async with Database(tmp_path / "tocsin.db") as database:
        yield Desk(OutboxStore(database, RealClock()), FakePlatform())
