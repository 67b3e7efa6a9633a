"""The loopback Slack under unmodified slack-bolt, in both modes, and each of its fault switches."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from slack_bolt.adapter.socket_mode.aiohttp import AsyncSocketModeHandler
from slack_bolt.async_app import AsyncApp
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from tests.real.slack import LoopbackSlack

BUTTON = [
    {
        "type": "actions",
        "elements": [
            {
                "type": "button",
                "action_id": "go",
                "value": "42",
                "text": {"type": "plain_text", "text": "Go"},
            }
        ],
    }
]


def client(slack: LoopbackSlack) -> AsyncWebClient:
    return AsyncWebClient(token=slack.bot_token, base_url=slack.api_url, retry_handlers=[], timeout=5)


@pytest.fixture
async def slack() -> AsyncIterator[LoopbackSlack]:
    async with LoopbackSlack(retry_delays=(0.05, 0.1, 0.2), ack_seconds=1.0) as server:
        for name in ("ann", "bob"):
            server.add_user(name)
        server.add_channel("ops", ["ann", "bob"])
        yield server


class Bot:
    """A bolt app that notes what it is told."""

    def __init__(self, slack: LoopbackSlack) -> None:
        self.seen: list[tuple[str, dict[str, Any]]] = []
        self.app = AsyncApp(client=client(slack), signing_secret=slack.signing_secret)
        self.app.event("app_mention")(self.on_event)
        self.app.event("message")(self.on_event)
        self.app.event("reaction_added")(self.on_event)
        self.app.action("go")(self.on_click)
        self.app.command("/tocsin")(self.on_slash)
        self.bodies: list[dict[str, Any]] = []

    async def on_event(self, event: dict[str, Any], body: dict[str, Any]) -> None:
        self.seen.append((event["type"], event))
        self.bodies.append(body)

    async def on_click(self, ack: Any, body: dict[str, Any], respond: Any) -> None:
        await ack()
        self.seen.append(("click", body))
        await respond(text="clicked", replace_original=True)

    async def on_slash(self, ack: Any, command: dict[str, Any], respond: Any) -> None:
        self.seen.append(("slash", dict(command)))
        await ack(text=f"you said {command['text']}")
        await respond("and later")

    def kinds(self) -> list[str]:
        return sorted(kind for kind, _ in self.seen)

    async def until(self, count: int, timeout: float = 5.0) -> None:
        async with asyncio.timeout(timeout):
            while len(self.seen) < count:
                await asyncio.sleep(0.01)


@contextlib.asynccontextmanager
async def over_socket(slack: LoopbackSlack, ping: float = 0.3) -> AsyncIterator[Bot]:
    bot = Bot(slack)
    handler = AsyncSocketModeHandler(bot.app, slack.app_token, ping_interval=ping)
    await handler.connect_async()
    await slack.connected()
    try:
        yield bot
    finally:
        await handler.close_async()


@contextlib.asynccontextmanager
async def over_http(slack: LoopbackSlack) -> AsyncIterator[Bot]:
    bot = Bot(slack)
    runner = web.AppRunner(bot.app.server(path="/slack").web_app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    await slack.use_http(f"http://127.0.0.1:{runner.addresses[0][1]}/slack")
    try:
        yield bot
    finally:
        await runner.cleanup()


MODES = pytest.mark.parametrize("mode", [over_socket, over_http], ids=["socket", "http"])


@MODES
async def test_a_mention_is_two_events_with_two_ids_for_one_message(slack: LoopbackSlack, mode: Any) -> None:
    async with mode(slack) as bot:
        ts = await slack.say("ops", "ann", f"<@{slack.bot_user}> status & more")
        await bot.until(2)
        await slack.settled()
        assert bot.kinds() == ["app_mention", "message"]
        assert {event["ts"] for _, event in bot.seen} == {ts}
        assert len({body["event_id"] for body in bot.bodies}) == 2
        assert bot.seen[0][1]["text"] == f"<@{slack.bot_user}> status &amp; more"


@MODES
async def test_click_respond_and_slash_with_an_ack_payload(slack: LoopbackSlack, mode: Any) -> None:
    async with mode(slack) as bot:
        posted = await client(slack).chat_postMessage(channel=ops(slack), text="approve?", blocks=BUTTON)
        outcome = await slack.click("ann", "ops", posted["ts"], "go")
        assert outcome.acked
        await eventually(lambda: slack.messages("ops")[0].text == "clicked")
        assert slack.messages("ops")[0].edits == 1
        assert dict(bot.seen)["click"]["actions"][0]["value"] == "42"
        answer = await slack.slash("ann", "ops", "/tocsin", "help")
        assert answer.acked
        await eventually(lambda: len(slack.ephemerals("ops", "ann")) == 2)
        assert {m.text for m in slack.ephemerals("ops", "ann")} == {"you said help", "and later"}


def ops(slack: LoopbackSlack) -> str:
    return slack.workspace.channel("ops").id


async def eventually(true: Any, timeout: float = 5.0) -> None:
    async with asyncio.timeout(timeout):
        while not true():
            await asyncio.sleep(0.01)
