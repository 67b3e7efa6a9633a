"""The Slack adapter against the loopback Slack, in both modes: what is heard, what is said, what goes wrong."""

import asyncio
import contextlib
import json
import time
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from bot.core import doc
from bot.core.delivery import Op, Outgoing
from bot.core.doc import Choices, Code, Doc, File, Mention, Pre, say
from bot.core.errors import ConfigError, Scope, Upstream
from bot.core.model import (
    Choice,
    Event,
    Identity,
    Message,
    People,
    Person,
    Room,
    Withdrawal,
    Withdrawn,
)
from bot.outbox import Outbox
from bot.platforms.slack import Settings, SlackPlatform
from bot.store.database import Database
from bot.store.outbox import OutboxStore
from tests.real.slack import LoopbackSlack

SINCE = timedelta(seconds=5)


class WallClock:
    def now(self) -> datetime:
        return datetime.now(UTC)


@dataclass
class MemoryInbox:
    """Keeps what it is given, each id once. `refusals`: how many of the next puts fail."""

    events: list[Event] = field(default_factory=list)
    puts: int = 0
    refusals: int = 0
    facts: dict[str, str] = field(default_factory=dict)

    async def put(self, platform: str, events: Sequence[Event], cursor: str | None = None) -> None:
        self.puts += 1
        if self.refusals > 0:
            self.refusals -= 1
            raise Upstream("the disk is full")
        known = {event.id for event in self.events}
        self.events += [event for event in events if event.id not in known]

    async def cursor(self, platform: str) -> str | None:
        return None

    async def remember(self, key: str, value: str) -> bool:
        return self.facts.setdefault(key, value) == value

    async def recall(self, key: str) -> str | None:
        return self.facts.get(key)

    async def until(self, count: int, timeout: float = 8.0) -> list[Event]:
        await eventually(lambda: len(self.events) >= count, timeout)
        return self.events


@dataclass
class Bot:
    """The adapter, running."""

    platform: SlackPlatform
    inbox: MemoryInbox
    url: str = ""


async def eventually(true: Callable[[], bool], timeout: float = 8.0) -> None:
    async with asyncio.timeout(timeout):
        while not true():
            await asyncio.sleep(0.01)


@pytest.fixture
async def slack() -> AsyncIterator[LoopbackSlack]:
    async with LoopbackSlack(retry_delays=(0.05, 0.2, 0.5), ack_seconds=2.0) as server:
        for name in ("ann", "bob", "eve"):
            server.add_user(name)
        server.add_channel("ops", ["ann", "bob", "eve"])
        yield server


def ops(slack: LoopbackSlack) -> Room:
    return Room("slack", slack.workspace.channel("ops").id, "ops")


def who(slack: LoopbackSlack, name: str) -> Identity:
    user = slack.workspace.user(name)
    return Identity("slack", f"{user.team_id}/{user.id}")


def adapter(slack: LoopbackSlack, mode: str = "socket", **changes: Any) -> SlackPlatform:
    settings: dict[str, Any] = {
        "team": slack.team,
        "bot_token": slack.bot_token,
        "app_token": slack.app_token if mode == "socket" else None,
        "signing_secret": slack.signing_secret if mode == "http" else None,
        "api_url": slack.api_url,
        "timeout": 3.0,
        "ping": 0.2,
        "watch": 0.1,
        **changes,
    }
    people = People((Person("ann", frozenset({who(slack, "ann")}), ("operator",)),))
    return SlackPlatform(Settings(**settings), rooms=[ops(slack)], people=lambda: people, clock=WallClock())


@contextlib.asynccontextmanager
async def serving(platform: SlackPlatform) -> AsyncIterator[str]:
    """The web server of HTTP mode, as the app mounts it."""
    app = web.Application()
    app.router.add_post("/slack/events", platform.handle)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}/slack/events"
    finally:
        await runner.cleanup()


@contextlib.asynccontextmanager
async def running(slack: LoopbackSlack, mode: str = "socket", **changes: Any) -> AsyncIterator[Bot]:
    platform, inbox = adapter(slack, mode, **changes), MemoryInbox()
    await platform.preflight()
    task = asyncio.create_task(platform.run(inbox))
    try:
        if mode == "socket":
            await slack.connected()
            yield Bot(platform, inbox)
        else:
            async with serving(platform) as url:
                await slack.use_http(url)
                yield Bot(platform, inbox, url)
    finally:
        task.cancel()
        await asyncio.wait([task])
        await platform.close()


MODES = pytest.mark.parametrize("mode", ["socket", "http"])


# ---- what is heard --------------------------------------------------------------------------------------


@MODES
async def test_a_mention_is_one_command_though_two_events_say_it(slack: LoopbackSlack, mode: str) -> None:
    async with running(slack, mode) as bot:
        ts = await slack.say("ops", "ann", f"<@{slack.bot_user}> status a&b <x>")
        await slack.settled()
        await eventually(lambda: bot.inbox.puts == 2)
        assert bot.inbox.events == [
            Message(
                id=f"{ops(slack).address}:{ts}",
                room=ops(slack),
                sender=who(slack, "ann"),
                text="status a&b <x>",
                at=datetime.fromtimestamp(float(ts), UTC),
                addressed=True,
            )
        ]


@MODES
async def test_the_prefix_a_thread_and_a_slash_command(slack: LoopbackSlack, mode: str) -> None:
    async with running(slack, mode) as bot:
        ts = await slack.say("ops", "ann", "!status grafana")
        root = await bot.platform.send(ops(slack), say("a plan"), key="k1")
        await slack.say("ops", "ann", "yes", thread_ts=root)
        await slack.say("ops", "ann", "nothing for a bot")
        outcome = await slack.slash("ann", "ops", "/tocsin", "logs grafana")
        await slack.settled()
        assert (outcome.acked, outcome.payload, outcome.error) == (True, None, "")
        events = {event.id: event for event in bot.inbox.events}
        assert len(events) == 3
        command = events[f"{ops(slack).address}:{ts}"]
        assert isinstance(command, Message)
        assert (command.text, command.addressed, command.thread) == ("!status grafana", False, None)
        reply = next(e for e in events.values() if isinstance(e, Message) and e.text == "yes")
        assert (reply.thread, reply.reply_to) == (root, root)
        slash = next(e for e in events.values() if e.id.startswith("slash:"))
        assert isinstance(slash, Message)
        assert (slash.text, slash.addressed, slash.sender) == ("logs grafana", True, who(slack, "ann"))
        assert slash.private is not None


# ---- what is said ---------------------------------------------------------------------------------------


async def test_a_message_its_edit_and_its_thread(slack: LoopbackSlack) -> None:
    async with running(slack) as bot:
        room = ops(slack)
        card = doc.doc(doc.Heading(doc.line("FIRING: ", Code("disk")), symbol="🔥"), "at 90 %")
        ts = await bot.platform.send(room, card, key="group:1")
        await bot.platform.send(room, say("one more"), key="group:1:line", thread=ts)
        await bot.platform.edit(room, ts, say("RESOLVED"), key="group:1:2")
        [message] = slack.messages("ops")
        assert message.ts == ts
        assert message.plain == "RESOLVED"
        assert message.metadata == {
            "event_type": "tocsin_delivery",
            "event_payload": {"id": "group:1", "files": 0},
        }
        assert [reply.plain for reply in message.replies] == ["one more"]
        assert not message.unfurled
