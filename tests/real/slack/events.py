"""Delivery to the app: events with retries, interactions and slash commands without, in both modes.

Retries: at once, after 1 min, after 5 min; `X-Slack-No-Retry: 1` on a refusal stops them
(docs.slack.dev/apis/events-api). Signature: docs.slack.dev/authentication/verifying-requests-from-slack.
"""

import asyncio
import hashlib
import hmac
import json
import time
import uuid
from collections.abc import Coroutine
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

import aiohttp

from tests.real.slack.channel import Channel
from tests.real.slack.faults import Faults
from tests.real.slack.settings import Settings
from tests.real.slack.socket import SocketMode
from tests.real.slack.state import Workspace

Json = dict[str, Any]
SUBSCRIPTIONS = {"channel": "message.channels", "group": "message.groups", "im": "message.im"}


def sign(secret: str, body: str, timestamp: int) -> dict[str, str]:
    """The two headers that prove a request is Slack's."""
    base = f"v0:{timestamp}:{body}".encode()
    digest = hmac.new(secret.encode(), base, hashlib.sha256).hexdigest()
    return {"X-Slack-Request-Timestamp": str(timestamp), "X-Slack-Signature": f"v0={digest}"}


@dataclass
class Attempt:
    """One try to deliver: when, and why it failed ('' when it was acked)."""

    at: float
    reason: str


@dataclass
class Delivery:
    """One payload on its way. `kind`: events_api, interactive or slash_commands."""

    kind: str
    payload: Json
    event_id: str = ""
    attempts: list[Attempt] = field(default_factory=list)
    acked: bool = False
    lost: bool = False
    response: Any = None


class Deliveries:
    """Sends payloads to the app: to its sockets, or signed to its URLs once `use_http` was called."""

    def __init__(self, workspace: Workspace, settings: Settings, faults: Faults, socket: SocketMode) -> None:
        self.workspace = workspace
        self.settings = settings
        self.faults = faults
        self.socket = socket
        self.log: list[Delivery] = []
        self.urls: dict[str, str] = {}
        self._tasks: set[asyncio.Task[Any]] = set()
        self._session: aiohttp.ClientSession | None = None

    async def use_http(self, events: str, interactivity: str, commands: str) -> None:
        """Deliver to these URLs from now on, after the url_verification handshake of the first."""
        challenge = uuid.uuid4().hex
        body = json.dumps({"token": "verification", "challenge": challenge, "type": "url_verification"})
        status, headers, text = await self.post(events, body, "application/json", {})
        answer = json.loads(text).get("challenge") if "json" in headers.get("Content-Type", "") else text
        if status != 200 or answer != challenge:
            raise ConnectionError(f"url_verification of {events} failed: {status} {text[:200]}")
        self.urls = {"events_api": events, "interactive": interactivity, "slash_commands": commands}

    def use_sockets(self) -> None:
        """Deliver over Socket Mode from now on."""
        self.urls = {}

    def publish(self, channel: Channel, event: Json) -> None:
        """Send an event if the app is subscribed, is a member, and may read there."""
        kind = event["type"]
        name = SUBSCRIPTIONS[channel.type] if kind == "message" else kind
        if name in self.settings.events and self.workspace.bot_user in channel.members:
            self.emit(event, is_ext_shared_channel=channel.is_ext_shared)

    def emit(self, event: Json, *, event_id: str = "", is_ext_shared_channel: bool = False) -> Delivery:
        """Send any inner event, whatever the subscriptions say."""
        workspace = self.workspace
        event_id = event_id or f"Ev{uuid.uuid4().hex[:10].upper()}"
        user = {"team_id": workspace.team, "user_id": workspace.bot_user, "is_bot": True}
        payload = {
            "token": "verification",
            "team_id": workspace.team,
            "context_team_id": workspace.team,
            "context_enterprise_id": None,
            "api_app_id": workspace.app_id,
            "event": event,
            "type": "event_callback",
            "event_id": event_id,
            "event_time": int(time.time()),
            "authorizations": [{"enterprise_id": None, **user, "is_enterprise_install": False}],
            "is_ext_shared_channel": is_ext_shared_channel,
            "event_context": f"4-{event_id}",
        }
        delivery = Delivery("events_api", payload, event_id)
        self.log.append(delivery)
        self.spawn(self._deliver_event(delivery))
        if self.faults.spend("duplicate_events"):
            again = Delivery("events_api", payload, event_id)
            self.log.append(again)
            self.spawn(self._deliver_event(again))
        return delivery

    async def ask(self, kind: str, payload: Json) -> Delivery:
        """Deliver an interaction or a slash command once, and wait for the answer."""
        delivery = Delivery(kind, payload)
        self.log.append(delivery)
        await self._attempt(delivery, 0, "")
        delivery.lost = not delivery.acked
        return delivery

    def spawn(self, work: Coroutine[Any, Any, Any]) -> None:
        """Run in the background until `close`."""
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def settled(self, timeout: float = 10.0) -> None:
        """Wait until every delivery was acked or given up. Raises TimeoutError."""
        async with asyncio.timeout(timeout):
            while any(not delivery.acked and not delivery.lost for delivery in self.log):
                await asyncio.sleep(0.01)

    async def close(self) -> None:
        """Give up everything under way."""
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._session is not None:
            await self._session.close()

    async def _deliver_event(self, delivery: Delivery) -> None:
        reason = ""
        for number, delay in enumerate((0.0, *self.settings.retry_delays)):
            if number:
                await asyncio.sleep(delay)
            reason = await self._attempt(delivery, number, reason)
            if delivery.acked:
                return
            if reason == "no_retry":
                break
        delivery.lost = True

    async def _attempt(self, delivery: Delivery, number: int, last_reason: str) -> str:
        attempt = Attempt(time.time(), "")
        delivery.attempts.append(attempt)
        send = self._over_http if self.urls else self._over_socket
        attempt.reason = await send(delivery, number, last_reason)
        delivery.acked = attempt.reason == ""
        return attempt.reason

    async def _over_socket(self, delivery: Delivery, number: int, last_reason: str) -> str:
        envelope: Json = {
            "envelope_id": str(uuid.uuid4()),
            "type": delivery.kind,
            "payload": delivery.payload,
        }
        envelope["accepts_response_payload"] = delivery.kind != "events_api"
        if delivery.kind == "events_api":
            envelope |= {"retry_attempt": number, "retry_reason": last_reason}
        if not self.socket.usable():
            return "connection_failed"
        ack = await self.socket.deliver(envelope)
        if ack is None:
            return "timeout"
        delivery.response = ack.payload
        return ""

    async def _over_http(self, delivery: Delivery, number: int, last_reason: str) -> str:
        body, content_type = encode(delivery.kind, delivery.payload)
        headers = {"X-Slack-Retry-Num": str(number), "X-Slack-Retry-Reason": last_reason} if number else {}
        try:
            status, answer, text = await self.post(self.urls[delivery.kind], body, content_type, headers)
        except TimeoutError:
            return "http_timeout"
        except aiohttp.TooManyRedirects:
            return "too_many_redirects"
        except (aiohttp.ClientError, OSError):
            return "connection_failed"
        if not 200 <= status < 300:
            return "no_retry" if answer.get("X-Slack-No-Retry") == "1" else "http_error"
        if text:
            is_json = "json" in answer.get("Content-Type", "")
            delivery.response = json.loads(text) if is_json else {"text": text}
        return ""

    async def post(
        self, url: str, body: str, content_type: str, headers: dict[str, str], at: int | None = None
    ) -> tuple[int, dict[str, str], str]:
        """POST a signed body as Slack does, within the ack clock: (status, headers, text)."""
        if self._session is None:
            self._session = aiohttp.ClientSession(trust_env=False)
        signed = sign(self.settings.signing_secret, body, int(time.time()) if at is None else at)
        all_headers = {"Content-Type": content_type, "User-Agent": "Slackbot 1.0", **signed, **headers}
        timeout = aiohttp.ClientTimeout(total=self.settings.ack_seconds)
        request = self._session.post(
            url, data=body.encode(), headers=all_headers, timeout=timeout, max_redirects=2
        )
        async with request as response:
            return response.status, dict(response.headers), await response.text()


def encode(kind: str, payload: Json) -> tuple[str, str]:
    """The body and content type Slack's HTTP delivery uses for that kind."""
    if kind == "events_api":
        return json.dumps(payload), "application/json"
    form = {"payload": json.dumps(payload)} if kind == "interactive" else payload
    return urlencode(form), "application/x-www-form-urlencoded"
