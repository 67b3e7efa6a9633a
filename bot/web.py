"""The one web server: the webhook, /healthz, /readyz, /metrics, and Slack's HTTP mode."""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from typing import Protocol

from aiohttp import web

from bot.core.errors import ConfigError, Mistake
from bot.core.model import Readiness

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

SLOW_BODY = 60.0
"""Seconds that a sender may take for its body."""


class Web:
    """Binds one address and answers on it until closed."""

    def __init__(
        self,
        webhook: Webhook,
        readiness: Callable[[], Awaitable[Mapping[str, Readiness]]],
        metrics: Callable[[], Awaitable[bytes]],
        extra: Mapping[str, Handler] | None = None,
    ) -> None:
        self._webhook = webhook
        self._readiness = readiness
        self._metrics = metrics
        self._extra = dict(extra or {})
        self._runner: web.AppRunner | None = None
        self.port = 0

    async def start(self, host: str, port: int) -> None:
        """Raises ConfigError when the address cannot be had. Port 0 takes a free one; see `port`."""
        app = web.Application()
        app.router.add_post("/alerts/{endpoint}", self._alerts)
        app.router.add_get("/healthz", self._healthz)
        app.router.add_get("/readyz", self._readyz)
        app.router.add_get("/metrics", self._get_metrics)
        for path, handler in self._extra.items():
            app.router.add_post(path, handler)
        runner = web.AppRunner(app, access_log=None, handle_signals=False, shutdown_timeout=5)
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

    async def _alerts(self, request: web.Request) -> web.Response:
        endpoint = request.match_info["endpoint"]
        answer = self._webhook.admits(endpoint, request.headers)
        if answer is None:
            try:
                async with asyncio.timeout(SLOW_BODY):
                    answer = await self._webhook.post(endpoint, request.content.iter_any())
            except TimeoutError:
                return web.Response(status=503, text="the body took too long; try again\n")
        headers = {"WWW-Authenticate": answer.challenge} if answer.challenge else None
        return web.Response(status=answer.status, text=answer.text, headers=headers)

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
