"""The real Compose tools on a real Engine: how a container was made, and made anew in the same way."""

import asyncio
import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from bot.core.errors import Upstream
from estate.compose.deployment import CannotDeploy, Deployment, read_deployment
from estate.compose.tool import Deed, Tool, find_tool
from tests.real.components.engine import COMPOSE, Engine

FIRST = "/usr/bin/docker-compose"
"""Debian's Compose 1."""
PLAIN = "services:\n  web: {image: 'tocsin-test/plain:1', network_mode: none}\n"
ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def folder(tmp_path: Path, engine: Engine) -> Iterator[Path]:
    """A project's folder of a name of its own; its containers and networks go with the test."""
    made = tmp_path / f"p{os.getpid()}{time.monotonic_ns() % 10**8}"
    made.mkdir()
    before = {one.id for one in engine.client.containers.list(all=True)}
    yield made
    for one in engine.client.containers.list(all=True):
        if one.id not in before:
            one.remove(force=True)
    for network in engine.client.networks.list(filters={"label": "com.docker.compose.project"}):
        with contextlib.suppress(Exception):
            network.remove()


async def tool(engine: Engine, *argv: str, **more: str) -> Tool:
    return await find_tool(argv or (str(COMPOSE),), {**engine.env, **more})


def by_hand(engine: Engine, folder: Path, *words: str, tool: str = str(COMPOSE)) -> None:
    """As an operator does it, in this folder."""
    done = subprocess.run(
        [tool, *words], cwd=folder, env=engine.env, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


def labels(engine: Engine, project: str, service: str = "web") -> list[dict[str, str]]:
    wanted = [f"com.docker.compose.project={project}", f"com.docker.compose.service={service}"]
    found = engine.client.containers.list(all=True, filters={"label": wanted})
    return [one.labels for one in sorted(found, key=lambda one: str(one.name))]


def ids(engine: Engine) -> set[tuple[str, str, str]]:
    """Everything that Compose could change: containers with their state, and networks."""
    containers = {
        (str(one.id), str(one.status), str(one.attrs["State"]["StartedAt"]))
        for one in engine.client.containers.list(all=True)
    }
    return containers | {(str(one.id), str(one.name), "") for one in engine.client.networks.list()}


async def made_anew(tool: Tool, deployment: Deployment, scale: dict[str, int] | None = None) -> None:
    argv = tool.up(deployment, [deployment.service], scale)
    ended = await tool.run(argv, deployment.directory, seconds=60)
    assert ended.ok, ended.errors


# ---- which one there is ---------------------------------------------------------------------------------


async def test_the_first_that_answers_is_taken(engine: Engine, tmp_path: Path) -> None:
    plugins = Path(engine.env["DOCKER_CONFIG"]) / "cli-plugins"
    plugins.mkdir(parents=True)
    (plugins / "docker-compose").symlink_to(COMPOSE)
    try:
        found = await find_tool(None, engine.env)
        assert (found.argv, found.version, found.is_first) == (("docker", "compose"), "2.40.3", False)
    finally:
        shutil.rmtree(plugins)
    only = tmp_path / "bin"
    only.mkdir()
    (only / "docker-compose").symlink_to(FIRST)
    # The shebang of Debian's is an absolute one.
    found = await find_tool(None, {**engine.env, "PATH": str(only)})
    assert (found.argv, found.version, found.is_first) == (("docker-compose",), "1.29.2", True)
    assert (found.rehearses, (await tool(engine)).rehearses) == (False, True)


async def test_none_is_told_with_how_to_get_one(engine: Engine, tmp_path: Path) -> None:
    with pytest.raises(Upstream, match="neither docker compose nor docker-compose answers version"):
        await find_tool(None, {**engine.env, "PATH": str(tmp_path)})
    with pytest.raises(Upstream, match="/bin/false does not answer version"):
        await tool(engine, "/bin/false")


# ---- how it was made, and the hash of its files ---------------------------------------------------------


async def test_compose_2_is_read_by_its_labels_and_the_hash_is_the_same(engine: Engine, folder: Path) -> None:
    ours = await tool(engine)
    (folder / "a").mkdir()
    (folder / "a" / "one.yml").write_text(
        "services:\n"
        "  web: {image: 'tocsin-test/${V}:1', network_mode: none, environment: [A, 'B=${W}']}\n"
        "  tools: {image: 'tocsin-test/plain:1', network_mode: none, profiles: [tools]}\n"
    )
    (folder / "two.yml").write_text("services: {web: {labels: {x: '1'}}}\n")
    (folder / "v.env").write_text("V=plain\n")
    (folder / "w.env").write_text("W=w\n")
    words = (
        "-f",
        "a/one.yml",
        "-f",
        "two.yml",
        "--env-file",
        "v.env",
        "--env-file",
        "w.env",
        "-p",
        folder.name,
    )
    by_hand(engine, folder, *words, "up", "-d", "web", "tools")
    [made] = labels(engine, folder.name)
    read = read_deployment(made, {})
    assert read == Deployment(
        folder.name,
        "web",
        folder / "a",
        (folder / "a" / "one.yml", folder / "two.yml"),
        (folder / "v.env", folder / "w.env"),
        made["com.docker.compose.config-hash"],
        "2.40.3",
    )
    [other] = labels(engine, folder.name, "tools")
    assert await ours.hashes(read) == {
        "web": read.config_hash,
        "tools": other["com.docker.compose.config-hash"],
    }
    before = ids(engine)
    await made_anew(ours, read)
    assert ids(engine) == before  # nothing differs, so there is nothing to do
    (folder / "w.env").write_text("W=other\n")
    now = await ours.hashes(read)
    assert now["web"] != read.config_hash
    assert now["tools"] == other["com.docker.compose.config-hash"]


@pytest.mark.parametrize(
    ("called", "file"),
    [(".", "docker-compose.yml"), ("..", "{}/docker-compose.yml"), ("beside", "../docker-compose.yml")],
    ids=["in its folder", "above it", "beside it"],
)
async def test_compose_1_is_read_by_its_relative_labels(
    engine: Engine, folder: Path, called: str, file: str
) -> None:
    first = await tool(engine, FIRST)
    (folder / "beside").mkdir()
    (folder / "docker-compose.yml").write_text(PLAIN)
    words = ("-f", file.format(folder.name), "-p", folder.name)
    by_hand(engine, folder / called, *words, "up", "-d", tool=FIRST)
    [made] = labels(engine, folder.name)
    assert made["com.docker.compose.project.config_files"] == file.format(folder.name)
    read = read_deployment(made, {})
    assert (read.files, read.directory) == ((folder / "docker-compose.yml",), folder)
    assert await first.hashes(read) == {"web": read.config_hash}
    before = ids(engine)
    await made_anew(first, read)
    assert ids(engine) == before
    # Compose 2 may make anew what Compose 1 made. It hashes in another way, and reads the same files.
    assert (await tool(engine)).why_not(read) is None
    assert first.why_not(read) is None
    assert (await (await tool(engine)).hashes(read)).keys() == {"web"}


async def test_where_compose_1_was_called_cannot_always_be_told(engine: Engine, folder: Path) -> None:
    for name in ("x", "y"):
        (folder / name).mkdir()
        (folder / name / "docker-compose.yml").write_text(PLAIN)
    (folder / "beside").mkdir()
    words = ("-f", "../x/docker-compose.yml", "-f", "../y/docker-compose.yml", "-p", folder.name)
    by_hand(engine, folder / "beside", *words, "up", "-d", tool=FIRST)
    [made] = labels(engine, folder.name)
    with pytest.raises(CannotDeploy, match="says not where that is: make it anew with Compose once"):
        read_deployment(made, {})


async def test_a_service_that_is_called_like_an_option(engine: Engine, folder: Path) -> None:
    (folder / "compose.yml").write_text(PLAIN.replace("web", "--help"))
    by_hand(engine, folder, "up", "-d")
    [made] = labels(engine, folder.name, "--help")
    read, before = read_deployment(made, {}), ids(engine)
    await made_anew(await tool(engine), read)
    assert ids(engine) == before
    await made_anew(await tool(engine), read, {"--help": 2})
    assert len(labels(engine, folder.name, "--help")) == 2


async def test_binds_are_written_as_the_tool_sees_them_so_the_path_must_be_the_hosts(
    engine: Engine, folder: Path, tmp_path: Path
) -> None:
    bind = PLAIN.replace("none}", "none, volumes: ['./data:/data']}")
    (folder / "compose.yml").write_text(bind)
    by_hand(engine, folder, "up", "-d")
    [made] = labels(engine, folder.name)
    read, ours = read_deployment(made, {}), await tool(engine)
    elsewhere = tmp_path / "elsewhere" / folder.name
    shutil.copytree(folder, elsewhere)
    moved = Deployment(read.project, "web", elsewhere, (elsewhere / "compose.yml",))
    assert await ours.hashes(moved) != {"web": read.config_hash}
    await made_anew(ours, moved)
    [container] = engine.client.containers.list(
        filters={"label": f"com.docker.compose.project={folder.name}"}
    )
    assert container.attrs["Mounts"][0]["Source"] == str(elsewhere / "data")
    with pytest.raises(CannotDeploy, match=f"Mount the tree at {folder} for me, too"):
        read_deployment(made, {str(folder.parent): str(folder.parent), str(folder): "/estate"})
    assert read_deployment(made, {str(folder.parent): "/estate", str(folder): str(folder)}) == read


# ---- nothing comes along --------------------------------------------------------------------------------


async def test_nothing_of_our_own_environment_is_seen(engine: Engine, folder: Path) -> None:
    (folder / "compose.yml").write_text(
        PLAIN.replace("network_mode", "environment: [SECRET, 'V=${V:-none}'], network_mode")
        + "  more: {image: 'tocsin-test/plain:1', network_mode: none, profiles: [evil]}\n"
    )
    (folder / "other.yml").write_text("services: {other: {image: x}}\n")
    by_hand(engine, folder, "up", "-d")
    [made] = labels(engine, folder.name)
    read = read_deployment(made, {})
    leaky = await tool(
        engine,
        SECRET="tiger", V="evil", COMPOSE_FILE="other.yml", COMPOSE_PROFILES="evil", COMPOSE_PROJECT_NAME="x",
        COMPOSE_ENV_FILES="/etc/passwd", COMPOSE_DISABLE_ENV_FILE="1", PWD="/",
    )  # fmt: skip
    assert {"SECRET", "V", "COMPOSE_FILE", "COMPOSE_PROFILES", "PWD"}.isdisjoint(leaky.shell)
    assert leaky.shell["DOCKER_HOST"] == engine.host
    assert "tiger" not in repr(leaky)
    assert (await leaky.hashes(read))["web"] == read.config_hash
    before = ids(engine)
    await made_anew(leaky, read)
    assert ids(engine) == before


async def test_a_projects_env_file_makes_compose_take_nothing_away(engine: Engine, folder: Path) -> None:
    file = folder / "compose.yml"
    file.write_text(PLAIN + "  old: {image: 'tocsin-test/plain:1', network_mode: none}\n")
    by_hand(engine, folder, "up", "-d")
    file.write_text(PLAIN)
    (folder / ".env").write_text(
        "COMPOSE_REMOVE_ORPHANS=1\nCOMPOSE_PROGRESS=json\nCOMPOSE_STATUS_STDOUT=1\nDOCKER_HOST=unix:///nope\n"
    )
    [made] = labels(engine, folder.name)
    read, ours = read_deployment(made, {}), await tool(engine)
    assert await ours.rehearse(ours.up(read, ["web"]), folder) == (
        Deed("Container", f"{folder.name}-web-1", "Running"),
    )
    await made_anew(ours, read)
    assert len(labels(engine, folder.name, "old")) == 1


async def test_as_many_stay_as_run(engine: Engine, folder: Path) -> None:
    (folder / "compose.yml").write_text(PLAIN)
    by_hand(engine, folder, "up", "-d", "--scale", "web=3")
    made = labels(engine, folder.name)
    read, ours = read_deployment(made[0], {}), await tool(engine)
    deeds = await ours.rehearse(ours.up(read, ["web"]), folder)
    assert Deed("Container", f"{folder.name}-web-3", "Removed") in deeds
    names = {str(one.name): str(one.id) for one in engine.client.containers.list()}
    assert {one.name for one in deeds if not one.is_about(names)} == {
        f"{folder.name}-web-{n}" for n in (2, 3)
    }
    before = ids(engine)
    await made_anew(ours, read, {"web": 3})
    assert ids(engine) == before


async def test_a_rehearsal_does_nothing_and_finds_what_no_hash_tells(engine: Engine, folder: Path) -> None:
    file, name = folder / "compose.yml", folder.name
    text = (
        "services:\n"
        "  web: {image: 'tocsin-test/plain:1', networks: [a], volumes: ['data:/data']}\n"
        "  db: {image: 'tocsin-test/plain:1', networks: [a]}\n"
        "networks: {a: {internal: true}}\n"
        "volumes: {data: {}}\n"
    )
    file.write_text(text)
    by_hand(engine, folder, "up", "-d")
    [made] = labels(engine, name)
    read, ours = read_deployment(made, {}), await tool(engine)
    argv = ours.up(read, ["web"])
    before, container = ids(engine), f"{name}-web-1"
    known = {container: str(engine.client.containers.get(container).id)}
    assert await ours.rehearse(argv, folder) == (Deed("Container", container, "Running"),)
    file.write_text(text.replace("internal: true", "internal: true, labels: {x: '1'}"))
    assert (await ours.hashes(read))["web"] == read.config_hash  # the hash knows nothing of networks
    deeds = await ours.rehearse(argv, folder)
    assert Deed("Network", f"{name}_a", "Removed") in [one for one in deeds if not one.is_about(known)]
    file.write_text(text.replace("volumes: ['data", "environment: {A: '1'}, volumes: ['data"))
    deeds = await ours.rehearse(argv, folder)
    assert Deed("Container", container, "Recreate") in deeds
    assert all(one.is_about(known) for one in deeds), deeds
    assert not any(one.is_about({f"{name}-db-1": "0" * 64}) for one in deeds)
    # A volume that differs is asked about, and nobody is there to answer.
    file.write_text(text.replace("data: {}", "data: {labels: {x: '1'}}"))
    await made_anew(ours, read)
    assert ids(engine) == before
    with pytest.raises(Upstream, match="cannot say what it would do"):
        file.write_text("services: [")
        await ours.rehearse(argv, folder)


# ---- it ends --------------------------------------------------------------------------------------------


def stubborn(engine: Engine, folder: Path) -> Deployment:
    """Compose has to wait twenty seconds for it to end, once it is made anew."""
    text = PLAIN.replace("plain", "stubborn").replace("none}", "none, stop_grace_period: 20s}")
    (folder / "compose.yml").write_text(text)
    by_hand(engine, folder, "up", "-d")
    [made] = labels(engine, folder.name)
    (folder / "compose.yml").write_text(text.replace("none,", "none, environment: {A: '1'},"))
    return read_deployment(made, {})


def composing(folder: Path) -> list[int]:
    """The processes that work on this folder."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and int(entry.name) != os.getpid():
            with contextlib.suppress(OSError):
                line = (entry / "cmdline").read_bytes()
                if f"\0{folder.name}\0".encode() in line and b"\0up\0" in line:
                    found.append(int(entry.name))
    return found


async def test_at_its_deadline_it_is_ended(engine: Engine, folder: Path) -> None:
    ours, read = await tool(engine), stubborn(engine, folder)
    heard: list[str] = []

    async def hear(row: str) -> None:
        heard.append(row)

    ended = await ours.run(ours.up(read, ["web"]), folder, seconds=3, hear=hear)
    assert (ended.code, ended.ok) == (None, False)
    assert any("Recreate" in row for row in heard), heard
    assert composing(folder) == []


async def test_cancelled_it_is_ended(engine: Engine, folder: Path) -> None:
    ours, read = await tool(engine), stubborn(engine, folder)
    task = asyncio.create_task(ours.run(ours.up(read, ["web"]), folder))
    while not composing(folder):
        await asyncio.sleep(0.05)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert composing(folder) == []


@pytest.mark.parametrize("plugin", [False, True], ids=["docker-compose", "docker compose"])
async def test_it_ends_when_we_are_killed(engine: Engine, folder: Path, plugin: bool) -> None:
    """Also as a plugin of `docker`, which is a child of the child."""
    plugins = Path(engine.env["DOCKER_CONFIG"]) / "cli-plugins"
    plugins.mkdir(parents=True, exist_ok=True)
    (plugins / "docker-compose").symlink_to(COMPOSE)
    ours = await tool(engine, *(("docker", "compose") if plugin else ()))
    read = stubborn(engine, folder)
    script = (
        "import asyncio, json, sys; from pathlib import Path; from estate.program import run\n"
        "asyncio.run(run(json.loads(sys.argv[1]), environment=json.loads(sys.argv[2])))"
    )
    argv, shell = json.dumps(ours.up(read, ["web"])), json.dumps(dict(ours.shell))
    us = subprocess.Popen([sys.executable, "-c", script, argv, shell], cwd=ROOT)
    try:
        deadline = time.monotonic() + 20
        mine: list[int] = []
        while len(mine := [pid for pid in composing(folder) if pid != us.pid]) < (2 if plugin else 1):
            assert time.monotonic() < deadline, mine
            time.sleep(0.05)
        time.sleep(1)
    finally:
        us.send_signal(signal.SIGKILL)
        us.wait()
        shutil.rmtree(plugins)
    deadline = time.monotonic() + 10
    while composing(folder):
        assert time.monotonic() < deadline, "Compose goes on without us"
        time.sleep(0.1)
