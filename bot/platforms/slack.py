"""Slack, over Socket Mode or HTTP. The only file that knows slack_bolt and slack_sdk.

What people do is stored before Slack hears that we have it; what we say goes out without any retry of the
SDK's own, since a retry after a lost answer says it twice: the outbox asks `find` first.
"""

import asyncio
import logging
import os
import random
import re
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

import aiohttp
from aiohttp import web
from slack_bolt.adapter.aiohttp import to_aiohttp_response
from slack_bolt.adapter.socket_mode.aiohttp import AsyncSocketModeHandler
from slack_bolt.async_app import AsyncApp
from slack_bolt.authorization import AuthorizeResult
from slack_bolt.request.async_request import AsyncBoltRequest
from slack_bolt.response import BoltResponse
from slack_sdk.errors import SlackApiError, SlackClientError
from slack_sdk.signature import SignatureVerifier
from slack_sdk.web.async_client import AsyncWebClient

from bot.core.backoff import delay
from bot.core.doc import Doc, File
from bot.core.errors import ConfigError, Mistake, Scope, Upstream
from bot.core.model import Identity, Message, People, Readiness, Room
from bot.core.pace import Bucket
from bot.platforms import slack_blocks as kit
from bot.platforms.slack_errors import LOST_RIGHTS, TOO_RICH, SlackTrouble, refused
from bot.platforms.slack_event import Account, Ears, Ignored, account, is_ts, known, read
from bot.ports import Clock, Inbox, Pace

log = logging.getLogger("tocsin.slack")

SCOPES = frozenset(
    [
        "app_mentions:read",
        "channels:history",
        "channels:read",
        "chat:write",
        "commands",
        "files:write",
        "reactions:read",
        "users:read",
    ]
)
"""What the bot token must be allowed."""
PRIVATE_SCOPES = frozenset(["groups:history", "groups:read"])
"""And for rooms that are private channels."""

BODY = 1 << 20
"""Bytes of a request in HTTP mode; Slack's are a few thousand."""
LOOKUP = 1.5
"""Seconds that users.info may take while Slack waits for our ack (3 s)."""
KNOWN_FOR = 60.0
"""Seconds that an account is believed."""
AT_ONCE = 32
WAITING = 1_000
"""Payloads in work, and waiting to be. What comes on top is not acked: Slack brings it again."""
PAGE = 500
PAGES = 40
"""How far `find` looks back: 20,000 messages."""
SKEW = timedelta(minutes=5)
"""How much our clock may differ from Slack's."""
TICKET = 15.0
"""Seconds for which the address of a socket is taken to be fresh."""

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Settings:
    """How to reach Slack. `app_token`: Socket Mode; `signing_secret`: HTTP mode. Times in seconds."""

    team: str
    bot_token: str = field(repr=False)
    app_token: str | None = field(default=None, repr=False)
    signing_secret: str | None = field(default=None, repr=False)
    api_url: str = "https://slack.com/api/"
    timeout: float = 30.0
    ping: float = 5.0
    watch: float = 2.0


@dataclass(slots=True)
class _Half:
    """A message that stands while some of its files do not yet."""

    ts: str
    missing: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class _Asked:
    """Where somebody asked last, for an answer that only they see."""

    thread: str | None
    response_url: str | None


class SlackPlatform:
    """`bot.ports.Platform` for one workspace."""

    name = "slack"
    idempotent = False

    def __init__(
        self,
        settings: Settings,
        *,
        rooms: Sequence[Room],
        people: Callable[[], People],
        clock: Clock,
        prefix: str = "!",
        on_ignored: Callable[[Room, Ignored], Awaitable[None]] | None = None,
        spread: Callable[[], float] = random.random,
    ) -> None:
        self.pace: Pace | None = Pace(burst=3, per_second=1.0)
        self._settings = settings
        self._rooms = {room.address: room for room in rooms if room.platform == self.name}
        self._people = people
        self._clock = clock
        self._prefix = prefix
        self._on_ignored = on_ignored
        self._spread = spread
        self._me = ""
        self._site = ""
        self._trouble = "not connected yet"
        self._inbox: Inbox | None = None
        self._client: AsyncWebClient | None = None
        self._app: AsyncApp | None = None
        self._handler: AsyncSocketModeHandler | None = None
        self._ticket: tuple[float, str] | None = None
        self._opens = 0
        self._not_before = 0.0
        self._closing = asyncio.Event()
        self._slots = asyncio.Semaphore(AT_ONCE)
        self._waiting = 0
        self._idle = asyncio.Event()
        self._idle.set()
        self._accounts: dict[str, tuple[float, Account]] = {}
        self._lookups: dict[str, asyncio.Task[Account | None]] = {}
        self._asked: dict[tuple[str, str], _Asked] = {}
        self._halves: dict[str, _Half] = {}
        self._checked: tuple[float, str] | None = None
        # chat.update is allowed about 50 times a minute in the whole workspace (Tier 3).
        self._edits = Bucket(20, 50 / 60)

    # ---- start ------------------------------------------------------------------------------------------

    async def preflight(self) -> None:
        """Raises ConfigError for a refused token, another team, a missing scope; not when Slack is away."""
        try:
            await self._learn_myself()
            if self._settings.app_token:
                await self._try_app_token()
        except Upstream as trouble:
            self._trouble = str(trouble)
            log.warning("Slack cannot be asked now, so its tokens are not checked yet: %s", trouble)

    async def _learn_myself(self) -> None:
        """Who our token is. Raises ConfigError for the operator's mistakes, Upstream for Slack's."""
        try:
            answer = await self._call("auth.test", self._web().auth_test())
        except SlackTrouble as trouble:
            if trouble.code in LOST_RIGHTS:
                raise ConfigError(_bad_token("slack.bot_token", trouble.code, "the xoxb- token")) from trouble
            raise
        team, user = str(answer.get("team_id") or ""), str(answer.get("user_id") or "")
        if team != self._settings.team:
            raise ConfigError(
                Mistake(
                    "slack.team",
                    f"is {self._settings.team}, but slack.bot_token belongs to {team} ({answer.get('team')})",
                    "name that team, or take the token of the right workspace",
                )
            )
        if not user or not answer.get("bot_id"):
            raise ConfigError(
                Mistake("slack.bot_token", "is not a bot's token", "take the Bot User OAuth Token, xoxb-")
            )
        self._check_scopes(str(answer.get("scopes", "")))
        self._me, self._site = user, str(answer.get("url") or "")

    def _check_scopes(self, granted: str) -> None:
        missing = SCOPES - set(granted.replace(" ", "").split(",")) if granted else frozenset()
        if missing:
            raise ConfigError(
                Mistake(
                    "slack.bot_token",
                    f"lacks the scopes {', '.join(sorted(missing))}",
                    "add them under OAuth & Permissions and install the app again",
                )
            )

    async def _try_app_token(self) -> None:
        try:
            url = await self._open()
        except SlackTrouble as trouble:
            if trouble.code in LOST_RIGHTS:
                what = "the xapp- token, with the scope connections:write"
                raise ConfigError(_bad_token("slack.app_token", trouble.code, what)) from trouble
            raise
        self._ticket = (_now(), url)

    async def _open(self) -> str:
        """The address of a new socket, for one use."""
        answer = await self._call(
            "apps.connections.open",
            self._web().apps_connections_open(app_token=self._settings.app_token or ""),
        )
        return str(answer["url"])

    # ---- listening --------------------------------------------------------------------------------------

    async def run(self, inbox: Inbox) -> None:
        """Listen until cancelled."""
        attempts = 0
        while not self._me:
            asked = None
            try:
                await self._learn_myself()
                break
            except ConfigError as trouble:
                self._say(str(trouble))
            except Upstream as trouble:
                self._say(str(trouble))
                asked = trouble.retry_after
            await asyncio.sleep(delay(attempts, asked=asked, spread=self._spread()))
            attempts += 1
        self._inbox = inbox
        if self._settings.app_token:
            await self._listen()
        else:
            self._trouble = ""
            await self._closing.wait()

    async def _listen(self) -> None:
        """Socket Mode. The SDK connects again by itself; this watches that it does not do so in vain."""
        opener = _Opener(self)
        handler = AsyncSocketModeHandler(
            self._bolt(),
            self._settings.app_token,
            logger=_quiet("socket"),
            web_client=opener,
            ping_interval=self._settings.ping,
        )
        self._handler = handler
        handler.client.proxy = opener.proxy
        if self._ticket is not None and _now() - self._ticket[0] < TICKET:
            handler.client.wss_uri = self._ticket[1]
        self._ticket = None
        connecting = asyncio.create_task(handler.connect_async())  # type: ignore[no-untyped-call]
        try:
            await self._watch(handler)
        finally:
            connecting.cancel()
            await self._hang_up()

    async def _watch(self, handler: AsyncSocketModeHandler) -> None:
        tried, since = None, _now()
        while not self._closing.is_set():
            if await handler.client.is_connected():
                if self._trouble:
                    log.info("Slack: connected")
                    self._checked = None
                self._trouble, tried, self._opens = "", None, 0
                await asyncio.sleep(self._settings.watch)
                continue
            self._say(self._trouble or "the socket to Slack is lost; connecting again")
            uri = handler.client.wss_uri
            if uri != tried:
                tried, since = uri, _now()
            elif uri is not None and _now() - since >= self._settings.watch:
                # slack_sdk 3.47 tries one ticket for ever; one that did not open a socket by now is dead.
                handler.client.wss_uri = None
            await asyncio.sleep(min(self._settings.watch, 0.2))

    async def back_off(self) -> None:
        """Wait before asking for another socket, longer each time that it was in vain."""
        self._opens += 1
        pause = self._not_before - _now()
        if self._opens > 2:
            pause = max(pause, delay(self._opens - 3, asked=None, spread=self._spread()))
        try:
            async with asyncio.timeout(max(pause, 0)):
                await self._closing.wait()
        except TimeoutError:
            return

    async def open_again(self) -> str:
        """For the SDK: a new socket's address, and the reason kept when there is none."""
        await self.back_off()
        if self._closing.is_set():
            raise Upstream("Slack: I am closing")
        try:
            return await self._open()
        except Upstream as trouble:
            self._say(str(trouble))
            self._not_before = _now() + (trouble.retry_after or 0)
            if self._handler is not None:
                # Slack asked us to go and gives us no other socket: the old one is open and deaf, which the
                # SDK takes for connected.
                self._handler.client.stale = True
            raise

    def _say(self, trouble: str) -> None:
        if trouble != self._trouble:
            log.warning("Slack: %s", trouble)
        self._trouble = trouble

    def _bolt(self) -> AsyncApp:
        """The Bolt app: verification and authorisation are its own, everything else is one middleware, which
        runs before the ack."""
        if self._app is not None:
            return self._app

        async def authorize(team_id: str | None, enterprise_id: str | None) -> AuthorizeResult | None:
            if team_id != self._settings.team:
                return None
            return AuthorizeResult(
                enterprise_id=enterprise_id,
                team_id=team_id,
                bot_token=self._settings.bot_token,
                bot_user_id=self._me,
            )

        async def hear(body: Json) -> BoltResponse:
            return BoltResponse(status=await self._hear(body), body="")

        with _without_slack_environment():
            app = AsyncApp(
                # Bolt sets the level of the logger of this name, which must not be all of ours.
                name="tocsin.slack.bolt",
                logger=_quiet("bolt"),
                client=AsyncWebClient(base_url=self._settings.api_url, retry_handlers=[]),
                authorize=authorize,  # type: ignore[arg-type]  # None is its way to refuse
                # Without one nobody can be verified; sockets are not signed.
                signing_secret=self._settings.signing_secret or secrets.token_hex(),
                ignoring_self_events_enabled=False,
                attaching_function_token_enabled=False,
            )
        app.middleware(hear)
        self._app = app
        return app

    async def _hear(self, body: Json) -> int:
        """Store what a payload says. 200, Slack's ack, only when it is on disk or says nothing to us."""
        if not self._me or self._inbox is None or self._waiting >= WAITING:
            return 503
        self._waiting += 1
        self._idle.clear()
        try:
            async with self._slots:
                return await self._store(body, self._inbox)
        except Upstream as trouble:
            log.error("a payload of Slack cannot be stored, so it is not acked: %s", trouble)
            return 503
        except Exception:
            # Bolt's own log is silenced, since it prints bodies; what is not acked comes again.
            log.exception("a payload of Slack: our bug")
            return 500
        finally:
            self._waiting -= 1
            if not self._waiting:
                self._idle.set()

    async def _store(self, body: Json, inbox: Inbox) -> int:
        if body.get("type") == "app_rate_limited":
            log.warning("Slack holds back events: more than 30,000 in an hour")
        ears = Ears(self._settings.team, self._me, self._prefix, self._room)
        heard = read(body, ears, self._clock.now())
        if isinstance(heard, Ignored):
            log.debug("ignored: %s", heard.why)
            if heard.worth_telling and self._on_ignored is not None:
                await self._on_ignored(self._room(heard.channel), heard)
            return 200
        event = known(heard, await self._account(heard.user))
        if isinstance(event, Message):
            self._remember(event)
        await inbox.put(self.name, [event])
        return 200

    def _room(self, channel: str) -> Room:
        return self._rooms.get(channel) or Room(self.name, channel)

    def _remember(self, message: Message) -> None:
        if len(self._asked) > 1_000:
            self._asked.clear()
        where = (message.room.address, message.sender.user_id)
        self._asked[where] = _Asked(message.thread, message.private)

    # ---- who is who -------------------------------------------------------------------------------------

    async def _account(self, user: str) -> Account | None:
        """What Slack says of somebody, fresh within a minute; None when it cannot be asked now."""
        kept = self._accounts.get(user)
        if kept is not None and kept[0] > _now():
            return kept[1]
        lookup = self._lookups.get(user)
        if lookup is None:
            lookup = asyncio.create_task(self._look_up(user))
            self._lookups[user] = lookup
            lookup.add_done_callback(lambda _: self._lookups.pop(user, None))
        try:
            async with asyncio.timeout(LOOKUP):
                return await asyncio.shield(lookup)
        except TimeoutError:
            return None

    async def _look_up(self, user: str) -> Account | None:
        try:
            answer = await self._call("users.info", self._web().users_info(user=user))
            found = account(answer.get("user") or {}, self._settings.team)
        except SlackTrouble as trouble:
            if trouble.code not in ("user_not_found", "user_not_visible", "users_not_found"):
                log.warning("who %s is cannot be asked: %s", user, trouble)
                return None
            found = Account("?", "an account that Slack does not know")
        except Upstream as trouble:
            log.warning("who %s is cannot be asked: %s", user, trouble)
            return None
        if len(self._accounts) > 5_000:
            self._accounts.clear()
        self._accounts[user] = (_now() + KNOWN_FOR, found)
        return found

    def _mention(self, person: str) -> str | None:
        """A listed person's Slack account in our team."""
        found = self._people().named(person)
        mine = [i.user_id for i in found.identities if i.platform == self.name] if found else []
        parts = [user_id.partition("/") for user_id in sorted(mine)]
        return next((user for team, _, user in parts if team == self._settings.team and user), None)

    # ---- HTTP mode --------------------------------------------------------------------------------------

    async def handle(self, request: web.Request) -> web.Response:
        """`POST /slack/events`: events, buttons and slash commands. Answers 401 to whoever is not Slack."""
        secret = self._settings.signing_secret
        stamp = request.headers.get("X-Slack-Request-Timestamp", "")
        signature = request.headers.get("X-Slack-Signature", "")
        if not secret or not re.fullmatch(r"[0-9]{1,12}", stamp) or not signature.isascii():
            return web.Response(status=401, text="not signed by Slack\n")
        if (request.content_length or 0) > BODY:
            return web.Response(status=413, text="too large\n")
        try:
            body = await _body(request)
        except (TimeoutError, UnicodeDecodeError, aiohttp.ClientError, ConnectionError):
            return web.Response(status=400, text="the body cannot be read\n")
        if body is None:
            return web.Response(status=413, text="too large\n")
        # Before Bolt parses anything: Bolt verifies it too, but only after reading the JSON of anybody.
        if not SignatureVerifier(secret).is_valid(body, stamp, signature):
            return web.Response(status=401, text="not signed by Slack\n")
        try:
            ours = AsyncBoltRequest(body=body, query=request.query_string, headers=dict(request.headers))
        except (ValueError, TypeError, AttributeError):
            return web.Response(status=400, text="not what Slack sends\n")
        return await to_aiohttp_response(await self._bolt().async_dispatch(ours))

    # ---- saying -----------------------------------------------------------------------------------------

    async def send(self, room: Room, doc: Doc, *, key: str, thread: str | None = None) -> str:
        """Post it; its files follow in its thread. A failure after the message stands is ambiguous, so that
        `find` is asked, which knows which files are missing."""
        rendered = kit.render(doc, self._mention)
        thread = _ts(thread)
        half = self._halves.pop(key, None)
        if half is None:
            meta = kit.metadata(key, len(rendered.files))
            half = _Half(await self._post(room, rendered, meta, thread), tuple(range(len(rendered.files))))
        try:
            for number in half.missing:
                await self._attach(room, rendered.files[number], key, number, thread or half.ts)
        except Upstream as trouble:
            raise Upstream(
                f"the message stands, its file does not: {trouble}",
                retry_after=trouble.retry_after,
                ambiguous=True,
                scope=trouble.scope,
            ) from trouble
        return half.ts

    async def _post(self, room: Room, rendered: kit.Rendered, meta: Json, thread: str | None) -> str:
        common: Json = {
            "channel": room.address,
            "text": rendered.text,
            "metadata": meta,
            "unfurl_links": False,
            "unfurl_media": False,
            "thread_ts": thread,
        }
        what = f"chat.postMessage in {_name(room)}"
        client = self._web()
        try:
            call = client.chat_postMessage(**common, blocks=list(rendered.blocks) or None)
            answer = await self._call(what, call)
        except SlackTrouble as trouble:
            if trouble.code not in TOO_RICH:
                raise
            # An alert in plain words is better than none. This is a bug of ours, and is logged as one.
            log.error("%s: said in plain words instead", trouble)
            answer = await self._call(what, client.chat_postMessage(**common))
        return str(answer["ts"])

    async def edit(self, room: Room, message_id: str, doc: Doc, *, key: str) -> None:
        """Rewrite it in place; its metadata stays. Files do not belong to an edit and are left out."""
        await asyncio.sleep(self._edits.wait(_now()))
        rendered = kit.render(doc, self._mention, attach=False)
        what = f"chat.update in {_name(room)}"
        client = self._web()
        where: Json = {"channel": room.address, "ts": message_id, "text": rendered.text}
        try:
            await self._call(what, client.chat_update(**where, blocks=list(rendered.blocks)))
        except SlackTrouble as trouble:
            if trouble.code not in TOO_RICH:
                raise
            log.error("%s: said in plain words instead", trouble)
            await self._call(what, client.chat_update(**where, blocks=[]))

    async def find(self, room: Room, key: str, *, thread: str | None = None, since: datetime) -> str | None:
        """By the metadata of the message and the titles of its files. None also when the message stands but
        a file is missing: `send` with the same key then adds only that."""
        if not self._me:
            raise Upstream("Slack: who I am is not known yet, so I cannot look for my message")
        thread = _ts(thread)
        found = await self._search(room, key, thread, since)
        if found is None:
            return None
        ts = str(found["ts"])
        payload = found["metadata"].get("event_payload", {})
        count = payload.get("files", 0)
        if not isinstance(count, int) or count <= 0:
            return ts
        missing = await self._missing_files(room, thread or ts, key, count, since)
        if not missing:
            return ts
        self._halves[key] = _Half(ts, missing)
        return None

    async def _search(self, room: Room, key: str, thread: str | None, since: datetime) -> Json | None:
        def ours(message: Json) -> bool:
            meta = message.get("metadata") or {}
            payload = meta.get("event_payload") or {}
            mine = message.get("user") == self._me and meta.get("event_type") == kit.EVENT_TYPE
            return bool(mine and payload.get("id") == key)

        if thread is not None:
            async for message in self._messages(room, since, thread):
                if ours(message):
                    return message
        # A reply to a thread that is gone stands in the channel.
        async for message in self._messages(room, since, None):
            if ours(message):
                return message
        return None

    async def _missing_files(
        self, room: Room, thread: str, key: str, count: int, since: datetime
    ) -> tuple[int, ...]:
        marks = {kit.mark(key, number): number for number in range(count)}
        async for message in self._messages(room, since, thread):
            meta = message.get("metadata") or {}
            note = str((meta.get("event_payload") or {}).get("id", ""))
            titles = [str(file.get("title", "")) for file in message.get("files") or []]
            for shown in (*titles, note):
                marks.pop(shown.rpartition(" · ")[2], None)
        return tuple(sorted(marks.values()))

    async def _messages(self, room: Room, since: datetime, thread: str | None) -> AsyncIterator[Json]:
        """Messages of the channel, or of a thread, since then. Raises Upstream when there are too many."""
        common: Json = {
            "channel": room.address,
            "oldest": f"{(since - SKEW).timestamp():.6f}",
            "limit": PAGE,
            "include_all_metadata": True,
        }
        cursor: str | None = None
        client = self._web()
        for _ in range(PAGES):
            if thread is None:
                call = client.conversations_history(**common, cursor=cursor)
            else:
                call = client.conversations_replies(**common, ts=thread, cursor=cursor)
            method = "history" if thread is None else "replies"
            try:
                answer = await self._call(f"conversations.{method} of {_name(room)}", call)
            except SlackTrouble as trouble:
                if trouble.code == "thread_not_found":
                    return
                if trouble.code == "missing_scope":
                    # Nobody will mend that for this one message; posting needs other scopes than looking.
                    raise Upstream(str(trouble), permanent=True) from trouble
                raise
            for message in answer.get("messages") or []:
                yield message
            cursor = (answer.get("response_metadata") or {}).get("next_cursor")
            if not cursor:
                return
        raise Upstream(f"{_name(room)} has too many messages since then to look for mine", permanent=True)

    async def _attach(self, room: Room, file: File, key: str, number: int, thread: str) -> None:
        content = file.content or b"(empty)\n"
        client = self._web()
        try:
            call = client.files_getUploadURLExternal(filename=file.name or "file", length=len(content))
            place = await self._call("files.getUploadURLExternal", call)
            await self._upload(str(place["upload_url"]), content)
            shown: list[dict[str, str | None]] = [
                {"id": str(place["file_id"]), "title": kit.title(file, key, number)}
            ]
            done = client.files_completeUploadExternal(files=shown, channel_id=room.address, thread_ts=thread)
            await self._call(f"files.completeUploadExternal in {_name(room)}", done)
        except SlackTrouble as trouble:
            if not trouble.permanent and trouble.code not in _NO_FILES:
                raise
            log.warning("%s cannot be attached in %s: %s", file.name, _name(room), trouble)
            note = kit.render(Doc(()), self._mention)
            words = kit.escape(f"the file {file.name} could not be attached: {trouble.code}")
            meta = kit.metadata(f"note · {kit.mark(key, number)}", 0)
            await self._post(room, kit.Rendered(words, note.blocks, ()), meta, thread)

    async def _upload(self, url: str, content: bytes) -> None:
        client = self._web()
        assert client.session is not None  # `_web` gave it one
        try:
            async with client.session.post(url, data=content, proxy=client.proxy) as response:
                if response.status != 200:
                    raise refused("the upload of a file", "", response.status, None)
        except (aiohttp.ClientError, TimeoutError, OSError) as trouble:
            raise _unreachable("the upload of a file", trouble) from trouble

    async def whisper(self, room: Room, to: Identity, doc: Doc, *, key: str) -> None:
        """To one person, in the thread where they asked last; by response_url where we are not a member."""
        asked = self._asked.get((room.address, to.user_id)) or _Asked(None, None)
        rendered = kit.render(doc, self._mention, attach=False)
        words: Json = {"text": rendered.text, "blocks": list(rendered.blocks)}
        user = to.user_id.rpartition("/")[2]
        call = self._web().chat_postEphemeral(
            channel=room.address, user=user, thread_ts=asked.thread, **words
        )
        try:
            await self._call(f"chat.postEphemeral in {_name(room)}", call)
        except SlackTrouble as trouble:
            if not trouble.permanent or asked.response_url is None:
                raise
            await self._respond(asked.response_url, {**words, "response_type": "ephemeral"})

    async def _respond(self, url: str, words: Json) -> None:
        client = self._web()
        assert client.session is not None  # `_web` gave it one
        try:
            async with client.session.post(url, json=words, proxy=client.proxy) as response:
                if response.status != 200:
                    raise refused("an answer to a response_url", "", response.status, None)
        except (aiohttp.ClientError, TimeoutError, OSError) as trouble:
            raise _unreachable("an answer to a response_url", trouble) from trouble

    def link(self, room: Room, message_id: str) -> str | None:
        """Made as chat.getPermalink makes it, without asking: one call less that can fail."""
        if not self._site.startswith("https://") or not is_ts(message_id):
            return None
        return f"{self._site.rstrip('/')}/archives/{room.address}/p{message_id.replace('.', '')}"

    # ---- state ------------------------------------------------------------------------------------------

    async def ready(self) -> Readiness:
        """Connected, and in every configured room. While all is well Slack is asked for it twice a minute."""
        if self._trouble or not self._me:
            return Readiness(False, self._trouble or "not connected yet")
        if self._checked is None or _now() > self._checked[0]:
            try:
                async with asyncio.timeout(5):
                    why = await self._examine()
            except TimeoutError:
                why = "Slack does not answer within 5 s"
            self._checked = (_now() + (5 if why else 30), why)
        why = self._checked[1]
        return Readiness(not why, why)

    async def _examine(self) -> str:
        """What does not work, in words; "" when all does."""
        troubles: list[str] = []
        try:
            await self._call("auth.test", self._web().auth_test())
            for room in self._rooms.values():
                trouble = await self._examine_room(room)
                if trouble:
                    troubles.append(trouble)
        except Upstream as trouble:
            troubles.append(str(trouble))
        return "; ".join(troubles)

    async def _examine_room(self, room: Room) -> str:
        name = _name(room)
        try:
            call = self._web().conversations_info(channel=room.address)
            channel = (await self._call(f"conversations.info of {name}", call)).get("channel") or {}
        except SlackTrouble as trouble:
            if not trouble.permanent and trouble.code != "missing_scope":
                raise
            return str(trouble)
        if channel.get("is_archived"):
            return f"{name} is archived"
        if not channel.get("is_im") and not channel.get("is_member"):
            return f"the bot is not in {name}: invite it"
        return ""

    async def close(self) -> None:
        """Sockets first, then what is being stored, then the connections. At most about 6 s."""
        self._closing.set()
        await self._hang_up()
        try:
            async with asyncio.timeout(3):
                await self._idle.wait()
        except TimeoutError:
            log.warning("%d payloads of Slack were not stored; Slack brings them again", self._waiting)
        for lookup in list(self._lookups.values()):
            lookup.cancel()
        client, self._client = self._client, None
        if client is not None and client.session is not None:
            await client.session.close()

    async def _hang_up(self) -> None:
        handler, self._handler = self._handler, None
        if handler is None:
            return
        self._trouble = "not connected"
        socket = handler.client
        try:
            # With a half-open connection the goodbye waits for an answer that never comes.
            async with asyncio.timeout(2):
                await handler.close_async()  # type: ignore[no-untyped-call]
        except (TimeoutError, aiohttp.ClientError, OSError) as trouble:
            log.debug("the socket was closed without a goodbye: %s", trouble)
        for task in (socket.message_processor, socket.current_session_monitor, socket.message_receiver):
            if task is not None:
                task.cancel()
        await socket.aiohttp_client_session.close()

    # ---- calling ----------------------------------------------------------------------------------------

    def _web(self) -> AsyncWebClient:
        """The one client. It never retries by itself: after a lost answer that would say things twice."""
        if self._closing.is_set():
            raise Upstream("Slack: I am closing", scope=Scope.PLATFORM)
        if self._client is None:
            timeout = aiohttp.ClientTimeout(total=self._settings.timeout, connect=10)
            self._client = AsyncWebClient(
                token=self._settings.bot_token,
                base_url=self._settings.api_url,
                session=aiohttp.ClientSession(timeout=timeout),
                retry_handlers=[],
                logger=_quiet("web"),
            )
            self._client.proxy = proxy_for(self._settings.api_url)
        return self._client

    async def _call(self, what: str, call: Awaitable[Any]) -> Json:
        """The answer's data, with the granted scopes as `scopes`. Raises Upstream and nothing else."""
        try:
            response = await call
        except SlackApiError as trouble:
            raise _refusal(what, trouble) from trouble
        except (aiohttp.ClientError, TimeoutError, OSError) as trouble:
            raise _unreachable(what, trouble) from trouble
        except (SlackClientError, ValueError) as trouble:
            said = f"{what}: an answer that I cannot read ({type(trouble).__name__})"
            raise SlackTrouble(said, "", ambiguous=True) from trouble
        data = response.data if isinstance(response.data, dict) else {}
        if data.get("ok") is not True:
            raise SlackTrouble(f"{what}: an answer that I cannot read", "", ambiguous=True)
        granted = _header(response.headers, "x-oauth-scopes")
        return {**data, "scopes": granted} if granted else data


class _Opener(AsyncWebClient):
    """The client that the socket asks for new addresses: at our pace, and with our words for its failures."""

    def __init__(self, platform: SlackPlatform) -> None:
        super().__init__(base_url=platform._settings.api_url, retry_handlers=[], logger=_quiet("web"))
        self._platform = platform
        self.proxy = proxy_for(platform._settings.api_url)

    async def apps_connections_open(self, *, app_token: str, **kwargs: Any) -> Any:
        return {"url": await self._platform.open_again()}


_NO_FILES = frozenset(
    [
        "file_uploads_disabled",
        "file_uploads_except_images_disabled",
        "storage_limit_reached",
        "file_type_not_allowed",
        "upload_limit_reached",
        "posting_to_general_channel_denied",
        "blocked_file_type",
        "malware_detected",
    ]
)
"""Slack takes no such file here: the message stands without it."""


def proxy_for(url: str) -> str | None:
    """The proxy that the environment names for it, as curl would choose; the SDK ignores no_proxy."""
    parts = urlsplit(url)
    if not parts.hostname or proxy_bypass(parts.hostname):
        return None
    return getproxies().get(parts.scheme)


@contextmanager
def _without_slack_environment() -> Iterator[None]:
    """Bolt reads SLACK_CLIENT_ID and others, and then starts an OAuth flow that nobody asked for."""
    hidden = {name: os.environ.pop(name) for name in list(os.environ) if name.startswith("SLACK_")}
    try:
        yield
    finally:
        os.environ.update(hidden)


def _quiet(part: str) -> logging.Logger:
    """A logger for the SDK: it prints bodies at DEBUG, and a traceback for each failed connection."""
    logger = logging.getLogger(f"tocsin.slack.{part}")
    logger.setLevel(logging.CRITICAL)
    return logger


async def _body(request: web.Request) -> str | None:
    """The request's text; None when it is too large."""
    parts: list[bytes] = []
    size = 0
    async with asyncio.timeout(10):
        async for part in request.content.iter_any():
            size += len(part)
            if size > BODY:
                return None
            parts.append(part)
    return b"".join(parts).decode()


def _now() -> float:
    return asyncio.get_running_loop().time()


def _ts(thread: str | None) -> str | None:
    """A thread by its root's ts; a person's message may also be named by its id, `CHANNEL:TS`."""
    ts = thread.rpartition(":")[2] if thread else None
    return ts if is_ts(ts) else None


def _name(room: Room) -> str:
    return f"{room.name} ({room.address})" if room.name else room.address


def _bad_token(where: str, code: str, what: str) -> Mistake:
    return Mistake(where, f"is refused by Slack: {code}", f"take {what}, of the app's settings")


def _header(headers: Mapping[str, Any], name: str) -> str:
    return next((str(value) for key, value in headers.items() if key.lower() == name), "")


def _refusal(what: str, trouble: SlackApiError) -> SlackTrouble:
    response = trouble.response
    status = getattr(response, "status_code", None) or getattr(response, "status", None) or 0
    data = getattr(response, "data", None)
    data = data if isinstance(data, dict) else {}
    retry_after = _header(getattr(response, "headers", None) or {}, "retry-after") or None
    code, needed = str(data.get("error") or ""), str(data.get("needed") or "")
    return refused(what, code, int(status), retry_after, needed)


def _unreachable(what: str, trouble: BaseException) -> SlackTrouble:
    """No answer. Whether it was done is unknown, unless there was not even a connection."""
    words = f"{what}: {str(trouble) or type(trouble).__name__}"
    if isinstance(trouble, aiohttp.ClientConnectorError | aiohttp.ConnectionTimeoutError):
        return SlackTrouble(f"{words} (Slack cannot be reached)", "unreachable", scope=Scope.PLATFORM)
    if isinstance(trouble, TimeoutError):
        return SlackTrouble(f"{what}: no answer in time", "timeout", ambiguous=True)
    return SlackTrouble(words, "disconnected", ambiguous=True)
