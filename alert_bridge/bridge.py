"""Payloads become groups, groups become cards and lines in rooms: the loop from disk to outbox.

Everything that one payload changes is written in one transaction with the payload's end, so that after a kill
at any moment the same payload is either folded or not, never half.
"""

import asyncio
import hashlib
import json
import logging
import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from alert_bridge import render
from alert_bridge.group import Card, Group, GroupKey, Telling, from_json, lane_of, to_json, update
from alert_bridge.member import State
from alert_bridge.payload import Notification, Unreadable, read
from alert_bridge.rehearsal import Rehearsal
from alert_bridge.route import Route, Routing, keep_rooms, labels_to_route, route
from bot.core.delivery import Op, Outgoing
from bot.core.doc import Doc
from bot.core.errors import Upstream
from bot.core.journal import Entry, Kind
from bot.core.model import Room
from bot.core.steps import OnStep, Step, no_step
from bot.ports import Clock
from bot.store.alerts import AlertStore, Payload, Root, StoredGroup

log = logging.getLogger("tocsin.bridge")

AT_ONCE = 50
"""Payloads folded in one transaction."""
BYTES_AT_ONCE = 16 * 1024 * 1024
"""Bytes of payloads in memory at one moment, unless a single one has more."""
LARGE = 64 * 1024
"""Bytes from which a body is read and folded in a thread: a thousand alerts take a tenth of a second."""
AGAIN = timedelta(hours=24)
"""The same unreadable body within this is shown once."""


@dataclass(frozen=True, slots=True)
class Routes:
    """What the configuration says now about where alerts go. Replaced whole when it is read again."""

    endpoints: Mapping[str, Sequence[Route]]
    rooms: Mapping[str, Sequence[Room]]
    fallback: str

    def places(self, names: Sequence[str]) -> list[Room]:
        """The places of these rooms; of the fallback room when none of them exists any more."""
        found = [place for name in names for place in self.rooms.get(name, ())]
        return list(dict.fromkeys(found or self.rooms.get(self.fallback, ())))


@dataclass(slots=True)
class _Batch:
    """What a transaction will write: the newest state of each group that these payloads touch."""

    groups: dict[tuple[str, str, str], StoredGroup] = field(default_factory=dict)
    roots: dict[str, list[Root]] = field(default_factory=dict)
    outgoing: list[Outgoing] = field(default_factory=list)
    entries: list[Entry] = field(default_factory=list)


class Bridge:
    """Folds what the intake stored, in the order in which it was stored."""

    def __init__(
        self,
        store: AlertStore,
        routes: Callable[[], Routes],
        clock: Clock,
        rehearsal: Rehearsal | None = None,
        on_step: OnStep = no_step,
        new_id: Callable[[], str] = lambda: secrets.token_hex(8),
    ) -> None:
        self._store = store
        self._routes = routes
        self._clock = clock
        self._rehearsal = rehearsal
        self._step = on_step
        self._new_id = new_id

    async def run(self) -> None:
        """Fold until cancelled."""
        while True:
            self._store.news.clear()
            try:
                folded = await self.fold()
            except Upstream as trouble:
                log.error("alerts wait: %s", trouble)
                await asyncio.sleep(1)
                continue
            if not folded:
                await self._store.news.wait()

    async def fold(self) -> int:
        """Fold the oldest payloads that wait; how many. Raises Upstream when the state cannot be written."""
        payloads = await self._store.waiting(AT_ONCE, BYTES_AT_ONCE)
        if not payloads:
            return 0
        batch = _Batch()
        loop = asyncio.get_running_loop()
        for payload in payloads:
            began = loop.time()
            await self._take(payload, batch)
            # A stalled sender tries again and makes it worse; a card may come a little later.
            await asyncio.sleep(min(4 * (loop.time() - began), 0.02) if self._store.pressed else 0)
        self._step(Step.GROUP_DECIDED)
        await self._store.fold(payloads, list(batch.groups.values()), batch.outgoing, batch.entries)
        return len(payloads)

    async def _take(self, payload: Payload, batch: _Batch) -> None:
        try:
            found = await self._read(payload)
            if isinstance(found, Notification):
                await self._notify(payload, found, batch)
                return
        except Upstream:
            raise
        except Exception as bug:
            # One payload that trips us must neither be lost nor hold up the ones behind it.
            number = secrets.token_hex(2).upper()
            log.exception("payload %s tripped a bug of ours, no. %s", payload.id, number)
            reason = f"that was my fault, no. {number} ({type(bug).__name__}): the log has the details"
            found = Unreadable(reason, payload.body[:4096].decode("utf-8", "replace"))
        await self._show_unreadable(payload, found, batch)

    async def _read(self, payload: Payload) -> Notification | Unreadable:
        if payload.note:
            return Unreadable(payload.note, payload.body[:4096].decode("utf-8", "replace"))
        if len(payload.body) < LARGE:
            return read(payload.body)
        return await asyncio.to_thread(read, payload.body)

    # ---- a notification

    async def _notify(self, payload: Payload, notification: Notification, batch: _Batch) -> None:
        key = GroupKey(payload.endpoint, notification.receiver, notification.group_key)
        stored = await self._stored(key, batch)
        if len(payload.body) < LARGE:
            group, telling = self._update(stored, notification, key, payload.at)
        else:
            group, telling = await asyncio.to_thread(self._update, stored, notification, key, payload.at)
        if group is None:
            return
        routing = self._routing(payload.endpoint, notification)
        lane = lane_of(group.id)
        same = stored is not None and stored.lane == lane
        rooms = keep_rooms(stored.rooms, routing) if same and stored is not None else routing.rooms
        if telling.card is not Card.NONE:
            await self._tell(
                payload, group, telling, notification, (stored if same else None, rooms, routing), batch
            )
        reason = routing.reason if telling.card is not Card.NONE or stored is None else stored.reason
        batch.groups[(key.endpoint, key.receiver, key.group_key)] = StoredGroup(
            endpoint=key.endpoint,
            receiver=key.receiver,
            group_key=key.group_key,
            state=to_json(group),
            lane=lane,
            rooms=tuple(rooms),
            reason=reason,
            firing=len(group.firing) or int(group.state is State.FIRING),
            at=payload.at,
        )

    def _update(
        self, stored: StoredGroup | None, notification: Notification, key: GroupKey, at: datetime
    ) -> tuple[Group | None, Telling]:
        # The time it was accepted, not the time it is folded: a backlog must not turn retries into repeats.
        return update(_state_of(stored), notification, key=key, now=at, new_id=self._new_id())

    async def _tell(
        self,
        payload: Payload,
        group: Group,
        telling: Telling,
        notification: Notification,
        where: tuple[StoredGroup | None, Sequence[str], Routing],
        batch: _Batch,
    ) -> None:
        stored, rooms, routing = where
        lane = lane_of(group.id)
        told = render.tell(group, telling, notification, routing.mention)
        assert told.card is not None  # only called when something happens to the card
        routes = self._routes()
        roots = [] if stored is None else await self._roots(lane, batch)
        homes, known = [root.room for root in roots if root.open], {root.room for root in roots}
        for place in homes:
            batch.outgoing.append(_outgoing(payload, lane, place, Op.EDIT, told.card))
            for number, document in enumerate(told.lines):
                batch.outgoing.append(_outgoing(payload, lane, place, Op.LINE, document, number))
        # A place that the routes (or the configuration) name only now gets the whole card; what happened
        # before is on it. A place that refused is known: the message moved from there.
        fresh = [place for place in routes.places(rooms) if place not in known]
        first = render.card(group, routing.mention, ping=True)
        files = [line for line in told.lines if line.files] if stored is not None else list(told.lines)
        for place in fresh:
            batch.outgoing.append(_outgoing(payload, lane, place, Op.ROOT, first))
            for number, document in enumerate(files):
                batch.outgoing.append(_outgoing(payload, lane, place, Op.LINE, document, number))
        batch.roots[lane] = [*roots, *(Root(place, True) for place in fresh)]
        if not homes and not fresh:
            log.warning(
                "no room hears of an alert of endpoint %s: configure rooms and a fallback", payload.endpoint
            )
        about = {
            "group": group.id,
            "endpoint": payload.endpoint,
            "title": render.title(group),
            "telling": telling.reason,
            "rooms": list(rooms),
            "why": routing.reason,
        }
        batch.entries.append(Entry(Kind.ALERT, about=about))
        if self._rehearsal is not None:
            self._rehearsal.told(notification.common_labels, lane, fresh)

    def _routing(self, endpoint: str, notification: Notification) -> Routing:
        routes = self._routes()
        if self._rehearsal is not None:
            room = self._rehearsal.room_of(notification.common_labels)
            if room is not None:
                return Routing((room,), (), "a test alert comes back to the room that asked for it")
        return route(routes.endpoints.get(endpoint, ()), labels_to_route(notification), routes.fallback)

    async def _stored(self, key: GroupKey, batch: _Batch) -> StoredGroup | None:
        triple = (key.endpoint, key.receiver, key.group_key)
        return batch.groups.get(triple) or await self._store.group(*triple)

    async def _roots(self, lane: str, batch: _Batch) -> list[Root]:
        if lane not in batch.roots:
            batch.roots[lane] = await self._store.roots(lane)
        return batch.roots[lane]

    # ---- what is no notification

    async def _show_unreadable(self, payload: Payload, found: Unreadable, batch: _Batch) -> None:
        """Shown where the endpoint's catch-all route (or else the fallback room) is; the same body once."""
        digest = hashlib.sha256(payload.body).hexdigest()
        key = GroupKey(payload.endpoint, "", f"unreadable:{digest}")
        stored = await self._stored(key, batch)
        if stored is not None and payload.at - stored.at < AGAIN:
            return
        routes = self._routes()
        routing = route(routes.endpoints.get(payload.endpoint, ()), [{}], routes.fallback)
        lane = f"unreadable:{self._new_id()}"
        card = render.unreadable(found, payload.endpoint)
        for place in routes.places(routing.rooms):
            batch.outgoing.append(_outgoing(payload, lane, place, Op.ROOT, card))
        batch.entries.append(
            Entry(
                Kind.ALERT, about={"endpoint": payload.endpoint, "unreadable": found.reason, "sha256": digest}
            )
        )
        batch.groups[(key.endpoint, key.receiver, key.group_key)] = StoredGroup(
            endpoint=key.endpoint,
            receiver="",
            group_key=key.group_key,
            state=json.dumps({"unreadable": found.reason}),
            lane=lane,
            rooms=routing.rooms,
            reason=routing.reason,
            firing=0,
            at=payload.at,
        )


def _state_of(stored: StoredGroup | None) -> Group | None:
    if stored is None:
        return None
    try:
        return from_json(stored.state)
    except ValueError as trouble:
        # Better to ring once too often than to stay silent about a group whose state is spoilt.
        log.error("the state of group %s cannot be read, it starts anew: %s", stored.group_key, trouble)
        return None


def _outgoing(payload: Payload, lane: str, place: Room, op: Op, document: Doc, number: int = 0) -> Outgoing:
    return Outgoing(lane, place, op, f"{lane}:{payload.id}:{op.value}:{number}", document)
