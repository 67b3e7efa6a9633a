"""The registry's client against one that misbehaves."""

import base64
import json
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from bot.core.errors import Upstream
from estate.budget import Budget
from estate.credentials import Credentials
from estate.model import Image
from estate.proof import By, Unproved, hints, prove
from estate.reference import Reference, parse_reference
from estate.registry import OutOfBudget, Registry
from tests.real.components.standin_registry import Asked, StandIn, stand_in


@pytest.fixture
def server() -> Iterator[StandIn]:
    with stand_in() as made:
        yield made


@pytest.fixture
async def registry(tmp_path: Path) -> AsyncIterator[Registry]:
    made = Registry(Credentials({"DOCKER_CONFIG": str(tmp_path), "PATH": f"{tmp_path}:/usr/bin:/bin"}))
    yield made
    await made.close()


def app(server: StandIn, tag: str = "latest") -> Reference:
    return parse_reference(f"{server.host}/app:{tag}")


def image(server: StandIn, *digests: str, id: str = "sha256:" + "1" * 64, **more: object) -> Image:
    names = tuple(f"{server.host}/app@{one}" for one in digests)
    return Image(id, "local", (), names, 0, None, "linux", "amd64", **more)  # type: ignore[arg-type]


def single(number: int) -> dict[str, object]:
    return {"config": {"digest": f"sha256:{number:064x}"}, "layers": [{"size": 10}, {"size": number}]}


def index(*children: tuple[str, str]) -> dict[str, object]:
    return {
        "manifests": [
            {"digest": one, "platform": {"os": "linux", "architecture": architecture}}
            for one, architecture in children
        ]
    }


# ---- the wire -------------------------------------------------------------------------------------------


async def test_a_token_is_fetched_once_and_shown(server: StandIn, registry: Registry) -> None:
    server.token = "s3cret-token"
    digest = server.put("1.0", single(1))
    assert await registry.digest(app(server), "1.0", Budget()) == digest
    assert await registry.tags(app(server), Budget()) == ("1.0",)
    assert [path.partition("?")[0] for path in server.paths()].count("/token") == 1


async def test_a_digest_is_asked_with_head_and_remembered(server: StandIn, registry: Registry) -> None:
    digest, budget = server.put("1.0", single(1)), Budget()
    for _ in range(3):
        assert await registry.digest(app(server), "1.0", budget) == digest
    assert (server.paths("HEAD"), server.paths("GET"), budget.spent) == (["/v2/app/manifests/1.0"], [], 1)
    accept = server.asked[0].headers["Accept"]
    assert all(kind in accept for kind in ("index.v1", "manifest.list.v2", "manifest.v1", "manifest.v2"))


async def test_without_the_header_the_bytes_are_hashed(server: StandIn, registry: Registry) -> None:
    server.hide_digest = True
    assert await registry.digest(app(server), "1.0", Budget()) is None
    digest = server.put("1.0", single(1))
    assert await registry.digest(app(server), "1.0", Budget()) == digest


async def test_a_digest_that_its_bytes_do_not_have_is_a_lie(server: StandIn, registry: Registry) -> None:
    server.put("1.0", single(1))
    server.lie = "sha256:" + "e" * 64
    with pytest.raises(Upstream, match="its bytes do not have"):
        await registry.manifest(app(server), "1.0", Budget())


async def test_more_pages_are_followed_on_the_same_host_only(server: StandIn, registry: Registry) -> None:
    pages = {
        "/v2/app/tags/list?n=1000": (["1.0"], '</v2/app/tags/list?last=1.0>; rel="next"'),
        "/v2/app/tags/list?last=1.0": (["0.9", "1.0"], '<http://127.0.0.2:1/v2/app/tags/list?x>; rel="next"'),
    }

    def answer(asked: Asked) -> tuple[int, dict[str, str], bytes] | None:
        tags, link = pages[asked.path]
        return 200, {"Link": link}, json.dumps({"tags": tags}).encode()

    server.answer = answer
    assert await registry.tags(app(server), Budget()) == ("1.0", "0.9")


async def test_a_limit_is_honoured(server: StandIn, registry: Registry) -> None:
    server.put("1.0", single(1))
    server.extra = {"ratelimit-limit": "100;w=21600", "ratelimit-remaining": "0;w=21600"}
    await registry.digest(app(server), "1.0", Budget())
    with pytest.raises(Upstream, match=r"takes no more questions for now \(limit 100;w=21600\)") as told:
        await registry.tags(app(server), Budget())
    assert told.value.retry_after is not None
    assert len(server.asked) == 1


async def test_429_says_when(server: StandIn, registry: Registry) -> None:
    server.answer = lambda asked: (429, {"Retry-After": "120"}, b"{}")
    with pytest.raises(Upstream, match="asked again in 1") as told:
        await registry.tags(app(server), Budget())
    assert 100 < (told.value.retry_after or 0) <= 120


async def test_a_budget_ends(server: StandIn, registry: Registry) -> None:
    with pytest.raises(OutOfBudget):
        await registry.tags(app(server), Budget(0))
    assert server.asked == []


async def test_an_endless_answer_is_cut(server: StandIn, registry: Registry) -> None:
    server.answer = lambda asked: (200, {}, b" " * (5 * 1024 * 1024))
    with pytest.raises(Upstream, match="more than 4 MiB"):
        await registry.tags(app(server), Budget())


@pytest.mark.parametrize("body", [b"<html>", b"[]", b"7", b"[" * 100_000])
async def test_what_is_no_registry_is_told(server: StandIn, registry: Registry, body: bytes) -> None:
    server.answer = lambda asked: (200, {}, body)
    with pytest.raises(Upstream, match="what is no JSON: is that a registry"):
        await registry.tags(app(server), Budget())


async def test_nobody_listens(registry: Registry) -> None:
    with pytest.raises(Upstream, match=r"the registry 127\.0\.0\.1:9 does not answer: .*(refused|failed)"):
        await registry.tags(parse_reference("127.0.0.1:9/app"), Budget())


async def test_a_login_stays_with_its_registry(server: StandIn, registry: Registry, tmp_path: Path) -> None:
    auth = base64.b64encode(b"ann:hunter2").decode()
    (tmp_path / "config.json").write_text(json.dumps({"auths": {server.host: {"auth": auth}}}))
    with stand_in() as other:

        def answer(asked: Asked) -> tuple[int, dict[str, str], bytes] | None:
            if asked.headers.get("Authorization") != f"Basic {auth}":
                return 401, {"WWW-Authenticate": 'Basic realm="x"'}, b"{}"
            return 307, {"Location": f"http://{other.host}/elsewhere"}, b""

        server.answer = answer
        other.answer = lambda asked: (200, {}, b'{"tags": ["1"]}')
        assert await registry.tags(app(server), Budget()) == ("1",)
        assert all("Authorization" not in one.headers for one in other.asked)
        with pytest.raises(Upstream, match=f"wants a login: docker login {other.host}"):
            other.answer = lambda asked: (401, {"WWW-Authenticate": "Basic"}, b"{}")
            await registry.tags(parse_reference(f"{other.host}/app"), Budget())


async def test_a_helper_is_asked_for_a_login(server: StandIn, registry: Registry, tmp_path: Path) -> None:
    helper = tmp_path / "docker-credential-fake"
    said = json.dumps({"Username": "a", "Secret": "b"})
    helper.write_text(f"#!/bin/sh\nread key\ntest \"$key\" = {server.host} && echo '{said}'\n")
    helper.chmod(0o755)
    (tmp_path / "config.json").write_text(json.dumps({"credHelpers": {server.host: "fake"}}))
    login = await registry.login(server.host)
    assert login is not None
    assert (login.user, login.password, login.for_engine) == ("a", "b", {"username": "a", "password": "b"})
    assert "b" not in repr(login).replace("Login(user='a'", "")
    assert await registry.login("elsewhere.example") is None


@pytest.mark.parametrize(
    "text", ["", "[]", "{", '{"auths": 3}', '{"auths": {"h": {"auth": "%%%"}}}', "[" * 9999]
)
async def test_a_broken_client_configuration_is_no_login(
    registry: Registry, tmp_path: Path, text: str
) -> None:
    (tmp_path / "config.json").write_text(text)
    assert await registry.login("h") is None


# ---- the proof ------------------------------------------------------------------------------------------


async def test_labels_lie_and_are_not_believed(server: StandIn, registry: Registry) -> None:
    digest = server.put("11.2.0", single(1))
    server.manifests["latest"] = server.manifests[digest]
    server.put("26.04", single(2))
    found = await prove(
        registry,
        image(server, digest, labels={"org.opencontainers.image.version": "26.04"}),
        app(server),
        Budget(),
    )
    assert (found.tag, found.digest, found.by) == ("11.2.0", digest, By.DIGEST)
    assert str(found.reference) == f"{server.host}/app:11.2.0"


async def test_a_hint_is_tried_first(server: StandIn, registry: Registry) -> None:
    for number in range(40):
        server.put(f"9.{number}.0", single(100 + number))
    digest = server.put("1.0.3", single(1))
    budget = Budget()
    hinted = image(server, digest, labels={"org.opencontainers.image.version": "v1.0.3"})
    assert (await prove(registry, hinted, app(server), budget)).tag == "1.0.3"
    assert budget.spent <= 8
    with pytest.raises(
        Unproved, match=r"none of the \d+ likeliest of 41 versions .* ask again to go on"
    ) as told:
        await prove(registry, image(server, digest), app(server), Budget(10))
    assert told.value.opaque == f"{server.host}/app:latest@{digest}"


async def test_a_search_goes_on_where_it_stopped(server: StandIn, registry: Registry) -> None:
    for number in range(20):
        server.put(f"9.{number}.0", single(100 + number))
    digest = server.put("1.0.3", single(1))
    with pytest.raises(Unproved, match="ask again"):
        await prove(registry, image(server, digest), app(server), Budget(12))
    assert (await prove(registry, image(server, digest), app(server), Budget(12))).tag == "1.0.3"


async def test_this_platforms_image_stands_inside_of_an_index(server: StandIn, registry: Registry) -> None:
    ours, theirs = server.put("ours", single(1)), server.put("theirs", single(2))
    whole = server.put("2.0.1", index((theirs, "arm64"), (ours, "amd64")))
    for digests in ((whole,), (ours,)):
        found = await prove(registry, image(server, *digests), app(server), Budget())
        assert (found.tag, found.digest) == ("2.0.1", whole)
    with pytest.raises(Unproved):
        await prove(registry, image(server, theirs), app(server), Budget())


async def test_the_same_configuration_is_the_same_image(server: StandIn, registry: Registry) -> None:
    server.put("3.1.4", single(7))
    old = server.put("gone", {**single(7), "note": "pushed before"})
    labels = {"org.opencontainers.image.version": "3.1.4"}
    again = image(server, old, id=f"sha256:{7:064x}", labels=labels)
    found = await prove(registry, again, app(server), Budget())
    assert (found.tag, found.by) == ("3.1.4", By.CONFIG)


async def test_what_somebody_typed_is_proved_too(server: StandIn, registry: Registry) -> None:
    digest = server.put("1.0.0", single(1))
    server.put("2.0.0", single(2))
    running = image(server, digest)
    assert (await prove(registry, running, app(server), Budget(), "1.0.0")).tag == "1.0.0"
    with pytest.raises(Unproved, match="is not what runs"):
        await prove(registry, running, app(server), Budget(), "2.0.0")
    with pytest.raises(Unproved, match=r"has no .*/app:9\.9"):
        await prove(registry, running, app(server), Budget(), "9.9")


async def test_what_came_from_no_registry_cannot_be_proved(server: StandIn, registry: Registry) -> None:
    with pytest.raises(Unproved, match="never pulled") as told:
        await prove(registry, image(server), app(server), Budget())
    assert told.value.opaque is None
    assert server.asked == []


async def test_two_that_are_equally_exact_are_both_shown(server: StandIn, registry: Registry) -> None:
    digest = server.put("1.0.0", single(1))
    server.manifests["1.0.1"] = server.manifests["1.0.0"]
    with pytest.raises(Unproved, match=r"\(1\.0\.1, 1\.0\.0\): say which one"):
        await prove(registry, image(server, digest), app(server), Budget())


def test_hints_are_what_looks_like_a_version() -> None:
    made = Image(
        "sha256:1",
        "local",
        ("grafana/grafana:11.2.0", "other/x:1.0.0"),
        (),
        0,
        None,
        labels={"org.opencontainers.image.version": "Ubuntu 26.04"},
        environment={"PG_VERSION": "15.6-1.pgdg120+2", "VERSION_FILE": "9.9.9", "GOLANG_VERSION": "1.22.1"},
    )
    assert hints(made, parse_reference("docker.io/grafana/grafana:latest")) == (
        "11.2.0",
        "26.04",
        "15.6-1.pgdg120",
        "1.22.1",
    )


def test_a_login_is_never_shown() -> None:
    from estate.credentials import Login

    assert "hunter2" not in repr(Login("ann", "hunter2", "hunter2"))
