"""The sample estate comes up on a real Engine as its README says, and goes away again."""

import asyncio
import os
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest

from audit.engine import evaluate
from audit.rules import ALL
from bot.config.model import Estate
from bot.snapshots import LateSnapshots
from bot.testing import FakeClock
from estate.compose.tree import ComposeTree
from estate.docker import DockerEngine
from tests.audit.test_sample_defects import listed
from tests.real.components.engine import Engine
from tests.talk import Talk

OF_THE_ENGINE = {"HOST-02"}
"""It judges the Engine that the sample happens to run on."""
BY_HOST = {"IMG-10"}
"""It goes by where an image is from, and the stand-ins are from a registry on loopback."""
ILL = (
    "the probe wget is not in the image",
    "the last probe did not end in time",
    "the last probe ended with exit code 1: wget: can't connect",
    "exit code 137: killed (SIGKILL), for lack of memory",
)
SAMPLE = Path(__file__).resolve().parents[2] / "examples" / "estate"


async def test_seventeen_of_twenty_run_and_three_are_ill_each_in_its_own_way(
    own_engine: Engine, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    copy = tmp_path / "sample"
    said = _up(own_engine, copy)
    # Its registry lives on when this test fails.
    request.addfinalizer(lambda: _up(own_engine, copy, "--down") if _runs(copy) else None)
    assert "17 of 20 run" in said
    reader = DockerEngine(own_engine.host)
    talk = Talk(clock=FakeClock(datetime.now(UTC)))
    talk.with_services(engines=(reader,), compose=ComposeTree(copy))
    assert (await talk.ask("ann", "!status")).splitlines()[0] == "🔴 17 of 20 running, 3 unhealthy"
    # Each line tells a service's last probe, and on a machine that is busy with other things one may be late.
    until = time.monotonic() + 60
    while (unsaid := [one for one in ILL if one not in (ill := await talk.ask("ann", "!unhealthy"))]) != []:
        assert time.monotonic() < until, f"{unsaid} not in\n{ill}"
        await asyncio.sleep(1)
    assert "configured, not running: mastodon/web, supabase/db" in ill
    snapshots = LateSnapshots(copy, Estate(), [reader], samples=3)
    expected = {one for one in listed("In its files") | listed("Seen when it runs") if one[0] not in BY_HOST}
    # The Engine keeps the last five probes.
    until = time.monotonic() + 240
    while True:
        snapshot = await snapshots.take(datetime.now(UTC))
        report = evaluate(snapshot, ALL)
        found = {(one.rule, one.target) for one in report.findings if one.rule not in OF_THE_ENGINE}
        late = {rule for rule, _ in found - expected} == {"HC-06"}
        if not late or time.monotonic() > until:
            break
        await asyncio.sleep(10)
    assert (snapshot.no_engine, len(list(snapshot.details))) == ("", 18)
    assert found - expected == set(), "found, and not in the list"
    assert expected - found == set(), "in the list, and not found"
    assert [one for one in report.unknown if one.rule in {rule.id for rule in ALL if rule.needs_engine}] == []
    assert _git(copy, "status", "--porcelain") == ""
    _up(own_engine, copy, "--down")
    assert not _runs(copy)
    assert list(await reader.containers()) == []
    await reader.close()


def _runs(copy: Path) -> bool:
    return (copy / ".sample" / "registry.pid").exists()


def _git(folder: Path, *words: str) -> str:
    return subprocess.run(["git", *words], cwd=folder, capture_output=True, text=True, check=True).stdout


def _up(engine: Engine, copy: Path, *words: str) -> str:
    argv = [sys.executable, str(SAMPLE / "up.py"), str(copy), *words]
    environ = {**os.environ, **engine.env}
    done = subprocess.run(argv, env=environ, capture_output=True, text=True, timeout=180, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout
