"""Programs inside containers, and throw-away containers: the fake and a real Engine keep the same word."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from bot.ports import Engine
from bot.testing import FakeEngine
from estate.docker import DockerEngine
from estate.model import THROWAWAY, Container, State, Throwaway
from tests.plans import detail
from tests.real.components.engine import Engine as Dockerd
from tests.real.conftest import engine  # noqa: F401 - a fixture


@dataclass
class Place:
    engine: Engine
    inside: Container
    image_id: str


def says(container: Container, argv: list[str]) -> tuple[int, bytes, str]:
    answers = {"echo": (0, b"hello\n", ""), "sh": (3, b"", "it broke\n")}
    return answers.get(argv[0], (127, b"", "executable file not found"))


@pytest.fixture(params=["fake", "real"])
async def place(request: pytest.FixtureRequest) -> AsyncIterator[Place]:
    if request.param == "fake":
        fake = FakeEngine([detail("web")], programs=says)  # type: ignore[arg-type]
        yield Place(fake, fake.details[0].container, "sha256:ab")
        return
    dockerd: Dockerd = request.getfixturevalue("engine")
    made = dockerd.client.containers.run("tocsin-test/plain:1", detach=True, network_mode="none")
    real = DockerEngine(dockerd.host)
    inside = next(one for one in await real.containers() if one.id == made.id)
    yield Place(real, inside, str(made.image.id))
    await real.close()
    made.remove(force=True)


async def test_what_it_says_is_in_the_file(place: Place, tmp_path: Path) -> None:
    ended = await place.engine.execute(place.inside, ["echo", "hello"], into=tmp_path / "said", seconds=20)
    assert ended.exit_code == 0
    assert (tmp_path / "said").read_text() == "hello\n"
    assert (tmp_path / "said").stat().st_mode & 0o777 == 0o600


async def test_how_it_ended_is_the_engines_word(place: Place, tmp_path: Path) -> None:
    argv = ["sh", "-c", "echo it broke >&2; exit 3"]
    ended = await place.engine.execute(place.inside, argv, into=tmp_path / "said", seconds=20)
    assert (ended.exit_code, ended.errors) == (3, "it broke\n")


async def test_a_program_that_is_not_there(place: Place, tmp_path: Path) -> None:
    ended = await place.engine.execute(place.inside, ["nonesuch"], into=tmp_path / "said", seconds=20)
    assert ended.exit_code in {126, 127}


async def test_a_throw_away_container_comes_and_goes(place: Place, tmp_path: Path) -> None:
    (tmp_path / "dump").write_text("rows")
    made = await place.engine.create(Throwaway(place.image_id, "me"))
    assert made.state is State.CREATED
    assert made.labels[THROWAWAY] == "me"
    await place.engine.put(made, {"/deep/er/dump": tmp_path / "dump"})
    await place.engine.start(made)
    assert made.id in {one.id for one in await place.engine.containers()}
    await place.engine.remove(made)
    assert made.id not in {one.id for one in await place.engine.containers()}
    if not isinstance(place.engine, FakeEngine):
        await place.engine.remove(made)  # gone already


async def test_no_other_container_is_removed(place: Place) -> None:
    with pytest.raises(ValueError, match="no throw-away"):
        await place.engine.remove(place.inside)
