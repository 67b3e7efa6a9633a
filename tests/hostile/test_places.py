"""Places that go, move and come back: what a room must hear of all the same."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

import pytest

from alert_bridge.bridge import Bridge, Routes
from alert_bridge.route import Route
from bot.core.delivery import Op, Outgoing
from bot.core.doc import plain, say
from bot.core.errors import Upstream
from bot.core.model import Room
from bot.outbox import Outbox
from bot.store.alerts import AlertStore
from bot.store.database import Database
from bot.store.outbox import OutboxStore
from bot.testing import FakeClock, FakePlatform
from tests.alert_bridge.test_bridge import alert, body

OPS, MOVED, FALLBACK = Room("fake", "C1", "ops"), Room("fake", "C5", "ops"), Room("fake", "C9", "fallback")
RESOLVED = {"status": "resolved"}


@dataclass
class House:
    """The alert path over a real store. `rooms` and `fallback` are what the configuration says."""

    database: Database
    clock: FakeClock
    rooms: dict[str, list[Room]]
    fallback: str
    platform: FakePlatform = field(default_factory=FakePlatform)

    def __post_init__(self) -> None:
        self.outbox = OutboxStore(self.database, self.clock)
        self.store = AlertStore(self.database, self.outbox, self.clock)
        self.bridge = Bridge(self.store, self.routes, self.clock)

    def routes(self) -> Routes:
        return Routes({"default": (Route((), ("ops",)),)}, self.rooms, self.fallback)

    async def post(self, *bodies: bytes) -> None:
        for one in bodies:
            await self.store.accept("default", one)
        while await self.bridge.fold():
            pass

    async def start(
        self, until: Callable[[], bool], platforms: Sequence[str] = ("fake",), *, drained: bool = False
    ) -> None:
        """A bot that is started, runs until this is so (drained: and nothing waits), and is stopped."""
        box = Outbox(
            self.outbox,
            dict.fromkeys(platforms, self.platform),
            lambda: self.routes().places([]),
            self.clock,
            spread=lambda: 0.0,
        )
        task = asyncio.create_task(box.run())
        try:
            async with asyncio.timeout(10):
                while not until() or (drained and await self.outbox.waiting()):
                    await asyncio.sleep(0.005)
                await asyncio.sleep(0.05)
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    def said(self, room: Room) -> list[str]:
        """The newest text of each message there."""
        return [plain(one.docs[-1]) for one in self.platform.said if one.room == room]

    def heads(self, room: Room) -> list[str]:
        return [text.splitlines()[0] for text in self.said(room)]


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    async with Database(tmp_path / "tocsin.db") as database:
        yield House(database, FakeClock(), {"ops": [OPS]}, "ops")


async def test_what_happens_while_no_room_takes_it_is_told_when_one_does(house: House) -> None:
    """The bot is kicked from its only room, the group is resolved meanwhile, and it is invited again."""
    calls: list[str] = []

    def kicked(call: str, room: Room) -> Upstream:
        calls.append(call)
        return Upstream("kicked", permanent=True)

    house.platform.trouble = kicked
    await house.post(body(alert("Down")))
    await house.start(lambda: bool(calls))
    house.clock.forward(60)
    await house.post(body(alert("Down"), alert("Slow")))
    house.clock.forward(60)
    await house.post(body(alert("Down", "resolved"), alert("Slow", "resolved")))
    assert calls == ["send"]
    house.platform.trouble = lambda call, room: None
    await house.start(lambda: len(house.said(OPS)) == 3 and "RESOLVED" in house.said(OPS)[0], drained=True)
    head, joined, over = house.heads(OPS)
    assert "RESOLVED" in head
    assert "Slow" in joined
    assert "RESOLVED" in over
    assert await house.outbox.waiting() == []


async def test_a_room_that_refused_everything_is_tried_again_while_the_bot_runs(house: House) -> None:
    refusals = iter([Upstream("kicked", permanent=True)])
    house.platform.trouble = lambda call, room: next(refusals, None)
    await house.post(body(alert("Down")))
    box = Outbox(
        house.outbox,
        {"fake": house.platform},
        lambda: [OPS],
        house.clock,
        retry_parked=timedelta(seconds=0.05),
    )
    task = asyncio.create_task(box.run())
    try:
        async with asyncio.timeout(5):
            while not house.said(OPS):
                await asyncio.sleep(0.01)
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    assert "FIRING" in house.heads(OPS)[0]


async def test_a_room_that_got_a_new_address_hears_of_groups_that_fired_before(house: House) -> None:
    """A Matrix room was upgraded, a channel was made anew: the name is the same, the place is another."""
    await house.post(body(alert("Down")))
    await house.start(lambda: len(house.said(OPS)) == 1)
    house.rooms = {"ops": [MOVED]}
    house.clock.forward(60)
    await house.post(body(alert("Down"), alert("Slow")))
    await house.start(lambda: bool(house.said(MOVED)))
    assert "FIRING" in house.heads(MOVED)[0]
    assert "Slow" in house.said(MOVED)[0]


async def test_a_room_that_is_not_configured_any_more_leaves_its_groups_to_the_fallback(house: House) -> None:
    house.rooms = {"ops": [OPS], "fallback": [FALLBACK]}
    house.fallback = "fallback"
    await house.post(body(alert("Down")))
    await house.start(lambda: len(house.said(OPS)) == 1)
    house.rooms = {"fallback": [FALLBACK]}
    house.clock.forward(60)
    await house.post(body(alert("Down"), alert("Slow")))
    await house.start(lambda: bool(house.said(FALLBACK)), drained=True)
    assert "Slow" in house.said(FALLBACK)[0]


async def test_a_group_that_no_room_heard_of_is_told_once_there_is_one(house: House) -> None:
    house.rooms = {}
    await house.post(body(alert("Down")))
    assert await house.outbox.waiting() == []
    house.rooms = {"ops": [OPS]}
    house.clock.forward(60)
    await house.post(body(alert("Down"), alert("Slow")))
    await house.start(lambda: bool(house.said(OPS)))
    assert "FIRING" in house.heads(OPS)[0]


async def test_a_platform_that_was_taken_out_of_the_configuration_holds_nothing_back(house: House) -> None:
    gone = Room("gone", "!x", "ops")
    house.rooms = {"ops": [gone]}
    await house.post(body(alert("Down")))
    house.rooms = {"ops": [OPS]}
    await house.start(lambda: len(house.said(OPS)) == 2)
    assert "FIRING" in house.heads(OPS)[0]
    assert "gone" in house.said(OPS)[1]
    house.clock.forward(60)
    await house.post(body(alert("Down", "resolved")))
    await house.start(lambda: "RESOLVED" in house.heads(OPS)[0], drained=True)
    assert len(house.said(OPS)) == 3
    assert await house.outbox.waiting() == []


async def test_a_platform_that_was_out_for_one_run_goes_on_with_its_messages(house: House) -> None:
    gone = Room("gone", "!x", "ops")
    house.rooms = {"ops": [gone]}
    await house.post(body(alert("Down")))
    await house.start(lambda: len(house.said(gone)) == 1, ("fake", "gone"))
    house.clock.forward(60)
    house.rooms = {"ops": [OPS]}
    await house.post(body(alert("Down"), alert("Slow")))
    await house.start(lambda: bool(house.said(OPS)))
    house.clock.forward(60)
    house.rooms = {"ops": [gone]}
    await house.start(lambda: True, ("fake", "gone"))
    await house.post(body(alert("Down", "resolved"), alert("Slow", "resolved")))
    await house.start(lambda: "RESOLVED" in house.heads(gone)[0], ("fake", "gone"), drained=True)
    assert await house.outbox.waiting() == []


async def test_a_line_is_said_once_where_the_lane_lives_already(house: House) -> None:
    """The group is told in two rooms; one refuses; the other has every line of its own."""
    house.rooms, house.fallback = {"fallback": [FALLBACK]}, "fallback"
    for room in (OPS, FALLBACK):
        await house.outbox.enqueue([Outgoing("group:1", room, Op.ROOT, "root", say("the card"))])
    await house.start(lambda: len(house.platform.said) == 2)
    house.platform.trouble = lambda call, room: Upstream("kicked", permanent=True) if room == OPS else None
    for room in (OPS, FALLBACK):
        await house.outbox.enqueue([Outgoing("group:1", room, Op.LINE, "line", say("the line"))])
    await house.start(lambda: len(house.said(FALLBACK)) >= 3)
    assert sorted(house.said(FALLBACK)) == [
        "could not be told in ops on fake: kicked",
        "the card",
        "the line",
    ]


async def test_what_was_decided_while_a_room_refused_goes_where_the_lane_went(house: House) -> None:
    """The bridge reads where a group lives; before it writes, that room refuses and the group moves."""
    house.rooms, house.fallback = {"ops": [OPS], "fallback": [FALLBACK]}, "fallback"
    await house.post(body(alert("Down")))
    await house.start(lambda: len(house.said(OPS)) == 1)
    house.clock.forward(60)
    await house.store.accept("default", body(alert("Down", "resolved")))

    class Moves(AlertStore):
        """Moves the lane at the last moment, once."""

        moved = False

        async def fold(self, payloads, groups, outgoing, entries) -> None:  # type: ignore[no-untyped-def]
            if not self.moved:
                self.moved = True
                what = outgoing[0]
                late = Outgoing(what.lane, OPS, Op.LINE, "k", say("a line"))
                await self._outbox.enqueue([late])
                delivery, _ = await self._outbox.next(OPS, house.clock.now())
                assert delivery is not None
                assert await self._outbox.refuse(delivery, "kicked", [FALLBACK])
            await super().fold(payloads, groups, outgoing, entries)

    house.bridge._store = Moves(house.database, house.outbox, house.clock)
    with pytest.raises(Upstream):
        await house.bridge.fold()
    await house.bridge.fold()
    await house.start(lambda: any("RESOLVED" in text for text in house.heads(FALLBACK)), drained=True)
    assert "RESOLVED" in house.heads(FALLBACK)[0]
    assert await house.outbox.waiting() == []


async def test_a_card_that_somebody_deleted_is_posted_anew_in_its_room(house: House) -> None:
    """In the only room there is, a deleted card must not silence the group."""
    await house.post(body(alert("Down")))
    await house.start(lambda: len(house.said(OPS)) == 1)
    deleted = house.platform.said[0]
    edits: list[str] = []

    def gone(call: str, room: Room) -> Upstream | None:
        edits.append(call)
        first = call == "edit" and edits.count("edit") == 1
        return Upstream("message_not_found", permanent=True) if first else None

    house.platform.trouble = gone
    house.clock.forward(60)
    await house.post(body(alert("Down"), alert("Slow")))
    await house.start(lambda: len(house.platform.said) == 3)
    card, line = house.platform.said[1:]
    assert card.thread is None
    assert "(2 alerts)" in plain(card.docs[-1])
    assert line.thread == card.id
    house.clock.forward(60)
    await house.post(body(alert("Down", "resolved"), alert("Slow", "resolved")))
    await house.start(lambda: "RESOLVED" in plain(card.docs[-1]), drained=True)
    assert len(deleted.docs) == 1
    assert await house.outbox.waiting() == []


async def test_a_line_that_no_thread_takes_does_not_post_cards_for_ever(house: House) -> None:
    await house.post(body(alert("Down")))
    await house.start(lambda: len(house.said(OPS)) == 1)

    lane = await _lane(house)
    await house.outbox.enqueue(
        [Outgoing(lane, OPS, Op.LINE, f"line {number}", say("x")) for number in range(3)]
    )
    sends = 0

    def only_roots(call: str, room: Room) -> Upstream | None:
        nonlocal sends
        sends += 1
        # What is refused is each line: the first call, and those that follow a posted card.
        return None if sends == 2 else Upstream("no_text", permanent=True)

    house.platform.trouble = only_roots
    await house.start(lambda: sends >= 3)
    assert len(house.said(OPS)) == 2
    assert sends <= 4


async def _lane(house: House) -> str:
    return str((await house.database.rows("SELECT lane FROM groups"))[0]["lane"])
