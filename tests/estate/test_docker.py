"""What the Engine answers, as nouns; what is missing, in words; and never for longer than it may take."""

import asyncio
import contextlib
import struct
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.core.errors import Upstream
from estate.docker import DockerEngine, demultiplex, read_container, read_detail, read_image, read_time
from estate.model import Health, State

ROW = {
    "Id": "a" * 64,
    "Names": ["/proxy/web", "/web"],
    "Image": "nginx:1",
    "ImageID": "sha256:b",
    "State": "running",
    "Status": "Up 3 hours (unhealthy)",
    "Created": 1_700_000_000,
    "Labels": {"com.docker.compose.project": "shop", "com.docker.compose.service": "web"},
}


def test_a_row_of_the_list() -> None:
    container = read_container(ROW, "local")
    assert (container.name, container.project, container.service) == ("web", "shop", "web")
    assert (container.state, container.health) == (State.RUNNING, Health.UNHEALTHY)
    assert container.created == datetime(2023, 11, 14, 22, 13, 20, tzinfo=UTC)


@pytest.mark.parametrize(
    ("status", "health"),
    [
        ("Up 3 hours (healthy)", Health.HEALTHY),
        ("Up 2 seconds (health: starting)", Health.STARTING),
        ("Up 3 hours", Health.NONE),
        ("Up 3 hours (Paused)", Health.NONE),
        ("Exited (1) 2 days ago", Health.NONE),
    ],
)
def test_health_stands_in_the_engines_words(status: str, health: Health) -> None:
    assert read_container({**ROW, "Status": status}, "local").health is health


def test_a_row_with_nothing_in_it_still_reads() -> None:
    container = read_container({"Id": "c" * 64, "Names": None, "Labels": None}, "local")
    assert container.name == "c" * 12


def test_a_detail() -> None:
    row = {
        "State": {
            "Status": "running",
            "Running": True,
            "ExitCode": 0,
            "StartedAt": "2026-11-23T22:13:26.2303053Z",
            "FinishedAt": "0001-01-01T00:00:00Z",
            "Health": {
                "Status": "unhealthy",
                "FailingStreak": 7,
                "Log": [
                    {"End": "2026-11-23T22:13:30.74252569Z", "ExitCode": 127, "Output": "sh: curl: not found"}
                ],
            },
        },
        "Config": {
            "Env": ["A=1", "B=x=y"],
            "Healthcheck": {"Test": ["CMD", "curl"], "Interval": 1_000_000_000, "Timeout": 2_000_000_000},
        },
        "HostConfig": {"RestartPolicy": {"Name": "always"}, "Memory": 16 * 1024**2},
        "RestartCount": 2,
    }
    detail = read_detail(row, read_container(ROW, "local"))
    assert (detail.exit_code, detail.failing_streak, detail.restarts) == (None, 7, 2)
    assert detail.started == datetime(2026, 11, 23, 22, 13, 26, 230305, tzinfo=UTC)
    assert detail.finished is None
    assert detail.probes[0].exit_code == 127
    assert detail.environment == {"A": "1", "B": "x=y"}
    assert (detail.restart_policy, detail.memory_limit) == ("always", 16 * 1024**2)
    assert detail.patience == timedelta(seconds=9)


def test_a_detail_of_an_empty_answer() -> None:
    detail = read_detail({"State": {"Status": "exited", "ExitCode": 3}}, read_container(ROW, "local"))
    assert (detail.exit_code, detail.restart_policy, detail.health_command) == (3, "no", ())


def test_an_image_without_a_name() -> None:
    image = read_image(
        {"Id": "sha256:x", "RepoTags": ["<none>:<none>"], "RepoDigests": None, "Size": 5}, "local"
    )
    assert (image.tags, image.digests, image.size, image.created) == ((), (), 5, None)


def test_no_time_is_no_time() -> None:
    assert [read_time(text) for text in ("", None, "0001-01-01T00:00:00Z", "soon")] == [None] * 4


# ---- logs -----------------------------------------------------------------------------------------------

FRAMES = st.lists(st.tuples(st.sampled_from([1, 2]), st.binary(max_size=50)), min_size=1, max_size=20)


@given(frames=FRAMES, size=st.integers(1, 30))
def test_frames_are_put_together_however_they_arrive(frames: list[tuple[int, bytes]], size: int) -> None:
    stream = b"".join(struct.pack(">BxxxL", kind, len(data)) + data for kind, data in frames)
    chunks = [stream[at : at + size] for at in range(0, len(stream), size)]
    assert demultiplex(chunks) == b"".join(data for _, data in frames)


@given(data=st.binary(max_size=200), size=st.integers(1, 50))
def test_a_terminals_bytes_stand_as_they_are(data: bytes, size: int) -> None:
    data = b"plain " + data
    assert demultiplex([data[at : at + size] for at in range(0, len(data), size)]) == data


def test_the_newest_bytes_are_kept() -> None:
    assert demultiplex([b"old line\n"] * 1000 + [b"newest\n"], limit=16) == b"old line\nnewest\n"


# ---- away -----------------------------------------------------------------------------------------------


async def _trouble(url: str | None, timeout: float = 2, **environ: str) -> str:
    engine = DockerEngine(url, environ=environ, timeout=timeout)
    try:
        with pytest.raises(Upstream) as caught:
            await engine.containers()
        readiness = await engine.ready()
        assert not readiness.ok
        assert readiness.why == str(caught.value)
        return readiness.why
    finally:
        await engine.close()


async def test_nothing_there(tmp_path: Path) -> None:
    said = await _trouble(f"unix://{tmp_path}/docker.sock")
    assert f"no Docker Engine at unix://{tmp_path}/docker.sock: no such file or directory" in said
    assert "DOCKER_HOST" in said


async def test_nobody_listens() -> None:
    assert "connection refused" in await _trouble("tcp://127.0.0.1:1")


@pytest.mark.parametrize("url", ["ssh://host", "nonsense", "tcp://127.0.0.1:99999"])
async def test_no_address(url: str) -> None:
    assert "that is no address of one" in await _trouble(url)


async def test_docker_host_names_the_engine() -> None:
    assert "tcp://127.0.0.1:1:" in await _trouble(None, DOCKER_HOST="tcp://127.0.0.1:1")
    assert DockerEngine(environ={}).url == "unix:///var/run/docker.sock"


async def _serve(answer: bytes | None) -> tuple[asyncio.Server, str]:
    async def reply(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while await reader.readline() not in (b"\r\n", b""):
            pass
        if answer is not None:
            writer.write(answer)
            await writer.drain()
        else:
            with contextlib.suppress(asyncio.CancelledError):
                await reader.read()
        writer.close()

    server = await asyncio.start_server(reply, "127.0.0.1", 0)
    return server, f"tcp://127.0.0.1:{server.sockets[0].getsockname()[1]}"


async def test_an_engine_that_says_nothing_is_given_up_in_time() -> None:
    server, url = await _serve(None)
    began = time.monotonic()
    said = await _trouble(url, timeout=0.4)
    assert time.monotonic() - began < 8
    assert "within 0.4 s" in said
    server.close()


async def test_many_calls_to_a_stuck_engine_all_end_in_time() -> None:
    server, url = await _serve(None)
    engine = DockerEngine(url, timeout=0.4)
    began = time.monotonic()
    answers = await asyncio.gather(*(engine.containers() for _ in range(20)), return_exceptions=True)
    assert all(isinstance(answer, Upstream) for answer in answers)
    assert time.monotonic() - began < 8
    await engine.close()
    server.close()


async def test_a_proxy_that_forbids_says_what_it_needs() -> None:
    body = b"403 Forbidden"
    server, url = await _serve(b"HTTP/1.1 403 Forbidden\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body))
    assert "CONTAINERS=1" in await _trouble(url)
    server.close()


async def test_what_is_no_engine_is_said_so() -> None:
    body = b"<html>hello</html>"
    server, url = await _serve(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body))
    assert f"no Docker Engine at {url}" in await _trouble(url)
    server.close()
