"""From the posted body to what stands in the rooms, with the real store and a platform in memory."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import pytest

from alert_bridge.bridge import Bridge, Routes
from alert_bridge.route import Route
from bot.core.doc import plain
from bot.core.matcher import parse
from bot.core.model import Room
from bot.outbox import Outbox
from bot.store.alerts import AlertStore
from bot.store.database import Database
from bot.store.outbox import OutboxStore
from bot.testing import FakeClock, FakePlatform, Said

OPS, DEV = Room("fake", "C1", "ops"), Room("fake", "C2", "dev")
ROUTES = Routes(
    {"default": (Route((parse("team=dev"),), ("dev",)), Route((), ("ops",)))},
    {"ops": (OPS,), "dev": (DEV,)},
    "ops",
)


def alert(name: str, status: str = "firing", start: str = "2026-01-01T11:59:00Z", **labels: str) -> dict:
    end = "2026-01-01T12:05:00Z" if status == "resolved" else "0001-01-01T00:00:00Z"
    return {
        "status": status,
        "labels": {"alertname": name, "severity": "critical", **labels},
        "annotations": {"summary": f"{name} is wrong"},
        "startsAt": start,
        "endsAt": end,
        "generatorURL": "http://prometheus.example.org/graph",
        "fingerprint": (name.encode().hex() + "0" * 16)[:16],
    }


def body(*alerts: dict, key: str = "{}:{}", sender: str = "http://am1") -> bytes:
    return json.dumps(
        {
            "version": "4",
            "groupKey": key,
            "receiver": "tocsin",
            "status": "firing" if any(a["status"] == "firing" for a in alerts) else "resolved",
            "groupLabels": {},
            "commonLabels": {},
            "commonAnnotations": {},
            "externalURL": sender,
            "alerts": list(alerts),
        }
    ).encode()


@dataclass
class Bench:
    store: AlertStore
    bridge: Bridge
    outbox: OutboxStore
    clock: FakeClock
    platform: FakePlatform = field(default_factory=FakePlatform)

    async def post(self, *bodies: bytes, note: str = "") -> None:
        """Accept, fold, deliver everything."""
        for one in bodies:
            await self.store.accept("default", one, note)
        while await self.bridge.fold():
            pass
        async with self.delivering():
            async with asyncio.timeout(10):
                while await self.outbox.waiting():
                    await asyncio.sleep(0.005)

    @asynccontextmanager
    async def delivering(self) -> AsyncIterator[None]:
        task = asyncio.create_task(
            Outbox(self.outbox, {"fake": self.platform}, lambda: [OPS], self.clock, spread=lambda: 0.0).run()
        )
        try:
            yield
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    def roots(self, room: Room = OPS) -> list[Said]:
        return [one for one in self.platform.said if one.thread is None and one.room == room]

    def thread(self, root: Said) -> list[str]:
        return [plain(one.docs[-1]) for one in self.platform.said if one.thread == root.id]


@pytest.fixture
async def bench(tmp_path) -> AsyncIterator[Bench]:
    clock = FakeClock()
    async with Database(tmp_path / "tocsin.db") as database:
        outbox = OutboxStore(database, clock)
        store = AlertStore(database, outbox, clock)
        yield Bench(store, Bridge(store, lambda: ROUTES, clock), outbox, clock)


def headline(said: Said) -> str:
    return plain(said.docs[-1]).splitlines()[0]


async def test_a_group_is_one_message_edited_with_its_news_in_the_thread(bench: Bench) -> None:
    await bench.post(body(alert("Down", instance="a")))
    bench.clock.forward(300)
    second = {**alert("Down", instance="b"), "fingerprint": "b" * 16}
    await bench.post(body(alert("Down", instance="a"), second))
    bench.clock.forward(300)
    await bench.post(
        body(
            alert("Down", "resolved", instance="a"),
            {**second, **{"status": "resolved", "endsAt": "2026-01-01T12:09:00Z"}},
        )
    )
    [root] = bench.roots()
    assert len(root.docs) == 3
    assert "FIRING" in plain(root.docs[0])
    assert "RESOLVED" in headline(root)
    lines = bench.thread(root)
    assert len(lines) == 2
    assert "FIRING" in lines[0]
    assert "RESOLVED" in lines[1]


async def test_retry_and_twin_are_told_once(bench: Bench) -> None:
    one = body(alert("Down"))
    await bench.post(one, one, body(alert("Down"), sender="http://am2"))
    [root] = bench.roots()
    assert len(root.docs) == 1
    assert bench.thread(root) == []


async def test_groups_go_where_their_labels_say(bench: Bench) -> None:
    await bench.post(body(alert("Dev", team="dev"), key="a"), body(alert("Ops"), key="b"))
    assert [headline(one) for one in bench.roots(DEV)] != []
    assert len(bench.roots(DEV)) == len(bench.roots(OPS)) == 1


async def test_a_group_that_turns_critical_joins_the_room_that_its_new_label_names(bench: Bench) -> None:
    await bench.post(body(alert("Ops")))
    bench.clock.forward(60)
    await bench.post(body(alert("Ops"), {**alert("Dev", team="dev"), "fingerprint": "d" * 16}))
    [ops], [dev] = bench.roots(OPS), bench.roots(DEV)
    assert len(ops.docs) == 2
    assert len(dev.docs) == 1


async def test_what_cannot_be_read_is_shown_once_with_its_text(bench: Bench) -> None:
    await bench.post(b"custom: template", b"custom: template", b"\xff\xfe")
    first, second = bench.roots()
    assert "I could not read this alert" in plain(first.docs[0])
    assert "custom: template" in plain(first.docs[0])
    assert "not UTF-8" in plain(second.docs[0])


async def test_a_body_that_was_too_large_is_shown_as_that(bench: Bench) -> None:
    await bench.post(b'{"alerts": [', note="too large: 40000000 bytes, of which the first 65536 are kept")
    assert "too large: 40000000 bytes" in plain(bench.roots()[0].docs[0])


async def test_a_thousand_alerts_are_one_message_and_one_file(bench: Bench) -> None:
    many = [{**alert("Many", instance=f"host-{n}"), "fingerprint": f"{n:016x}"} for n in range(1000)]
    await bench.post(body(*many))
    [root] = bench.roots()
    assert len(plain(root.docs[0])) < 4000
    [listed] = [one for one in bench.platform.said if one.docs[0].files]
    assert listed.thread == root.id
    assert listed.docs[0].files[0].content.count(b"FIRING since") == 1000


async def test_a_spoilt_state_rings_again_rather_than_staying_silent(bench: Bench) -> None:
    await bench.post(body(alert("Down")))
    async with bench.store._database.transaction() as tx:
        await tx.run("UPDATE groups SET state = '{broken'")
    await bench.post(body(alert("Down")))
    assert len(bench.roots()) == 2


async def test_posts_that_come_together_share_a_commit(bench: Bench) -> None:
    commits = 0
    writer = bench.store._database._open_writer()
    await writer.set_trace_callback(lambda sql: None)

    def count(sql: str) -> None:
        nonlocal commits
        commits += sql == "COMMIT"

    await writer.set_trace_callback(count)
    await asyncio.gather(*(bench.store.accept("default", b"x") for _ in range(100)))
    await writer.set_trace_callback(None)  # type: ignore[arg-type]
    assert 1 <= commits <= 3
    assert await bench.store.backlog() == 100


async def test_a_kill_between_deciding_and_writing_changes_nothing(bench: Bench) -> None:
    class Killed(BaseException):
        pass

    def die(step: object) -> None:
        raise Killed

    dying = Bridge(bench.store, lambda: ROUTES, bench.clock, on_step=die)
    await bench.store.accept("default", body(alert("Down")))
    with pytest.raises(Killed):
        await dying.fold()
    await bench.post()
    assert len(bench.roots()) == 1


async def test_the_journal_says_why_an_alert_went_where_it_went(bench: Bench) -> None:
    await bench.post(body(alert("Dev", team="dev")))
    rows = await bench.store._database.rows("SELECT about FROM journal WHERE kind = 'alert'")
    about = json.loads(rows[0]["about"])
    assert about["rooms"] == ["dev"]
    assert "route 1" in about["why"]
    assert 'team="dev"' in about["why"]
