"""The loopback Slack: one aiohttp server on 127.0.0.1, and the people in it.

Web API under /api/, Socket Mode at /link/, uploads at /upload/ID, response_urls at /response/ID, and
the driver over HTTP under /_control/ (see `control.py`).
"""

import asyncio
import socket as net
import time
from dataclasses import asdict, replace
from types import TracebackType
from typing import Any

from aiohttp import web

from tests.real.slack import control
from tests.real.slack.accounts import User, UserGroup
from tests.real.slack.channel import Channel
from tests.real.slack.events import Deliveries, Delivery, sign
from tests.real.slack.faults import Fault, Faults
from tests.real.slack.interactions import Interactions, Outcome
from tests.real.slack.message import Message
from tests.real.slack.methods import Api
from tests.real.slack.mrkdwn import rich_text, stored
from tests.real.slack.rate import Rates
from tests.real.slack.settings import Settings
from tests.real.slack.socket import Socket, SocketMode
from tests.real.slack.state import Workspace
from tests.real.slack.webapi import Call, WebApi

Json = dict[str, Any]
BODY_LIMIT = 64 << 20


class LoopbackSlack:
    """A Slack workspace with one app in it. Use as `async with LoopbackSlack() as slack:`.

    `port=0` takes a free port; it stays the same through `down()` and `up()`. Keyword arguments are
    fields of `Settings`.
    """

    def __init__(self, port: int = 0, *, workspace: Workspace | None = None, **settings: Any) -> None:
        self.settings = Settings(**settings)
        self.workspace = workspace or Workspace()
        self.faults = Faults()
        self.socket_mode = SocketMode(self.settings, self.faults, self.workspace.app_id)
        self.deliveries = Deliveries(self.workspace, self.settings, self.faults, self.socket_mode)
        self.api = Api(self.workspace, self.settings)
        self.interactions = Interactions(self.api, self.deliveries)
        self.workspace.on_event = self.deliveries.publish
        rates = Rates(self.settings)
        self.web_api = WebApi(
            self.api, self.settings, self.faults, self.socket_mode, self.interactions, rates
        )
        self.port = port
        self._runner: web.AppRunner | None = None
        self._site: web.SockSite | None = None
        self._held: net.socket | None = None

    # ---- what an app is configured with

    @property
    def base_url(self) -> str:
        """`http://127.0.0.1:PORT`."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def api_url(self) -> str:
        """The `base_url` of AsyncWebClient, with its slash."""
        return f"{self.base_url}/api/"

    @property
    def bot_token(self) -> str:
        """The xoxb token."""
        return self.settings.bot_token

    @property
    def app_token(self) -> str:
        """The xapp token."""
        return self.settings.app_token

    @property
    def signing_secret(self) -> str:
        """The secret of HTTP mode."""
        return self.settings.signing_secret

    @property
    def team(self) -> str:
        """The team id."""
        return self.workspace.team

    @property
    def bot_user(self) -> str:
        """The user id of the app."""
        return self.workspace.bot_user

    @property
    def sockets(self) -> list[Socket]:
        """The open sockets of the app."""
        return self.socket_mode.sockets

    @property
    def calls(self) -> list[Call]:
        """Every API call so far, in order of arrival."""
        return self.web_api.calls

    # ---- life

    async def __aenter__(self) -> "LoopbackSlack":
        app = web.Application(client_max_size=BODY_LIMIT)
        self.web_api.add_routes(app)
        control.add_routes(app, self)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.5)
        await self._runner.setup()
        self._held = self._bind()
        self.api.base = self.base_url
        await self.up()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None
    ) -> None:
        await self.deliveries.close()
        await self.socket_mode.close()
        if self._runner is not None:
            await self._runner.cleanup()
        if self._held is not None:
            self._held.close()

    def _bind(self) -> net.socket:
        sock = net.socket(net.AF_INET, net.SOCK_STREAM)
        sock.setsockopt(net.SOL_SOCKET, net.SO_REUSEADDR, 1)
        sock.bind(("127.0.0.1", self.port))
        self.port = int(sock.getsockname()[1])
        return sock

    async def down(self, seconds: float | None = None) -> None:
        """Refuse connections and cut those that stand; back after `seconds` (None: until `up()`).

        The port stays bound without listening, so that nobody else can take it.
        """
        if self._site is None or self._runner is None or self._runner.server is None:
            return
        await self._site.stop()
        self._site = None
        for connection in self._runner.server.connections:
            if connection.transport is not None:
                connection.transport.abort()
        self._held = self._bind()
        if seconds is not None:
            self.deliveries.spawn(self._back_after(seconds))

    async def _back_after(self, seconds: float) -> None:
        await asyncio.sleep(seconds)
        await self.up()

    async def up(self) -> None:
        """Listen (again) on the same port."""
        if self._site is None and self._runner is not None and self._held is not None:
            self._site = web.SockSite(self._runner, self._held)
            self._held = None
            await self._site.start()

    # ---- what the workspace holds

    def add_user(self, name: str, **fields: Any) -> User:
        """Add a user. Fields are those of `User`: id, team_id, deleted, is_restricted, is_stranger, ..."""
        user_id = fields.pop("id", None) or self.workspace.new_id("U")
        team = fields.pop("team_id", None) or self.workspace.team
        stranger = fields.pop("is_stranger", team != self.team)
        user = User(user_id, team, name, is_stranger=stranger, **fields)
        if user.is_bot and not user.bot_id:
            user.bot_id = self.workspace.new_id("B")
            user.app_id = user.app_id or self.workspace.new_id("A")
        self.workspace.users[user.id] = user
        return user

    def add_channel(
        self, name: str, members: list[str] | None = None, *, bot: bool = True, **fields: Any
    ) -> Channel:
        """Add a channel with these users (ids or names), and the app unless `bot` is false."""
        channel_id = fields.pop("id", None) or self.workspace.new_id("C")
        ids = [self.workspace.user(member).id for member in members or []]
        channel = Channel(channel_id, name, members=ids + ([self.bot_user] if bot else []), **fields)
        self.workspace.channels[channel.id] = channel
        return channel

    def add_usergroup(self, handle: str, users: list[str], **fields: Any) -> UserGroup:
        """Add a user group of these users (ids or names)."""
        group_id = fields.pop("id", None) or self.workspace.new_id("S")
        group = UserGroup(group_id, handle, [self.workspace.user(user).id for user in users], **fields)
        self.workspace.usergroups[group.id] = group
        return group

    def set_user(self, user: str, **fields: Any) -> User:
        """Change fields of a user (deactivate, make a guest, ...)."""
        changed = replace(self.workspace.user(user), **fields)
        self.workspace.users[changed.id] = changed
        return changed

    def set_channel(self, channel: str, **fields: Any) -> Channel:
        """Change fields of a channel (archive it, share it, ...)."""
        found = self.workspace.channel(channel)
        for key, value in fields.items():
            setattr(found, key, value)
        return found

    def join(self, channel: str, user: str) -> None:
        """Make a user (or the app) a member."""
        found, user_id = self.workspace.channel(channel), self.workspace.user(user).id
        if user_id not in found.members:
            found.members.append(user_id)

    def leave(self, channel: str, user: str) -> None:
        """Take a user (or the app) out of the channel."""
        found, user_id = self.workspace.channel(channel), self.workspace.user(user).id
        if user_id in found.members:
            found.members.remove(user_id)

    # ---- what people do

    async def say(
        self,
        channel: str,
        user: str,
        text: str,
        thread_ts: str | None = None,
        *,
        broadcast: bool = False,
        subtype: str | None = None,
        raw: bool = False,
    ) -> str:
        """A person (or another bot) writes; its ts. `<@U..>` in the text is a mention.

        `text` is escaped as Slack's client does, unless `raw`. A mention of the app in a channel makes
        two events (message and app_mention) with two event_ids.
        """
        found, author = self.workspace.channel(channel), self.workspace.user(user)
        kept = text if raw else stored(text)
        message = self.workspace.post(
            found,
            author,
            kept,
            blocks=[] if author.is_bot else rich_text(kept),
            thread_ts=thread_ts,
            broadcast=broadcast,
            subtype=subtype,
            client_msg_id=None if author.is_bot else self.workspace.new_id("client-"),
        )
        return message.ts

    async def dm(self, user: str, text: str) -> str:
        """A person writes to the app directly; the id of the conversation."""
        channel = self.workspace.im(self.workspace.user(user))
        await self.say(channel.id, user, text)
        return channel.id

    async def edit(self, channel: str, ts: str, text: str) -> None:
        """The author edits a message."""
        found = self.workspace.channel(channel)
        kept = stored(text)
        self.workspace.update(found, self.workspace.message(found, ts), kept, blocks=rich_text(kept))

    async def delete(self, channel: str, ts: str) -> None:
        """Somebody deletes a message."""
        found = self.workspace.channel(channel)
        self.workspace.delete(found, self.workspace.message(found, ts))

    async def react(self, channel: str, user: str, ts: str, name: str, *, add: bool = True) -> None:
        """A person adds (or takes away) a reaction."""
        found = self.workspace.channel(channel)
        person = self.workspace.user(user)
        self.workspace.react(found, self.workspace.message(found, ts), person, name, add=add)

    async def unfurl(self, channel: str, ts: str) -> None:
        """Slack itself changes a message (preview of a link): message_changed."""
        found = self.workspace.channel(channel)
        self.workspace.unfurl(found, self.workspace.message(found, ts))

    async def click(
        self,
        user: str,
        channel: str,
        ts: str,
        action_id: str,
        *,
        value: str | None = None,
        stale: bool = False,
    ) -> Outcome:
        """A person presses the button with that action_id (and value); waits for the ack.

        `stale` also presses a button that an edit has removed, as a client that did not see the edit.
        """
        found, person = self.workspace.channel(channel), self.workspace.user(user)
        return await self.interactions.click(person, found, ts, action_id, value, stale)

    async def slash(self, user: str, channel: str, command: str, text: str = "") -> Outcome:
        """A person types a slash command; waits for the ack."""
        found, person = self.workspace.channel(channel), self.workspace.user(user)
        return await self.interactions.slash(person, found, command, text)

    async def submit(self, user: str, view_id: str, values: Json) -> Outcome:
        """A person submits an open modal; waits for the ack."""
        return await self.interactions.submit(self.workspace.user(user), view_id, values)

    def emit(self, event: Json, *, event_id: str = "", is_ext_shared_channel: bool = False) -> Delivery:
        """Send any inner event to the app."""
        return self.deliveries.emit(event, event_id=event_id, is_ext_shared_channel=is_ext_shared_channel)

    # ---- what people see

    def messages(self, channel: str) -> list[Message]:
        """The channel as a person sees it: roots in order, each with its `replies`."""
        return [
            message
            for message in self.workspace.channel(channel).messages
            if message.thread_ts in (None, message.ts) and not (message.deleted and not message.replies)
        ]

    def ephemerals(self, channel: str, user: str) -> list[Message]:
        """What only that user sees in the channel."""
        user_id = self.workspace.user(user).id
        return [m for m in self.workspace.channel(channel).ephemerals if m.ephemeral_to == user_id]

    def called(self, method: str) -> list[Call]:
        """The calls of one method, in order."""
        return [call for call in self.calls if call.method == method]

    async def settled(self, timeout: float = 10.0) -> None:
        """Wait until every event was acked or given up."""
        await self.deliveries.settled(timeout)

    async def connected(self, count: int = 1, timeout: float = 10.0) -> None:
        """Wait until the app has `count` sockets."""
        async with asyncio.timeout(timeout):
            while len(self.socket_mode.usable()) < count:
                await asyncio.sleep(0.01)

    # ---- what goes wrong

    def fault(self, kind: Any, method: str = "*", **fields: Any) -> Fault:
        """Queue a fault; see `faults.Fault` for kinds and fields."""
        fault = Fault(kind, method, **fields)
        self.faults.queue.append(fault)
        return fault

    def cut(self) -> None:
        """Break every websocket's TCP connection without a goodbye."""
        for socket in list(self.sockets):
            socket.leaving = True
            socket.cut()

    def half_open(self) -> None:
        """Every websocket of now turns deaf and mute; its TCP connection stays."""
        for socket in self.sockets:
            socket.half_open = True

    async def close_sockets(self) -> None:
        """Close every websocket with a proper CLOSE."""
        for socket in list(self.sockets):
            await socket.ws.close()

    async def disconnect(self, reason: str = "refresh_requested") -> None:
        """Send `disconnect` on every socket: warning, refresh_requested, link_disabled."""
        for socket in list(self.sockets):
            await self.socket_mode.disconnect(socket, reason)

    def revoke(self, *, app: bool | None = None, bot: bool | None = None) -> None:
        """Revoke (true) or give back (false) the tokens."""
        served = self.web_api
        served.app_revoked = served.app_revoked if app is None else app
        served.bot_revoked = served.bot_revoked if bot is None else bot

    # ---- HTTP mode

    async def use_http(
        self, events: str, interactivity: str | None = None, commands: str | None = None
    ) -> None:
        """Deliver to these URLs (the first for all when the others are None), after url_verification."""
        await self.deliveries.use_http(events, interactivity or events, commands or events)

    def use_sockets(self) -> None:
        """Deliver over Socket Mode again."""
        self.deliveries.use_sockets()

    def sign(self, body: str, timestamp: int | None = None) -> dict[str, str]:
        """Signature headers for a body, by default of now."""
        return sign(self.signing_secret, body, int(time.time()) if timestamp is None else timestamp)

    def describe(self) -> Json:
        """What a bot or a test in another process needs to know."""
        return {
            "api_url": self.api_url,
            "base_url": self.base_url,
            "port": self.port,
            "bot_token": self.bot_token,
            "app_token": self.app_token,
            "signing_secret": self.signing_secret,
            "team": self.team,
            "bot_user": self.bot_user,
            "bot_id": self.workspace.bot_id,
            "app_id": self.workspace.app_id,
            "channels": {c.name or c.id: c.id for c in self.workspace.channels.values()},
            "users": {u.name: u.id for u in self.workspace.users.values()},
        }

    def status(self) -> Json:
        """Counts and open sockets, for the control API."""
        log = self.deliveries.log
        shown = [
            {"id": s.id, "half_open": s.half_open, "leaving": s.leaving, "frames": s.frames, "acks": s.acks}
            for s in self.sockets
        ]
        return {
            "sockets": shown,
            "events": len(log),
            "acked": sum(d.acked for d in log),
            "lost": sum(d.lost for d in log),
            "faults": asdict(self.faults),
        }
