"""Small facts by name, beside the platforms' positions. See `bot.ports.Notes`."""

from bot.ports import Clock
from bot.store.database import Database


class NoteStore:
    """In the table `facts`, which nothing prunes."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    async def read(self, name: str) -> str | None:
        row = await self._database.one("SELECT value FROM facts WHERE key = ?", (name,))
        return str(row["value"]) if row else None

    async def write(self, name: str, value: str) -> None:
        async with self._database.transaction() as tx:
            await tx.run(
                "INSERT OR REPLACE INTO facts (key, value, at) VALUES (?,?,?)",
                (name, value, self._clock.now().timestamp()),
            )
