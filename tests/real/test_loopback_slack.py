"""The loopback Slack under unmodified slack-bolt, in both modes, and each of its fault switches."""

import asyncio
import contextlib
import json
import time
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest
import slackblocks
from aiohttp import web
from slack_bolt.adapter.socket_mode.aiohttp import AsyncSocketModeHandler
from slack_bolt.async_app import AsyncApp
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from tests.real.slack import PRIVATE_SCOPES, LoopbackSlack, SlackError, spawn

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


async def refused(call: Any) -> str:
    """The error code of a call that Slack refuses."""
    with pytest.raises(SlackApiError) as caught:
        await call
    return str(caught.value.response["error"])


async def posted(slack: LoopbackSlack, text: str = "hello", **more: Any) -> str:
    answer = await client(slack).chat_postMessage(channel=ops(slack), text=text, **more)
    return str(answer["ts"])


# ---- HTTP mode


async def test_bad_signatures_are_401_and_a_good_one_is_not(slack: LoopbackSlack) -> None:
    async with over_http(slack) as bot, aiohttp.ClientSession() as session:
        url = slack.deliveries.urls["events_api"]
        body = json.dumps({"type": "event_callback", "event_id": "Ev1", "event": {"type": "app_mention"}})
        now = int(time.time())
        cases = {
            "missing": {},
            "old": slack.sign(body, now - 360),
            "tampered": slack.sign(body + " ", now),
            "bad": {**slack.sign(body, now), "X-Slack-Signature": "v0=00"},
            "good": slack.sign(body, now),
        }
        seen = {}
        for name, headers in cases.items():
            sent = session.post(url, data=body, headers={"Content-Type": "application/json", **headers})
            async with sent as response:
                seen[name] = response.status
        assert seen == {"missing": 401, "old": 401, "tampered": 401, "bad": 401, "good": 200}
        await bot.until(1)


async def test_an_event_nobody_listens_to_is_404_and_redelivered_with_retry_headers(
    slack: LoopbackSlack,
) -> None:
    headers: list[tuple[str | None, str | None]] = []

    async def refuse(request: web.Request) -> web.Response:
        body = json.loads(await request.text())
        if body["type"] == "url_verification":
            return web.json_response({"challenge": body["challenge"]})
        retry = request.headers
        headers.append((retry.get("X-Slack-Retry-Num"), retry.get("X-Slack-Retry-Reason")))
        return web.Response(status=404)

    app = web.Application()
    app.router.add_post("/", refuse)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    await slack.use_http(f"http://127.0.0.1:{runner.addresses[0][1]}/")
    await slack.say("ops", "ann", "hello")
    await slack.settled()
    await runner.cleanup()
    assert headers == [(None, None), ("1", "http_error"), ("2", "http_error"), ("3", "http_error")]
    assert slack.deliveries.log[-1].lost


async def test_use_http_refuses_a_url_that_does_not_echo_the_challenge(slack: LoopbackSlack) -> None:
    with pytest.raises(ConnectionError):
        await slack.use_http(f"{slack.base_url}/response/none")


# ---- Socket Mode


async def test_hello_ack_and_one_use_tickets(slack: LoopbackSlack) -> None:
    url = (await client(slack).apps_connections_open(app_token=slack.app_token))["url"]
    async with aiohttp.ClientSession() as session:
        async with session.ws_connect(url) as ws:
            hello = await ws.receive_json()
            assert (hello["type"], hello["num_connections"]) == ("hello", 1)
            await slack.say("ops", "ann", "one")
            envelope = await ws.receive_json()
            assert (envelope["type"], envelope["retry_attempt"]) == ("events_api", 0)
            await ws.send_json({"envelope_id": envelope["envelope_id"]})
            await slack.settled()
        with pytest.raises(aiohttp.WSServerHandshakeError):
            await session.ws_connect(url)


async def test_a_dead_ticket_does_not_open_and_the_next_one_does(slack: LoopbackSlack) -> None:
    slack.faults.dead_tickets = 1
    async with aiohttp.ClientSession() as session:
        dead = (await client(slack).apps_connections_open(app_token=slack.app_token))["url"]
        with pytest.raises(aiohttp.WSServerHandshakeError):
            await session.ws_connect(dead)
        alive = (await client(slack).apps_connections_open(app_token=slack.app_token))["url"]
        async with session.ws_connect(alive) as ws:
            assert (await ws.receive_json())["type"] == "hello"


async def test_bolt_hangs_on_a_dead_ticket_until_it_is_made_to_forget_it(slack: LoopbackSlack) -> None:
    bot = Bot(slack)
    handler = AsyncSocketModeHandler(bot.app, slack.app_token, ping_interval=0.1)
    slack.faults.dead_tickets = 1
    connecting = asyncio.create_task(handler.connect_async())
    await asyncio.sleep(0.6)
    assert (len(slack.called("apps.connections.open")), slack.sockets) == (1, [])
    handler.client.wss_uri = None
    await slack.connected()
    await connecting
    await handler.close_async()


async def test_refused_sockets(slack: LoopbackSlack) -> None:
    slack.faults.refuse_sockets = True
    url = (await client(slack).apps_connections_open(app_token=slack.app_token))["url"]
    async with aiohttp.ClientSession() as session:
        with pytest.raises(aiohttp.WSServerHandshakeError):
            await session.ws_connect(url)
        slack.faults.refuse_sockets = False
        async with session.ws_connect(url) as ws:
            assert (await ws.receive_json())["type"] == "hello"


async def test_a_ticket_expires(slack: LoopbackSlack) -> None:
    slack.settings.ticket_seconds = 0.05
    url = (await client(slack).apps_connections_open(app_token=slack.app_token))["url"]
    await asyncio.sleep(0.1)
    async with aiohttp.ClientSession() as session:
        with pytest.raises(aiohttp.WSServerHandshakeError):
            await session.ws_connect(url)


async def test_the_eleventh_socket_is_too_many(slack: LoopbackSlack) -> None:
    slack.settings.max_sockets = 1
    async with over_socket(slack), aiohttp.ClientSession() as session:
        url = (await client(slack).apps_connections_open(app_token=slack.app_token))["url"]
        async with session.ws_connect(url) as ws:
            assert (await ws.receive_json())["reason"] == "too_many_websockets"


@pytest.mark.parametrize("fault", ["lost_acks", "lost_envelopes"])
async def test_an_unacked_event_comes_again_under_the_same_event_id(slack: LoopbackSlack, fault: str) -> None:
    slack.settings.ack_seconds = 0.3
    async with over_socket(slack) as bot:
        setattr(slack.faults, fault, 1)
        await slack.say("ops", "ann", "hello")
        await slack.settled()
        delivery = slack.deliveries.log[-1]
        assert [attempt.reason for attempt in delivery.attempts] == ["timeout", ""]
        await bot.until(2 if fault == "lost_acks" else 1)
        assert {body["event_id"] for body in bot.bodies} == {delivery.event_id}


async def test_a_duplicate_is_one_event_id_twice(slack: LoopbackSlack) -> None:
    async with over_socket(slack) as bot:
        slack.faults.duplicate_events = 1
        await slack.say("ops", "ann", "hello")
        await bot.until(2)
        assert len({body["event_id"] for body in bot.bodies}) == 1


async def test_a_click_is_never_redelivered(slack: LoopbackSlack) -> None:
    slack.settings.ack_seconds = 0.2
    async with over_socket(slack) as bot:
        ts = await posted(slack, blocks=BUTTON)
        slack.faults.lost_envelopes = 1
        outcome = await slack.click("ann", "ops", ts, "go")
        assert (outcome.acked, outcome.error) == (False, "app_did_not_respond")
        await asyncio.sleep(0.5)
        assert bot.kinds() == []


async def test_refresh_in_the_middle_of_a_click(slack: LoopbackSlack) -> None:
    async with over_socket(slack) as bot:
        ts = await posted(slack, blocks=BUTTON)
        before = slack.sockets[0].id
        slack.faults.refresh_during = 1
        await slack.click("ann", "ops", ts, "go")
        await bot.until(1)
        await eventually(lambda: [s.id for s in slack.sockets] not in ([], [before]))


@pytest.mark.parametrize("how", ["cut", "half_open", "close"])
async def test_the_sdk_comes_back_after_a_socket_is_lost(slack: LoopbackSlack, how: str) -> None:
    slack.settings.ack_seconds = 0.5
    async with over_socket(slack, ping=0.2) as bot:
        before = slack.sockets[0].id
        if how == "close":
            await slack.close_sockets()
        else:
            getattr(slack, how)()
        await eventually(lambda: any(s.open and s.id != before for s in slack.sockets), 10)
        await slack.say("ops", "ann", "still there?")
        await bot.until(1)


async def test_down_refuses_and_up_is_the_same_port(slack: LoopbackSlack) -> None:
    port = slack.port
    await slack.down()
    with pytest.raises(aiohttp.ClientConnectorError):
        await client(slack).auth_test()
    await slack.up()
    assert (await client(slack).auth_test())["user_id"] == slack.bot_user
    await slack.down(0.1)
    await asyncio.sleep(0.3)
    assert (await client(slack).auth_test())["ok"]
    assert slack.port == port


async def test_a_socket_is_warned_and_refreshed_at_the_end_of_its_life(slack: LoopbackSlack) -> None:
    slack.settings.socket_lifetime, slack.settings.warning_before = 0.3, 0.1
    url = (await client(slack).apps_connections_open(app_token=slack.app_token))["url"]
    async with aiohttp.ClientSession() as session, session.ws_connect(url) as ws:
        frames = [await ws.receive_json() for _ in range(3)]
    assert [frame.get("reason") for frame in frames] == [None, "warning", "refresh_requested"]


# ---- API faults


async def test_429_says_when_and_commits_nothing(slack: LoopbackSlack) -> None:
    slack.fault("ratelimited", "chat.postMessage", retry_after=7)
    with pytest.raises(SlackApiError) as caught:
        await posted(slack)
    assert caught.value.response.status_code == 429
    assert caught.value.response.headers["Retry-After"] == "7"
    assert slack.messages("ops") == []
    await posted(slack)
    assert [call.outcome for call in slack.called("chat.postMessage")] == ["ratelimited", "ok"]


@pytest.mark.parametrize(("kind", "count"), [("drop_before", 0), ("drop_after", 1)])
async def test_a_dropped_connection(slack: LoopbackSlack, kind: str, count: int) -> None:
    slack.fault(kind, "chat.postMessage", channel=ops(slack))
    with pytest.raises(aiohttp.ClientError):
        await posted(slack)
    assert len(slack.messages("ops")) == count


async def test_the_default_retry_of_the_sdk_makes_two_messages(slack: LoopbackSlack) -> None:
    slack.fault("drop_after", "chat.postMessage")
    hasty = AsyncWebClient(token=slack.bot_token, base_url=slack.api_url)
    await hasty.chat_postMessage(channel=ops(slack), text="once?")
    assert [message.text for message in slack.messages("ops")] == ["once?", "once?"]


@pytest.mark.parametrize("after_commit", [False, True])
async def test_500_is_an_html_page(slack: LoopbackSlack, after_commit: bool) -> None:
    slack.fault("html_500", "chat.postMessage", after_commit=after_commit)
    with pytest.raises(SlackApiError) as caught:
        await posted(slack)
    assert caught.value.response.status_code == 500
    assert len(slack.messages("ops")) == int(after_commit)


async def test_a_slow_answer_leaves_the_outcome_unknown(slack: LoopbackSlack) -> None:
    slack.fault("slow", "chat.postMessage", seconds=3, after_commit=True)
    hasty = AsyncWebClient(token=slack.bot_token, base_url=slack.api_url, retry_handlers=[], timeout=1)
    with pytest.raises(TimeoutError):
        await hasty.chat_postMessage(channel=ops(slack), text="slow")
    assert len(slack.messages("ops")) == 1


async def test_a_fault_waits_for_its_method_and_channel(slack: LoopbackSlack) -> None:
    other = slack.add_channel("other")
    slack.fault("error", "chat.postMessage", channel=other.id, error="fatal_error", times=2)
    await posted(slack)
    for _ in range(2):
        assert await refused(client(slack).chat_postMessage(channel=other.id, text="x")) == "fatal_error"
    await client(slack).chat_postMessage(channel=other.id, text="x")


async def test_the_rate_limit_is_per_channel_with_a_burst(slack: LoopbackSlack) -> None:
    slack.settings.rate, slack.settings.burst = 1.0, 2
    await posted(slack)
    await posted(slack)
    assert await refused(posted(slack)) == "ratelimited"
    other = slack.add_channel("other")
    await client(slack).chat_postMessage(channel=other.id, text="free")


# ---- messages


async def test_metadata_is_kept_and_only_shown_when_asked_for(slack: LoopbackSlack) -> None:
    about = {"event_type": "tocsin", "event_payload": {"id": "7"}}
    ts = await posted(slack, metadata=about)
    reply = await posted(slack, thread_ts=ts, metadata=about)
    web_client = client(slack)
    bare = await web_client.conversations_history(channel=ops(slack))
    assert "metadata" not in bare["messages"][0]
    full = await web_client.conversations_history(channel=ops(slack), include_all_metadata=True)
    assert [m["metadata"] for m in full["messages"]] == [about]
    thread = await web_client.conversations_replies(channel=ops(slack), ts=ts, include_all_metadata=True)
    assert [(m["ts"], m["metadata"]) for m in thread["messages"]] == [(ts, about), (reply, about)]
    await web_client.chat_update(channel=ops(slack), ts=ts, text="new")
    assert slack.messages("ops")[0].metadata == about
    assert await refused(posted(slack, metadata={"event_type": "x"})) == "invalid_metadata_schema"


async def test_update_keeps_or_drops_blocks_and_counts_edits(slack: LoopbackSlack) -> None:
    ts = await posted(slack, blocks=BUTTON)
    web_client = client(slack)
    await web_client.chat_update(channel=ops(slack), ts=ts, text="kept")
    message = slack.messages("ops")[0]
    assert (message.text, message.edits, bool(message.blocks)) == ("kept", 1, True)
    await web_client.chat_update(channel=ops(slack), ts=ts, text="gone", blocks=[])
    assert (message.edits, message.blocks) == (2, [])
    assert message.history[0]["text"] == "hello"
    person = await slack.say("ops", "ann", "mine")
    update = web_client.chat_update
    assert await refused(update(channel=ops(slack), ts=person, text="x")) == "cant_update_message"
    assert await refused(update(channel=ops(slack), ts="1.000001", text="x")) == "message_not_found"
    assert await refused(update(channel=ops(slack), ts=ts, text="x" * 4001)) == "msg_too_long"


async def test_threads_and_what_becomes_of_a_reply_to_nothing(slack: LoopbackSlack) -> None:
    root = await posted(slack, "root")
    first = await posted(slack, "first", thread_ts=root)
    await posted(slack, "second", thread_ts=first)
    assert [m.text for m in slack.messages("ops")] == ["root"]
    assert [m.text for m in slack.messages("ops")[0].replies] == ["first", "second"]
    lonely = await posted(slack, "lonely")
    await client(slack).chat_delete(channel=ops(slack), ts=lonely)
    answer = await client(slack).chat_postMessage(channel=ops(slack), text="orphan", thread_ts=lonely)
    assert "thread_ts" not in answer["message"]
    assert await refused(posted(slack, thread_ts="17")) == "invalid_thread_ts"
    history = await client(slack).conversations_history(channel=ops(slack))
    assert [m["text"] for m in history["messages"]] == ["orphan", "root"]
    gone = client(slack).conversations_replies(channel=ops(slack), ts=lonely)
    assert await refused(gone) == "thread_not_found"


async def test_text_is_stored_escaped_linked_and_cut(slack: LoopbackSlack) -> None:
    await posted(slack, "a & b < c https://x.test/y <!channel> `<@U0BOT>` &lt;!here&gt;")
    message = slack.messages("ops")[0]
    assert message.text.startswith("a &amp; b &lt; c <https://x.test/y>")
    assert message.pings == ["!channel", "@U0BOT"]
    assert message.plain.endswith("<!here>")
    assert message.unfurled
    await posted(slack, "x" * 40_001)
    assert len(slack.messages("ops")[1].text) == 40_000
    with pytest.warns(UserWarning, match="text"):
        assert await refused(client(slack).chat_postMessage(channel=ops(slack))) == "no_text"


async def test_pings_in_blocks_are_seen_but_not_in_plain_text(slack: LoopbackSlack) -> None:
    section = {"type": "section", "text": {"type": "mrkdwn", "text": "see <!here|x>"}}
    header = {"type": "header", "text": {"type": "plain_text", "text": "<!channel>"}}
    await posted(slack, blocks=[header, section])
    assert slack.messages("ops")[0].pings == ["!here"]


async def test_files_v2(slack: LoopbackSlack) -> None:
    ts = await posted(slack)
    await client(slack).files_upload_v2(
        channel=ops(slack), content="one\ntwo", filename="all.txt", initial_comment="all", thread_ts=ts
    )
    reply = slack.messages("ops")[0].replies[0]
    assert (reply.text, reply.subtype, reply.files[0].text) == ("all", "file_share", "one\ntwo")
    assert [call.method for call in slack.calls[1:]] == [
        "files.getUploadURLExternal",
        "upload",
        "files.completeUploadExternal",
    ]


async def test_reactions(slack: LoopbackSlack) -> None:
    ts = await posted(slack)
    add = client(slack).reactions_add
    await add(channel=ops(slack), timestamp=ts, name="eyes")
    assert slack.messages("ops")[0].reactions == {"eyes": [slack.bot_user]}
    assert await refused(add(channel=ops(slack), timestamp=ts, name="eyes")) == "already_reacted"
    await client(slack).reactions_remove(channel=ops(slack), timestamp=ts, name="eyes")
    gone = client(slack).reactions_remove(channel=ops(slack), timestamp=ts, name="eyes")
    assert await refused(gone) == "no_reaction"


async def test_an_edit_is_message_changed_and_a_mention_with_edited(slack: LoopbackSlack) -> None:
    async with over_socket(slack) as bot:
        ts = await slack.say("ops", "ann", f"<@{slack.bot_user}> a")
        await bot.until(2)
        await slack.edit("ops", ts, f"<@{slack.bot_user}> b")
        await bot.until(4)
        events = [event for _, event in bot.seen[2:]]
        assert {event.get("subtype") for event in events} == {"message_changed", None}
        mention = next(event for event in events if event["type"] == "app_mention")
        assert (mention["ts"], mention["edited"]["user"]) == (ts, slack.workspace.user("ann").id)
        await slack.delete("ops", ts)
        await bot.until(5)
        assert bot.seen[-1][1]["subtype"] == "message_deleted"


async def test_response_url_serves_five_times(slack: LoopbackSlack) -> None:
    async with over_socket(slack) as bot, aiohttp.ClientSession() as session:
        await slack.slash("ann", "ops", "/tocsin", "x")
        await eventually(lambda: len(slack.ephemerals("ops", "ann")) == 2)
        url = dict(bot.seen)["slash"]["response_url"]
        statuses = []
        for _ in range(5):
            async with session.post(url, json={"text": "more"}) as response:
                statuses.append(response.status)
        assert statuses == [200, 200, 200, 200, 404]


# ---- who and where


async def test_where_the_app_may_not_write(slack: LoopbackSlack) -> None:
    web_client = client(slack)
    outside = slack.add_channel("outside", bot=False)
    secret = slack.add_channel("secret", bot=False, is_private=True)
    old = slack.add_channel("old", is_archived=True)
    expected = {outside.id: "not_in_channel", secret.id: "channel_not_found", old.id: "is_archived"}
    expected["C404"] = "channel_not_found"
    for channel, error in expected.items():
        assert await refused(web_client.chat_postMessage(channel=channel, text="x")) == error
    slack.leave("ops", slack.bot_user)
    assert await refused(posted(slack)) == "not_in_channel"


async def test_tokens(slack: LoopbackSlack) -> None:
    def with_token(token: str | None) -> AsyncWebClient:
        return AsyncWebClient(token=token, base_url=slack.api_url, retry_handlers=[])

    assert await refused(with_token("xoxb-wrong").auth_test()) == "invalid_auth"
    assert await refused(with_token(None).auth_test()) == "not_authed"
    assert await refused(with_token(slack.app_token).auth_test()) == "not_allowed_token_type"
    opened = client(slack).apps_connections_open
    assert await refused(opened(app_token="xapp-wrong")) == "invalid_auth"
    slack.revoke(app=True)
    assert await refused(opened(app_token=slack.app_token)) == "token_revoked"
    assert await refused(client(slack).api_call("chat.invent")) == "unknown_method"


async def test_scopes(slack: LoopbackSlack) -> None:
    ann = slack.workspace.user("ann")
    with pytest.raises(SlackApiError) as caught:
        await client(slack).conversations_open(users=ann.id)
    assert caught.value.response["error"] == "missing_scope"
    assert "im:write" in caught.value.response["needed"]
    slack.settings.scopes |= set(PRIVATE_SCOPES.split())
    channel = (await client(slack).conversations_open(users=ann.id))["channel"]["id"]
    await client(slack).chat_postMessage(channel=channel, text="hi")
    assert slack.messages(channel)[0].text == "hi"


async def test_people_as_the_api_shows_them(slack: LoopbackSlack) -> None:
    made = {
        "gone": slack.add_user("gone", deleted=True),
        "guest": slack.add_user("guest", is_restricted=True),
        "single": slack.add_user("single", is_ultra_restricted=True),
        "robot": slack.add_user("robot", is_bot=True),
        "far": slack.add_user("far", team_id="T0FAR"),
    }
    flags = ("deleted", "is_restricted", "is_ultra_restricted", "is_bot", "is_stranger")
    for (name, user), flag in zip(made.items(), flags, strict=True):
        shown = (await client(slack).users_info(user=user.id))["user"]
        assert [key for key in flags if shown.get(key)] == [flag], name
    listed = (await client(slack).users_list())["members"]
    assert made["far"].id not in {user["id"] for user in listed}
    group = slack.add_usergroup("oncall", ["ann"])
    members = await client(slack).usergroups_users_list(usergroup=group.id)
    assert members["users"] == [slack.workspace.user("ann").id]


async def test_a_stranger_speaks_with_their_own_team(slack: LoopbackSlack) -> None:
    teams: list[tuple[Any, Any]] = []
    async with over_socket(slack) as bot:

        async def note(context: Any, next: Any) -> None:
            teams.append((context.team_id, context.actor_team_id))
            await next()

        bot.app.use(note)
        slack.add_user("far", team_id="T0FAR")
        slack.add_channel("shared", ["far"], is_ext_shared=True)
        await slack.say("shared", "far", "hello")
        await bot.until(1)
        assert teams == [(slack.team, "T0FAR")]
        assert bot.bodies[0]["is_ext_shared_channel"]


async def test_pagination(slack: LoopbackSlack) -> None:
    for number in range(5):
        await slack.say("ops", "ann", str(number))
    texts: list[str] = []
    cursor = None
    while True:
        answer = await client(slack).conversations_history(channel=ops(slack), limit=2, cursor=cursor)
        texts += [message["text"] for message in answer["messages"]]
        cursor = answer.get("response_metadata", {}).get("next_cursor")
        if not cursor:
            break
    assert texts == ["4", "3", "2", "1", "0"]
    page = await client(slack).conversations_list(limit=1)
    assert [channel["id"] for channel in page["channels"]] == [ops(slack)]


async def test_a_modal_opens_once_within_three_seconds(slack: LoopbackSlack) -> None:
    view = {"type": "modal", "title": {"type": "plain_text", "text": "t"}, "blocks": []}
    trigger = slack.interactions.new_trigger()
    await client(slack).views_open(trigger_id=trigger, view=view)
    again = client(slack).views_open(trigger_id=trigger, view=view)
    assert await refused(again) == "exchanged_trigger_id"
    slack.settings.trigger_seconds = -1
    late = client(slack).views_open(trigger_id=slack.interactions.new_trigger(), view=view)
    assert await refused(late) == "expired_trigger_id"


# ---- Block Kit


def section(text: str) -> dict[str, Any]:
    return {"type": "section", "text": {"type": "mrkdwn", "text": text}}


def header(text: str) -> dict[str, Any]:
    return {"type": "header", "text": {"type": "plain_text", "text": text}}


def buttons(count: int, **more: Any) -> dict[str, Any]:
    label = {"type": "plain_text", "text": "x"}
    made = [{"type": "button", "text": label, "action_id": f"a{n}", **more} for n in range(count)]
    return {"type": "actions", "elements": made}


LIMITS = {
    "blocks": (lambda n: [{"type": "divider"}] * n, 50),
    "section": (lambda n: [section("x" * n)], 3000),
    "fields": (lambda n: [{"type": "section", "fields": [{"type": "mrkdwn", "text": "x"}] * n}], 10),
    "field": (lambda n: [{"type": "section", "fields": [{"type": "mrkdwn", "text": "x" * n}]}], 2000),
    "header": (lambda n: [header("x" * n)], 150),
    "actions": (lambda n: [buttons(n)], 25),
    "value": (lambda n: [buttons(1, value="x" * n)], 2000),
    "label": (lambda n: [buttons(1, text={"type": "plain_text", "text": "x" * n})], 75),
    "context": (lambda n: [{"type": "context", "elements": [{"type": "mrkdwn", "text": "x"}] * n}], 10),
    "block_id": (lambda n: [{"type": "divider", "block_id": "x" * n}], 255),
}


@pytest.mark.parametrize("name", LIMITS)
async def test_block_kit_limits(slack: LoopbackSlack, name: str) -> None:
    make, most = LIMITS[name]
    await posted(slack, blocks=make(most))
    with pytest.raises(SlackApiError) as caught:
        await posted(slack, blocks=make(most + 1))
    assert caught.value.response["error"] == "invalid_blocks"
    assert "json-pointer" in caught.value.response["response_metadata"]["messages"][0]
    assert len(slack.messages("ops")) == 1


@pytest.mark.parametrize(
    "block",
    [
        section(""),
        {"type": "section"},
        {"type": "sektion"},
        {"type": "divider", "colour": "red"},
        {"type": "header", "text": {"type": "mrkdwn", "text": "x"}},
        {"type": "image", "image_url": "https://x.test/a.png"},
        buttons(1, style="loud"),
        buttons(2, action_id="same"),
    ],
    ids=str,
)
async def test_malformed_blocks(slack: LoopbackSlack, block: dict[str, Any]) -> None:
    assert await refused(posted(slack, blocks=[block])) == "invalid_blocks"


async def test_other_refusals_of_content(slack: LoopbackSlack) -> None:
    assert await refused(posted(slack, blocks="no json")) == "invalid_blocks_format"
    assert await refused(posted(slack, attachments=[{"text": "x"}] * 101)) == "too_many_attachments"
    long = [{"type": "markdown", "text": "x" * 7000}] * 2
    assert await refused(posted(slack, blocks=long)) == "msg_blocks_too_long"


async def test_what_slackblocks_builds_is_accepted(slack: LoopbackSlack) -> None:
    blocks = [
        slackblocks.HeaderBlock("Disk full"),
        slackblocks.SectionBlock("*web-1*", fields=[slackblocks.Text("a"), slackblocks.Text("b")]),
        slackblocks.ContextBlock([slackblocks.Text("since noon")]),
        slackblocks.DividerBlock(),
        slackblocks.ActionsBlock([slackblocks.Button("Ack", "ack", value="1")]),
    ]
    await posted(slack, blocks=json.loads(json.dumps([block._resolve() for block in blocks])))
    assert "Disk full" in slack.messages("ops")[0].plain


# ---- a process of its own


def test_a_process_of_its_own_driven_synchronously() -> None:
    with spawn("--user", "ann=U1", "--channel", "ops=C1", "--retry-delays", "0.1") as remote:
        ts = remote.say(channel="ops", user="ann", text="hello")
        remote.fault(kind="error", method="auth.test")
        assert [(m.ts, m.text, m.user) for m in remote.messages("ops")] == [(ts, "hello", "U1")]
        with pytest.raises(SlackError, match="channel_not_found"):
            remote.say(channel="nowhere", user="ann", text="hello")

        async def use() -> None:
            web_client = AsyncWebClient(token=remote.bot_token, base_url=remote.api_url, retry_handlers=[])
            assert await refused(web_client.auth_test()) == "internal_error"
            assert (await web_client.auth_test())["team_id"] == remote.team
            await web_client.files_upload_v2(channel="C1", content="bytes", filename="a.txt")
            remote.down()
            with pytest.raises(aiohttp.ClientConnectorError):
                await web_client.auth_test()
            remote.up()
            await web_client.auth_test()

        asyncio.run(use())
        assert remote.messages("ops")[1].files[0].text == "bytes"
        assert remote.calls()[0]["method"] == "auth.test"
