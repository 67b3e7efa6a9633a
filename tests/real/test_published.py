"""What a real registry says of the images that an estate names."""

import asyncio
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path

from audit.engine import evaluate
from audit.model import Report
from audit.rules import ALL
from bot.config.model import Estate
from bot.snapshots import LateSnapshots
from estate.credentials import Credentials
from estate.docker import DockerEngine
from estate.published import read_published
from estate.reference import Reference
from estate.registry import Registry
from estate.snapshot.published import Published
from tests.audit.estate import write
from tests.real.components.engine import Engine
from tests.real.components.registry import Registry as Server
from tests.real.test_registry import build, call, push


async def test_a_newer_version_a_digest_of_another_and_a_registry_that_is_away(
    engine: Engine, registry: Server, tmp_path: Path
) -> None:
    name, repository = f"{registry.host}/team/app", "team/app"
    build(engine, name, "old", "1.9.0", "1.9")
    build(engine, name, "new", "1.10.2", "1.10", "2.0.0", "2.1.0-rc1")
    push(engine, name, "1.9.0", "1.9", "1.10.2", "1.10", "2.0.0", "2.1.0-rc1")
    old = call("HEAD", f"{registry.url}/v2/{repository}/manifests/1.9.0")[0]
    gone = "127.0.0.1:9"  # the port of discard, where nothing answers
    services = {
        "old": f"{name}:1.9.0@{old}",
        "wrong": f"{name}:1.10.2@{old}",
        "newest": f"{name}:2.0.0",
        "absent": f"{registry.host}/team/nothing:1.0.0",
        "away": f"{gone}/team/app:1.0.0",
        "floating": f"{name}:latest",
    }
    rows = "".join(f"  {service}: {{image: '{image}'}}\n" for service, image in services.items())
    write(tmp_path, {"app/compose.yml": f"services:\n{rows}"})

    report = await judged(tmp_path, engine, tmp_path)
    said = {(one.rule, one.service): one.message for one in report.findings}
    assert said == {
        ("IMG-05", "app/wrong"): f"{name}:1.10.2 names another image than the digest beside it",
        ("IMG-07", "app/old"): f"{name}:1.9.0: 1.10.2 is there; 2.0.0, across a major version",
        ("IMG-07", "app/wrong"): f"{name}:1.10.2: 2.0.0, across a major version",
    }
    assert report.passed == {"IMG-05": 1, "IMG-07": 1}
    untold = {one.subject: one.why for one in report.unknown}
    assert set(untold) == {"app/absent", "app/away"}
    assert "knows no" in untold["app/absent"]
    assert f"the registry {gone} does not answer" in untold["app/away"]


async def test_without_an_engine_no_registry_is_asked(registry: Server, tmp_path: Path) -> None:
    write(tmp_path, {"app/compose.yml": f"services: {{web: {{image: '{registry.host}/x:1.0.0'}}}}\n"})
    asked: list[Reference] = []

    async def ask(images: Iterable[Reference]) -> Published:
        asked.extend(images)
        return Published()

    taken = await LateSnapshots(tmp_path, Estate(), published=ask).take(datetime.now(UTC))
    assert taken.published is None
    assert asked == []
    left_out = evaluate(taken, ALL).left_out
    assert "asks registries" in left_out["IMG-05"]
    assert "asks registries" in left_out["IMG-07"]


async def test_one_that_never_answers_costs_its_time_and_no_more(
    registry: Server, engine: Engine, tmp_path: Path
) -> None:
    """The others are asked meanwhile."""
    name = f"{registry.host}/team/slow"
    build(engine, name, "slow", "1.0.0")
    push(engine, name, "1.0.0")

    mute_to: list[asyncio.StreamWriter] = []

    async def never(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        mute_to.append(writer)

    mute = await asyncio.start_server(never, "127.0.0.1", 0)
    host = f"127.0.0.1:{mute.sockets[0].getsockname()[1]}"
    client = Registry(Credentials({"DOCKER_CONFIG": str(tmp_path)}))
    images = [Reference(f"{host}/a", "1.0.0"), Reference(f"{host}/b", "1.0.0"), Reference(name, "1.0.0")]
    try:
        found = await read_published(client, images, seconds=1.0)
    finally:
        await client.close()
        for writer in mute_to:
            writer.close()
        mute.close()
    assert found.tags == {name: ("1.0.0",)}
    assert found.unasked == {host: f"the registry {host} was not done with its answers within 1 s"}


async def test_it_asks_no_more_often_than_it_may(registry: Server, engine: Engine, tmp_path: Path) -> None:
    for name in ("a", "b"):
        build(engine, f"{registry.host}/few/{name}", name, "1.0.0")
        push(engine, f"{registry.host}/few/{name}", "1.0.0")
    client = Registry(Credentials({"DOCKER_CONFIG": str(tmp_path)}))
    images = [Reference(f"{registry.host}/few/{name}", "1.0.0") for name in ("a", "b")]
    try:
        found = await read_published(client, images, lookups=1)
    finally:
        await client.close()
    assert list(found.tags) == [f"{registry.host}/few/a"]
    assert found.unasked == {
        registry.host: "one audit asks registries 1 times at most, and that was not enough"
    }


async def judged(root: Path, engine: Engine, docker_config: Path) -> Report:
    reader = DockerEngine(engine.host)
    client = Registry(Credentials({"DOCKER_CONFIG": str(docker_config)}))

    async def ask(images: Iterable[Reference]) -> Published:
        return await read_published(client, images)

    try:
        taken = await LateSnapshots(root, Estate(), [reader], published=ask).take(datetime.now(UTC))
    finally:
        await client.close()
        await reader.close()
    return evaluate(taken, [one for one in ALL if one.id in {"IMG-05", "IMG-07"}])
