"""Socket Mode: tickets, frames, acks, and sockets that go bad.

Frames and `disconnect` reasons: api.slack.com/apis/connections/socket-implement.
"""

import asyncio
import json
import secrets
import time
from dataclasses import dataclass, field
from typing import Any

from aiohttp import WSMsgType, web

from tests.real.slack.faults import Faults
from tests.real.slack.settings import Settings

Json = dict[str, Any]


@dataclass(eq=False)
class Socket:
    """One websocket of the app. `half_open`: the TCP connection stands, Slack's end is deaf and mute."""

    id: str
    ws: web.WebSocketResponse
    request: web.Request
    opened: float = field(default_factory=time.time)
    half_open: bool = False
    leaving: bool = False
    frames: int = 0
    acks: int = 0

    @property
    def open(self) -> bool:
        """Whether Slack believes this socket to be usable."""
        return not self.ws.closed and not self.leaving

    def cut(self) -> None:
        """Break the TCP connection without a goodbye."""
        if self.request.transport is not None:
            self.request.transport.abort()

    async def send(self, frame: Json) -> bool:
        """Write a frame; False when it is certain that it did not leave."""
        if self.half_open:
            return True
        if self.ws.closed:
            return False
        try:
            await self.ws.send_str(json.dumps(frame))
        except (ConnectionError, RuntimeError):
            return False
        self.frames += 1
        return True


@dataclass(frozen=True)
class Ack:
    """What the app said to an envelope; `payload` only when it sent one."""

    payload: Any = None


class SocketMode:
    """All sockets of the app, and the envelopes that wait for an ack."""

    def __init__(self, settings: Settings, faults: Faults, app_id: str) -> None:
        self.settings = settings
        self.faults = faults
        self.app_id = app_id
        self.sockets: list[Socket] = []
        self.tickets: dict[str, float] = {}
        self.dead: set[str] = set()
        self.lifetimes: dict[str, float] = {}
        self.acked: list[str] = []
        self.refused = 0
        self._waiting: dict[str, asyncio.Future[Ack]] = {}
        self._next = 0

    def ticket(self) -> str:
        """A fresh ticket for one handshake."""
        ticket = secrets.token_hex(16)
        self.tickets[ticket] = time.monotonic() + self.settings.ticket_seconds
        if self.faults.spend("dead_tickets"):
            self.dead.add(ticket)
        return ticket

    def usable(self) -> list[Socket]:
        """The sockets a payload may go to."""
        return [socket for socket in self.sockets if socket.open]

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """The websocket endpoint `/link/?ticket=...`."""
        ticket = request.query.get("ticket", "")
        expires = self.tickets.get(ticket, 0.0)
        if self.faults.refuse_sockets:
            self.refused += 1
            return web.Response(status=503, text="no upstream")
        self.tickets.pop(ticket, None)
        if ticket in self.dead or expires < time.monotonic():
            self.refused += 1
            return web.Response(status=408, text="ticket is used, expired or unknown")
        ws = web.WebSocketResponse(autoping=False, max_msg_size=0)
        await ws.prepare(request)
        socket = Socket(secrets.token_hex(4), ws, request)
        if len(self.usable()) >= self.settings.max_sockets:
            await socket.send({"type": "disconnect", "reason": "too_many_websockets", "debug_info": {}})
            await ws.close()
            return ws
        await self._serve(socket)
        return ws

    async def _serve(self, socket: Socket) -> None:
        self.sockets.append(socket)
        clocks = [asyncio.create_task(self._ping(socket))]
        lifetime = self.settings.socket_lifetime
        if socket.request.query.get("debug_reconnects") == "true":
            lifetime = lifetime or 360.0
        if lifetime:
            clocks.append(asyncio.create_task(self._age(socket, lifetime)))
        try:
            await socket.send(self._hello(lifetime or 18060.0))
            async for message in socket.ws:
                if socket.half_open:
                    continue
                if message.type == WSMsgType.PING:
                    await socket.ws.pong(message.data)
                elif message.type == WSMsgType.TEXT:
                    self._ack(socket, message.data)
        except ConnectionError:
            socket.leaving = True
        finally:
            for clock in clocks:
                clock.cancel()
            self.sockets.remove(socket)

    def _hello(self, lifetime: float) -> Json:
        debug = {"host": "applink-loopback", "started": time.strftime("%Y-%m-%d %H:%M:%S")}
        return {
            "type": "hello",
            "num_connections": len(self.usable()),
            "connection_info": {"app_id": self.app_id},
            "debug_info": {**debug, "build_number": 1, "approximate_connection_time": int(lifetime)},
        }

    async def _ping(self, socket: Socket) -> None:
        while not socket.ws.closed:
            await asyncio.sleep(self.settings.ping_seconds)
            if not socket.half_open and not socket.ws.closed:
                await socket.ws.ping(b"Ping from applink-loopback")

    async def _age(self, socket: Socket, lifetime: float) -> None:
        await asyncio.sleep(max(0.0, lifetime - self.settings.warning_before))
        await self.disconnect(socket, "warning")
        await asyncio.sleep(min(lifetime, self.settings.warning_before))
        await self.disconnect(socket, "refresh_requested")

    def _ack(self, socket: Socket, data: str) -> None:
        try:
            frame = json.loads(data)
        except ValueError:
            return
        envelope_id = frame.get("envelope_id") if isinstance(frame, dict) else None
        if envelope_id is None or self.faults.spend("lost_acks"):
            return
        socket.acks += 1
        self.acked.append(envelope_id)
        waiting = self._waiting.pop(envelope_id, None)
        if waiting is not None and not waiting.done():
            waiting.set_result(Ack(frame.get("payload")))

    async def deliver(self, envelope: Json) -> Ack | None:
        """Send the envelope to one socket and wait for its ack; None when none came in time.

        An ack may come over any socket.
        """
        sockets = self.usable()
        if not sockets:
            return None
        envelope_id = envelope["envelope_id"]
        waiting: asyncio.Future[Ack] = asyncio.get_running_loop().create_future()
        self._waiting[envelope_id] = waiting
        self._next += 1
        socket = sockets[self._next % len(sockets)]
        if not self.faults.spend("lost_envelopes"):
            await socket.send(envelope)
        if self.faults.spend("refresh_during"):
            await self.disconnect(socket, "refresh_requested")
        try:
            return await asyncio.wait_for(waiting, self.settings.ack_seconds)
        except TimeoutError:
            return None
        finally:
            self._waiting.pop(envelope_id, None)

    async def disconnect(self, socket: Socket, reason: str) -> None:
        """Send a `disconnect` frame. After `refresh_requested` and `link_disabled` no payload follows."""
        if reason != "warning":
            socket.leaving = True
        await socket.send({"type": "disconnect", "reason": reason, "debug_info": {"host": "loopback"}})

    async def close(self) -> None:
        """Close every socket."""
        for socket in list(self.sockets):
            socket.cut()
