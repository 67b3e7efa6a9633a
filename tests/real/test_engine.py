"""What a room is told about a real Docker Engine, with each kind of illness in it, and when it dies."""

import contextlib
import socket
import threading
import time
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime
from pathlib import Path

import docker
import pytest

from bot.core.errors import Upstream
from bot.testing import FakeClock
from estate.compose.tree import ComposeTree
from estate.docker import DockerEngine
from estate.model import Health, State
from tests.real.components.engine import Engine
from tests.talk import Talk

SECRET = "tiger-in-the-environment"


@pytest.fixture
async def room(engine: Engine, broken_estate: Path) -> AsyncIterator[Talk]:
    """A room that sees the project `shop` in the real Engine and its compose file."""
    reader = DockerEngine(engine.host, timeout=10)
    compose = ComposeTree(broken_estate.parent)
    yield Talk(clock=FakeClock(datetime.now(UTC))).with_services(engines=(reader,), compose=compose)
    await reader.close()


async def test_the_list_is_one_call_and_tells_state_and_health(engine: Engine, broken_estate: Path) -> None:
    reader = DockerEngine(engine.host)
    found = {one.service: one for one in await reader.containers() if one.project == "shop"}
    assert found.keys() == {"web", "api", "migrate", "worker", "report"}
    assert (found["web"].state, found["web"].health) == (State.RUNNING, Health.HEALTHY)
    assert (found["api"].state, found["api"].health) == (State.RUNNING, Health.UNHEALTHY)
    assert found["migrate"].state is State.EXITED
    assert (await reader.ready()).ok
    await reader.close()


async def test_unhealthy_names_the_missing_probe_the_exit_code_and_the_streak(room: Talk) -> None:
    said = await room.ask("ann", "!unhealthy")
    cases = _cases(said)
    assert {"shop/api", "shop/migrate", "shop/worker", "shop/report"} <= cases.keys()
    assert "shop/web" not in cases
    api = cases["shop/api"]
    assert "unhealthy for" in api
    assert "the probe curl is not in the image" in api
    assert "exit code" in api
    assert "failed in a row" in api
    assert "not out of memory" in api
    assert "exit code 3" in cases["shop/migrate"]
    assert "cannot read /etc/app.conf" in cases["shop/migrate"]
    assert "restarting" in cases["shop/worker"]
    assert "connection refused" in cases["shop/worker"]
    assert "restarted" in cases["shop/worker"]
    assert "exit code 137: killed (SIGKILL), for lack of memory" in cases["shop/report"]
    assert "out of memory (limit 16 MiB)" in cases["shop/report"]


async def test_status_sums_up(room: Talk) -> None:
    said = await room.ask("ann", "!status")
    assert ", 1 unhealthy" in said.splitlines()[0]
    assert "shop/api" in said
    assert "exited (3)" in said
    assert (await room.ask("ann", "!status web")).startswith("🟢 shop/web: running, healthy")


async def test_images_are_listed_with_what_uses_them(room: Talk) -> None:
    said = await room.ask("ann", "!images")
    assert "tocsin-test/unhealthy:1" in said
    assert "none: local only" in said


@pytest.fixture
def talker(engine: Engine) -> Iterator[str]:
    """A container that says its password, on both streams, plain and encoded. Its name."""
    script = (
        'echo "on stdout $PW"; echo "on stderr $PW" >&2; echo "base64 $(printf %s "$PW" | base64)"; sleep 60'
    )
    made = engine.client.containers.create(
        "tocsin-test/plain:1",
        ["sh", "-c", script],
        name="talker",
        environment={"PW": SECRET},
        network_mode="none",
    )
    made.start()
    yield "talker"
    with contextlib.suppress(docker.errors.NotFound):
        made.remove(force=True)


@pytest.fixture
def terminal(engine: Engine) -> Iterator[str]:
    """The same with a terminal, whose log has no frames."""
    made = engine.client.containers.create(
        "tocsin-test/plain:1",
        ["sh", "-c", "echo one; echo two; sleep 60"],
        name="tty",
        tty=True,
        network_mode="none",
    )
    made.start()
    yield "tty"
    made.remove(force=True)


async def test_logs_of_both_streams_without_the_secret(room: Talk, talker: str) -> None:
    said = await _until(room, f"!logs {talker}", "base64")
    assert "on stdout ‹redacted›" in said
    assert "on stderr ‹redacted›" in said
    assert "base64 ‹redacted›" in said
    assert "tiger" not in said


async def test_logs_of_a_terminal(room: Talk, terminal: str) -> None:
    said = await _until(room, f"!logs {terminal}", "two")
    assert said.splitlines() == ["tty: the last 2 lines", "  one", "  two"]
    assert (await room.ask("ann", f"!logs {terminal} --tail 1")).splitlines()[1:] == ["  two"]


async def test_a_container_that_is_gone_is_said_so(engine: Engine, talker: str) -> None:
    reader = DockerEngine(engine.host)
    container = next(one for one in await reader.containers() if one.name == talker)
    engine.client.containers.get(talker).remove(force=True)
    with pytest.raises(Upstream, match="No such container") as caught:
        await reader.detail(container)
    assert caught.value.permanent
    await reader.close()


async def test_it_works_over_tcp_as_through_a_socket_proxy(engine: Engine, broken_estate: Path) -> None:
    with _Relay(engine.socket) as relay:
        reader = DockerEngine(f"tcp://127.0.0.1:{relay.port}")
        assert any(one.service == "web" for one in await reader.containers())
        await reader.close()


async def test_a_killed_engine_is_said_within_its_time_out_and_its_return_is_noticed(
    own_engine: Engine,
) -> None:
    reader = DockerEngine(own_engine.host, timeout=4)
    talk = Talk(clock=FakeClock(datetime.now(UTC))).with_services(engines=(reader,))
    assert "nothing runs" in await talk.ask("ann", "!status")
    own_engine.kill()
    began = time.monotonic()
    said = await talk.ask("ann", "!unhealthy")
    assert time.monotonic() - began < 9
    assert said.startswith(f"I could not: no Docker Engine at {own_engine.host}: ")
    assert "DOCKER_HOST" in said
    own_engine.start()
    assert "there is no container" in await talk.ask("ann", "!unhealthy")
    await reader.close()


def _cases(said: str) -> dict[str, str]:
    """Each container's name → its lines."""
    cases: dict[str, str] = {}
    name = ""
    for row in said.splitlines()[1:]:
        if not row.startswith("- "):
            name = row.partition(":")[0]
        cases[name] = cases.get(name, "") + row + "\n"
    return cases


async def _until(room: Talk, asked: str, word: str) -> str:
    deadline = time.monotonic() + 20
    while word not in (said := await room.ask("ann", asked)):
        assert time.monotonic() < deadline, said
    return said


class _Relay:
    """A TCP port on loopback in front of a Unix socket."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._server = socket.create_server(("127.0.0.1", 0))
        self.port = self._server.getsockname()[1]

    def __enter__(self) -> "_Relay":
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *exc: object) -> None:
        self._server.close()

    def _accept(self) -> None:
        while True:
            try:
                near, _ = self._server.accept()
            except OSError:
                return
            far = socket.socket(socket.AF_UNIX)
            far.connect(str(self._path))
            for one, other in ((near, far), (far, near)):
                threading.Thread(target=_pump, args=(one, other), daemon=True).start()


def _pump(one: socket.socket, other: socket.socket) -> None:
    try:
        while data := one.recv(65536):
            other.sendall(data)
        other.shutdown(socket.SHUT_WR)
    except OSError:
        return
