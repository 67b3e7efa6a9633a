"""Which version runs, proved between a real Engine and a real registry: as people push, pull and log in."""

import base64
import hashlib
import json
import urllib.error
import urllib.request
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest

from bot.core.errors import Upstream
from estate.budget import Budget
from estate.credentials import Credentials
from estate.docker import DockerEngine
from estate.proof import By, Unproved, prove
from estate.reference import Reference, parse_reference
from estate.registry import Platform, Registry
from tests.real.components import images
from tests.real.components.engine import Engine
from tests.real.components.registry import Registry as Server
from tests.real.components.tokens import Tokens, token_server

IMAGE = "application/vnd.docker.distribution.manifest.v2+json"
LIST = "application/vnd.docker.distribution.manifest.list.v2+json"
PASSWORD = "hunter2 is long"
HTPASSWD = "ann:$2b$05$abcdefghijklmnopqrstuu6rw5txy4Z6LlmBg4L6ye/aSTth/BjZ6\n"  # PASSWORD


@pytest.fixture
async def client(tmp_path: Path) -> AsyncIterator[Registry]:
    made = Registry(Credentials({"DOCKER_CONFIG": str(tmp_path)}))
    yield made
    await made.close()


@pytest.fixture
async def reader(engine: Engine) -> AsyncIterator[DockerEngine]:
    made = DockerEngine(engine.host)
    yield made
    await made.close()


def log_in(folder: Path, host: str, password: str = PASSWORD, **more: str) -> None:
    auth = base64.b64encode(f"ann:{password}".encode()).decode()
    (folder / "config.json").write_text(json.dumps({"auths": {host: {"auth": auth, **more}}}))


def build(engine: Engine, name: str, marks: str, *tags: str, label: str = "") -> None:
    """One image under several tags. `marks` makes it another image than the others."""
    label = f'LABEL org.opencontainers.image.version="{label}"' if label else ""
    images.build(engine.client, f"{name}:{tags[0]}", f'ENV MARKS="{marks}"\n{label}')
    for tag in tags[1:]:
        engine.client.images.get(f"{name}:{tags[0]}").tag(name, tag)


def push(engine: Engine, name: str, *tags: str, password: str = "") -> None:
    login = {"username": "ann", "password": password} if password else None
    for tag in tags:
        for row in engine.client.images.push(name, tag=tag, stream=True, decode=True, auth_config=login):
            assert "error" not in row, row


def forget(engine: Engine, name: str, *tags: str) -> None:
    for tag in tags:
        engine.client.images.remove(f"{name}:{tag}", force=True)


def call(method: str, url: str, body: bytes | None = None, kind: str = IMAGE) -> tuple[str, bytes]:
    """Straight to the registry: the digest it says, and the body."""
    headers = {"Content-Type": kind, "Accept": f"{IMAGE}, {LIST}"}
    asked = urllib.request.Request(url, body, headers, method=method)
    with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(asked, timeout=10) as answer:
        return str(answer.headers.get("Docker-Content-Digest") or ""), answer.read()


def put(server: Server, repository: str, tag: str, content: Any, kind: str = IMAGE) -> str:
    data = json.dumps(content).encode()
    call("PUT", f"{server.url}/v2/{repository}/manifests/{tag}", data, kind)
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


def get(server: Server, repository: str, tag: str) -> tuple[str, Any, int]:
    """Digest, content and length of a manifest."""
    digest, data = call("GET", f"{server.url}/v2/{repository}/manifests/{tag}")
    return digest, json.loads(data), len(data)


def put_index(server: Server, repository: str, tag: str, *children: tuple[str, str]) -> str:
    """A manifest list of tags that are there: (tag, architecture)."""
    rows = []
    for child, architecture in children:
        digest, _, size = get(server, repository, child)
        platform = {"os": "linux", "architecture": architecture}
        rows.append({"mediaType": IMAGE, "size": size, "digest": digest, "platform": platform})
    return put(server, repository, tag, {"schemaVersion": 2, "mediaType": LIST, "manifests": rows}, LIST)


# ---- what runs ------------------------------------------------------------------------------------------


async def test_latest_is_the_version_that_was_pushed_as_the_same(
    engine: Engine, registry: Server, client: Registry, reader: DockerEngine
) -> None:
    name = f"{registry.host}/team/app"
    # The label is inherited from a base image, as labels are: it names a version that exists and is not this.
    build(engine, name, "new", "1.10.2", "1.10", "1", "latest", label="1.9.0")
    build(engine, name, "old", "1.9.0", "1.9")
    push(engine, name, "1.10.2", "1.10", "1", "latest", "1.9.0", "1.9")
    image = await reader.image(f"{name}:latest")
    asked, budget = parse_reference(f"{name}:latest"), Budget()
    proof = await prove(client, image, asked, budget)
    assert (proof.tag, proof.by, proof.others) == ("1.10.2", By.DIGEST, ())
    assert f"{name}@{proof.digest}" in image.digests
    assert sorted(await client.tags(asked, budget)) == ["1", "1.10", "1.10.2", "1.9", "1.9.0", "latest"]
    with pytest.raises(Unproved, match=r"1\.9\.0 is not what runs") as told:
        await prove(client, image, asked, Budget(), "1.9.0")
    assert told.value.opaque == f"{name}:latest@{proof.digest}"
    # That it is one to pull by: the Engine takes it.
    engine.client.api.pull(f"{name}@{proof.digest}")


async def test_what_was_only_built_cannot_be_proved(
    engine: Engine, registry: Server, client: Registry, reader: DockerEngine
) -> None:
    name = f"{registry.host}/team/built"
    build(engine, name, "built", "latest")
    with pytest.raises(Unproved, match="never pulled from or pushed to") as told:
        await prove(client, await reader.image(f"{name}:latest"), parse_reference(f"{name}:latest"), Budget())
    assert told.value.opaque is None


async def test_a_newer_push_to_the_same_tag_is_not_what_runs(
    engine: Engine, registry: Server, client: Registry, reader: DockerEngine
) -> None:
    name = f"{registry.host}/team/moved"
    build(engine, name, "first", "1.0.0", "latest")
    push(engine, name, "1.0.0", "latest")
    running = await reader.image(f"{name}:latest")
    build(engine, name, "second", "1.0.1", "latest")
    push(engine, name, "1.0.1", "latest")
    assert (await prove(client, running, parse_reference(f"{name}:latest"), Budget())).tag == "1.0.0"
    with pytest.raises(Unproved, match="is not what runs"):
        await prove(client, running, parse_reference(f"{name}:latest"), Budget(), "1.0.1")


async def test_an_index_and_this_platforms_image_in_it(
    engine: Engine, registry: Server, client: Registry, reader: DockerEngine
) -> None:
    name, repository = f"{registry.host}/team/many", "team/many"
    ours = _architecture(engine)
    theirs = "arm64" if ours == "amd64" else "amd64"
    build(engine, name, "ours", f"3.1.4-{ours}")
    build(engine, name, "theirs", f"3.1.4-{theirs}")
    push(engine, name, f"3.1.4-{ours}", f"3.1.4-{theirs}")
    forget(engine, name, f"3.1.4-{ours}", f"3.1.4-{theirs}")
    children = ((f"3.1.4-{theirs}", theirs), (f"3.1.4-{ours}", ours))
    whole = put_index(registry, repository, "3.1.4", *children)
    assert put_index(registry, repository, "latest", *children) == whole
    child, content, _ = get(registry, repository, f"3.1.4-{ours}")
    asked = parse_reference(f"{name}:latest")

    engine.client.api.pull(name, tag="latest")
    by_index = await reader.image(f"{name}:latest")
    assert by_index.digests == (f"{name}@{whole}",)
    proof = await prove(client, by_index, asked, Budget())
    assert (proof.tag, proof.digest, proof.by) == ("3.1.4", whole, By.DIGEST)
    typed = await prove(client, by_index, asked, Budget(), f"3.1.4-{ours}")
    assert (typed.digest, typed.by) == (child, By.PLATFORM)
    with pytest.raises(
        Unproved, match="is not what runs"
    ):  # it stands in the same index, for another machine
        await prove(client, by_index, asked, Budget(), f"3.1.4-{theirs}")

    forget(engine, name, "latest")
    engine.client.api.pull(f"{name}@{child}")
    by_child = await reader.image(f"{name}@{child}")
    assert by_child.digests == (f"{name}@{child}",)
    proof = await prove(client, by_child, asked, Budget())
    assert (proof.tag, proof.digest, proof.by) == ("3.1.4", whole, By.PLATFORM)

    found = await client.for_platform(asked, whole, Platform("linux", ours), Budget())
    assert (found.digest, found.config) == (child, by_child.id)
    assert found.size == sum(layer["size"] for layer in content["layers"]) > 100_000
    with pytest.raises(Upstream, match="has no image for linux/s390x"):
        await client.for_platform(asked, whole, Platform("linux", "s390x"), Budget())


async def test_an_index_that_was_made_anew_around_the_same_image(
    engine: Engine, registry: Server, client: Registry, reader: DockerEngine
) -> None:
    """As official images do when one more architecture is built: the index differs, our bytes do not."""
    name, repository = f"{registry.host}/team/anew", "team/anew"
    build(engine, name, "one", "a")
    build(engine, name, "two", "b")
    push(engine, name, "a", "b")
    forget(engine, name, "a", "b")
    ours = (_architecture(engine), "s390x")
    old = put_index(registry, repository, "16.3", ("a", ours[0]))
    engine.client.api.pull(name, tag="16.3")
    running = await reader.image(f"{name}:16.3")
    assert running.digests == (f"{name}@{old}",)
    new = put_index(registry, repository, "16.3", ("a", ours[0]), ("b", ours[1]))
    assert new != old
    for wanted in (None, "16.3"):
        proof = await prove(client, running, parse_reference(f"{name}:16"), Budget(), wanted)
        assert (proof.tag, proof.digest, proof.by) == ("16.3", new, By.PLATFORM)


async def test_the_same_image_pushed_twice_is_known_by_its_configuration(
    engine: Engine, registry: Server, client: Registry, reader: DockerEngine
) -> None:
    name, repository = f"{registry.host}/team/twice", "team/twice"
    build(engine, name, "twice", "2.0.0", label="2.0.0")
    push(engine, name, "2.0.0")
    old, content, _ = get(registry, repository, "2.0.0")
    image = await reader.image(f"{name}:2.0.0")
    assert put(registry, repository, "2.0.0", content) != old  # the same, written otherwise
    call("DELETE", f"{registry.url}/v2/{repository}/manifests/{old}")
    proof = await prove(client, image, parse_reference(f"{name}:latest"), Budget())
    assert (proof.tag, proof.by) == ("2.0.0", By.CONFIG)


async def test_hundreds_of_tags_and_the_one_that_runs_is_not_the_newest(
    engine: Engine, registry: Server, client: Registry, reader: DockerEngine
) -> None:
    name, repository = f"{registry.host}/team/hundreds", "team/hundreds"
    build(engine, name, "base", "base")
    push(engine, name, "base")
    _, content, _ = get(registry, repository, "base")
    for number in range(250):
        put(registry, repository, f"5.{number}.0", {**content, "annotations": {"n": str(number)}})
    call("DELETE", f"{registry.url}/v2/{repository}/manifests/{get(registry, repository, '5.77.0')[0]}")
    engine.client.api.pull(name, tag="5.60.0")
    running = await reader.image(f"{name}:5.60.0")
    asked = Reference(name, "latest")
    tags = await client.tags(asked, Budget())
    assert len(tags) == 250
    budget = Budget()
    proof = await prove(client, running, asked, budget)  # its own other name is a hint
    assert proof.tag == "5.60.0"
    assert budget.spent < 12
    assert await client.digest(asked, "5.77.0", Budget()) is None


def _architecture(engine: Engine) -> str:
    said = str(engine.client.info()["Architecture"])
    return {"x86_64": "amd64", "aarch64": "arm64"}.get(said, said)


# ---- who may ask ----------------------------------------------------------------------------------------


@pytest.fixture
def closed(tmp_path: Path) -> Iterator[Server]:
    """A registry that wants a name and a password."""
    file = tmp_path / "htpasswd"
    file.write_text(HTPASSWD)
    server = Server(tmp_path / "closed", {"htpasswd": {"realm": "test", "path": str(file)}}).start()
    yield server
    server.stop()


async def test_a_name_and_a_password(
    engine: Engine, closed: Server, client: Registry, reader: DockerEngine, tmp_path: Path
) -> None:
    name = f"{closed.host}/team/app"
    build(engine, name, "closed", "4.5.6", "latest")
    push(engine, name, "4.5.6", "latest", password=PASSWORD)
    image, asked = await reader.image(f"{name}:latest"), parse_reference(f"{name}:latest")
    with pytest.raises(Upstream, match=f"wants a login: docker login {closed.host}") as told:
        await prove(client, image, asked, Budget())
    assert told.value.permanent
    log_in(tmp_path, closed.host, "wrong")
    with pytest.raises(Upstream, match=f"docker login {closed.host}") as told:
        await prove(client, image, asked, Budget())
    assert told.value.permanent
    log_in(tmp_path, closed.host)  # a login is believed at once, with no restart
    assert (await prove(client, image, asked, Budget())).tag == "4.5.6"


@pytest.fixture
def tokens(tmp_path: Path) -> Iterator[Tokens]:
    with token_server(tmp_path / "tokens") as made:
        yield made


@pytest.fixture
def guarded(tmp_path: Path, tokens: Tokens) -> Iterator[Server]:
    """A registry that wants tokens of `tokens`."""
    server = Server(tmp_path / "guarded", tokens.auth).start()
    yield server
    server.stop()


async def test_a_token_for_a_name_and_a_password(
    engine: Engine, guarded: Server, tokens: Tokens, client: Registry, reader: DockerEngine, tmp_path: Path
) -> None:
    name = f"{guarded.host}/team/app"
    build(engine, name, "guarded", "7.0.1", "latest")
    push(engine, name, "7.0.1", "latest", password=PASSWORD)
    image, asked = await reader.image(f"{name}:latest"), parse_reference(f"{name}:latest")
    with pytest.raises(Upstream, match=f"gives no token without a login: docker login {guarded.host}"):
        await prove(client, image, asked, Budget())
    log_in(tmp_path, guarded.host, "wrong")
    with pytest.raises(Upstream, match=f"refuses my login: docker login {guarded.host}"):
        await prove(client, image, asked, Budget())
    log_in(tmp_path, guarded.host)
    tokens.given.clear()
    assert (await prove(client, image, asked, Budget())).tag == "7.0.1"
    assert tokens.given == [("GET", "repository:team/app:pull", True)]


async def test_a_token_for_an_identity_token(
    engine: Engine, guarded: Server, tokens: Tokens, client: Registry, reader: DockerEngine, tmp_path: Path
) -> None:
    name = f"{guarded.host}/team/app"
    build(engine, name, "identity", "7.0.2")
    push(engine, name, "7.0.2", password=PASSWORD)
    log_in(tmp_path, guarded.host, "", identitytoken=tokens.identity)
    tokens.given.clear()
    assert await client.tags(parse_reference(f"{name}:latest"), Budget()) == ("7.0.2",)
    assert tokens.given == [("POST", "repository:team/app:pull", True)]


async def test_a_token_for_nobody_where_all_may_read(
    engine: Engine, guarded: Server, tokens: Tokens, client: Registry, tmp_path: Path
) -> None:
    name = f"{guarded.host}/public/app"
    build(engine, name, "public", "7.0.3")
    push(engine, name, "7.0.3", password=PASSWORD)
    assert await client.tags(parse_reference(f"{name}:latest"), Budget()) == ("7.0.3",)


async def test_a_repository_that_is_not_there(registry: Server, client: Registry) -> None:
    asked = parse_reference(f"{registry.host}/team/nothing:latest")
    with pytest.raises(Upstream, match=r"knows no .*/team/nothing") as told:
        await client.tags(asked, Budget())
    assert told.value.permanent


async def test_a_registry_that_goes_away_is_not_refused(tmp_path: Path, client: Registry) -> None:
    server = Server(tmp_path / "gone").start()
    server.stop()
    with pytest.raises(Upstream, match="does not answer") as told:
        await client.tags(parse_reference(f"{server.host}/app"), Budget())
    assert not told.value.permanent
