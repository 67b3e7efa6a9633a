"""Clicks, slash commands, modal submissions, and the response_url they come with.

Payload shapes: docs.slack.dev/reference/interaction-payloads; response_url: 5 uses in 30 minutes.
"""

import secrets
import time
from dataclasses import dataclass, field
from typing import Any

from tests.real.slack import arguments
from tests.real.slack.accounts import User
from tests.real.slack.channel import Channel
from tests.real.slack.errors import SlackError
from tests.real.slack.events import Deliveries, Delivery
from tests.real.slack.message import Message, find_action
from tests.real.slack.methods import chat
from tests.real.slack.methods.base import Api

Json = dict[str, Any]


@dataclass
class ResponseUrl:
    """One response_url: where it answers and how often it still may."""

    channel: Channel
    user: User
    message: Message | None
    expires: float
    uses_left: int


@dataclass
class Outcome:
    """What came of a click or a slash command.

    `acked` within the ack clock; `payload` what the ack carried; `error` what the person was told by
    Slack itself ('' when nothing): that the app did not respond, or that its answer was malformed.
    """

    acked: bool
    payload: Any = None
    error: str = ""


@dataclass
class Interactions:
    """What people do to the app other than talking."""

    api: Api
    deliveries: Deliveries
    urls: dict[str, ResponseUrl] = field(default_factory=dict)

    def new_trigger(self) -> str:
        """A trigger_id that lives as long as the settings say."""
        trigger = f"{time.time_ns() // 1_000_000}.1.{secrets.token_hex(8)}"
        self.api.triggers[trigger] = time.monotonic() + self.api.settings.trigger_seconds
        return trigger

    def response_url(self, channel: Channel, user: User, message: Message | None) -> str:
        """A fresh response_url."""
        key = secrets.token_hex(8)
        settings = self.api.settings
        expires = time.monotonic() + settings.response_seconds
        self.urls[key] = ResponseUrl(channel, user, message, expires, settings.response_uses)
        return f"{self.api.base}/response/{key}"

    def click_payload(
        self, user: User, channel: Channel, message: Message, element: Json, block_id: str
    ) -> Json:
        """The block_actions payload of a pressed button or a chosen option."""
        workspace = self.api.workspace
        ephemeral = message.ephemeral_to is not None
        action = {
            key: element[key] for key in ("type", "action_id", "text", "value", "style") if key in element
        }
        container = {"type": "message", "message_ts": message.ts, "channel_id": channel.id}
        payload: Json = {
            "type": "block_actions",
            "user": _user(user),
            "api_app_id": workspace.app_id,
            "token": "verification",
            "container": {**container, "is_ephemeral": ephemeral},
            "trigger_id": self.new_trigger(),
            "team": {"id": workspace.team, "domain": workspace.domain},
            "enterprise": None,
            "is_enterprise_install": False,
            "channel": {"id": channel.id, "name": channel.name or "directmessage"},
            "state": {"values": {}},
            "response_url": self.response_url(channel, user, message),
            "actions": [{**action, "block_id": block_id, "action_ts": workspace.new_ts()}],
        }
        if message.thread_ts:
            payload["container"]["thread_ts"] = message.thread_ts
        if not ephemeral:
            payload["message"] = workspace.message_json(message, with_metadata=True)
        return payload

    def slash_payload(self, user: User, channel: Channel, command: str, text: str) -> Json:
        """The form of a slash command."""
        workspace = self.api.workspace
        return {
            "token": "verification",
            "team_id": workspace.team,
            "team_domain": workspace.domain,
            "channel_id": channel.id,
            "channel_name": channel.name or "directmessage",
            "user_id": user.id,
            "user_name": user.name,
            "command": command,
            "text": text,
            "api_app_id": workspace.app_id,
            "is_enterprise_install": "false",
            "response_url": self.response_url(channel, user, None),
            "trigger_id": self.new_trigger(),
        }

    async def click(
        self, user: User, channel: Channel, ts: str, action_id: str, value: str | None, stale: bool
    ) -> Outcome:
        """Press what is on the message; `stale` also finds what an edit has taken away since."""
        seen = [m for m in [*channel.messages, *channel.ephemerals] if m.ts == ts]
        if not seen:
            raise SlackError("message_not_found")
        found = seen[0].action(action_id, value)
        for version in reversed(seen[0].history) if stale else ():
            found = found or find_action(version["blocks"], action_id, value)
        if found is None:
            raise SlackError("no_such_action")
        payload = self.click_payload(user, channel, seen[0], *found)
        return self._outcome(await self.deliveries.ask("interactive", payload))

    async def slash(self, user: User, channel: Channel, command: str, text: str) -> Outcome:
        """Type a slash command; a payload in the ack is shown to the person."""
        if command not in self.api.settings.commands:
            raise SlackError("no_such_command")
        payload = self.slash_payload(user, channel, command, text)
        outcome = self._outcome(await self.deliveries.ask("slash_commands", payload))
        if isinstance(outcome.payload, dict) and outcome.payload:
            try:
                self._answer(channel, user, None, outcome.payload)
            except SlackError as error:
                outcome.error = error.code
        return outcome

    async def submit(self, user: User, view_id: str, values: Json) -> Outcome:
        """Submit an open modal with `{block_id: {action_id: state}}`."""
        workspace = self.api.workspace
        payload = {
            "type": "view_submission",
            "team": {"id": workspace.team, "domain": workspace.domain},
            "user": _user(user),
            "api_app_id": workspace.app_id,
            "token": "verification",
            "trigger_id": self.new_trigger(),
            "view": {**self.api.views[view_id], "state": {"values": values}},
            "response_urls": [],
        }
        return self._outcome(await self.deliveries.ask("interactive", payload))

    def respond(self, key: str, args: Json) -> tuple[int, Json | str]:
        """The app POSTs to a response_url: (status, body)."""
        url = self.urls.get(key)
        if url is None or url.expires < time.monotonic():
            return 404, {"ok": False, "error": "expired_url" if url else "no_service"}
        if url.uses_left <= 0:
            return 404, {"ok": False, "error": "used_url"}
        url.uses_left -= 1
        try:
            self._answer(url.channel, url.user, url.message, args)
        except SlackError as error:
            return 400, error.body()
        return 200, {"ok": True}

    def _answer(self, channel: Channel, user: User, message: Message | None, args: Json) -> None:
        """Show a response: replace or delete what was clicked on, or say something new."""
        if message is not None and arguments.flag(args, "delete_original"):
            if message in channel.ephemerals:
                channel.ephemerals.remove(message)
            else:
                self.api.workspace.delete(channel, message)
            return
        replaces = message is not None and arguments.flag(args, "replace_original", default=False)
        text, blocks, attachments = chat.content(args)
        if not text and not blocks and not attachments:
            raise SlackError("no_text")
        if message is not None and replaces:
            self.api.workspace.update(
                channel, message, text or "", blocks=blocks or [], attachments=attachments or []
            )
        elif args.get("response_type") == "in_channel":
            self.api.workspace.post(
                channel,
                self.api.bot,
                text or "",
                thread_ts=arguments.text(args, "thread_ts"),
                blocks=blocks,
                attachments=attachments,
            )
        else:
            chat.ephemeral(self.api, channel, user.id, args)

    def _outcome(self, delivery: Delivery) -> Outcome:
        error = "" if delivery.acked else "app_did_not_respond"
        return Outcome(delivery.acked, delivery.response, error)


def _user(user: User) -> Json:
    return {"id": user.id, "username": user.name, "name": user.name, "team_id": user.team_id}
