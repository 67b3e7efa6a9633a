from dataclasses import replace
from datetime import timedelta

from bot.core.delivery import Op, Outgoing
from bot.core.doc import Jump, Link, Text, plain, say
from bot.core.errors import Scope, Upstream
from bot.core.model import Room
from bot.store.database import Database
from bot.store.outbox import OutboxStore
from tests.outbox.conftest import DEV, FALLBACK, OPS, Desk, RealClock


def root(lane: str, text: str, room: Room = OPS) -> Outgoing:
    return Outgoing(lane, room, Op.ROOT, f"{lane}:root", say(text))


def thread_line(lane: str, number: int, room: Room = OPS) -> Outgoing:
    return Outgoing(lane, room, Op.LINE, f"{lane}:line:{number}", say(f"{lane} line {number}"))


def edit(lane: str, number: int, room: Room = OPS) -> Outgoing:
    return Outgoing(lane, room, Op.EDIT, f"{lane}:edit:{number}", say(f"{lane} card {number}"))


def texts(desk: Desk, room: Room = OPS) -> list[str]:
    return [plain(one.docs[-1]) for one in desk.platform.said if one.room == room]


async def test_a_root_its_line_and_its_edit_arrive_in_order_on_one_message(desk: Desk) -> None:
    await desk.store.enqueue([root("g1", "card 1"), thread_line("g1", 1), edit("g1", 2)])
    async with desk.running():
        await desk.until(lambda: len(desk.platform.said) == 2 and len(desk.platform.said[0].docs) == 2)
    first, second = desk.platform.said
    assert [plain(doc) for doc in first.docs] == ["card 1", "g1 card 2"]
    assert second.thread == first.id


async def test_roots_go_before_thread_lines(desk: Desk) -> None:
    await desk.store.enqueue(
        [root("g1", "one"), thread_line("g1", 1), thread_line("g1", 2), root("g2", "two")]
    )
    async with desk.running():
        await desk.until(lambda: len(desk.platform.said) == 4)
    assert texts(desk) == ["one", "two", "g1 line 1", "g1 line 2"]


async def test_edits_that_were_overtaken_are_merged(desk: Desk) -> None:
    await desk.store.enqueue([root("g1", "card")])
    for number in range(1, 20):
        await desk.store.enqueue([edit("g1", number)])
    async with desk.running():
        await desk.until(lambda: bool(desk.platform.said) and len(desk.platform.said[0].docs) == 2)
        await desk.idle()
    assert [plain(doc) for doc in desk.platform.said[0].docs] == ["card", "g1 card 19"]


async def test_what_may_pass_is_tried_again_and_only_its_own_lane_waits(desk: Desk) -> None:
    failures = iter([Upstream("500"), Upstream("500")])
    desk.platform.trouble = lambda call, room: next(failures, None) if not desk.platform.said else None
    await desk.store.enqueue([root("g1", "one"), thread_line("g1", 1)])
    async with desk.running() as outbox:
        await desk.until(lambda: len(desk.platform.said) == 2)
        assert outbox.counts.failed["fake"] == 2
    assert texts(desk) == ["one", "g1 line 1"]


async def test_words_lead_to_where_another_lane_stands_in_the_same_place(desk: Desk) -> None:
    there = Outgoing("g2", OPS, Op.ROOT, "g2:root", say("again: ", Jump("the last", "g1")))
    elsewhere = replace(there, lane="g3", room=DEV, key="g3:root")
    await desk.store.enqueue([root("g1", "first"), there, elsewhere])
    async with desk.running():
        await desk.idle()
    told = {one.room: one for one in desk.platform.said if "again" in plain(one.docs[0])}
    first = next(one.id for one in desk.platform.said if plain(one.docs[0]) == "first")
    assert told[OPS].docs == [say("again: ", Link("the last", f"https://fake.example/C1/{first}"))]
    assert told[DEV].docs == [say("again: ", Text("the last"))], "it does not stand there"


async def test_a_lost_platform_is_not_tried_by_every_lane(desk: Desk) -> None:
    calls: list[str] = []

    def down(call: str, room: Room) -> Upstream:
        calls.append(call)
        return Upstream("unreachable", scope=Scope.PLATFORM)

    desk.platform.trouble = down
    await desk.store.enqueue([root(f"g{n}", "x") for n in range(30)])
    async with desk.running():
        await desk.until(lambda: len(calls) >= 2)
    assert len(calls) <= 3


async def test_an_answer_that_was_lost_is_looked_up_and_not_said_twice(desk: Desk) -> None:
    lost = iter([Upstream("connection dropped", ambiguous=True)])
    desk.platform.after_commit = lambda call, room: next(lost, None)
    await desk.store.enqueue([root("g1", "card"), edit("g1", 1)])
    async with desk.running():
        await desk.until(lambda: bool(desk.platform.said) and len(desk.platform.said[0].docs) == 2)
    assert len(desk.platform.said) == 1


async def test_dying_between_sending_and_recording_does_not_say_it_twice(desk: Desk, tmp_path) -> None:
    """The claim is on disk, the message is out, its id is not: what a kill -9 leaves behind."""
    await desk.store.enqueue([root("g1", "card"), edit("g1", 1)])
    delivery, _ = await desk.store.next(OPS, RealClock().now())
    assert delivery is not None
    await desk.store.claim(delivery)
    await desk.platform.send(OPS, delivery.what.doc, key=delivery.what.key)
    async with Database(tmp_path / "tocsin.db") as again:
        reborn = Desk(OutboxStore(again, RealClock()), desk.platform)
        async with reborn.running():
            await reborn.until(lambda: len(desk.platform.said[0].docs) == 2)
    assert len(desk.platform.said) == 1


async def test_a_room_that_refuses_for_good_is_told_in_the_fallback_room(desk: Desk) -> None:
    desk.platform.trouble = lambda call, room: Upstream("kicked", permanent=True) if room == OPS else None
    await desk.store.enqueue(
        [root("group:1", "the card"), thread_line("group:1", 1), root("group:2", "x", DEV)]
    )
    async with desk.running() as outbox:
        await desk.until(lambda: len(texts(desk, FALLBACK)) == 3)
        assert outbox.counts.refused["fake"] == 1
        await desk.idle()
    said = texts(desk, FALLBACK)
    assert said[0] == "the card"
    assert "could not be told in ops on fake: kicked" in said
    assert "group:1 line 1" in said
    assert texts(desk, DEV) == ["x"]


async def test_an_edit_that_is_refused_for_good_becomes_a_new_message_elsewhere(desk: Desk) -> None:
    await desk.store.enqueue([root("group:1", "first")])
    async with desk.running():
        await desk.until(lambda: len(desk.platform.said) == 1)
        desk.platform.trouble = lambda call, room: Upstream("gone", permanent=True) if room == OPS else None
        await desk.store.enqueue([edit("group:1", 2)])
        await desk.until(lambda: len(texts(desk, FALLBACK)) == 2)
    assert texts(desk, FALLBACK)[0] == "group:1 card 2"


async def test_when_the_fallback_refuses_too_it_is_kept_and_not_looped_on(desk: Desk) -> None:
    calls: list[Room] = []

    def refuse(call: str, room: Room) -> Upstream:
        calls.append(room)
        return Upstream("archived", permanent=True)

    desk.platform.trouble = refuse
    await desk.store.enqueue([root("group:1", "card")])
    async with desk.running():
        await desk.until(lambda: len(calls) == 2)
    waiting = await desk.store.waiting()
    assert "card" in [plain(one.what.doc) for one in waiting]
    desk.platform.trouble = lambda call, room: None
    async with desk.running():
        await desk.until(lambda: bool(desk.platform.said))
    assert "card" in [plain(one.docs[-1]) for one in desk.platform.said]


async def test_what_came_late_says_so_in_its_thread(desk: Desk) -> None:
    await desk.store.enqueue([root("group:1", "card")])
    delivery, _ = await desk.store.next(OPS, RealClock().now())
    assert delivery is not None
    long_ago = RealClock().now() - timedelta(seconds=100)
    await desk.store.postpone(delivery, due=long_ago, error="homeserver away", uncertain=False)
    async with desk.store._database.transaction() as tx:
        await tx.run("UPDATE deliveries SET failing_since = ?", (long_ago.timestamp(),))
    async with desk.running():
        await desk.until(lambda: len(desk.platform.said) == 2)
    assert desk.platform.said[1].thread == desk.platform.said[0].id
    assert "after 2 attempts: homeserver away" in plain(desk.platform.said[1].docs[0])


async def test_a_slow_room_does_not_delay_another(desk: Desk) -> None:
    desk.platform.trouble = lambda call, room: (
        Upstream("429", retry_after=60, scope=Scope.ROOM) if room == OPS else None
    )
    await desk.store.enqueue([root("g1", "slow"), *(root(f"d{n}", "fast", DEV) for n in range(10))])
    async with desk.running():
        await desk.until(lambda: len(texts(desk, DEV)) == 10, 5)
    assert texts(desk) == []


async def test_what_nobody_can_look_up_is_said_again_and_called_unknown(desk: Desk) -> None:
    lost = iter([Upstream("connection dropped", ambiguous=True)])
    desk.platform.after_commit = lambda call, room: next(lost, None) if call == "send" else None
    desk.platform.trouble = lambda call, room: (
        Upstream("the history cannot be read", permanent=True) if call == "find" else None
    )
    await desk.store.enqueue([root("group:1", "card")])
    async with desk.running():
        await desk.until(lambda: len(desk.platform.said) == 3)
        await desk.idle()
    assert texts(desk)[:2] == ["card", "card"]
    assert texts(desk)[2].startswith("unknown whether this stands here twice")
    assert texts(desk)[2].endswith("the history cannot be read")


async def test_an_answer_goes_before_a_backlog_of_alerts(desk: Desk) -> None:
    await desk.store.enqueue([*(root(f"group:{n}", f"card {n}") for n in range(5)), root("answer:1", "pong")])
    async with desk.running():
        await desk.idle()
    assert texts(desk)[0] == "pong"
