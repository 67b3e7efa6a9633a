"""What the last audit found, on disk."""

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from bot.core.delivery import Outgoing
from bot.core.journal import Entry
from bot.ports import Clock, LastAudit
from bot.store.database import Database
from bot.store.outbox import OutboxStore

if TYPE_CHECKING:
    from audit.comparison import Standing


class AuditStore:
    """See `bot.ports.Audits`."""

    def __init__(self, database: Database, outbox: OutboxStore, clock: Clock) -> None:
        self._database = database
        self._outbox = outbox
        self._clock = clock

    async def last(self, root: Path) -> LastAudit:
        from audit.comparison import from_json

        row = await self._database.one("SELECT * FROM audits WHERE root = ?", (str(root),))
        if row is None:
            return LastAudit()
        at = datetime.fromtimestamp(row["at"], UTC)
        try:
            return LastAudit(at, from_json(json.loads(row["standings"])), row["blind"])
        except (ValueError, KeyError, TypeError):
            return LastAudit()  # of another version: as if there had been none

    async def keep(
        self,
        root: Path,
        at: datetime,
        standings: "Sequence[Standing]",
        blind: str,
        outgoing: Sequence[Outgoing] = (),
        entries: Sequence[Entry] = (),
    ) -> None:
        from audit.comparison import to_json

        async with self._database.transaction() as tx:
            await tx.run(
                "INSERT OR REPLACE INTO audits (root, at, blind, standings) VALUES (?,?,?,?)",
                (str(root), at.timestamp(), blind, json.dumps(to_json(standings))),
            )
            await self._outbox.put(tx, outgoing)
            await tx.journal(entries, self._clock.now())
        self._outbox.wake()
