"""The outbox on disk: what waits to be said, and where each lane's message stands."""

import asyncio
import json
import logging
import sqlite3
from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import datetime

from bot.core.delivery import Delivery, Op, Outgoing
from bot.core.doc import Code as CodeSpan
from bot.core.doc import Doc, from_json, say, to_json
from bot.core.journal import Entry, Kind
from bot.core.model import Room
from bot.ports import Clock
from bot.store.database import Database, Transaction, utc

log = logging.getLogger("tocsin.outbox")

ANSWER_LANE = "answer:"
"""Lanes of answers: their root is never edited, so where it stands is not kept."""

NOT_CONFIGURED = "its platform is not configured any more"
"""Why a place is closed whose platform this process does not have."""
_ANEW = ":anew"
FAR = 1350.0
"""Seconds. No back-off is longer (`bot.core.backoff`): what is due later was put off by a clock that has been
set back since, and is due now."""

_ANSWER = """
SELECT d.*, NULL AS root_id FROM deliveries AS d
WHERE d.platform = ? AND d.address = ? AND d.lane >= 'answer:' AND d.lane < 'answer;' AND d.parked = 0
  AND (d.attempts = 0 OR d.due <= ? OR d.due > ?)
ORDER BY d.id LIMIT 1
"""
"""An answer: somebody waits for it, so it goes before a backlog of alerts. Each is a lane of its own."""

_HEAD = """
SELECT d.*, r.message_id AS root_id FROM deliveries AS d
LEFT JOIN roots AS r ON r.lane = d.lane AND r.platform = d.platform AND r.address = d.address
WHERE d.platform = ? AND d.address = ? AND d.op = ? AND d.parked = 0
  AND (d.attempts = 0 OR d.due <= ? OR d.due > ?)
  AND NOT EXISTS (SELECT 1 FROM deliveries AS e
                  WHERE e.platform = d.platform AND e.address = d.address AND e.lane = d.lane
                    AND e.parked = 0 AND e.id < d.id)
ORDER BY d.id LIMIT 1
"""
"""The oldest delivery of this kind that may go to a place now: nothing overtakes in a lane."""


class OutboxStore:
    """Enqueue, hand out, record."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock
        self.news = asyncio.Event()

    def wake(self) -> None:
        """Tell the deliverer that there is something to do."""
        self.news.set()

    # ---- in

    async def enqueue(self, outgoing: Sequence[Outgoing], entries: Sequence[Entry] = ()) -> None:
        """On disk when it returns."""
        async with self._database.transaction() as tx:
            await self.put(tx, outgoing)
            await tx.journal(entries, self._clock.now())
        self.wake()

    async def put(self, tx: Transaction, outgoing: Sequence[Outgoing]) -> None:
        """Enqueue as part of somebody's transaction. An edit replaces the lane's older edits that wait.

        What is for a place that took nothing, and no other did, waits with the rest that is parked there.
        """
        now = self._clock.now().timestamp()
        for one in outgoing:
            place = (one.lane, one.room.platform, one.room.address)
            text = json.dumps(to_json(one.doc))
            if one.op is Op.ROOT and not one.lane.startswith(ANSWER_LANE):
                await tx.run(
                    "INSERT OR REPLACE INTO roots (lane, platform, address, room, card, at)"
                    " VALUES (?,?,?,?,?,?)",
                    (*place, one.room.name, text, now),
                )
            elif one.op is Op.EDIT:
                # Overtaken before it was sent: the newer card says all that the older one would have said.
                await tx.run(
                    "DELETE FROM deliveries WHERE lane = ? AND platform = ? AND address = ? AND op = 'edit'",
                    place,
                )
                await tx.run(
                    "UPDATE roots SET card = ?, at = ? WHERE lane = ? AND platform = ? AND address = ?",
                    (text, now, *place),
                )
            await tx.run(
                "INSERT INTO deliveries (lane, platform, address, room, op, key, doc, thread, created, due,"
                " parked) VALUES (?,?,?,?,?,?,?,?,?,?, coalesce((SELECT refused IS NOT NULL FROM roots"
                " WHERE lane = ? AND platform = ? AND address = ?), 0))",
                (*place, one.room.name, one.op.value, one.key, text, one.thread, now, now, *place),
            )

    async def homes(self, tx: Transaction, lane: str) -> list[Room]:
        """The places where this lane's message lives (or waits to), as they are now."""
        rows = await tx.rows(
            "SELECT platform, address, room FROM roots WHERE lane = ? AND refused IS NULL", (lane,)
        )
        return [Room(row["platform"], row["address"], row["room"]) for row in rows]

    # ---- out

    async def places(self) -> list[Room]:
        """Every place that something waits for."""
        rows = await self._database.rows(
            "SELECT platform, address, max(room) AS room FROM deliveries WHERE parked = 0"
            " GROUP BY platform, address"
        )
        return [Room(row["platform"], row["address"], row["room"]) for row in rows]

    async def next(self, room: Room, now: datetime) -> tuple[Delivery | None, datetime | None]:
        """What may go to this place now: answers, then roots, then what hangs on them; and, when nothing may,
        when the next one is due."""
        at = now.timestamp()
        row = await self._database.one(_ANSWER, (room.platform, room.address, at, at + FAR))
        if row is None:
            row = await self._head(room, Op.ROOT, now)
        if row is None:
            others = [await self._head(room, op, now) for op in Op if op is not Op.ROOT]
            row = min(
                (one for one in others if one is not None), key=lambda one: int(one["id"]), default=None
            )
        if row is not None:
            try:
                return _delivery(row), None
            except (LookupError, TypeError, ValueError) as trouble:
                await self._set_aside(row, trouble)
                return None, now
        # Only heads were ever tried, and a head that was never tried would have been handed out.
        row = await self._database.one(
            "SELECT min(due) AS due FROM deliveries"
            " WHERE platform = ? AND address = ? AND parked = 0 AND attempts > 0",
            (room.platform, room.address),
        )
        return None, utc(row["due"]) if row is not None and row["due"] is not None else None

    async def _head(self, room: Room, op: Op, now: datetime) -> sqlite3.Row | None:
        at = now.timestamp()
        return await self._database.one(_HEAD, (room.platform, room.address, op.value, at, at + FAR))

    async def _set_aside(self, row: sqlite3.Row, trouble: Exception) -> None:
        """A row that cannot be read back must not hold up the ones behind it."""
        log.error("delivery %s cannot be read and is set aside: %r", row["id"], trouble)
        about = {"lane": row["lane"], "op": row["op"], "unreadable": repr(trouble)}
        async with self._database.transaction() as tx:
            await tx.run(
                "UPDATE deliveries SET parked = 1, error = ? WHERE id = ?",
                (f"unreadable: {trouble!r}", row["id"]),
            )
            place = Room(row["platform"], row["address"]).place
            await tx.journal([Entry(Kind.DELIVERY, place=place, about=about)], self._clock.now())

    async def claim(self, delivery: Delivery) -> None:
        """It is on disk that an attempt begins whose outcome we may never hear."""
        async with self._database.transaction() as tx:
            await tx.run("UPDATE deliveries SET uncertain = 1 WHERE id = ?", (delivery.id,))

    async def record(self, delivery: Delivery, message_id: str | None, late: Doc | None = None) -> None:
        """It is said: the message's id is kept, the delivery goes. `late` is said in its thread next."""
        what = delivery.what
        async with self._database.transaction() as tx:
            await tx.run("DELETE FROM deliveries WHERE id = ?", (delivery.id,))
            if what.op is Op.ROOT and message_id is not None:
                await tx.run(
                    "UPDATE roots SET message_id = ? WHERE lane = ? AND platform = ? AND address = ?",
                    (message_id, what.lane, what.room.platform, what.room.address),
                )
            if late is not None:
                note = replace(what, op=Op.LINE, key=f"{what.key}:late", doc=late, thread=None)
                await self.put(tx, [note])

    async def postpone(
        self, delivery: Delivery, *, due: datetime, error: str, uncertain: bool, entries: Sequence[Entry] = ()
    ) -> None:
        """It failed for now: try again when due."""
        now = self._clock.now()
        async with self._database.transaction() as tx:
            await tx.run(
                "UPDATE deliveries SET attempts = attempts + 1, due = ?, error = ?, uncertain = ?,"
                " failing_since = coalesce(failing_since, ?) WHERE id = ?",
                (due.timestamp(), error, int(uncertain), now.timestamp(), delivery.id),
            )
            await tx.journal(entries, now)

    async def drop(self, delivery: Delivery, entries: Sequence[Entry] = ()) -> None:
        """It will never be said, and nobody else needs to hear it (a whisper, an answer)."""
        async with self._database.transaction() as tx:
            await tx.run("DELETE FROM deliveries WHERE id = ?", (delivery.id,))
            await tx.journal(entries, self._clock.now())

    async def anew(self, delivery: Delivery, entries: Sequence[Entry] = ()) -> bool:
        """The message that this edit or line belongs to is no more: its newest card is posted again, before
        all else that waits in the lane.

        Returns False when that was tried before for this delivery, or there is no card.
        """
        what, now = delivery.what, self._clock.now()
        here = (what.lane, what.room.platform, what.room.address)
        async with self._database.transaction() as tx:
            root = await tx.one(
                "SELECT card FROM roots WHERE lane = ? AND platform = ? AND address = ?", here
            )
            if root is None or what.key.endswith(_ANEW):
                return False
            await tx.run(
                "UPDATE roots SET message_id = NULL WHERE lane = ? AND platform = ? AND address = ?", here
            )
            await tx.run(
                "INSERT INTO deliveries (id, lane, platform, address, room, op, key, doc, created, due)"
                " VALUES ((SELECT min(id) - 1 FROM deliveries),?,?,?,?,?,?,?,?,?)",
                (
                    *here,
                    what.room.name,
                    Op.ROOT.value,
                    f"{what.key}:root{_ANEW}",
                    root["card"],
                    now.timestamp(),
                    now.timestamp(),
                ),
            )
            if what.op is Op.EDIT:
                await tx.run("DELETE FROM deliveries WHERE id = ?", (delivery.id,))
            else:
                await tx.run("UPDATE deliveries SET key = key || ? WHERE id = ?", (_ANEW, delivery.id))
            await tx.journal(entries, now)
        return True

    async def refuse(self, delivery: Delivery, why: str, fallback: Sequence[Room]) -> bool:
        """This place will never take it: the lane moves to the fallback places, with a note in its thread.

        Where the lane lives already it has its own lines: only the note is new there.
        Returns False when there is no place left: then what waits for it is parked, kept, and tried again
        by `unpark`.
        """
        what, now = delivery.what, self._clock.now()
        here = (what.lane, what.room.platform, what.room.address)
        async with self._database.transaction() as tx:
            card = await tx.one(
                "SELECT card FROM roots WHERE lane = ? AND platform = ? AND address = ?", here
            )
            await tx.run(
                "UPDATE roots SET refused = ? WHERE lane = ? AND platform = ? AND address = ?", (why, *here)
            )
            homes = await tx.rows("SELECT platform, address, refused FROM roots WHERE lane = ?", (what.lane,))
            closed = {(row["platform"], row["address"]) for row in homes if row["refused"] is not None}
            living = {(row["platform"], row["address"]) for row in homes if row["refused"] is None}
            targets = [room for room in fallback if (room.platform, room.address) not in closed]
            entry = Entry(
                Kind.DELIVERY,
                place=what.room.place,
                about={
                    "lane": what.lane,
                    "op": what.op.value,
                    "refused": why,
                    "to": [t.place for t in targets],
                },
            )
            await tx.journal([entry], now)
            if not targets:
                await tx.run(
                    "UPDATE deliveries SET parked = 1, error = ?"
                    " WHERE lane = ? AND platform = ? AND address = ?",
                    (why, *here),
                )
                return False
            text = card["card"] if card is not None else json.dumps(to_json(what.doc))
            for room in targets:
                if (room.platform, room.address) not in living:
                    root = Outgoing(
                        what.lane, room, Op.ROOT, f"{what.key}:moved", from_json(json.loads(text))
                    )
                    await self.put(tx, [root])
                    await self._move_lines(tx, what, room)
                await self.put(tx, [_moved_note(what, room, why)])
            await tx.run("DELETE FROM deliveries WHERE lane = ? AND platform = ? AND address = ?", here)
        self.wake()
        return True

    async def _move_lines(self, tx: Transaction, what: Outgoing, room: Room) -> None:
        """The thread lines that waited here are said there; edits are not needed, the card is the newest."""
        rows = await tx.rows(
            "SELECT key, doc FROM deliveries WHERE lane = ? AND platform = ? AND address = ? AND op = 'line'"
            " ORDER BY id",
            (what.lane, what.room.platform, what.room.address),
        )
        lines = [
            Outgoing(what.lane, room, Op.LINE, f"{row['key']}:moved", from_json(json.loads(row["doc"])))
            for row in rows
        ]
        await self.put(tx, lines)

    async def unpark(self) -> int:
        """What no place took is tried once more."""
        now = self._clock.now().timestamp()
        async with self._database.transaction() as tx:
            await tx.run(
                "UPDATE roots SET refused = NULL WHERE (lane, platform, address) IN"
                " (SELECT lane, platform, address FROM deliveries WHERE parked = 1)"
            )
            return await tx.count("UPDATE deliveries SET parked = 0, due = ? WHERE parked = 1", (now,))

    async def reopen(self, platforms: Collection[str]) -> None:
        """At start: messages on platforms that were not configured for a time get their newest card."""
        async with self._database.transaction() as tx:
            closed = await tx.rows(
                "SELECT lane, platform, address, room, message_id,"
                " (SELECT card FROM roots AS o WHERE o.lane = r.lane ORDER BY at DESC LIMIT 1) AS newest"
                " FROM roots AS r WHERE refused = ?",
                (NOT_CONFIGURED,),
            )
            for row in closed:
                here = (row["lane"], row["platform"], row["address"])
                if row["platform"] not in platforms:
                    continue
                if row["message_id"] is None:
                    # Never said there: the group's next change says it anew.
                    await tx.run("DELETE FROM roots WHERE lane = ? AND platform = ? AND address = ?", here)
                    continue
                await tx.run(
                    "UPDATE roots SET refused = NULL WHERE lane = ? AND platform = ? AND address = ?", here
                )
                room = Room(row["platform"], row["address"], row["room"])
                key = f"{row['lane']}:reopened:{self._clock.now().timestamp():.0f}"
                card = from_json(json.loads(row["newest"]))
                await self.put(tx, [Outgoing(row["lane"], room, Op.EDIT, key, card)])
        self.wake()

    # ---- what there is to know

    async def waiting(self) -> Sequence[Delivery]:
        """Everything that waits, oldest first."""
        rows = await self._database.rows(
            "SELECT d.*, NULL AS root_id FROM deliveries AS d ORDER BY d.id LIMIT 1000"
        )
        return [_delivery(row) for row in rows]

    async def backlog(self) -> list[tuple[str, str, int, float, int]]:
        """Per room: platform, name, how many wait, since when (seconds since 1970), how many are parked."""
        rows = await self._database.rows(
            "SELECT platform, room, count(*) AS n, min(created) AS oldest, sum(parked) AS parked"
            " FROM deliveries GROUP BY platform, room"
        )
        return [(row["platform"], row["room"], row["n"], row["oldest"], row["parked"]) for row in rows]

    async def stands(self, lane: str, room: Room) -> str | None:
        """The id of the lane's root message in this place, if it was put there."""
        row = await self._database.one(
            "SELECT message_id FROM roots WHERE lane = ? AND platform = ? AND address = ?",
            (lane, room.platform, room.address),
        )
        return row["message_id"] if row else None

    async def lane_of(self, room: Room, message_id: str) -> str | None:
        """Which lane a message (a card that somebody reacts to) belongs to."""
        row = await self._database.one(
            "SELECT lane FROM roots WHERE platform = ? AND address = ? AND message_id = ?",
            (room.platform, room.address, message_id),
        )
        return row["lane"] if row else None

    async def prune(self, before: datetime) -> int:
        """Forget where messages stand that nothing waits for and that no group lives in any more."""
        async with self._database.transaction() as tx:
            return await tx.count(
                "DELETE FROM roots WHERE at < ?"
                " AND lane NOT IN (SELECT lane FROM groups) AND lane NOT IN (SELECT lane FROM deliveries)",
                (before.timestamp(),),
            )


def _moved_note(what: Outgoing, room: Room, why: str) -> Outgoing:
    doc = say(
        "could not be told in ",
        CodeSpan(what.room.name or what.room.address),
        f" on {what.room.platform}: {why}",
    )
    return Outgoing(what.lane, room, Op.LINE, f"{what.key}:refused", doc)


def _delivery(row: sqlite3.Row) -> Delivery:
    room = Room(row["platform"], row["address"], row["room"])
    doc = from_json(json.loads(row["doc"]))
    failing = row["failing_since"]
    return Delivery(
        id=row["id"],
        what=Outgoing(row["lane"], room, Op(row["op"]), row["key"], doc, row["thread"]),
        root_id=row["root_id"],
        created=utc(row["created"]),
        attempts=row["attempts"],
        uncertain=bool(row["uncertain"]),
        failing_since=utc(failing) if failing is not None else None,
        error=row["error"],
    )
