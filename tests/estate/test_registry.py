"""The registry's client against one that misbehaves."""

import base64
import gzip
import json
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path

import pytest

from bot.core.errors import Upstream
from estate.budget import Budget
from estate.credentials import Credentials
from estate.model import Image
from estate.proof import By, Unproved, hints, prove
from estate.reference import Reference, parse_reference
from estate.registry import Manifest, OutOfBudget, Platform, Registry
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


@pytest.mark.parametrize("name", ["App", "app/../x", "app?x=1", "app#x", "a b", "/app", "app/", "é"])
async def test_no_name_of_a_file_shapes_an_address(server: StandIn, registry: Registry, name: str) -> None:
    with pytest.raises(Upstream, match="is no name of a repository") as told:
        await registry.tags(Reference(f"{server.host}/{name}"), Budget())
    assert told.value.permanent
    assert server.asked == []


@pytest.mark.parametrize("host", ["[::1", "h:port", "me:pw@h.example", "h.example:1:2", "h_.x:1#"])
async def test_no_host_of_a_file_shapes_an_address(registry: Registry, host: str) -> None:
    with pytest.raises(Upstream, match="is no name of a repository"):
        await registry.tags(Reference(f"{host}/app"), Budget())


@pytest.mark.parametrize("tag", ["../../../secret", "1.0?x=1", "1.0#x", "..", "sha256:" + "1" * 64, ""])
async def test_what_is_no_tag_is_not_asked_for(server: StandIn, registry: Registry, tag: str) -> None:
    assert await registry.digest(app(server), tag, Budget()) is None
    assert server.asked == []


async def test_where_a_redirect_leads_nobody_says_what_to_show(
    server: StandIn, registry: Registry, tmp_path: Path
) -> None:
    auth = base64.b64encode(b"ann:hunter2").decode()
    (tmp_path / "config.json").write_text(json.dumps({"auths": {server.host: {"auth": auth}}}))
    with stand_in() as other:
        realm = f'Bearer realm="http://{other.host}/steal",service="x"'
        server.answer = lambda asked: (307, {"Location": f"http://{other.host}{asked.path}"}, b"")
        for challenge in (realm, 'Basic realm="x"'):
            other.answer = lambda asked, said=challenge: (401, {"WWW-Authenticate": said}, b"{}")
            with pytest.raises(Upstream, match="does not let me read"):
                await registry.tags(app(server), Budget())
        assert all("steal" not in one.path and "Authorization" not in one.headers for one in other.asked)


async def test_a_proxy_of_the_environment_sees_nothing_of_loopback(
    server: StandIn, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with stand_in() as proxy:
        for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
            monkeypatch.setenv(name, f"http://{proxy.host}")
        for name in ("NO_PROXY", "no_proxy"):
            monkeypatch.delenv(name, raising=False)
        registry = Registry(Credentials({"DOCKER_CONFIG": str(tmp_path)}))
        server.put("1.0", single(1))
        assert await registry.tags(app(server), Budget()) == ("1.0",)
        await registry.close()
        assert proxy.asked == []


async def test_an_answer_that_drips_is_cut(
    server: StandIn, registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("estate.registry.SECONDS", 0.2)

    def slow(asked: Asked) -> tuple[int, dict[str, str], bytes]:
        time.sleep(1)
        return 200, {}, b"{}"

    server.answer = slow
    with pytest.raises(Upstream, match=r"gave no answer within 0\.2 s") as told:
        await registry.tags(app(server), Budget())
    assert not told.value.permanent


async def test_a_packed_answer_is_not_unpacked(server: StandIn, registry: Registry) -> None:
    bomb = gzip.compress(b" " * (64 * 1024 * 1024))
    server.answer = lambda asked: (200, {"Content-Encoding": "gzip"}, bomb)
    with pytest.raises(Upstream, match="packed its answer"):
        await registry.tags(app(server), Budget())
    assert server.asked[0].headers["Accept-Encoding"] == "identity"


@pytest.mark.parametrize("token", ["", "é", "a b", "a\nX-Evil: 1", 7, None, ["a"]])
async def test_a_token_that_cannot_be_shown(server: StandIn, registry: Registry, token: object) -> None:
    def answer(asked: Asked) -> tuple[int, dict[str, str], bytes] | None:
        if asked.path.startswith("/token"):
            return 200, {}, json.dumps({"token": token}).encode()
        realm = f'Bearer realm="http://{server.host}/token"'
        return 401, {"WWW-Authenticate": realm}, b"{}"

    server.answer = answer
    with pytest.raises(Upstream, match="gave no token, or one that cannot be shown") as told:
        await registry.tags(app(server), Budget())
    assert "Evil" not in str(told.value)
    assert [one.method for one in server.asked] == ["GET", "GET"]


@pytest.mark.parametrize(
    ("status", "headers", "words", "wait"),
    [
        (429, {"Retry-After": "90"}, "takes no more questions", 90),
        (503, {}, "gives no token now: it answered 503", None),
        (403, {}, "gives no token without a login", None),
    ],
)
async def test_what_gives_tokens_may_be_busy(
    server: StandIn, registry: Registry, status: int, headers: dict[str, str], words: str, wait: int | None
) -> None:
    def answer(asked: Asked) -> tuple[int, dict[str, str], bytes]:
        if asked.path.startswith("/token"):
            return status, headers, b"{}"
        return 401, {"WWW-Authenticate": f'Bearer realm="http://{server.host}/token"'}, b"{}"

    server.answer = answer
    with pytest.raises(Upstream, match=words) as told:
        await registry.tags(app(server), Budget())
    assert told.value.permanent is (status == 403)
    assert wait is None or wait - 5 < (told.value.retry_after or 0) <= wait


async def test_a_token_is_asked_for_anew_when_it_is_not_taken_any_more(
    server: StandIn, registry: Registry
) -> None:
    server.token = "first"
    server.put("1.0", single(1))
    await registry.tags(app(server), Budget())
    server.token = "second"
    assert await registry.digest(app(server), "1.0", Budget()) is not None
    assert [one.path.partition("?")[0] for one in server.asked].count("/token") == 2


async def test_a_date_may_say_when_to_come_again(server: StandIn, registry: Registry) -> None:
    later = format_datetime(datetime.now(UTC) + timedelta(seconds=200), usegmt=True)
    server.answer = lambda asked: (429, {"Retry-After": later}, b"{}")
    with pytest.raises(Upstream) as told:
        await registry.tags(app(server), Budget())
    assert 150 < (told.value.retry_after or 0) <= 200


async def test_a_long_list_goes_on_where_the_budget_ended(server: StandIn, registry: Registry) -> None:
    def answer(asked: Asked) -> tuple[int, dict[str, str], bytes]:
        page = int(asked.path.partition("page=")[2] or 0)
        link = {"Link": f'</v2/app/tags/list?page={page + 1}>; rel="next"'} if page < 9 else {}
        return 200, link, json.dumps({"tags": [f"1.{page}.0"]}).encode()

    server.answer = answer
    for _ in range(2):
        with pytest.raises(OutOfBudget):
            await registry.tags(app(server), Budget(4))
    assert len(await registry.tags(app(server), Budget(4))) == 10
    assert len(server.asked) == 10


async def test_a_list_that_leads_to_itself_ends(server: StandIn, registry: Registry) -> None:
    link = '</v2/app/tags/list?n=1000>; rel="next"'
    server.answer = lambda asked: (200, {"Link": link}, b'{"tags": ["1.0", 7, null, "../x"]}')
    assert await registry.tags(app(server), Budget()) == ("1.0",)
    assert len(server.asked) == 1


@pytest.mark.parametrize(
    "content",
    [
        {"manifests": [{"digest": "sha256:" + "1" * 64, "platform": "linux"}, 7, {"digest": 3}]},
        {"manifests": []},
        {"config": "x", "layers": "y"},
        {"config": {"digest": 7}, "layers": [{"size": -5}, {"size": "9"}, 3, {}]},
        {},
    ],
)
async def test_a_manifest_of_any_shape_is_read(
    server: StandIn, registry: Registry, content: dict[str, object]
) -> None:
    digest = server.put("1.0", content)
    found = await registry.manifest(app(server), "1.0", Budget())
    assert (found.digest, found.size, found.is_index) == (digest, 0, "manifests" in content)
    with pytest.raises(Unproved):
        await prove(registry, image(server, "sha256:" + "9" * 64), app(server), Budget())


def test_a_child_is_of_this_platform_or_none() -> None:
    arm = Manifest(
        "d",
        {
            "6": Platform("linux", "arm", "v6"),
            "7": Platform("linux", "arm", "v7"),
            "8": Platform("linux", "arm64", "v8"),
            "x": Platform("linux", "amd64"),
            "x3": Platform("linux", "amd64", "v3"),
            "?": Platform("unknown", "unknown"),
        },
    )
    assert arm.fitting(Platform("linux", "arm", "v7")) == ("7",)
    assert arm.fitting(Platform("linux", "arm")) == ()  # v6 or v7? Unknown is no proof.
    assert arm.fitting(Platform("linux", "arm64")) == ("8",)
    assert arm.fitting(Platform("linux", "amd64")) == ("x",)
    assert arm.fitting(Platform("linux", "s390x")) == ()


@pytest.mark.parametrize("key", ["h.example", "https://h.example", "https://h.example/v1/", "h.example/"])
async def test_a_login_is_found_as_old_and_new_clients_write_it(
    registry: Registry, tmp_path: Path, key: str
) -> None:
    auth = base64.b64encode(b"ann:hunter2").decode()
    (tmp_path / "config.json").write_text(json.dumps({"auths": {key: {"auth": auth}}}))
    assert await registry.login("h.example") is not None
    for other in ("example", "x.h.example", "h.example.evil.example", "h.example:5000"):
        assert await registry.login(other) is None


@pytest.mark.parametrize("key", ["https://index.docker.io/v1/", "docker.io", "registry-1.docker.io"])
async def test_a_login_for_docker_hub(registry: Registry, tmp_path: Path, key: str) -> None:
    auth = base64.b64encode(b"ann:hunter2").decode()
    (tmp_path / "config.json").write_text(json.dumps({"auths": {key: {"auth": auth}}}))
    for name in ("postgres", "index.docker.io/library/postgres", "registry-1.docker.io/x/y"):
        assert await registry.login(parse_reference(name).host) is not None


async def test_a_helper_that_hangs_is_ended(
    registry: Registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("estate.credentials.HELPER_SECONDS", 0.3)
    helper = tmp_path / "docker-credential-slow"
    helper.write_text("#!/bin/sh\nexec sleep 60\n")
    helper.chmod(0o755)
    (tmp_path / "config.json").write_text(json.dumps({"credsStore": "slow"}))
    began = time.monotonic()
    assert await registry.login("h.example") is None
    assert time.monotonic() - began < 10


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


async def test_a_typed_digest_is_no_version(server: StandIn, registry: Registry) -> None:
    digest = server.put("1.0.0", single(1))
    with pytest.raises(Unproved, match="is no name of a version"):
        await prove(registry, image(server, digest), app(server), Budget(), digest)
    assert server.asked == []


async def test_a_hint_that_says_less_is_not_the_end(server: StandIn, registry: Registry) -> None:
    """The Engine also calls it `11`; the exact version stands behind many newer ones."""
    for number in range(60):
        server.put(f"12.{number}.0", single(100 + number))
    digest = server.put("11.2.0", single(1))
    server.manifests["11"] = server.manifests["11.2"] = server.manifests[digest]
    running = replace(image(server, digest), tags=(f"{server.host}/app:11",))
    budget = Budget()
    assert (await prove(registry, running, app(server), budget)).tag == "11.2.0"
    assert budget.spent < 12


async def test_what_may_move_is_not_called_proved_while_more_could_be_seen(
    server: StandIn, registry: Registry
) -> None:
    for number in range(20):
        server.put(f"11.9.{number}", single(100 + number))
    digest = server.put("11.2.0", single(1))
    server.manifests["11"] = server.manifests[digest]
    running = replace(image(server, digest), tags=(f"{server.host}/app:11",))
    with pytest.raises(Unproved, match=r"what runs is .*/app:11, and one of \d+ tags .* ask again to go on"):
        await prove(registry, running, app(server), Budget(8))
    assert (await prove(registry, running, app(server), Budget(25))).tag == "11.2.0"


async def test_an_image_of_a_mirror_is_the_same_bytes(server: StandIn, registry: Registry) -> None:
    digest = server.put("1.0.0", single(1))
    mirrored = replace(image(server), digests=(f"mirror.example/app@{digest}", "<none>@<none>"))
    assert (await prove(registry, mirrored, app(server), Budget())).by is By.DIGEST
    with pytest.raises(Unproved) as told:
        await prove(registry, mirrored, app(server), Budget(), "2.0.0")
    assert told.value.opaque is None  # of this repository the Engine has none


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
