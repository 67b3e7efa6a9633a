"""What answers where Traefik, Prometheus and Alertmanager should, and does not speak as they do."""

import json
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from estate.live import read_live
from estate.snapshot.live import Route

# As Traefik 3 answers (doc.traefik.io/traefik/operations/api), cut to what is read.
ROUTERS = [
    {
        "entryPoints": ["websecure"],
        "middlewares": ["safe@file"],
        "service": "web",
        "rule": "Host(`w.example.net`)",
        "status": "enabled",
        "name": "web@docker",
        "provider": "docker",
    },
    {
        "entryPoints": ["websecure"],
        "rule": "Host(`x.example.net`)",
        "error": ['middleware "gone@file" does not exist'],
        "status": "disabled",
        "name": "x@docker",
        "provider": "docker",
    },
]
MIDDLEWARES = [{"headers": {}, "status": "enabled", "name": "safe@file", "type": "headers"}]


async def served(answers: dict[str, Any]) -> TestServer:
    """Path → JSON, a status, or bytes."""

    async def answer(request: web.Request) -> web.Response:
        found = answers.get(request.path, 404)
        if isinstance(found, int):
            return web.Response(status=found)
        return web.Response(body=found if isinstance(found, bytes) else json.dumps(found).encode())

    app = web.Application()
    app.router.add_get("/{path:.*}", answer)
    server = TestServer(app, host="127.0.0.1")
    await server.start_server()
    return server


async def test_traefik() -> None:
    server = await served({"/api/http/routers": ROUTERS, "/api/http/middlewares": MIDDLEWARES})
    url = f"http://127.0.0.1:{server.port}"
    live = await read_live(traefik=f"{url}/")
    assert live.traefik is not None
    assert live.traefik.url == url
    assert live.traefik.middlewares == {"safe@file"}
    assert live.traefik.routers == {
        "web@docker": Route("Host(`w.example.net`)", ("websecure",), ("safe@file",)),
        "x@docker": Route(
            "Host(`x.example.net`)", ("websecure",), (), ('middleware "gone@file" does not exist',)
        ),
    }
    await server.close()


@pytest.mark.parametrize(
    ("answers", "why"),
    [
        ({}, "Traefik answers 404 at"),
        ({"/api/http/routers": 401, "/api/http/middlewares": 401}, "Traefik answers 401 at"),
        (
            {"/api/http/routers": {"a": 1}, "/api/http/middlewares": []},
            "does not speak as Traefik does",
        ),
        (
            {"/api/http/routers": [{"rule": 1}], "/api/http/middlewares": []},
            "does not speak as Traefik does",
        ),
        ({"/api/http/routers": b"<html>", "/api/http/middlewares": []}, "does not speak as Traefik does"),
    ],
    ids=["nothing", "a password", "a mapping", "no name", "a page"],
)
async def test_what_is_none(answers: dict[str, Any], why: str) -> None:
    server = await served(answers)
    live = await read_live(traefik=f"http://127.0.0.1:{server.port}")
    assert live.traefik is None
    assert why in live.no_traefik
    await server.close()


async def test_a_flood_is_cut_off() -> None:
    server = await served({"/api/v2/receivers": b"[" + b" " * 5000 + b"]"})
    live = await read_live(alertmanager=f"http://127.0.0.1:{server.port}", largest=1000)
    assert live.alertmanager is None
    assert "is longer than 1,000 bytes" in live.no_alertmanager
    await server.close()
