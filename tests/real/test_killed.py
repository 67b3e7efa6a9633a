"""kill -9 at each durable step of the alert path, then at random moments of a storm: nothing is lost,
nothing is visible twice, each group keeps its order, and the same messages are edited on."""

import os
import random
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from bot.core.steps import Step
from tests.real.components.synapse import Synapse
from tests.real.rooms import Seen
from tests.real.slack import RemoteSlack, spawn
from tests.real.stage import USERS, Stage, alert, body, stage

ALERT_STEPS = [
    Step.PAYLOAD_RECEIVED,
    Step.PAYLOAD_COMMITTED,
    Step.GROUP_DECIDED,
    Step.GROUP_COMMITTED,
    Step.DELIVERY_CLAIMED,
    Step.DELIVERY_SENT,
    Step.DELIVERY_RECORDED,
]


@pytest.fixture
def slack() -> Iterator[RemoteSlack]:
    with spawn(*USERS) as remote:
        yield remote


@pytest.fixture
def on_stage(tmp_path: Path, synapse: Synapse, slack: RemoteSlack) -> Iterator[Stage]:
    with stage(tmp_path, synapse, slack) as found:
        yield found


def one_story(seen: list[Seen]) -> None:
    """One message: rang as FIRING, was joined by Second, and is RESOLVED; each said once, in this order."""
    assert len(seen) == 1, seen
    [message] = seen
    assert "FIRING" in message.first
    assert "RESOLVED" in message.now.splitlines()[0]
    said = [text for text in message.thread if "late" not in text]
    assert len(said) == 2, message.thread
    assert "FIRING" in said[0]
    assert "Second" in said[0]
    assert "RESOLVED" in said[1]


@pytest.mark.parametrize("nth", [1, 4])
@pytest.mark.parametrize("step", ALERT_STEPS, ids=lambda step: step.value)
def test_dying_at_a_step_of_the_alert_path(on_stage: Stage, step: Step, nth: int) -> None:
    tocsin = on_stage.tocsin.start(die=f"{step.value}:{min(nth, 3) if 'delivery' not in step.value else nth}")
    first, second = alert("First", instance="a"), alert("Second", instance="b")
    tocsin.post_until_taken(body([first]))
    time.sleep(1)
    tocsin.post_until_taken(body([first, second]))
    time.sleep(1)
    over = [alert("First", "resolved", instance="a"), alert("Second", "resolved", instance="b")]
    tocsin.post_until_taken(body(over))
    if tocsin.process is not None and "--die" in tocsin.process.argv and tocsin.process.argv[-1]:
        tocsin.died()
        tocsin.start()
    on_stage.until(lambda s: all(len(seen) == 1 and "RESOLVED" in seen[0].now for seen in s.both().values()))
    on_stage.settled()
    for seen in on_stage.both().values():
        one_story(seen)


@pytest.mark.parametrize("step", [Step.INBOX_COMMITTED, Step.ANSWER_COMMITTED], ids=lambda step: step.value)
def test_dying_at_a_step_of_a_question(on_stage: Stage, step: Step) -> None:
    tocsin = on_stage.tocsin.start()
    on_stage.until(lambda s: s.tocsin.get("/readyz")[0] == 200)
    tocsin.stop()
    tocsin.start(die=f"{step.value}:1", wait=False)
    on_stage.synapse.send(on_stage.ann["access_token"], on_stage.room, {"msgtype": "m.text", "body": "!ping"})
    tocsin.died()
    tocsin.start()
    on_stage.until(lambda s: len(s.matrix()) == 1)
    time.sleep(2)
    assert [seen.now.splitlines()[0][:4] for seen in on_stage.matrix()] == ["pong"]


def test_dying_at_random_moments_of_a_storm(on_stage: Stage) -> None:
    """The seed is printed; `TOCSIN_KILLS` and `TOCSIN_SEED` change what CI does."""
    kills = int(os.environ.get("TOCSIN_KILLS", "20"))
    seed = int(os.environ.get("TOCSIN_SEED", str(random.randrange(10**6))))
    print(f"TOCSIN_SEED={seed} TOCSIN_KILLS={kills}")
    dice = random.Random(seed)
    groups = 6
    tocsin = on_stage.tocsin.start()
    members: dict[int, list[int]] = {group: [] for group in range(groups)}
    for kill in range(kills):
        for _ in range(dice.randrange(1, 3)):
            group = dice.randrange(groups)
            if len(members[group]) < 6:
                members[group].append(len(members[group]))
            tocsin.post_until_taken(storm(group, members[group], "firing"))
        time.sleep(dice.random() * 1.5)
        tocsin.kill()
        tocsin.start(wait=kill % 3 != 0)
    for group in range(groups):
        if not members[group]:
            members[group].append(0)
            tocsin.post_until_taken(storm(group, members[group], "firing"))
        tocsin.post_until_taken(storm(group, members[group], "resolved"))
    on_stage.settled(240)
    for platform, seen in on_stage.both().items():
        assert sorted(name_of(one) for one in seen) == [f"Storm{group}" for group in range(groups)], platform
        for one in seen:
            story(one, members[int(name_of(one).removeprefix("Storm"))])


def storm(group: int, members: list[int], status: str) -> bytes:
    alerts = [alert(f"Storm{group}", status, instance=f"host-{group}-{member}") for member in members]
    return body(alerts, group=f"storm-{group}")


def name_of(seen: Seen) -> str:
    return next(word.strip(":,") for word in seen.now.split() if word.startswith("Storm"))


def story(seen: Seen, members: list[int]) -> None:
    """Every member was told firing exactly once, in the order of the posts, and the end came last."""
    group = name_of(seen).removeprefix("Storm")
    assert "RESOLVED" in seen.now.splitlines()[0], seen
    said = [text for text in seen.thread if "late" not in text]
    told = [member for text in said for member in members if f"host-{group}-{member}" in text]
    in_root = [member for member in members if f"host-{group}-{member}" in seen.first]
    assert in_root + told == members, (in_root, told, members, seen)
    assert sum("RESOLVED" in text for text in said) == 1, said
    assert "RESOLVED" in said[-1]
