"""What the homeserver's answers mean, over a real socket."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiohttp import web

from bot.core.errors import Scope, Upstream
from bot.platforms.matrix_http import Answer, Wire

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@asynccontextmanager
async def wire_to(handler: Handler) -> AsyncIterator[Wire]:
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", handler)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    assert site._server is not None
    port = site._server.sockets[0].getsockname()[1]  # type: ignore[attr-defined]
    wire = Wire(f"http://127.0.0.1:{port}/")
    try:
        yield wire
    finally:
        await wire.close()
        await runner.cleanup()


def error(status: int, errcode: str, **more: Any) -> Callable[[], web.Response]:
    return lambda: web.json_response({"errcode": errcode, "error": "words\u202e", **more}, status=status)


@pytest.mark.parametrize(
    ("answer", "permanent", "scope", "retry_after"),
    [
        (error(429, "M_LIMIT_EXCEEDED", retry_after_ms=1500), False, Scope.PLATFORM, 1.5),
        (error(429, "M_LIMIT_EXCEEDED", retry_after_ms="soon"), False, Scope.PLATFORM, 5.0),
        (error(403, "M_FORBIDDEN"), True, Scope.ROOM, None),
        (error(404, "M_NOT_FOUND"), True, Scope.ROOM, None),
        (error(413, "M_TOO_LARGE"), True, Scope.MESSAGE, None),
        (error(400, "M_BAD_JSON"), True, Scope.MESSAGE, None),
        (error(401, "M_UNKNOWN_TOKEN"), False, Scope.PLATFORM, 60.0),
        (error(403, "M_USER_LOCKED"), False, Scope.PLATFORM, 60.0),
        (error(500, "M_UNKNOWN"), False, Scope.MESSAGE, None),
        (error(503, "M_UNKNOWN"), False, Scope.PLATFORM, None),
        (lambda: web.Response(status=502, text="<html>Bad Gateway"), False, Scope.PLATFORM, None),
        (lambda: web.Response(status=404, text="no such page"), False, Scope.PLATFORM, None),
        (lambda: web.Response(status=200, text="<html>welcome"), False, Scope.PLATFORM, None),
        (lambda: web.Response(status=200, text="[" * 100_000), False, Scope.PLATFORM, None),
        (lambda: web.Response(status=302, headers={"Location": "/x"}), False, Scope.PLATFORM, None),
        (
            lambda: web.Response(status=429, text="slow down", headers={"Retry-After": "7"}),
            False,
            Scope.PLATFORM,
            7.0,
        ),
    ],
)
async def test_refusals(
    answer: Callable[[], web.Response], permanent: bool, scope: Scope, retry_after: float | None
) -> None:
    async def handler(request: web.Request) -> web.Response:
        return answer()

    async with wire_to(handler) as wire:
        with pytest.raises(Answer) as refused:
            await wire.call("PUT", "rooms", "!a:b/c d", "send", "m.room.message", "tx", body={})
    found = refused.value
    assert (found.permanent, found.scope, found.retry_after) == (permanent, scope, retry_after)
    assert "\u202e" not in str(found)
    assert found.request in ("rooms", "")


async def test_path_token_and_body_arrive_as_they_are() -> None:
    seen: dict[str, Any] = {}

    async def handler(request: web.Request) -> web.Response:
        seen.update(
            path=request.raw_path, auth=request.headers.get("Authorization"), body=await request.text()
        )
        return web.json_response({"ok": 1})

    async with wire_to(handler) as wire:
        wire.token = "secret"
        answer = await wire.call("PUT", "rooms", "!a:b/c?d#é", "x", query={"via": "a b"}, body={"words": "é"})
    assert answer == {"ok": 1}
    assert seen["path"] == "/_matrix/client/v3/rooms/%21a%3Ab%2Fc%3Fd%23%C3%A9/x?via=a+b"
    assert seen["auth"] == "Bearer secret"
    assert seen["body"] == '{"words": "\\u00e9"}'


async def test_silence_ends() -> None:
    over = asyncio.Event()

    async def handler(request: web.Request) -> web.Response:
        await over.wait()
        return web.Response()

    async with wire_to(handler) as wire:
        with pytest.raises(Upstream) as refused:
            await wire.call("GET", "sync", timeout=0.2)
        over.set()
    assert refused.value.ambiguous
    assert refused.value.scope is Scope.PLATFORM


async def test_a_connection_that_breaks_is_ambiguous_and_a_refused_one_is_not() -> None:
    async def handler(request: web.Request) -> web.Response:
        assert request.transport is not None
        request.transport.abort()
        return web.Response()

    async with wire_to(handler) as wire:
        with pytest.raises(Upstream) as broken:
            await wire.call("PUT", "x", body={})
    with pytest.raises(Upstream) as closed:
        await wire.call("PUT", "x", body={})
    await wire.close()
    assert broken.value.ambiguous
    assert not closed.value.ambiguous
    assert "cannot be reached" in str(closed.value)
