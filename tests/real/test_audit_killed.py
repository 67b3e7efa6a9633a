"""The audit by the clock, kill -9 at each of its steps, on a real homeserver and a loopback Slack."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from bot.core.steps import Step
from tests.audit.estate import write
from tests.real.components.synapse import Synapse
from tests.real.rooms import Seen
from tests.real.slack import RemoteSlack, spawn
from tests.real.stage import USERS, stage

COMPOSE = "services:\n  web:\n    image: {}\n    restart: always\n    mem_limit: 64m\n"


@pytest.fixture(scope="module")
def slack() -> Iterator[RemoteSlack]:
    with spawn(*USERS) as remote:
        yield remote


@pytest.mark.parametrize("step", [Step.AUDIT_BEGUN, Step.AUDIT_JUDGED, Step.AUDIT_KEPT], ids=str)
def test_dying_at_a_step(tmp_path: Path, synapse: Synapse, slack: RemoteSlack, step: Step) -> None:
    root = write(tmp_path / "estate", {"app/compose.yml": COMPOSE.format("nginx:1.99.3")})
    # Midnight is always past, so the first one is taken at start.
    estate = {"root": str(root), "docker": "unix:///nowhere/docker.sock", "audit": {"schedule": "00:00"}}
    with stage(tmp_path, synapse, slack, estate=estate) as on:
        before = len(audits(on.channel()))
        on.tocsin.start(die=step.value, wait=False)
        on.tocsin.died()
        on.tocsin.start()
        on.until(lambda s: all(len(audits(seen)) > 0 for seen in (s.matrix(), s.channel()[before:])))
        on.tocsin.stop()
        connected = on.tocsin.log.count("Slack: connected")
        on.tocsin.start()
        on.until(lambda s: s.tocsin.log.count("Slack: connected") > connected)
        time.sleep(2)  # what would be said twice is said by then
        assert len(audits(on.matrix())) == 1
        assert len(audits(on.channel())) == before + 1


def audits(seen: list[Seen]) -> list[Seen]:
    return [one for one in seen if "in 1 service" in one.first]
