"""Plans on disk: what was asked, who said what, and the one statement that uses a plan up."""

import json
import sqlite3
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from bot.core.approval import PENDING, RAN, Approval, State, Vote
from bot.core.delivery import Outgoing
from bot.core.doc import Doc, from_json, to_json
from bot.core.glass import Glass, Signature
from bot.core.journal import Entry
from bot.core.model import Identity, Message, Room, Trust
from bot.core.plan import speakable
from bot.core.policy import Ask, Rule
from bot.ports import Clock
from bot.store.codec import event_from_json, event_to_json
from bot.store.database import Database, Transaction, utc
from bot.store.outbox import OutboxStore

_PART = "\x1f"
"""Between a request's id and the part of it that a plan is: a character that no platform's ids have."""
LANE = "plan:"
"""Lanes of plans: what follows is the approval's id."""
ALARM = ":glass"
"""And what ends the lane of the message that calls everybody when its glass is broken."""


@dataclass(frozen=True, slots=True)
class Stored:
    """An approval with all that belongs to it."""

    approval: Approval
    command: str
    targets: tuple[str, ...]
    subject: str
    plan: str
    """Canonical JSON."""
    policy: str
    request: Message
    room: str
    """The configured room that it stands in."""
    card: Doc
    """As it was first shown."""
    asked: datetime
    part: str = ""
    """Which of the plans that its request was made into; empty when it is the only one."""

    @property
    def lane(self) -> str:
        return LANE + self.approval.id

    @property
    def alarm(self) -> str:
        """The lane of the message that calls everybody when the glass is broken."""
        return self.lane + ALARM

    @property
    def content(self) -> dict[str, Any]:
        """The plan's content, as JSON values."""
        found: dict[str, Any] = json.loads(self.plan)
        return found


@dataclass(frozen=True, slots=True)
class Telling:
    """What is said and written down together with a change."""

    outgoing: Sequence[Outgoing] = ()
    entries: Sequence[Entry] = ()


Tell = Callable[[Stored, Sequence[Room]], Telling]
"""From the new state, and the places where its card lives, to what is said."""


class ApprovalStore:
    """Every change in one transaction with what is said about it and its rows in the journal."""

    def __init__(self, database: Database, outbox: OutboxStore, clock: Clock) -> None:
        self._database = database
        self._outbox = outbox
        self._clock = clock

    # ---- changes

    async def create(
        self, draft: Callable[[str], tuple[Stored, Telling]], pick: Callable[[Sequence[str]], str]
    ) -> Stored:
        """A new one under a code of its own. A code that was ever used is used again only when none is
        left."""
        async with self._database.transaction() as tx:
            taken = {row["code"] for row in await tx.rows("SELECT DISTINCT code FROM approvals")}
            stored, telling = draft(speakable(taken, pick))
            approval = stored.approval
            await tx.run(
                "INSERT INTO approvals (id, code, state, why, command, targets, subject, plan, digest,"
                " policy, rule, requester, request, platform, event_id, room, card, asked, expires)"
                " VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)",
                (
                    approval.id,
                    approval.code,
                    approval.state.value,
                    approval.why,
                    stored.command,
                    json.dumps(stored.targets),
                    stored.subject,
                    stored.plan,
                    approval.digest,
                    stored.policy,
                    _rule_to_json(approval.rule),
                    approval.requester,
                    event_to_json(stored.request),
                    stored.request.sender.platform,
                    stored.request.id + (_PART + stored.part if stored.part else ""),
                    stored.room,
                    json.dumps(to_json(stored.card)),
                    stored.asked.timestamp(),
                    approval.expires.timestamp(),
                ),
            )
            await self._say(tx, telling)
        self._outbox.wake()
        return stored

    async def change(self, key: str, decide: Callable[[Approval], Approval], tell: Tell) -> Stored:
        """What `decide` makes of it, with what is said about that. Raises what `decide` raises, and then
        nothing was changed. When `decide` gives back what it was given, nothing is said."""
        async with self._database.transaction() as tx:
            before = await self._one(tx, key)
            after = decide(before.approval)
            stored = replace(before, approval=after)
            if after != before.approval:
                await self._write(tx, before.approval, after)
                await self._say(tx, tell(stored, await self._outbox.homes(tx, stored.lane)))
        self._outbox.wake()
        return stored

    async def consume(self, key: str, digest: str, tell: Tell) -> bool:
        """Use it up: True for exactly one caller, ever, and only while it is approved or its countdown is
        over, of this digest, and not expired."""
        now = self._clock.now().timestamp()
        async with self._database.transaction() as tx:
            rows = await tx.count(
                "UPDATE approvals SET state = 'running', why = '', unsigned = (state = 'counting down')"
                " WHERE id = ? AND digest = ? AND expires > ? AND (state = 'approved'"
                "  OR (state = 'counting down' AND json_extract(glass, '$.runs') <= ?))",
                (key, digest, now, now),
            )
            if rows != 1:
                return False
            stored = await self._one(tx, key)
            await self._say(tx, tell(stored, await self._outbox.homes(tx, stored.lane)))
        self._outbox.wake()
        return True

    async def say(self, key: str, tell: Tell) -> None:
        """Something about it that changes nothing: progress."""
        async with self._database.transaction() as tx:
            stored = await self._one(tx, key)
            await self._say(tx, tell(stored, await self._outbox.homes(tx, stored.lane)))
        self._outbox.wake()

    async def _say(self, tx: Transaction, telling: Telling) -> None:
        await self._outbox.put(tx, telling.outgoing)
        await tx.journal(telling.entries, self._clock.now())

    async def _write(self, tx: Transaction, before: Approval, after: Approval) -> None:
        kept = {vote.event_id for vote in after.votes}
        known = {vote.event_id for vote in before.votes}
        for vote in before.votes:
            if vote.event_id not in kept:
                await tx.run(
                    "UPDATE votes SET withdrawn = 'withdrawn' WHERE approval = ? AND event_id = ?",
                    (after.id, vote.event_id),
                )
        for vote in after.votes:
            if vote.event_id not in known:
                await tx.run(
                    "INSERT INTO votes"
                    " (approval, person, platform, user_id, approve, roles, trust, event_id, at)"
                    " VALUES (?,?,?,?,?,?,?,?,?)",
                    (
                        after.id,
                        vote.person,
                        vote.identity.platform,
                        vote.identity.user_id,
                        int(vote.approve),
                        json.dumps(vote.roles),
                        json.dumps(asdict(vote.trust)),
                        vote.event_id,
                        vote.at.timestamp(),
                    ),
                )
        ended = None if after.state.pending or after.state is State.RUNNING else self._clock.now().timestamp()
        glass = _glass_to_json(after.glass) if after.glass is not None else None
        await tx.run(
            "UPDATE approvals SET state = ?, why = ?, ended = ?, glass = ?, unsigned = ? WHERE id = ?",
            (after.state.value, after.why, ended, glass, int(after.unsigned), after.id),
        )

    # ---- reading

    async def get(self, key: str) -> Stored | None:
        return await self._find("SELECT * FROM approvals WHERE id = ?", (key,))

    async def by_code(self, code: str) -> Stored | None:
        """The one that is pending under this code, else the newest that was."""
        return await self._find(
            "SELECT * FROM approvals WHERE code = ? ORDER BY unsigned = 1"
            " OR state IN ('asked', 'counting down', 'approved', 'running') DESC, asked DESC LIMIT 1",
            (code,),
        )

    async def by_request(self, platform: str, event_id: str) -> list[Stored]:
        """Those that this message asked for: mostly one."""
        rows = await self._database.rows(
            "SELECT * FROM approvals WHERE platform = ? AND (event_id = ? OR substr(event_id, 1, ?) = ?)"
            " ORDER BY asked, id",
            (platform, event_id, len(event_id) + 1, event_id + _PART),
        )
        return [await self._whole(row) for row in rows]

    async def by_vote(self, platform: str, event_id: str) -> Stored | None:
        """The one that this message, click or reaction was a vote on, also when the vote was withdrawn."""
        return await self._find(
            "SELECT a.* FROM approvals AS a JOIN votes AS v ON v.approval = a.id"
            " WHERE v.platform = ? AND v.event_id = ?",
            (platform, event_id),
        )

    async def by_glass(self, platform: str, event_id: str) -> Stored | None:
        """The one whose glass this message broke."""
        return await self._find(
            "SELECT * FROM approvals WHERE json_extract(glass, '$.identity.platform') = ?"
            " AND json_extract(glass, '$.event_id') = ?",
            (platform, event_id),
        )

    async def pending(self) -> list[Stored]:
        """All that may still run, oldest first."""
        return await self.within(*PENDING)

    async def unsigned(self) -> list[Stored]:
        """All that ran without the votes and that nobody has signed off yet, oldest first."""
        return [one for one in await self.within(*RAN) if one.approval.unsigned]

    async def within(self, *states: State) -> list[Stored]:
        """All in one of these states, oldest first."""
        marks = ",".join("?" * len(states))
        rows = await self._database.rows(
            f"SELECT * FROM approvals WHERE state IN ({marks}) ORDER BY asked",  # noqa: S608 - only marks
            [state.value for state in states],
        )
        return [await self._whole(row) for row in rows]

    async def lane_of(self, room: Room, message_id: str) -> str | None:
        """The approval whose card, or whose alarm, this message is."""
        lane = await self._outbox.lane_of(room, message_id)
        if lane is None or not lane.startswith(LANE):
            return None
        return lane.removeprefix(LANE).removesuffix(ALARM)

    async def prune(self, before: datetime) -> int:
        """Forget what ended before that, but for what still wants a signature; the journal keeps its own
        record."""
        async with self._database.transaction() as tx:
            old = "SELECT id FROM approvals WHERE ended IS NOT NULL AND ended < ? AND unsigned = 0"
            await tx.run(f"DELETE FROM votes WHERE approval IN ({old})", (before.timestamp(),))  # noqa: S608
            return await tx.count(
                f"DELETE FROM approvals WHERE id IN ({old})",  # noqa: S608 - no text from outside
                (before.timestamp(),),
            )

    async def _find(self, sql: str, params: Sequence[Any]) -> Stored | None:
        row = await self._database.one(sql, params)
        return await self._whole(row) if row is not None else None

    async def _whole(self, row: sqlite3.Row) -> Stored:
        return _stored(row, await self._database.rows(_VOTES, (row["id"],)))

    async def _one(self, tx: Transaction, key: str) -> Stored:
        row = await tx.one("SELECT * FROM approvals WHERE id = ?", (key,))
        if row is None:
            raise KeyError(key)
        return _stored(row, await tx.rows(_VOTES, (key,)))


_VOTES = "SELECT * FROM votes WHERE approval = ? AND withdrawn IS NULL ORDER BY id"


def _stored(row: sqlite3.Row, votes: Sequence[sqlite3.Row]) -> Stored:
    request = event_from_json(row["request"])
    assert isinstance(request, Message)  # only messages ask
    return Stored(
        approval=Approval(
            id=row["id"],
            code=row["code"],
            digest=row["digest"],
            requester=row["requester"],
            rule=_rule_from_json(row["rule"]),
            expires=utc(row["expires"]),
            state=State(row["state"]),
            votes=tuple(_vote(one) for one in votes),
            why=row["why"],
            glass=_glass_from_json(row["glass"]) if row["glass"] is not None else None,
        ),
        command=row["command"],
        targets=tuple(json.loads(row["targets"])),
        subject=row["subject"],
        plan=row["plan"],
        policy=row["policy"],
        request=request,
        room=row["room"],
        card=from_json(json.loads(row["card"])),
        asked=utc(row["asked"]),
        part=row["event_id"].partition(_PART)[2],
    )


def _vote(row: sqlite3.Row) -> Vote:
    return Vote(
        person=row["person"],
        identity=Identity(row["platform"], row["user_id"]),
        approve=bool(row["approve"]),
        at=utc(row["at"]),
        event_id=row["event_id"],
        roles=tuple(json.loads(row["roles"])),
        trust=Trust(**json.loads(row["trust"])),
    )


def _rule_to_json(rule: Rule) -> str:
    return json.dumps({**asdict(rule), "expires": rule.expires.total_seconds()})


def _rule_from_json(text: str) -> Rule:
    data = json.loads(text)
    return Rule(**{**data, "ask": Ask(data["ask"]), "expires": timedelta(seconds=data["expires"])})


def _glass_to_json(glass: Glass) -> str:
    def plain(value: object) -> object:
        if isinstance(value, datetime):
            return value.timestamp()
        raise TypeError(type(value).__name__)

    return json.dumps(asdict(glass), default=plain)


def _glass_from_json(text: str) -> Glass:
    data = json.loads(text)
    data["identity"] = Identity(**data["identity"])
    data["trust"] = Trust(**data["trust"])
    data["at"], data["runs"] = utc(data["at"]), utc(data["runs"])
    if data["signed"] is not None:
        signed = data["signed"]
        signed = {**signed, "identity": Identity(**signed["identity"]), "at": utc(signed["at"])}
        data["signed"] = Signature(**signed)
    return Glass(**data)
