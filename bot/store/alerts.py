"""Posted payloads and the groups they become."""

import asyncio
import json
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from bot.core.delivery import Op, Outgoing
from bot.core.errors import Upstream
from bot.core.journal import Entry
from bot.core.model import Room
from bot.core.steps import OnStep, Step, no_step
from bot.ports import Clock
from bot.store.database import Database, Transaction, utc
from bot.store.outbox import OutboxStore


@dataclass(frozen=True, slots=True)
class Payload:
    """A posted body, as it came. `note` says what is wrong with it ("too large")."""

    id: int
    endpoint: str
    at: datetime
    body: bytes
    note: str


@dataclass(frozen=True, slots=True)
class StoredGroup:
    """A group's row. `state` is alert_bridge.group's JSON."""

    endpoint: str
    receiver: str
    group_key: str
    state: str
    lane: str
    rooms: tuple[str, ...]
    reason: str
    firing: int
    at: datetime


@dataclass(frozen=True, slots=True)
class Root:
    """A place where a lane's message was put. Not open: the place refused it, and it lives elsewhere."""

    room: Room
    open: bool


SILENCE = timedelta(days=30)
"""No Alertmanager repeats itself more seldom."""
PRESS = 4
"""Posts in one commit from which senders are many."""

_ROOTS = """
SELECT r.lane, platform, address, room,
       refused IS NOT NULL AND NOT EXISTS (
         SELECT 1 FROM deliveries AS d
         WHERE d.platform = r.platform AND d.address = r.address AND d.lane = r.lane AND d.parked = 1
       ) AS closed
FROM roots AS r WHERE r.lane IN (SELECT value FROM json_each(?))
"""
"""A refused place where something is parked is the last one that the lane has: what is new waits too."""


class AlertStore:
    """Payloads in, in shared commits; groups and their deliveries out, with the payload's end."""

    def __init__(
        self, database: Database, outbox: OutboxStore, clock: Clock, on_step: OnStep = no_step
    ) -> None:
        self._database = database
        self._outbox = outbox
        self._clock = clock
        self._step = on_step
        self._queue: list[tuple[asyncio.Future[None], tuple[str, float, bytes, str]]] = []
        self._committing: asyncio.Task[None] | None = None
        self.news = asyncio.Event()
        self._pressed_until = 0.0

    @property
    def pressed(self) -> bool:
        """Whether senders wait for the disk in numbers: then what is not urgent should give way."""
        return asyncio.get_running_loop().time() < self._pressed_until

    # ---- in

    async def accept(self, endpoint: str, body: bytes, note: str = "") -> None:
        """On disk (fsync) when it returns. Posts that come together share a commit.

        Raises Upstream when it could not be written: then nothing was accepted.
        """
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._queue.append((done, (endpoint, self._clock.now().timestamp(), body, note)))
        if self._committing is None or self._committing.done():
            self._committing = asyncio.create_task(self._commit())
        await done

    async def _commit(self) -> None:
        while self._queue:
            batch, self._queue = self._queue, []
            if len(batch) >= PRESS:
                self._pressed_until = asyncio.get_running_loop().time() + 0.02
            try:
                async with self._database.transaction() as tx:
                    await tx.many(
                        "INSERT INTO payloads (endpoint, at, body, note) VALUES (?,?,?,?)",
                        [row for _, row in batch],
                    )
            except Exception as trouble:
                error = trouble if isinstance(trouble, Upstream) else Upstream(f"not written: {trouble}")
                for done, _ in batch:
                    if not done.done():
                        done.set_exception(error)
                continue
            self._step(Step.PAYLOAD_COMMITTED)
            self.news.set()
            for done, _ in batch:
                if not done.done():
                    done.set_result(None)

    # ---- out

    async def waiting(self, limit: int, size: int = 2**62) -> list[Payload]:
        """The oldest payloads that are not folded yet: at most `limit`, together no more bytes than `size`
        (but always one)."""
        sizes = await self._database.rows(
            "SELECT id, length(body) AS size FROM payloads WHERE done_at IS NULL ORDER BY id LIMIT ?",
            (limit,),
        )
        count, total = 0, 0
        for row in sizes:
            total += row["size"]
            if count and total > size:
                break
            count += 1
        rows = await self._database.rows(
            "SELECT id, endpoint, at, body, note FROM payloads WHERE done_at IS NULL ORDER BY id LIMIT ?",
            (count,),
        )
        return [Payload(row["id"], row["endpoint"], utc(row["at"]), row["body"], row["note"]) for row in rows]

    async def group(self, endpoint: str, receiver: str, group_key: str) -> StoredGroup | None:
        row = await self._database.one(
            "SELECT * FROM groups WHERE endpoint = ? AND receiver = ? AND group_key = ?",
            (endpoint, receiver, group_key),
        )
        return _group(row) if row is not None else None

    async def roots(self, lane: str) -> list[Root]:
        """Every place where a lane's message was put, and whether it still lives there."""
        rows = await self._database.rows(_ROOTS, (json.dumps([lane]),))
        return [Root(Room(row["platform"], row["address"], row["room"]), not row["closed"]) for row in rows]

    async def fold(
        self,
        payloads: Sequence[Payload],
        groups: Sequence[StoredGroup],
        outgoing: Sequence[Outgoing],
        entries: Sequence[Entry],
    ) -> None:
        """The groups' new state, what is to be told and the payloads' end: one transaction.

        Raises Upstream when a message has moved to another room since it was looked up: fold again.
        """
        now = self._clock.now()
        async with self._database.transaction() as tx:
            await _still_there(tx, outgoing)
            for group in groups:
                await _save(tx, group)
            await self._outbox.put(tx, outgoing)
            await tx.journal(entries, now)
            await tx.many(
                "UPDATE payloads SET done_at = ? WHERE id = ?", [(now.timestamp(), p.id) for p in payloads]
            )
        self._step(Step.GROUP_COMMITTED)
        if outgoing:
            self._outbox.wake()

    # ---- what there is to know

    async def firing(self) -> list[StoredGroup]:
        """The groups that fire now, the newest first."""
        rows = await self._database.rows("SELECT * FROM groups WHERE firing > 0 ORDER BY at DESC LIMIT 1000")
        return [_group(row) for row in rows]

    async def backlog(self) -> int:
        """How many payloads wait to be folded."""
        row = await self._database.one("SELECT count(*) AS n FROM payloads WHERE done_at IS NULL")
        return row["n"] if row else 0

    async def prune(self, *, payloads_before: datetime, groups_before: datetime) -> None:
        """Forget folded payloads, and groups that are resolved, older than that; and groups of which nobody
        has said anything for that long, and for SILENCE: their Alertmanager is gone."""
        async with self._database.transaction() as tx:
            await tx.run(
                "DELETE FROM payloads WHERE done_at IS NOT NULL AND done_at < ?",
                (payloads_before.timestamp(),),
            )
            silent = min(groups_before, self._clock.now() - SILENCE)
            await tx.run(
                "DELETE FROM groups WHERE at < iif(firing = 0, ?, ?)",
                (groups_before.timestamp(), silent.timestamp()),
            )


async def _still_there(tx: Transaction, outgoing: Sequence[Outgoing]) -> None:
    """Raises Upstream when an edit or a line is for a place that has refused meanwhile."""
    wanted: dict[str, set[tuple[str, str]]] = {}
    for one in outgoing:
        if one.op is not Op.ROOT:
            wanted.setdefault(one.lane, set()).add((one.room.platform, one.room.address))
    if not wanted:
        return
    # One question for all: each would be a trip to the connection's thread, with the lock held.
    rows = await tx.rows(_ROOTS, (json.dumps(list(wanted)),))
    if any(row["closed"] and (row["platform"], row["address"]) in wanted[row["lane"]] for row in rows):
        raise Upstream("a room has just refused a message that goes on elsewhere: looked up again")


async def _save(tx: Transaction, group: StoredGroup) -> None:
    await tx.run(
        "INSERT INTO groups (endpoint, receiver, group_key, state, lane, rooms, reason, firing, at)"
        " VALUES (?,?,?,?,?,?,?,?,?) ON CONFLICT (endpoint, receiver, group_key) DO UPDATE SET"
        " state = excluded.state, lane = excluded.lane, rooms = excluded.rooms, reason = excluded.reason,"
        " firing = excluded.firing, at = excluded.at",
        (
            group.endpoint,
            group.receiver,
            group.group_key,
            group.state,
            group.lane,
            json.dumps(group.rooms),
            group.reason,
            group.firing,
            group.at.timestamp(),
        ),
    )


def _group(row: sqlite3.Row) -> StoredGroup:
    return StoredGroup(
        row["endpoint"],
        row["receiver"],
        row["group_key"],
        row["state"],
        row["lane"],
        tuple(json.loads(row["rooms"])),
        row["reason"],
        row["firing"],
        utc(row["at"]),
    )
