"""The journal on disk."""

import json
from collections.abc import Sequence
from datetime import datetime

from bot.core.journal import GENESIS, Entry, Kind, Row, releases_in, verify
from bot.core.release import Release
from bot.ports import Clock
from bot.store.codec import row_from_sql
from bot.store.database import Database


class JournalStore:
    """Append, read, verify, export."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    async def write(self, *entries: Entry) -> None:
        """On disk when it returns."""
        async with self._database.transaction() as tx:
            await tx.journal(entries, self._clock.now())

    async def tail(self, count: int) -> Sequence[Row]:
        """The newest rows, oldest first."""
        rows = await self._database.rows("SELECT * FROM journal ORDER BY seq DESC LIMIT ?", (count,))
        return [row_from_sql(row) for row in reversed(rows)]

    async def head(self) -> tuple[int, str]:
        """Number and hash of the newest row; (0, GENESIS) when there is none."""
        newest = await self._database.one("SELECT seq, hash FROM journal ORDER BY seq DESC LIMIT 1")
        return (newest["seq"], newest["hash"]) if newest else (0, GENESIS)

    async def releases(self, service: str) -> Sequence[Release]:
        """See `bot.core.journal.releases_in`. Only rows of plans that name this service are read."""
        rows = await self._database.rows(
            "SELECT * FROM journal WHERE kind IN ('plan', 'execution') AND json_extract(about, '$.code') IN"
            " (SELECT json_extract(about, '$.code') FROM journal"
            "  WHERE kind = 'plan' AND instr(about, ?) > 0) ORDER BY seq",
            (json.dumps(service),),
        )
        return releases_in([row_from_sql(row) for row in rows], service)

    async def verify(self) -> tuple[int, str | None]:
        """How many rows there are, and what is wrong with the chain, if anything."""
        try:
            rows = await self.all()
        except (ValueError, TypeError) as trouble:
            return 0, f"a row cannot be read: {trouble}"
        return len(rows), verify(rows)

    async def all(self) -> list[Row]:
        """Every row, oldest first. Raises ValueError for a row that is nonsense."""
        return [row_from_sql(row) for row in await self._database.rows("SELECT * FROM journal ORDER BY seq")]

    async def prune(self, before: datetime) -> int:
        """Remove rows older than that; a PRUNED row says up to where. Returns how many went."""
        async with self._database.transaction() as tx:
            # Up to the first row that is kept, whatever stands behind it: a machine that starts in 1970 has
            # rows whose time is old and whose place in the chain is not.
            last = await tx.one(
                "SELECT seq, hash FROM journal WHERE seq <"
                " coalesce((SELECT seq FROM journal WHERE at >= ? ORDER BY seq LIMIT 1), 1 << 62)"
                " ORDER BY seq DESC LIMIT 1",
                (before.isoformat(),),
            )
            if last is None:
                return 0
            about = {"through": last["seq"], "hash": last["hash"]}
            await tx.journal([Entry(Kind.PRUNED, about=about)], self._clock.now())
            return await tx.count("DELETE FROM journal WHERE seq <= ?", (last["seq"],))


def export(rows: Sequence[Row]) -> str:
    """One JSON object a line, for other tools; `hash` can be recomputed from the rest."""
    lines = (
        json.dumps(
            {
                "seq": row.seq,
                "at": row.at.isoformat(),
                "kind": row.entry.kind.value,
                "actor": row.entry.actor,
                "person": row.entry.person,
                "place": row.entry.place,
                "about": row.entry.about,
                "previous": row.previous,
                "hash": row.hash,
            },
            sort_keys=True,
        )
        for row in rows
    )
    return "".join(f"{text}\n" for text in lines)
