"""Programs inside containers of a real Engine: large output, a full disk, an end that never comes."""

import asyncio
import hashlib
import subprocess
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from bot.core.errors import NotDone, Upstream
from estate.docker import DockerEngine
from estate.model import Container, Throwaway
from tests.real.components.engine import Engine


@pytest.fixture
async def reader(engine: Engine) -> AsyncIterator[DockerEngine]:
    found = DockerEngine(engine.host)
    yield found
    await found.close()


@pytest.fixture
async def inside(engine: Engine, reader: DockerEngine) -> AsyncIterator[Container]:
    made = engine.client.containers.run("tocsin-test/plain:1", detach=True, network_mode="none")
    yield next(one for one in await reader.containers() if one.id == made.id)
    made.remove(force=True)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """One megabyte."""
    folder = tmp_path / "small"
    folder.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", folder], check=True)
    yield folder
    subprocess.run(["umount", "--lazy", folder], check=True)


async def test_megabytes_come_out_whole(reader: DockerEngine, inside: Container, tmp_path: Path) -> None:
    script = "yes 0123456789abcdef | head -c 30000000; echo done >&2"
    ended = await reader.execute(inside, ["sh", "-c", script], into=tmp_path / "said", seconds=60)
    assert (ended.exit_code, ended.errors) == (0, "done\n")
    data = (b"0123456789abcdef\n" * 1_800_000)[:30_000_000]
    assert hashlib.sha256((tmp_path / "said").read_bytes()).digest() == hashlib.sha256(data).digest()


async def test_an_environment_of_its_own(reader: DockerEngine, inside: Container, tmp_path: Path) -> None:
    argv = ["sh", "-c", "echo $SECRET"]
    await reader.execute(inside, argv, into=tmp_path / "said", seconds=20, environment={"SECRET": "x y"})
    assert (tmp_path / "said").read_text() == "x y\n"


async def test_a_full_disk_is_said(reader: DockerEngine, inside: Container, small_disk: Path) -> None:
    argv = ["sh", "-c", "yes | head -c 5000000"]
    with pytest.raises(NotDone, match="No space left"):
        await reader.execute(inside, argv, into=small_disk / "said", seconds=20)
    assert (await reader.ready()).ok


async def test_what_does_not_end_is_given_up(reader: DockerEngine, inside: Container, tmp_path: Path) -> None:
    began = time.monotonic()
    with pytest.raises(Upstream, match="gave no answer within 1 s"):
        await reader.execute(inside, ["sleep", "30"], into=tmp_path / "one", seconds=1)
    task = asyncio.create_task(reader.execute(inside, ["sleep", "30"], into=tmp_path / "two", seconds=60))
    await asyncio.sleep(0.5)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    # The threads are free again: as many more as there are.
    for number in range(6):
        ended = await reader.execute(inside, ["true"], into=tmp_path / f"t{number}", seconds=5)
        assert ended.exit_code == 0
    assert time.monotonic() - began < 25


async def test_an_engine_that_dies_is_no_good_end(own_engine: Engine, tmp_path: Path) -> None:
    made = own_engine.client.containers.run("tocsin-test/plain:1", detach=True, network_mode="none")
    reader = DockerEngine(own_engine.host, timeout=3)
    inside = next(one for one in await reader.containers() if one.id == made.id)
    argv = ["sh", "-c", "echo half; sleep 20"]
    task = asyncio.create_task(reader.execute(inside, argv, into=tmp_path / "said", seconds=30))
    await asyncio.sleep(1.5)
    own_engine.kill()
    with pytest.raises(Upstream):
        await task
    await reader.close()


async def test_a_throw_away_has_no_network(reader: DockerEngine, inside: Container, tmp_path: Path) -> None:
    made = await reader.create(Throwaway(inside.image_id, "me"))
    try:
        await reader.start(made)
        argv = ["cat", "/proc/net/dev"]
        await reader.execute(made, argv, into=tmp_path / "said", seconds=20)
        rows = (tmp_path / "said").read_text().splitlines()[2:]
        assert [row.split(":")[0].strip() for row in rows if "lo:" in row] == ["lo"]
        assert not [row for row in rows if "eth" in row]
    finally:
        await reader.remove(made)
