"""What the rules that judge the Engine say of a real one."""

import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from audit.engine import evaluate
from audit.model import NotJudged, Report
from audit.rules import ALL
from bot.config.model import Estate
from bot.snapshots import LateSnapshots
from estate.docker import DockerEngine
from tests.audit.estate import write
from tests.real.components.engine import Engine

ASKED = {"IMG-06", "IMG-12", "SEC-14", "ENV-10", "RES-02", "RES-03", "RES-04", "CMP-07", "HOST-02"}
COMPOSE = """\
services:
  web:
    image: tocsin-test/plain:1
    mem_limit: 64m
    ports: ['127.0.0.1:1:1', '1234:1234']
    networks: [front]
  well:
    image: tocsin-test/healthy:1
networks:
  front: {external: true}
"""


@pytest.fixture
async def reader(own_engine: Engine) -> AsyncIterator[DockerEngine]:
    found = DockerEngine(own_engine.host)
    yield found
    await found.close()


def labels(service: str) -> dict[str, str]:
    return {"com.docker.compose.project": "app", "com.docker.compose.service": service}


async def test_each_of_them_on_a_real_engine(
    own_engine: Engine, reader: DockerEngine, tmp_path: Path
) -> None:
    write(tmp_path, {"app/compose.yml": COMPOSE})
    client = own_engine.client
    # One loop would be starved by whatever else the machine does: eight of them get more than one processor.
    spin = ["sh", "-c", "for _ in 1 2 3 4 5 6 7 8; do while :; do :; done & done; wait"]
    client.containers.run(
        "tocsin-test/plain:1",
        spin,
        name="app-web-1",
        labels=labels("web"),
        environment={"DB_PASSWORD": "geheim-41"},
        network_mode="none",
        detach=True,
    )
    client.containers.run(
        "tocsin-test/healthy:1",
        ["sleep", "300"],
        name="app-well-1",
        labels=labels("well"),
        log_config={"type": "json-file", "config": {"max-size": "1m"}},
        network_mode="none",
        detach=True,
    )
    client.images.get("tocsin-test/exited:1").tag("tocsin-test/plain", "1")

    report = await judged(tmp_path, reader)
    found = {(one.rule, one.service): one.message for one in report.findings if one.rule in ASKED}
    assert "a newer one was pulled" in found.pop(("IMG-06", "app/web"))
    assert "shows 1 variable " in found.pop(("ENV-10", "app/web"))
    assert "without an end" in found.pop(("RES-04", "app/web"))
    assert "the network front is to be there already" in found.pop(("CMP-07", "app/web"))
    assert "runs as root" in found.pop(("SEC-14", "app/web"))
    assert "live-restore is off" in found.pop(("HOST-02", ""))
    assert found == {}
    assert "geheim" not in str(report)
    assert report.passed["IMG-12"] == 2

    until = time.monotonic() + 120
    while not (young := _busy(report)) and time.monotonic() < until:
        report = await judged(tmp_path, reader)
    assert young is not None, "eight loops never had four fifths of a processor, in two minutes"
    assert young.subject == "app-web-1"
    assert "it is busy now" in young.why


def _busy(report: Report) -> NotJudged | None:
    return next((one for one in report.unknown if one.rule == "RES-03"), None)


async def judged(root: Path, reader: DockerEngine) -> Report:
    snapshots = LateSnapshots(root, Estate(), [reader], samples=3)
    return evaluate(await snapshots.take(datetime.now(UTC)), ALL)
