"""Getting into rooms: aliases, invitations, moves. Only configured rooms, and only by listed people."""

import json
import logging
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from bot.core.model import Identity, People
from bot.platforms import matrix_event as events
from bot.platforms.matrix_http import DENIED, JSON, Answer, Wire
from bot.platforms.matrix_rooms import Book
from bot.platforms.matrix_state import save_moves

log = logging.getLogger("tocsin.matrix")

INVITES_KEPT = 1000

QUIET: JSON = {"not_types": ["*"]}
FILTER: JSON = {
    "presence": QUIET,
    "account_data": QUIET,
    "room": {"timeline": {"limit": 100}, "ephemeral": QUIET, "account_data": QUIET},
}
"""What a sync shall bring. Synapse gives at most 100 events of a room at once."""
FRESH: JSON = {**FILTER, "room": {**FILTER["room"], "timeline": {"limit": 0}}}
"""The very first sync: no history."""
_INVITES: JSON = {**FILTER, "room": {**FRESH["room"], "state": {"types": []}}}


def compact(thing: JSON) -> str:
    """A filter as a query parameter."""
    return json.dumps(thing, separators=(",", ":"))


def part(answer: Mapping[str, Any], *names: str) -> JSON:
    """An object inside an answer; empty when it is missing or no object."""
    found: Any = answer
    for name in names:
        found = found.get(name) if isinstance(found, dict) else None
    return found if isinstance(found, dict) else {}


def items(thing: object) -> list[Any]:
    """A list inside an answer; empty when it is none."""
    return thing if isinstance(thing, list) else []


class Doors:
    """`hurry` is set when a room was entered: the next sync should not wait."""

    def __init__(
        self, wire: Wire, book: Book, platform: str, me: str, people: Callable[[], People], moves: Path
    ) -> None:
        self._wire = wire
        self._book = book
        self._platform = platform
        self._me = me
        self._people = people
        self._moves = moves
        self._invites: dict[str, str] = {}
        self.hurry = False
        self.entering: set[str] = set()
        """Rooms that were entered and that no sync has shown yet."""
        self.declined: dict[tuple[str, str], str] = {}
        """Invitations that we do not follow: room and inviter → why."""

    async def resolve(self) -> None:
        """Ask for each alias that is not known. Raises Upstream only when nobody answers at all."""
        for alias in self._book.aliases():
            try:
                answer = await self._wire.call("GET", "directory", "room", alias)
            except Answer as refused:
                if refused.errcode in DENIED:
                    raise
                self._book.trouble[alias] = str(refused)
                continue
            room_id = answer.get("room_id")
            if isinstance(room_id, str):
                self._book.learn(alias, room_id)

    def note(self, answer: JSON) -> None:
        """Remember the invitations that a sync brought; forget those of rooms that were entered or left."""
        for gone in (*part(answer, "rooms", "join"), *part(answer, "rooms", "leave")):
            self._invites.pop(gone, None)
        for room_id, invited in part(answer, "rooms", "invite").items():
            state = part(invited, "invite_state") if isinstance(invited, dict) else {}
            who = events.inviter(items(state.get("events")), self._me)
            # Strangers' invitations must not fill the place of the ones that count.
            if who is not None and (self._book.at(room_id) or len(self._invites) < INVITES_KEPT):
                self._invites[room_id] = who

    async def look(self) -> None:
        """Invitations from before our position are in no sync: ask once, without one."""
        query = {"timeout": "0", "set_presence": "offline", "filter": compact(_INVITES)}
        answer = await self._wire.call("GET", "sync", query=query, timeout=120.0)
        self.note({"rooms": {"invite": part(answer, "rooms", "invite")}})

    async def accept(self) -> None:
        """Enter where a listed person invites us to a configured room. The rest stays unanswered: the
        configuration may change."""
        for room_id, who in list(self._invites.items()):
            room = self._book.at(room_id)
            listed = self._people().who(Identity(self._platform, who)) is not None
            if room is None or not listed:
                why = "to a room that is not configured" if listed else "by somebody who is not listed"
                self.declined.setdefault((room_id, who), f"an invitation {why}")
                continue
            try:
                await self._wire.call("POST", "join", room_id, body={})
            except Answer as refused:
                if refused.errcode in DENIED:
                    raise
                log.warning("matrix: cannot accept the invitation to %s: %s", room_id, refused)
                continue
            log.info("matrix: joined %s, invited by %s", room.name or room.address, who)
            self._invites.pop(room_id, None)
            self.entering.add(room_id)
            self.hurry = True

    async def follow(self, room_id: str, raws: Sequence[Any]) -> None:
        """A configured room that was upgraded: go where its tombstone points."""
        room = self._book.at(room_id)
        for raw in raws if room is not None else ():
            new = events.successor(raw) if isinstance(raw, dict) else None
            if room is None or new is None or self._book.id_of(room.address) != room_id:
                continue
            try:
                server = str(raw.get("sender")).partition(":")[2]
                await self._wire.call("POST", "join", new, query={"via": server}, body={})
            except Answer as refused:
                if refused.errcode in DENIED or not refused.permanent:
                    raise
                log.warning("matrix: %s moved to %s, which cannot be entered: %s", room_id, new, refused)
                continue
            if self._book.move(room_id, new):
                save_moves(self._moves, self._book.moves)
                self.entering.add(new)
                log.warning("matrix: room %s was upgraded: %s is now %s", room.name, room_id, new)
                self.hurry = True
