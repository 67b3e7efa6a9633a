"""The Slack adapter on the loopback Slack, in both modes: what is heard and said, and what goes wrong."""

import asyncio
import contextlib
import io
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
from bot.core.steps import OnStep, Step, no_step
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
        asked = await bot.platform._web().chat_getPermalink(channel=room.address, message_ts=ts)
        assert bot.platform.link(room, ts) == asked["permalink"]
        assert message.plain == "RESOLVED"
        assert message.metadata == {
            "event_type": "tocsin_delivery",
            "event_payload": {"id": "group:1", "files": 0},
        }
        assert [reply.plain for reply in message.replies] == ["one more"]
        assert not message.unfurled


async def test_no_link_is_fetched_for_a_preview(slack: LoopbackSlack) -> None:
    evil = "https://evil.example/?stolen=1"
    async with running(slack) as bot:
        card = doc.doc(doc.line("see ", doc.Link("runbook", evil)), f"and {evil}")
        ts = await bot.platform.send(ops(slack), card, key="a")
        await bot.platform.send(ops(slack), card, key="b", thread=ts)
        await bot.platform.edit(ops(slack), ts, card, key="c")
        [message] = slack.messages("ops")
        assert message.links, "there is something to fetch"
        assert not any(one.unfurled for one in (message, *message.replies))


@MODES
async def test_whatever_nobody_reads_is_acked_and_not_kept(slack: LoopbackSlack, mode: str) -> None:
    async with running(slack, mode) as bot:
        for event in (
            {"type": "team_join", "user": {"id": "U1"}},
            {"type": "message", "subtype": "channel_topic", "channel": "C1", "user": "U1", "ts": "1.1"},
            {
                "type": "message",
                "subtype": "me_message",
                "channel": "C1",
                "user": "U1",
                "text": "!x",
                "ts": "1.2",
            },
            {"type": "message", "channel": "C1"},
            {"type": "app_mention", "user": ["odd"], "channel": {}, "ts": 5, "text": None},
        ):
            slack.emit(event)
        await slack.settled()
        assert all(delivery.acked for delivery in slack.deliveries.log)
        assert bot.inbox.events == []


@MODES
async def test_strangers_guests_bots_and_the_gone_are_said_to_be(slack: LoopbackSlack, mode: str) -> None:
    slack.add_user("far", team_id="T0FAR")
    slack.add_user("guest", is_restricted=True)
    slack.add_user("single", is_ultra_restricted=True)
    slack.add_user("robot", is_bot=True)
    slack.add_user("gone", deleted=True)
    names = ["ann", "far", "guest", "single", "robot", "gone"]
    for name in names[1:]:
        slack.join("ops", name)
    async with running(slack, mode) as bot:
        for name in names:
            await slack.say("ops", name, "!status")
            await slack.settled()
        seen = {event.sender: event.trust for event in bot.inbox.events if isinstance(event, Message)}
        assert [seen[who(slack, name)].stranger for name in names] == [False] + [True] * 5
        assert [seen[who(slack, name)].why for name in names[1:]] == [
            "of another team, T0FAR",
            "a guest",
            "a guest",
            "a bot",
            "a deactivated account",
        ]
        assert Identity("slack", f"T0FAR/{slack.workspace.user('far').id}") in seen


async def test_a_slack_connect_channel_makes_strangers(slack: LoopbackSlack) -> None:
    slack.add_user("far", team_id="T0FAR")
    slack.add_channel("shared", ["ann", "far"], is_ext_shared=True)
    async with running(slack) as bot:
        await slack.say("shared", "far", "!status")
        await slack.say("shared", "ann", "!status")
        far, ann = await bot.inbox.until(2)
        assert isinstance(far, Message)
        assert isinstance(ann, Message)
        assert (far.sender, far.trust.why) == (who(slack, "far"), "a Slack Connect stranger of T0FAR")
        assert (ann.sender, ann.trust.stranger) == (who(slack, "ann"), True)
        assert far.room.name == ""


async def test_a_display_name_twin_is_somebody_else(slack: LoopbackSlack) -> None:
    slack.add_user("ann", id="U0TWIN")
    slack.join("ops", "U0TWIN")
    async with running(slack) as bot:
        await slack.say("ops", "U0TWIN", "!status")
        [event] = await bot.inbox.until(1)
        assert isinstance(event, Message)
        assert event.sender == Identity("slack", f"{slack.team}/U0TWIN")
        assert event.sender != who(slack, "ann")


@pytest.mark.parametrize("kind", ["html_500", "slow", "drop_before", "ratelimited"])
async def test_who_cannot_be_looked_up_is_a_stranger_and_is_heard(slack: LoopbackSlack, kind: Any) -> None:
    async with running(slack) as bot:
        slack.fault(kind, "users.info", times=-1, seconds=5.0)
        await slack.say("ops", "ann", "!status")
        [event] = await bot.inbox.until(1)
        assert isinstance(event, Message)
        assert (event.trust.stranger, event.trust.why) == (True, "their account cannot be looked up now")
        slack.faults.clear()
        await slack.settled()
        assert slack.deliveries.log[-1].acked


async def test_people_are_looked_up_once_and_the_token_never(slack: LoopbackSlack) -> None:
    async with running(slack) as bot:
        before = len(slack.called("auth.test"))
        for _ in range(40):
            slack.emit(
                {
                    "type": "message",
                    "user": slack.workspace.user("ann").id,
                    "channel": ops(slack).address,
                    "text": "!ping",
                    "ts": slack.workspace.new_ts(),
                    "team": slack.team,
                }
            )
        await bot.inbox.until(40)
        assert len(slack.called("users.info")) == 1
        assert len(slack.called("auth.test")) == before


@MODES
async def test_another_teams_event_is_not_kept(slack: LoopbackSlack, mode: str) -> None:
    async with running(slack, mode) as bot:
        slack.workspace.team = "T0OTHER"
        await slack.say("ops", "ann", "!status")
        await slack.settled()
        assert bot.inbox.events == []


@MODES
async def test_edits_and_deletions_withdraw_and_slacks_own_changes_do_not(
    slack: LoopbackSlack, mode: str
) -> None:
    async with running(slack, mode) as bot:
        ts = await slack.say("ops", "ann", "!restart grafana")
        await bot.inbox.until(1)
        await slack.unfurl("ops", ts)
        await slack.edit("ops", ts, f"<@{slack.bot_user}> stop grafana")
        await bot.inbox.until(2)
        await slack.unfurl("ops", ts)
        await slack.delete("ops", ts)
        command, edited, deleted = await bot.inbox.until(3)
        await slack.settled()
        assert len(bot.inbox.events) == 3
        assert isinstance(edited, Withdrawn)
        assert isinstance(deleted, Withdrawn)
        assert (edited.message_id, edited.how, edited.by) == (
            command.id,
            Withdrawal.EDITED,
            who(slack, "ann"),
        )
        assert (deleted.message_id, deleted.how) == (command.id, Withdrawal.REDACTED)


async def test_our_own_edits_say_nothing_and_our_deleted_card_does(slack: LoopbackSlack) -> None:
    async with running(slack) as bot:
        ts = await bot.platform.send(ops(slack), say("a plan"), key="k")
        await bot.platform.edit(ops(slack), ts, say("a plan, edited"), key="k2")
        await slack.delete("ops", ts)
        [event] = await bot.inbox.until(1)
        await slack.settled()
        assert bot.inbox.events == [event]
        assert isinstance(event, Withdrawn)
        assert event.message_id == ts


PLAN = Doc((*say("restart grafana").blocks, Choices("plan-7", "K7QF", "Restart grafana now?")))


@MODES
async def test_reactions_vote_and_can_be_taken_back(slack: LoopbackSlack, mode: str) -> None:
    async with running(slack, mode) as bot:
        card = await bot.platform.send(ops(slack), PLAN, key="k")
        talk = await slack.say("ops", "bob", "hello")
        await slack.react("ops", "ann", talk, "+1")
        await slack.react("ops", "ann", card, "eyes")
        await slack.react("ops", "ann", card, "+1::skin-tone-3")
        await slack.react("ops", "bob", card, "x")
        yes, no = await bot.inbox.until(2)
        assert isinstance(yes, Choice)
        assert isinstance(no, Choice)
        assert (yes.approve, yes.by, yes.message_id, yes.approval_id) == (True, who(slack, "ann"), card, None)
        assert (no.approve, no.by) == (False, who(slack, "bob"))
        await slack.react("ops", "bob", card, "x", add=False)
        gone = (await bot.inbox.until(3))[2]
        assert isinstance(gone, Withdrawn)
        assert (gone.message_id, gone.by) == (no.id, who(slack, "bob"))


@MODES
async def test_buttons_carry_the_approval_and_nothing_else(slack: LoopbackSlack, mode: str) -> None:
    async with running(slack, mode) as bot:
        card = await bot.platform.send(ops(slack), PLAN, key="k")
        assert (await slack.click("ann", "ops", card, "tocsin:approve")).acked
        assert (await slack.click("bob", "ops", card, "tocsin:deny")).acked
        yes, no = bot.inbox.events
        assert isinstance(yes, Choice)
        assert isinstance(no, Choice)
        assert (yes.approve, yes.approval_id, yes.message_id) == (True, "plan-7", card)
        assert (yes.by, yes.trust.stranger) == (who(slack, "ann"), False)
        assert (no.approve, no.approval_id, no.by) == (False, "plan-7", who(slack, "bob"))


async def test_a_strangers_click_is_a_strangers(slack: LoopbackSlack) -> None:
    slack.add_user("far", team_id="T0FAR")
    slack.join("ops", "far")
    async with running(slack) as bot:
        card = await bot.platform.send(ops(slack), PLAN, key="k")
        await slack.click("far", "ops", card, "tocsin:approve")
        [click] = bot.inbox.events
        assert isinstance(click, Choice)
        assert (click.by, click.trust.stranger) == (who(slack, "far"), True)


# ---- delivery to us goes wrong --------------------------------------------------------------------------


@pytest.mark.parametrize("fault", ["duplicate_events", "lost_acks", "lost_envelopes"])
async def test_one_command_however_often_it_comes(slack: LoopbackSlack, fault: str) -> None:
    slack.settings.ack_seconds = 0.4
    async with running(slack) as bot:
        setattr(slack.faults, fault, 1)
        await slack.say("ops", "ann", "!status")
        await slack.settled()
        assert len(bot.inbox.events) == 1
        assert all(delivery.acked for delivery in slack.deliveries.log)


@MODES
async def test_what_could_not_be_stored_is_not_acked_and_comes_again(slack: LoopbackSlack, mode: str) -> None:
    slack.settings.ack_seconds = 0.4
    async with running(slack, mode) as bot:
        bot.inbox.refusals = 2
        await slack.say("ops", "ann", "!status")
        await slack.settled()
        assert len(bot.inbox.events) == 1
        # Two were refused; a third may be late on a busy machine, and is then no second event.
        attempts = [one.reason for one in slack.deliveries.log[-1].attempts]
        assert len(attempts) >= 3
        assert attempts[-1] == ""
        assert bot.inbox.puts >= 3


@pytest.mark.parametrize("how", ["cut", "half_open", "close", "refresh", "warning", "down", "dead_tickets"])
async def test_the_socket_comes_back(slack: LoopbackSlack, how: str) -> None:
    slack.settings.ack_seconds = 0.5
    async with running(slack) as bot:
        before = slack.sockets[0].id
        match how:
            case "cut":
                slack.cut()
            case "half_open":
                slack.half_open()
            case "close":
                await slack.close_sockets()
            case "refresh":
                await slack.disconnect("refresh_requested")
            case "warning":
                await slack.disconnect("warning")
            case "down":
                await slack.down()
                await eventually(lambda: bool(bot.platform._trouble))
                assert not (await bot.platform.ready()).ok
                await slack.up()
            case "dead_tickets":
                slack.faults.dead_tickets = 3
                await slack.close_sockets()
        await eventually(lambda: [s.id for s in slack.sockets if s.open and s.id != before] != [], 20)
        await slack.say("ops", "ann", "!status")
        await bot.inbox.until(1)
        await eventually(lambda: not bot.platform._trouble)
        assert (await bot.platform.ready()).ok
        # Not one too many: Slack would send it half of what people say, and nobody would read it.
        await eventually(lambda: len([s for s in slack.sockets if not s.ws.closed and not s.half_open]) == 1)


async def test_a_refresh_in_the_middle_of_a_click_loses_nothing(slack: LoopbackSlack) -> None:
    async with running(slack) as bot:
        card = await bot.platform.send(ops(slack), PLAN, key="k")
        slack.faults.refresh_during = 1
        await slack.click("ann", "ops", card, "tocsin:approve")
        [click] = await bot.inbox.until(1)
        assert isinstance(click, Choice)
        await slack.connected()


async def test_a_revoked_app_token_is_told_and_asked_for_slowly(slack: LoopbackSlack) -> None:
    async with running(slack) as bot:
        slack.revoke(app=True)
        await slack.disconnect("link_disabled")
        await eventually(lambda: "token_revoked" in bot.platform._trouble)
        before = len(slack.called("apps.connections.open"))
        await asyncio.sleep(2)
        assert len(slack.called("apps.connections.open")) - before <= 6
        ready = await bot.platform.ready()
        assert not ready.ok
        assert "token_revoked; put a valid token into slack.app_token" in ready.why
        slack.revoke(app=False)
        await slack.connected(timeout=20)
        await slack.say("ops", "ann", "!status")
        await bot.inbox.until(1)


async def test_closing_is_bounded_on_a_half_open_socket(slack: LoopbackSlack) -> None:
    async with running(slack, ping=5.0) as bot:
        slack.half_open()
        begun = time.monotonic()
        await bot.platform.close()
        assert time.monotonic() - begun < 4


# ---- HTTP mode ------------------------------------------------------------------------------------------


async def post(url: str, body: str | bytes | io.BytesIO, headers: dict[str, str]) -> int:
    kind = {"Content-Type": "application/json"}
    async with (
        aiohttp.ClientSession() as session,
        session.post(url, data=body, headers={**kind, **headers}) as answer,
    ):
        return answer.status


def mention(slack: LoopbackSlack) -> str:
    event = {
        "type": "app_mention",
        "user": slack.workspace.user("ann").id,
        "channel": ops(slack).address,
        "text": f"<@{slack.bot_user}> status",
        "ts": "1700000000.000100",
        "team": slack.team,
    }
    return json.dumps({"type": "event_callback", "team_id": slack.team, "event_id": "Ev1", "event": event})


async def test_who_is_not_slack_is_401_and_never_a_fault(
    slack: LoopbackSlack, caplog: pytest.LogCaptureFixture
) -> None:
    async with running(slack, "http") as bot:
        body, now = mention(slack), int(time.time())
        good = slack.sign(body, now)
        stamp, signature = "X-Slack-Request-Timestamp", "X-Slack-Signature"
        for headers in (
            {},
            slack.sign(body, now - 360),
            slack.sign(body, now + 360),
            slack.sign(body + " ", now),
            {**good, signature: "v0=00"},
            {**good, signature: "v0=\u00e9"},
            {**good, stamp: "soon"},
            {**good, stamp: "1_000"},
            {**good, stamp: "\u0661\u0662"},
            {**good, stamp: "9" * 30},
        ):
            assert await post(bot.url, body, headers) == 401, headers
        assert await post(bot.url, "{not json", {}) == 401
        assert await post(bot.url, b"\xff\xfe", good) == 400
        assert await post(bot.url, "{not json", slack.sign("{not json")) == 400
        assert await post(bot.url, "[1]", slack.sign("[1]")) == 400
        assert await post(bot.url, io.BytesIO(b"x" * (1 << 21)), slack.sign("x")) == 413
        assert bot.inbox.events == []
        assert "Traceback" not in caplog.text
        assert await post(bot.url, body, good) == 200
        assert len(bot.inbox.events) == 1


async def test_a_replay_within_five_minutes_is_one_command(slack: LoopbackSlack) -> None:
    async with running(slack, "http") as bot:
        body = mention(slack)
        headers = slack.sign(body)
        assert [await post(bot.url, body, headers) for _ in range(3)] == [200, 200, 200]
        assert len(bot.inbox.events) == 1
        form = (
            f"command=%2Ftocsin&text=ping&user_id={slack.workspace.user('ann').id}&team_id={slack.team}"
            f"&channel_id={ops(slack).address}&trigger_id=1.2.abc"
        )
        kind = {"Content-Type": "application/x-www-form-urlencoded", **slack.sign(form)}
        assert [await post(bot.url, form, kind) for _ in range(2)] == [200, 200]
        assert len(bot.inbox.events) == 2


async def test_http_before_we_know_who_we_are_is_503(slack: LoopbackSlack) -> None:
    platform = adapter(slack, "http")
    async with serving(platform) as url:
        body = mention(slack)
        assert await post(url, body, slack.sign(body)) == 503
    await platform.close()


# ---- start ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "where", "words"),
    [
        ({"bot_token": "xoxb-wrong"}, "slack.bot_token", "invalid_auth"),
        ({"bot_token": "xapp-1-loopback-app"}, "slack.bot_token", "not_allowed_token_type"),
        ({"app_token": "xapp-wrong"}, "slack.app_token", "invalid_auth"),
        ({"app_token": "xoxb-loopback-bot"}, "slack.app_token", "not_allowed_token_type"),
        ({"team": "T0ELSE"}, "slack.team", "T0HOME"),
    ],
)
async def test_the_operators_mistakes_stop_it(
    slack: LoopbackSlack, changes: dict[str, str], where: str, words: str
) -> None:
    platform = adapter(slack, **changes)
    with pytest.raises(ConfigError) as caught:
        await platform.preflight()
    await platform.close()
    [mistake] = caught.value.mistakes
    assert mistake.where == where
    assert words in mistake.what
    assert mistake.remedy


async def test_a_missing_scope_is_named(slack: LoopbackSlack) -> None:
    slack.settings.scopes -= {"files:write", "users:read"}
    platform = adapter(slack)
    with pytest.raises(ConfigError, match="files:write, users:read"):
        await platform.preflight()
    await platform.close()


async def test_slack_away_at_start_is_no_mistake(slack: LoopbackSlack) -> None:
    platform, inbox = adapter(slack), MemoryInbox()
    await slack.down()
    await platform.preflight()
    task = asyncio.create_task(platform.run(inbox))
    await asyncio.sleep(0.3)
    ready = await platform.ready()
    assert not ready.ok
    assert "cannot be reached" in ready.why
    await slack.up()
    await slack.connected(timeout=15)
    await slack.say("ops", "ann", "!status")
    await inbox.until(1)
    task.cancel()
    await asyncio.wait([task])
    await platform.close()


async def test_slacks_own_variables_of_the_environment_change_nothing(
    slack: LoopbackSlack, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("BOT_TOKEN", "APP_TOKEN", "SIGNING_SECRET", "CLIENT_ID", "CLIENT_SECRET"):
        monkeypatch.setenv(f"SLACK_{name}", "stray")
    async with running(slack, "http") as bot:
        assert bot.platform._bolt().oauth_flow is None
        await slack.say("ops", "ann", "!status")
        await bot.inbox.until(1)


async def test_ready_says_which_room_it_is_not_in(slack: LoopbackSlack) -> None:
    async with running(slack) as bot:
        await eventually(lambda: not bot.platform._trouble)
        assert (await bot.platform.ready()).ok
    slack.leave("ops", slack.bot_user)
    async with running(slack) as bot:
        await eventually(lambda: not bot.platform._trouble)
        assert (await bot.platform.ready()).why == f"the bot is not in ops ({ops(slack).address}): invite it"
    slack.set_channel("ops", is_archived=True)
    async with running(slack) as bot:
        await eventually(lambda: not bot.platform._trouble)
        assert "is archived" in (await bot.platform.ready()).why


async def test_ready_says_that_the_token_was_revoked(slack: LoopbackSlack) -> None:
    async with running(slack, "http") as bot:
        slack.revoke(bot=True)
        ready = await bot.platform.ready()
        assert not ready.ok
        assert "token_revoked" in ready.why


# ---- saying goes wrong ----------------------------------------------------------------------------------


async def trouble_of(work: Any) -> Upstream:
    with pytest.raises(Upstream) as caught:
        await work
    return caught.value


@pytest.mark.parametrize(
    ("fault", "permanent", "ambiguous", "retry_after", "scope"),
    [
        ({"kind": "ratelimited", "retry_after": 7}, False, False, 7.0, Scope.ROOM),
        ({"kind": "drop_before"}, False, True, None, Scope.MESSAGE),
        ({"kind": "drop_after"}, False, True, None, Scope.MESSAGE),
        ({"kind": "html_500"}, False, True, None, Scope.MESSAGE),
        ({"kind": "slow", "seconds": 2.0}, False, True, None, Scope.MESSAGE),
        ({"kind": "error", "error": "fatal_error"}, False, True, None, Scope.MESSAGE),
        ({"kind": "error", "error": "is_archived"}, True, False, None, Scope.ROOM),
        ({"kind": "error", "error": "channel_not_found"}, True, False, None, Scope.ROOM),
        ({"kind": "error", "error": "not_in_channel"}, True, False, None, Scope.ROOM),
        ({"kind": "error", "error": "no_text"}, True, False, None, Scope.MESSAGE),
        ({"kind": "error", "error": "invalid_auth"}, False, False, None, Scope.PLATFORM),
        ({"kind": "error", "error": "token_revoked"}, False, False, None, Scope.PLATFORM),
        ({"kind": "error", "error": "never_heard_of"}, False, False, None, Scope.MESSAGE),
    ],
    ids=lambda value: "-".join(map(str, value.values())) if isinstance(value, dict) else None,
)
async def test_each_refusal_has_its_meaning(
    slack: LoopbackSlack,
    fault: dict[str, Any],
    permanent: bool,
    ambiguous: bool,
    retry_after: float | None,
    scope: Scope,
) -> None:
    platform = adapter(slack, timeout=1.0)
    slack.fault(method="chat.postMessage", **fault)
    trouble = await trouble_of(platform.send(ops(slack), say("x"), key="k"))
    assert (trouble.permanent, trouble.ambiguous, trouble.retry_after) == (permanent, ambiguous, retry_after)
    assert trouble.scope is scope
    assert len(slack.called("chat.postMessage")) == 1
    await platform.close()


async def test_a_refused_connection_is_not_ambiguous(slack: LoopbackSlack) -> None:
    platform = adapter(slack)
    await slack.down()
    trouble = await trouble_of(platform.send(ops(slack), say("x"), key="k"))
    assert (trouble.ambiguous, trouble.scope) == (False, Scope.PLATFORM)
    await platform.close()


async def test_an_edit_of_what_is_gone_is_for_good(slack: LoopbackSlack) -> None:
    async with running(slack) as bot:
        ts = await bot.platform.send(ops(slack), say("x"), key="k")
        await slack.delete("ops", ts)
        trouble = await trouble_of(bot.platform.edit(ops(slack), ts, say("y"), key="k2"))
        assert (trouble.permanent, trouble.scope) == (True, Scope.MESSAGE)
        slack.fault("error", "chat.update", error="edit_window_closed")
        assert (await trouble_of(bot.platform.edit(ops(slack), ts, say("y"), key="k2"))).permanent


async def test_a_persons_message_can_be_answered_by_its_id(slack: LoopbackSlack) -> None:
    async with running(slack) as bot:
        await slack.say("ops", "ann", "!status")
        [asked] = await bot.inbox.until(1)
        await bot.platform.send(ops(slack), say("answer"), key="k", thread=asked.id)
        assert [reply.plain for reply in slack.messages("ops")[0].replies] == ["answer"]


async def test_blocks_that_slack_refuses_are_said_in_plain_words(slack: LoopbackSlack) -> None:
    async with running(slack) as bot:
        slack.fault("error", "chat.postMessage", error="invalid_blocks")
        ts = await bot.platform.send(ops(slack), say("still ", Code("said")), key="k")
        slack.fault("error", "chat.update", error="msg_blocks_too_long")
        await bot.platform.edit(ops(slack), ts, say("still edited"), key="k2")
        [message] = slack.messages("ops")
        assert (message.blocks, message.text) == ([], "still edited")
        assert message.history[0]["text"] == "still said"
        assert await bot.platform.find(ops(slack), "k", since=datetime.now(UTC) - SINCE) == ts


async def test_find_tells_by_key_in_the_channel_and_in_a_thread(slack: LoopbackSlack) -> None:
    async with running(slack) as bot:
        room, since, find = ops(slack), datetime.now(UTC) - SINCE, bot.platform.find
        assert await find(room, "a", since=since) is None
        first = await bot.platform.send(room, say("a"), key="a")
        reply = await bot.platform.send(room, say("b"), key="b", thread=first)
        assert await find(room, "a", since=since) == first
        assert await find(room, "b", thread=first, since=since) == reply
        assert await find(room, "c", thread=first, since=since) is None
        await bot.platform.edit(room, first, say("edited"), key="z")
        assert await find(room, "a", since=since) == first
        # A root without replies that is deleted: a reply to it stands in the channel.
        lonely = await bot.platform.send(room, say("lonely"), key="lonely")
        await slack.delete("ops", lonely)
        orphan = await bot.platform.send(room, say("orphan"), key="orphan", thread=lonely)
        assert await find(room, "orphan", thread=lonely, since=since) == orphan


async def test_find_turns_pages_and_says_when_it_cannot_tell(slack: LoopbackSlack) -> None:
    async with running(slack) as bot:
        since = datetime.now(UTC) - SINCE
        ts = await bot.platform.send(ops(slack), say("x"), key="k")
        channel, ann = slack.workspace.channel("ops"), slack.workspace.user("ann")
        slack.settings.events.clear()
        for number in range(1_100):
            slack.workspace.post(channel, ann, str(number))
        assert await bot.platform.find(ops(slack), "k", since=since) == ts
        assert len(slack.called("conversations.history")) == 3
        slack.fault("html_500", "conversations.history")
        assert not (await trouble_of(bot.platform.find(ops(slack), "k", since=since))).permanent


async def test_another_apps_metadata_is_not_ours(slack: LoopbackSlack) -> None:
    slack.add_user("robot", is_bot=True)
    slack.join("ops", "robot")
    async with running(slack) as bot:
        meta = {"event_type": "tocsin_delivery", "event_payload": {"id": "k", "files": 0}}
        channel, robot = slack.workspace.channel("ops"), slack.workspace.user("robot")
        slack.workspace.post(channel, robot, "forged", metadata=meta)
        assert await bot.platform.find(ops(slack), "k", since=datetime.now(UTC) - SINCE) is None


# ---- files ----------------------------------------------------------------------------------------------

TWO = Doc(
    say("see the files").blocks,
    (File("log.txt", "text/plain", b"one\ntwo\n"), File("graph.png", "image/png", b"\x89PNG")),
)


def files_in(slack: LoopbackSlack) -> list[list[str]]:
    return [[f.name for reply in m.replies for f in reply.files] for m in slack.messages("ops")]


async def test_files_stand_in_the_thread_of_their_message(slack: LoopbackSlack) -> None:
    async with running(slack) as bot:
        ts = await bot.platform.send(ops(slack), TWO, key="k")
        await bot.platform.send(ops(slack), TWO, key="k2", thread=ts)
        [message] = slack.messages("ops")
        assert files_in(slack) == [["log.txt", "graph.png"] * 2]
        assert message.replies[0].files[0].text == "one\ntwo\n"
        assert await bot.platform.find(ops(slack), "k", since=datetime.now(UTC) - SINCE) == ts


@pytest.mark.parametrize(
    "fault",
    [
        {"kind": "drop_after", "method": "files.completeUploadExternal"},
        {"kind": "drop_before", "method": "files.completeUploadExternal"},
        {"kind": "ratelimited", "method": "files.getUploadURLExternal"},
        {"kind": "html_500", "method": "upload"},
        {"kind": "drop_after", "method": "upload"},
        {"kind": "drop_after", "method": "chat.postMessage"},
    ],
    ids=lambda fault: f"{fault['kind']} {fault['method']}",
)
async def test_a_file_is_there_once_whatever_was_lost(slack: LoopbackSlack, fault: dict[str, Any]) -> None:
    async with running(slack) as bot:
        room, since = ops(slack), datetime.now(UTC) - SINCE
        slack.fault(**fault)
        trouble = await trouble_of(bot.platform.send(room, TWO, key="k"))
        assert trouble.ambiguous
        found = await bot.platform.find(room, "k", since=since)
        if found is None:
            found = await bot.platform.send(room, TWO, key="k")
        assert files_in(slack) == [["log.txt", "graph.png"]]
        assert await bot.platform.find(room, "k", since=since) == found


async def test_a_file_that_slack_does_not_take_is_told_and_the_message_stands(slack: LoopbackSlack) -> None:
    async with running(slack) as bot:
        slack.fault("error", "files.getUploadURLExternal", error="file_uploads_disabled")
        ts = await bot.platform.send(ops(slack), TWO, key="k")
        [message] = slack.messages("ops")
        assert "log.txt could not be attached" in message.replies[0].text
        assert files_in(slack) == [["graph.png"]]
        assert await bot.platform.find(ops(slack), "k", since=datetime.now(UTC) - SINCE) == ts


# ---- whispers -------------------------------------------------------------------------------------------


async def test_a_whisper_is_seen_by_one_in_the_thread_where_they_asked(slack: LoopbackSlack) -> None:
    async with running(slack) as bot:
        root = await bot.platform.send(ops(slack), say("a card"), key="k")
        await slack.say("ops", "eve", "!restart grafana", thread_ts=root)
        await bot.inbox.until(1)
        await bot.platform.whisper(ops(slack), who(slack, "eve"), say("refused: no"), key="w")
        [whisper] = slack.ephemerals("ops", "eve")
        assert (whisper.plain, whisper.thread_ts) == ("refused: no", root)
        assert slack.ephemerals("ops", "ann") == []


async def test_a_slash_command_where_we_are_not_is_answered_by_its_url(slack: LoopbackSlack) -> None:
    slack.add_channel("elsewhere", ["ann"], bot=False)
    async with running(slack) as bot:
        await slack.slash("ann", "elsewhere", "/tocsin", "status")
        [asked] = await bot.inbox.until(1)
        assert isinstance(asked, Message)
        await bot.platform.whisper(asked.room, asked.sender, say("not here"), key="w")
        assert [m.plain for m in slack.ephemerals("elsewhere", "ann")] == ["not here"]


# ---- through the outbox ---------------------------------------------------------------------------------


@contextlib.asynccontextmanager
async def outbox_of(
    platform: SlackPlatform, database: Database, on_step: OnStep = no_step
) -> AsyncIterator[OutboxStore]:
    clock = WallClock()
    store = OutboxStore(database, clock)
    outbox = Outbox(store, {"slack": platform}, lambda: (), clock, on_step, spread=lambda: 0.0)
    task = asyncio.create_task(outbox.run())
    try:
        yield store
    finally:
        task.cancel()
        await asyncio.wait([task])


@pytest.mark.parametrize(
    "fault",
    [
        {"kind": "ratelimited", "retry_after": 1},
        {"kind": "drop_before"},
        {"kind": "drop_after"},
        {"kind": "html_500"},
        {"kind": "html_500", "after_commit": True},
        {"kind": "slow", "seconds": 2.0, "after_commit": True},
        {"kind": "error", "error": "internal_error"},
    ],
    ids=str,
)
async def test_one_visible_message_whatever_the_answer_was(
    slack: LoopbackSlack, tmp_path: Path, fault: dict[str, Any]
) -> None:
    async with (
        Database(tmp_path / "tocsin.db") as database,
        running(slack, timeout=1.0) as bot,
        outbox_of(bot.platform, database) as store,
    ):
        room = ops(slack)
        slack.fault(method="chat.postMessage", **fault)
        await store.enqueue(
            [
                Outgoing("group:1", room, Op.ROOT, "r", say("FIRING")),
                Outgoing("group:1", room, Op.LINE, "l", say("one more")),
                Outgoing("group:1", room, Op.EDIT, "e", say("RESOLVED")),
            ]
        )
        async with asyncio.timeout(15):
            while await store.waiting():
                await asyncio.sleep(0.05)
        [message] = slack.messages("ops")
        assert (message.plain, [reply.plain for reply in message.replies]) == ("RESOLVED", ["one more"])


@pytest.mark.parametrize("step", [Step.DELIVERY_CLAIMED, Step.DELIVERY_SENT])
async def test_dying_around_a_post_says_it_once_with_its_files(
    slack: LoopbackSlack, tmp_path: Path, step: Step
) -> None:
    dead = asyncio.Event()

    def die(now: Step) -> None:
        if now is step:
            dead.set()
            raise asyncio.CancelledError  # as if killed: nothing of this attempt goes on

    async with Database(tmp_path / "tocsin.db") as database:
        async with running(slack) as bot, outbox_of(bot.platform, database, die) as store:
            await store.enqueue([Outgoing("group:1", ops(slack), Op.ROOT, "r", TWO)])
            await dead.wait()
        async with running(slack) as bot, outbox_of(bot.platform, database) as store:
            async with asyncio.timeout(10):
                while await store.waiting():
                    await asyncio.sleep(0.05)
        assert files_in(slack) == [["log.txt", "graph.png"]]


async def test_the_pace_keeps_us_from_ever_being_told_slower(slack: LoopbackSlack, tmp_path: Path) -> None:
    # One more than our own burst: two clocks never count the same milliseconds.
    slack.settings.rate, slack.settings.burst = 1.0, 4
    async with (
        Database(tmp_path / "tocsin.db") as database,
        running(slack) as bot,
        outbox_of(bot.platform, database) as store,
    ):
        room = ops(slack)
        await store.enqueue(
            [Outgoing(f"group:{n}", room, Op.ROOT, f"r{n}", say(f"card {n}")) for n in range(6)]
        )
        await eventually(lambda: len(slack.messages("ops")) == 6)
        assert [m.plain for m in slack.messages("ops")] == [f"card {n}" for n in range(6)]
        assert {call.status for call in slack.called("chat.postMessage")} == {200}


# ---- nothing is forged ----------------------------------------------------------------------------------


async def test_hostile_words_forge_nothing_and_a_mention_does_ping(slack: LoopbackSlack) -> None:
    evil = (
        "<!channel> <!here|x> @channel <@U0BOT> &lt;!everyone&gt; <https://evil.test|good> "
        "https://evil.test/x evil.test `code` ```fence``` *bold* :fire: <!subteam^S1> <!date^1^x|y>"
    )
    card = doc.doc(
        doc.Heading(doc.line(evil[:100])),
        doc.Paragraph(doc.line(evil, doc.Strong(evil), Code(evil), doc.Link(evil, "javascript:alert(1)"))),
        doc.Items((doc.line(evil),)),
        doc.Fields(((evil, doc.line(evil)),)),
        doc.Table(("a", "b"), ((doc.line(evil), doc.line(evil)), (doc.line("x"), doc.line("y")))),
        Pre(f"{evil}\n```\n{evil}"),
        Choices("p", "K7QF", evil),
    )
    async with running(slack) as bot:
        ts = await bot.platform.send(ops(slack), card, key="k")
        await bot.platform.edit(ops(slack), ts, card, key="k2")
        await bot.platform.send(ops(slack), say("look, ", Mention("ann"), Mention("nobody")), key="m")
        first, second = slack.messages("ops")
        assert (first.pings, first.links, first.unfurled) == ([], [], False)
        assert evil[100:130] in first.plain
        assert second.pings == [f"@{slack.workspace.user('ann').id}"]
        assert "@nobody" in second.plain


async def test_only_the_listed_methods_are_called(slack: LoopbackSlack) -> None:
    async with running(slack) as bot:
        await eventually(lambda: not bot.platform._trouble)
        await bot.platform.ready()
        ts = await bot.platform.send(ops(slack), TWO, key="k")
        await bot.platform.edit(ops(slack), ts, say("x"), key="e")
        await bot.platform.find(ops(slack), "k", since=datetime.now(UTC) - SINCE)
        await bot.platform.whisper(ops(slack), who(slack, "ann"), say("x"), key="w")
        await slack.say("ops", "ann", "!status")
        await bot.inbox.until(1)
    listed = {
        "auth.test",
        "apps.connections.open",
        "chat.postMessage",
        "chat.update",
        "chat.postEphemeral",
        "conversations.info",
        "conversations.history",
        "conversations.replies",
        "files.getUploadURLExternal",
        "files.completeUploadExternal",
        "upload",
        "users.info",
    }
    assert {call.method for call in slack.calls} <= listed
    assert {call.outcome for call in slack.calls} == {"ok"}


async def test_no_secret_and_no_words_are_ever_logged(
    slack: LoopbackSlack, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    async with running(slack) as bot:
        slack.fault("html_500", "users.info")
        await slack.say("ops", "ann", "!status of-a-secret-thing")
        await bot.inbox.until(1)
        slack.fault("drop_before", "chat.postMessage")
        await trouble_of(bot.platform.send(ops(slack), say("of a secret thing"), key="k"))
        slack.revoke(app=True)
        await slack.close_sockets()
        await eventually(lambda: "token_revoked" in bot.platform._trouble)
    for secret in (slack.bot_token, slack.app_token, slack.signing_secret, "secret-thing", "secret thing"):
        assert secret not in caplog.text
    assert "Traceback" not in caplog.text
