"""Alertmanager → Tocsin → an encrypted Matrix room, a Slack channel and the console; and the ways in which
the platforms fail meanwhile."""

import asyncio
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.real.components.alertmanager import Alertmanager
from tests.real.components.synapse import Synapse
from tests.real.rooms import Seen, fold_matrix
from tests.real.slack import RemoteSlack, spawn
from tests.real.stage import USERS, Stage, alert, body, stage
from tests.real.test_matrix import Somebody

_ROOT = Path(__file__).resolve().parents[2]
DOWN = {"alertname": "InstanceDown", "severity": "critical"}


@pytest.fixture
def slack() -> Iterator[RemoteSlack]:
    with spawn(*USERS) as remote:
        yield remote


@pytest.fixture
def on_stage(tmp_path: Path, synapse: Synapse, slack: RemoteSlack) -> Iterator[Stage]:
    with stage(tmp_path, synapse, slack) as found:
        found.tocsin.start()
        yield found


def labels(instance: str) -> dict[str, Any]:
    return {"labels": {**DOWN, "instance": instance}, "annotations": {"summary": f"{instance} is down"}}


def since(moment: datetime, instance: str) -> dict[str, Any]:
    """As one Prometheus posts it to both of a pair: with the same times."""
    times = {"startsAt": moment.isoformat(), "endsAt": (moment + timedelta(hours=1)).isoformat()}
    return {**times, **labels(instance)}


def the_whole_story(seen: list[Seen]) -> None:
    """One message, edited; in its thread who joined and the end, each once."""
    assert len(seen) == 1, seen
    [one] = seen
    assert "FIRING" in one.first
    assert "InstanceDown" in one.first
    assert "RESOLVED" in one.now.splitlines()[0]
    assert one.edits >= 1  # overtaken edits are merged
    assert len(one.thread) == 2, one.thread
    assert "FIRING" in one.thread[0]
    assert "web-2" in one.thread[0]
    assert "RESOLVED" in one.thread[1]


# ---- proof 1: firing, joined by a second alert, resolved ------------------------------------------------


def test_from_alertmanager_to_an_encrypted_room_a_channel_and_the_console(
    tmp_path: Path, synapse: Synapse, slack: RemoteSlack, alertmanager: Callable[..., Alertmanager]
) -> None:
    with stage(tmp_path, synapse, slack, encrypted=True) as on_stage, ConsoleProcess() as console:
        ann = Somebody(synapse, on_stage.ann, tmp_path / "ann")
        asyncio.run(_look(ann))
        on_stage.tocsin.start()
        on_stage.until(lambda s: s.tocsin.get("/readyz")[0] == 200)
        urls = [f"{on_stage.tocsin.url}/alerts/default", f"{console.url}/alerts/default"]
        server = alertmanager(urls[0], also=(urls[1],), token="webhook-secret", group_interval="1s")
        server.fire(labels("web-1"))
        on_stage.until(lambda s: len(s.channel()) == 1)
        server.fire(labels("web-2"))
        on_stage.until(lambda s: len(s.channel()[0].thread) == 1)
        server.resolve(labels("web-1"), labels("web-2"))
        on_stage.until(lambda s: "RESOLVED" in s.channel()[0].now.splitlines()[0])
        on_stage.settled()
        the_whole_story(on_stage.channel())
        the_whole_story(asyncio.run(_decrypted(ann, on_stage)))
        wire = [e["type"] for e in synapse.timeline(on_stage.ann["access_token"], on_stage.room)]
        assert "m.room.message" not in wire
        printed = console.until("RESOLVED")
        assert "FIRING" in printed.split("RESOLVED")[0]
        assert "web-2" in printed


async def _look(ann: Somebody) -> None:
    try:
        await ann.look()
    finally:
        await ann.client.close()


async def _decrypted(ann: Somebody, on_stage: Stage) -> list[Seen]:
    """The room as ann's client shows it."""
    try:
        for _ in range(3):
            await ann.look()
        answer = await ann.client.room_messages(on_stage.room, "", limit=200)
        events = [e for e in reversed(answer.chunk) if e.sender == on_stage.bot["user_id"]]
        return fold_matrix(_plain(event) for event in events if event.source["type"] in MESSAGES)
    finally:
        await ann.client.close()


MESSAGES = {"m.room.message", "m.room.encrypted"}


def _plain(event: Any) -> dict[str, Any]:
    assert event.decrypted, event
    source: dict[str, Any] = event.source
    return source


class ConsoleProcess:
    """`tocsin console` with a pipe; what it prints is read as it comes."""

    def __enter__(self) -> "ConsoleProcess":
        self._process = subprocess.Popen(
            [sys.executable, "-m", "bot", "console"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            cwd=_ROOT,
        )
        assert self._process.stdout is not None
        os.set_blocking(self._process.stdout.fileno(), False)
        self._printed = ""
        self.url = self.until("/alerts/default").split("webhook: ")[1].split("/alerts")[0]
        return self

    def __exit__(self, *_: object) -> None:
        self._process.communicate(timeout=20)
        assert self._process.returncode == 0

    def until(self, text: str, seconds: float = 30) -> str:
        """Everything that was printed, once it holds `text`."""
        deadline = time.monotonic() + seconds
        assert self._process.stdout is not None
        while text not in self._printed:
            assert time.monotonic() < deadline, self._printed
            self._printed += (self._process.stdout.read() or b"").decode()
            time.sleep(0.05)
        return self._printed


# ---- proof 3: both of a pair deliver after an outage ----------------------------------------------------


def test_both_of_a_pair_deliver_after_an_outage_and_it_is_told_once(
    on_stage: Stage, alertmanagers: Callable[..., tuple[Alertmanager, Alertmanager]]
) -> None:
    tocsin = on_stage.tocsin
    on_stage.until(lambda s: s.tocsin.get("/readyz")[0] == 200)
    tocsin.stop()
    pair = alertmanagers(f"{tocsin.url}/alerts/default", token="webhook-secret", group_interval="30s")
    now = datetime.now(UTC)
    for server in pair:
        server.fire(since(now, "web-1"))
    time.sleep(6)  # longer than --cluster.peer-timeout: now both try
    tocsin.start()
    on_stage.until(lambda s: accepted(s) >= 2, 60)
    on_stage.settled()
    for seen in on_stage.both().values():
        assert len(seen) == 1, seen
        assert seen[0].thread == []
        assert seen[0].edits == 0


def accepted(on_stage: Stage) -> int:
    rows = on_stage.tocsin.get("/metrics")[1].splitlines()
    found = [row for row in rows if row.startswith('tocsin_webhooks_total{answer="accepted"}')]
    return int(float(found[0].rsplit(" ", 1)[1])) if found else 0


# ---- proof 2: the platforms fail ------------------------------------------------------------------------


def ring(on_stage: Stage) -> Callable[[], None]:
    """Post the first alert; the returned function posts the rest of the story."""
    one, two = alert("InstanceDown", instance="web-1"), alert("InstanceDown", instance="web-2")
    over = [alert("InstanceDown", "resolved", instance=f"web-{n}") for n in (1, 2)]
    on_stage.tocsin.post_until_taken(body([one]))

    def rest() -> None:
        on_stage.tocsin.post_until_taken(body([one, two]))
        time.sleep(0.5)
        on_stage.tocsin.post_until_taken(body(over))

    return rest


def is_over(seen: list[Seen]) -> bool:
    return len(seen) == 1 and "RESOLVED" in seen[0].now and len(seen[0].thread) >= 2


def without_lateness(seen: list[Seen]) -> list[Seen]:
    for one in seen:
        one.thread = [text for text in one.thread if " late, after" not in text]
    return seen


SLACK_TROUBLE: dict[str, list[dict[str, Any]]] = {
    "429": [{"kind": "ratelimited", "method": "chat.postMessage", "times": 3, "retry_after": 1}],
    "500": [{"kind": "html_500", "method": "chat.postMessage", "times": 2}],
    "500-on-edit": [{"kind": "html_500", "method": "chat.update", "times": 2}],
    "dropped-before-commit": [{"kind": "drop_before", "method": "chat.postMessage", "times": 2}],
    "dropped-after-commit": [{"kind": "drop_after", "method": "chat.postMessage", "times": 2}],
    "500-after-commit": [
        {"kind": "html_500", "method": "chat.postMessage", "times": 1, "after_commit": True}
    ],
    "lookup-fails-too": [
        {"kind": "drop_after", "method": "chat.postMessage", "times": 1},
        {"kind": "html_500", "method": "conversations.history", "times": 2},
    ],
}


@pytest.mark.parametrize("faults", SLACK_TROUBLE.values(), ids=SLACK_TROUBLE.keys())
def test_slack_fails_on_the_way(on_stage: Stage, faults: list[dict[str, Any]]) -> None:
    on_stage.until(lambda s: s.tocsin.get("/readyz")[0] == 200)
    for fault in faults:
        on_stage.slack.fault(**fault)
    rest = ring(on_stage)
    # Matrix does not wait for Slack.
    on_stage.until(lambda s: len(s.matrix()) == 1, 10)
    rest()
    on_stage.until(lambda s: is_over(s.channel()) and is_over(s.matrix()))
    on_stage.settled()
    for seen in on_stage.both().values():
        the_whole_story(without_lateness(seen))


def test_slack_is_down_and_comes_back(on_stage: Stage) -> None:
    on_stage.until(lambda s: s.tocsin.get("/readyz")[0] == 200)
    on_stage.slack.down(seconds=None)
    rest = ring(on_stage)
    rest()
    on_stage.until(lambda s: is_over(s.matrix()), 15)
    on_stage.slack.up()
    on_stage.until(lambda s: is_over(s.channel()), 60)
    the_whole_story(without_lateness(on_stage.channel()))


def test_a_dead_ticket_does_not_deafen(on_stage: Stage) -> None:
    on_stage.until(lambda s: s.tocsin.get("/readyz")[0] == 200)
    on_stage.slack.control("set_faults", dead_tickets=1)
    on_stage.slack.close_sockets()
    on_stage.slack.connected(count=1)
    on_stage.slack.say(channel="ops", user="ann", text="!ping")
    on_stage.until(lambda s: any("pong" in seen.now for seen in s.channel()), 30)


@pytest.mark.parametrize("hard", [True, False], ids=["killed", "hanging"])
def test_the_homeserver_fails_on_the_way(
    tmp_path: Path, own_synapse: Synapse, slack: RemoteSlack, hard: bool
) -> None:
    with stage(tmp_path, own_synapse, slack) as on_stage:
        on_stage.tocsin.start()
        on_stage.until(lambda s: s.tocsin.get("/readyz")[0] == 200)
        assert own_synapse.process is not None
        if hard:
            own_synapse.stop(hard=True)
        else:
            own_synapse.process.pause()
        rest = ring(on_stage)
        rest()
        # Slack does not wait for Matrix.
        deadline = time.monotonic() + 20
        while not is_over(on_stage.channel()):
            assert time.monotonic() < deadline, on_stage.tocsin.log[-3000:]
            time.sleep(0.1)
        if hard:
            own_synapse.start()
        else:
            own_synapse.process.resume()
        on_stage.until(lambda s: is_over(s.matrix()), 90)
        on_stage.settled()
        the_whole_story(without_lateness(on_stage.matrix()))
        the_whole_story(on_stage.channel())
