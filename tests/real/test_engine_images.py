"""Images by name, digest and id: the fake and the real Engine keep the same promises. Then what only a real
one shows: a registry that wants a login, and one that never ends."""

import asyncio
import base64
import gzip
import hashlib
import io
import itertools
import json
import os
import tarfile
import threading
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

import pytest
from aiohttp import web

from bot.core.errors import Upstream
from bot.ports import Engine as Port
from bot.testing import FakeEngine
from estate import docker as real
from estate.docker import DockerEngine
from estate.model import Container, Detail, Health, Image, State
from tests.real.components.engine import Engine
from tests.real.components.images import build
from tests.real.components.registry import Registry

_numbers = itertools.count(1)


@dataclass
class World:
    """`repository`:1 is `used` by a container; `repository`:2 is `free`; `digest` is only in the registry."""

    engine: Port
    repository: str
    used: str
    free: str
    digest: str


@pytest.fixture(params=["fake", "real"])
async def world(request: pytest.FixtureRequest) -> AsyncIterator[World]:
    if request.param == "fake":
        yield fake()
        return
    engine, registry = request.getfixturevalue("engine"), request.getfixturevalue("registry")
    async with actual(engine, registry) as made:
        yield made


def fake() -> World:
    used, free, far = (
        Image(f"sha256:{one * 64}", "local", (f"r/a:{n}",), (), 1, None)
        for n, one in zip("123", "abc", strict=True)
    )
    far = replace(far, digests=("r/a@sha256:" + "d" * 64,))
    labels: dict[str, str] = {}
    at = datetime.now(UTC)
    container = Container(
        "c" * 64, "one", "local", "r/a:1", used.id, State.RUNNING, Health.NONE, "Up", at, labels
    )
    engine = FakeEngine(
        (Detail(container, at, None, None, False, 0, "", 0, (), ()),), stock=[used, free], registry=[far]
    )
    return World(engine, "r/a", used.id, free.id, far.digests[0])


@asynccontextmanager
async def actual(engine: Engine, registry: Registry) -> AsyncIterator[World]:
    repository = f"{registry.host}/images{os.getpid()}-{next(_numbers)}"
    client = engine.client
    used, free, far = (
        build(client, f"{repository}:{n}", f"LABEL made={next(_numbers)}\nENV N={n}") for n in (1, 2, 3)
    )
    assert far
    client.images.push(repository, "3")
    [digest] = client.images.get(f"{repository}:3").attrs["RepoDigests"]
    client.images.remove(f"{repository}:3")
    container = client.containers.create(f"{repository}:1", ["sleep", "60"], network_mode="none")
    container.start()
    port = DockerEngine(engine.host)
    try:
        yield World(port, repository, used, free, digest)
    finally:
        await port.close()
        container.remove(force=True)
        for image in client.images.list(repository):
            client.images.remove(image.id, force=True)


async def silent(words: str) -> None:
    pass


# ---- both ---------------------------------------------------------------------------------------------


async def test_an_image_is_found_by_its_name_and_its_id(world: World) -> None:
    by_name = await world.engine.image(f"{world.repository}:1")
    assert (by_name.id, by_name.tags) == (world.used, (f"{world.repository}:1",))
    assert await world.engine.image(world.used) == by_name


async def test_one_that_is_not_there_is_missing_for_good(world: World) -> None:
    for reference in (f"{world.repository}:9", "sha256:" + "0" * 64, world.digest):
        with pytest.raises(Upstream) as caught:
            await world.engine.image(reference)
        assert caught.value.permanent, reference
    with pytest.raises(Upstream) as caught:
        await world.engine.tag("sha256:" + "0" * 64, f"{world.repository}:4")
    assert caught.value.permanent
    with pytest.raises(Upstream) as caught:
        await world.engine.untag(f"{world.repository}:9")
    assert caught.value.permanent


async def test_a_name_is_given_and_taken_from_who_had_it(world: World) -> None:
    await world.engine.tag(world.used, f"{world.repository}:1.2.3")
    await world.engine.tag(world.used, f"{world.repository}:2")
    image = await world.engine.image(world.used)
    assert set(image.tags) == {f"{world.repository}:{one}" for one in ("1", "1.2.3", "2")}
    assert (await world.engine.image(f"{world.repository}:2")).id == world.used
    assert (await world.engine.image(world.free)).tags == ()


async def test_a_name_is_taken_away_and_the_image_stays(world: World) -> None:
    await world.engine.tag(world.used, f"{world.repository}:1.2.3")
    await world.engine.untag(f"{world.repository}:1.2.3")
    assert (await world.engine.image(world.used)).tags == (f"{world.repository}:1",)
    with pytest.raises(Upstream) as caught:
        await world.engine.untag(f"{world.repository}:1")
    assert not caught.value.permanent
    assert (await world.engine.image(world.used)).tags == (f"{world.repository}:1",)


async def test_the_last_name_takes_an_image_along_that_nobody_uses(world: World) -> None:
    await world.engine.untag(f"{world.repository}:2")
    with pytest.raises(Upstream):
        await world.engine.image(world.free)


async def test_what_is_pulled_by_its_digest_is_there_by_it(world: World) -> None:
    await world.engine.pull(world.digest, None, silent)
    image = await world.engine.image(world.digest)
    assert (world.digest in image.digests, image.tags) == (True, ())
    await world.engine.pull(f"{world.repository}:3", None, silent)
    assert (await world.engine.image(image.id)).tags == (f"{world.repository}:3",)


async def test_what_no_registry_has_is_missing_for_good(world: World) -> None:
    with pytest.raises(Upstream) as caught:
        await world.engine.pull(f"{world.repository}:9", None, silent)
    assert caught.value.permanent


# ---- the real one ---------------------------------------------------------------------------------------


async def test_a_close_look_tells_platform_labels_and_environment(engine: Engine, registry: Registry) -> None:
    async with actual(engine, registry) as world:
        image = await world.engine.image(f"{world.repository}:2")
        assert (image.os, bool(image.architecture), image.environment["N"]) == ("linux", True, "2")
        assert image.labels["made"].isdigit()


class Slow:
    """A registry of one image. It wants a login when `password` is set, and sends `piece` by `piece`."""

    def __init__(self, *, password: str = "", stalls: bool = False) -> None:
        self.password, self.stalls = password, stalls
        self.logins: list[str] = []
        box = io.BytesIO()
        with tarfile.open(fileobj=box, mode="w") as tar:
            item = tarfile.TarInfo("file")
            item.size = 3_000_000
            tar.addfile(item, io.BytesIO(os.urandom(item.size)))
        self.layer = gzip.compress(box.getvalue(), 0)
        rootfs = {"type": "layers", "diff_ids": [digest(box.getvalue())]}
        platform = {"architecture": "amd64", "os": "linux"}
        self.config = json.dumps({**platform, "config": {}, "rootfs": rootfs}).encode()
        kind = "application/vnd.docker."
        parts: dict[str, Any] = {
            "schemaVersion": 2,
            "mediaType": f"{kind}distribution.manifest.v2+json",
            "config": {"mediaType": f"{kind}container.image.v1+json", **part(self.config)},
            "layers": [{"mediaType": f"{kind}image.rootfs.diff.tar.gzip", **part(self.layer)}],
        }
        self.manifest = json.dumps(parts).encode()

    async def answer(self, request: web.Request) -> web.StreamResponse:
        self.logins.append(request.headers.get("Authorization", ""))
        wanted = f"Basic {base64.b64encode(b'ann:' + self.password.encode()).decode()}"
        if self.password and self.logins[-1] != wanted:
            return web.Response(status=401, headers={"WWW-Authenticate": 'Basic realm="here"'})
        name = request.path.rpartition("/")[2]
        if request.path == "/v2/":
            return web.json_response({})
        if "/manifests/" in request.path:
            kind = json.loads(self.manifest)["mediaType"]
            headers = {"Content-Type": kind, "Docker-Content-Digest": digest(self.manifest)}
            return web.Response(body=self.manifest, headers=headers)
        if name == digest(self.config):
            return web.Response(body=self.config)
        return await self._send(request)

    async def _send(self, request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Length": str(len(self.layer))})
        await response.prepare(request)
        for at in range(0, len(self.layer), 500_000):
            await response.write(self.layer[at : at + 500_000])
            await asyncio.sleep(3600 if self.stalls and at else 0.2)
        return response


def digest(data: bytes) -> str:
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


def part(data: bytes) -> dict[str, object]:
    return {"size": len(data), "digest": digest(data)}


@asynccontextmanager
async def served(slow: Slow) -> AsyncIterator[str]:
    """Its host."""
    app = web.Application()
    app.router.add_route("*", "/{tail:.*}", slow.answer)
    runner = web.AppRunner(app, handler_cancellation=True, shutdown_timeout=1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        yield f"127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


@pytest.fixture
async def port(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[DockerEngine]:
    monkeypatch.setattr(real, "PULL_SAYS", 0.1)
    made = DockerEngine(engine.host, timeout=10)
    yield made
    await made.close()


async def test_a_pull_says_how_far_it_is_and_shows_its_login(port: DockerEngine) -> None:
    slow, said = Slow(password="tiger"), []

    async def say(words: str) -> None:
        said.append(words)

    async with served(slow) as host:
        login = {"username": "ann", "password": "tiger", "serveraddress": host}
        await port.pull(f"{host}/a/b:1", login, say)
        image = await port.image(f"{host}/a/b:1")
        assert image.digests == (f"{host}/a/b@{digest(slow.manifest)}",)
        assert any(one.startswith(f"pulling {host}/a/b:1: ") and one.endswith(" of 3 MB") for one in said), (
            said
        )
        assert len(said) == len(set(said))
        await port.untag(f"{host}/a/b:1")
        with pytest.raises(Upstream) as caught:
            await port.pull(f"{host}/a/b:1", None, say)
        assert "tiger" not in str(caught.value)


async def test_a_registry_that_stalls_is_given_up(
    port: DockerEngine, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(real, "PULL_STALL", 1.0)
    before = given_up(engine)
    async with served(Slow(stalls=True)) as host:
        with pytest.raises(Upstream, match="nothing came from its registry for 1 s"):
            await port.pull(f"{host}/a/b:1", None, silent)
        await ended(port, engine, before)


async def test_a_pull_that_takes_too_long_is_given_up(
    port: DockerEngine, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(real, "PULL_LONGEST", 1.0)
    before = given_up(engine)
    async with served(Slow(stalls=True)) as host:
        with pytest.raises(Upstream, match="was not here within 1 s"):
            await port.pull(f"{host}/a/b:1", None, silent)
        await ended(port, engine, before)


async def test_a_pull_that_is_cancelled_ends_in_the_engine_too_and_keeps_nobody_waiting(
    port: DockerEngine, engine: Engine
) -> None:
    before = given_up(engine)
    async with served(Slow(stalls=True)) as host:
        pulls = [asyncio.create_task(port.pull(f"{host}/a/b:{n}", None, silent)) for n in range(8)]
        await asyncio.sleep(2)
        began = time.monotonic()
        await port.containers()  # eight pulls, four threads
        assert time.monotonic() - began < 20
        for one in pulls:
            one.cancel()
        found = await asyncio.gather(*pulls, return_exceptions=True)
        assert all(isinstance(one, asyncio.CancelledError) for one in found)
        await ended(port, engine, before)


async def ended(port: DockerEngine, engine: Engine, before: int) -> None:
    """No thread of ours waits for it, and the Engine has noticed that nobody does."""
    await until(lambda: not [one for one in threading.enumerate() if one.name == f"pull-{port.host}"])
    await until(lambda: given_up(engine) > before)


def given_up(engine: Engine) -> int:
    """How many pulls the Engine gave up because nobody waited for them, by its own log."""
    assert engine.process is not None
    return engine.process.log.read_text().count("pull after error: context canceled")


async def until(there: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not there():
        assert time.monotonic() < deadline
        await asyncio.sleep(0.05)
