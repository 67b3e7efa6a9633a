"""The one web server: the webhook, /healthz, /readyz, /metrics, and Slack's HTTP mode."""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from typing import Protocol

from aiohttp import web

from bot.core.errors import ConfigError, Mistake
from bot.core.model import Readiness
from bot.core.unpack import Unpacker

log = logging.getLogger("tocsin.web")


class Answer(Protocol):
    """What a webhook's sender is answered."""

    @property
    def status(self) -> int: ...
    @property
    def text(self) -> str: ...
    @property
    def challenge(self) -> str: ...


class Webhook(Protocol):
    """Who takes the alerts."""

    def admits(self, endpoint: str, headers: Mapping[str, str]) -> Answer | None: ...

    async def post(self, endpoint: str, chunks: AsyncIterator[bytes]) -> Answer: ...


Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

SILENT = 120.0
"""Seconds that a connection may take for the head of its next request, and be idle: longer than a reverse
proxy keeps an idle one (90 s at most), so that it is not closed under a request. aiohttp's own is an hour."""
SLOW_BODY = 60.0
"""Seconds that a sender may take for its body."""
UNPACKED = 33 * 1024 * 1024
"""Bytes that a packed body may unpack to: more than the webhook reads of any body, and no more."""


class Web:
    """Binds one address and answers on it until closed."""

    def __init__(
        self,
        webhook: Webhook,
        readiness: Callable[[], Awaitable[Mapping[str, Readiness]]],
        metrics: Callable[[], Awaitable[bytes]],
        extra: Mapping[str, Handler] | None = None,
        silent: float = SILENT,
    ) -> None:
        self._webhook = webhook
        self._readiness = readiness
        self._metrics = metrics
        self._extra = dict(extra or {})
        self._silent = silent
        self._runner: web.AppRunner | None = None
        self.port = 0

    async def start(self, host: str, port: int) -> None:
        """Raises ConfigError when the address cannot be had. Port 0 takes a free one; see `port`."""
        app = web.Application()
        app.router.add_post("/alerts/{endpoint}", self._alerts, expect_handler=self._expected)
        app.router.add_get("/healthz", self._healthz)
        app.router.add_get("/readyz", self._readyz)
        app.router.add_get("/metrics", self._get_metrics)
        for path, handler in self._extra.items():
            app.router.add_post(path, handler)
        # Not unpacked by aiohttp: it refuses what it cannot unpack, and the webhook may refuse nothing.
        runner = web.AppRunner(
            app,
            access_log=None,
            handle_signals=False,
            shutdown_timeout=5,
            auto_decompress=False,
            keepalive_timeout=self._silent,
        )
        await runner.setup()
        try:
            site = web.TCPSite(runner, host, port, backlog=1024)
            await site.start()
        except OSError as trouble:
            await runner.cleanup()
            raise ConfigError(
                Mistake(
                    f"http.listen: {host}:{port}",
                    f"cannot be listened on: {trouble.strerror or trouble}",
                    "stop what uses the port, or name another",
                )
            ) from trouble
        self._runner = runner
        addresses = runner.addresses
        self.port = int(addresses[0][1]) if addresses else port

    async def close(self) -> None:
        """Stop accepting, let what runs end (5 s)."""
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    async def _expected(self, request: web.Request) -> web.StreamResponse | None:
        """`Expect: 100-continue`: who may not post is told so before it sends its body."""
        answer = self._webhook.admits(request.match_info["endpoint"], request.headers)
        if answer is not None:
            return _response(answer)
        await request.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        request.writer.output_size = 0
        return None

    async def _alerts(self, request: web.Request) -> web.Response:
        endpoint = request.match_info["endpoint"]
        answer = self._webhook.admits(endpoint, request.headers)
        if answer is None:
            try:
                async with asyncio.timeout(SLOW_BODY):
                    answer = await self._webhook.post(endpoint, _body(request))
            except TimeoutError:
                return web.Response(status=503, text="the body took too long; try again\n")
            except (ConnectionError, web.RequestPayloadError):
                return web.Response(status=503, text="the body broke off; try again\n")
        return _response(answer)

    async def _healthz(self, request: web.Request) -> web.Response:
        return web.Response(text="alive\n")

    async def _readyz(self, request: web.Request) -> web.Response:
        parts = await self._readiness()
        ok = all(part.ok for part in parts.values())
        lines = (f"{name}: {'ready' if part.ok else part.why}" for name, part in parts.items())
        return web.Response(status=200 if ok else 503, text="\n".join(lines) + "\n")

    async def _get_metrics(self, request: web.Request) -> web.Response:
        text = await self._metrics()
        return web.Response(body=text, headers={"Content-Type": "text/plain; version=0.0.4; charset=utf-8"})


def _response(answer: Answer) -> web.Response:
    headers = {"WWW-Authenticate": answer.challenge} if answer.challenge else None
    return web.Response(status=answer.status, text=answer.text, headers=headers)


async def _body(request: web.Request) -> AsyncIterator[bytes]:
    unpacker = Unpacker(request.headers.get("Content-Encoding", ""), UNPACKED)
    async for chunk in request.content.iter_any():
        for piece in unpacker.feed(chunk):
            yield piece
            if len(piece) > len(chunk):
                await asyncio.sleep(0)  # a small chunk may unpack to much: the others may go on meanwhile
