"""A plan from its request to its end, on a real Engine: in the console, and from Matrix to Slack through
every death. The Engine's own events say how often something was really done."""

import itertools
import os
import signal
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import pytest
from docker.models.containers import Container

from bot.core.steps import Step
from tests.real.components.engine import Engine
from tests.real.components.synapse import Synapse
from tests.real.house import MORE_USERS, join
from tests.real.house import House as People
from tests.real.house import house as people
from tests.real.pipe import Pipe, code_of
from tests.real.rooms import Seen
from tests.real.slack import RemoteSlack, spawn
from tests.real.stage import USERS

_numbers = itertools.count(1)


@dataclass
class Web:
    """One healthy container that Compose would call `apr/webN`."""

    engine: Engine
    container: Container
    name: str

    def happened(self, action: str) -> int:
        """How often the Engine did that to it."""
        wanted = {"container": self.container.id, "event": action}
        events = self.engine.client.events(since=0, until=int(time.time()) + 1, filters=wanted, decode=True)
        return sum(1 for _ in events)

    def state(self) -> str:
        self.container.reload()
        return str(self.container.status)


def start_web(engine: Engine, image: str = "tocsin-test/healthy:1") -> Web:
    name = f"web{os.getpid()}{next(_numbers)}"
    labels = {"com.docker.compose.project": "apr", "com.docker.compose.service": name}
    container = engine.client.containers.run(
        image, detach=True, network_mode="none", labels=labels, name=f"apr-{name}-1"
    )
    return Web(engine, container, name)


@pytest.fixture
def web(engine: Engine) -> Iterator[Web]:
    made = start_web(engine)
    yield made
    made.container.remove(force=True)


# ---- the console ----------------------------------------------------------------------------------------


@pytest.fixture
def pipe(engine: Engine, tmp_path: Path) -> Iterator[Pipe]:
    made = Pipe(engine, tmp_path)
    yield made
    made.end()


def test_a_restart_in_the_console_is_confirmed_and_proved(pipe: Pipe, web: Web) -> None:
    card = pipe.ask(f"!restart {web.name}")
    code = code_of(card)
    assert f"POST /containers/{web.container.id[:12]}/restart?t=10" in "\n".join(card)
    assert web.happened("restart") == 0
    said = pipe.ask(f"!approve {code.lower()}")
    assert said[0].startswith(f"restarting apr-{web.name}-1")
    assert said[-1].startswith(f"done: apr/{web.name} was restarted: apr-{web.name}-1 is running, healthy")
    assert web.happened("restart") == 1
    [again] = pipe.ask(f"!approve {code}")
    assert again.startswith(f"refused: {code} is used")
    [nobodys] = pipe.ask("!approve AAAA")
    assert nobodys.startswith("refused: no plan has the code AAAA")
    assert web.happened("restart") == 1


def test_stop_and_start_in_the_console(pipe: Pipe, web: Web) -> None:
    said = pipe.ask(f"!approve {code_of(pipe.ask(f'!stop {web.name} --grace 5'))}")
    assert said[-1].startswith("done: ")
    assert web.state() == "exited"
    [refused] = pipe.ask(f"!stop {web.name}")
    assert refused == f"refused: apr/{web.name} does not run"
    said = pipe.ask(f"!approve {code_of(pipe.ask(f'!start {web.name}'))}")
    assert said[-1].startswith("done: ")
    assert web.state() == "running"


def test_what_has_changed_since_the_plan_is_shown_and_nothing_is_run(pipe: Pipe, web: Web) -> None:
    code = code_of(pipe.ask(f"!restart {web.name}"))
    web.container.stop(timeout=1)
    said = pipe.ask(f"!approve {code}")
    assert said[-1].startswith(f"drifted: {code}: containers.apr-{web.name}-1.state: running → exited")
    assert web.happened("restart") == 0
    [again] = pipe.ask(f"!approve {code}")
    assert again.startswith(f"refused: {code} was not run")


def test_one_that_gets_ill_is_a_failure(pipe: Pipe, engine: Engine) -> None:
    web = start_web(engine, "tocsin-test/exited:1")
    try:
        time.sleep(0.5)
        said = pipe.ask(f"!approve {code_of(pipe.ask(f'!start {web.name}'))}")
        assert said[-1].startswith(f"failed: apr/{web.name}: apr-{web.name}-1 is exited (3)")
    finally:
        web.container.remove(force=True)


def test_a_strange_name_is_no_service_and_runs_nothing(pipe: Pipe) -> None:
    for name in ("--help", "'; rm -rf /'", '"$(reboot)"', "we\u202eb"):
        said = pipe.ask(f"!restart {name}")
        assert said[0].startswith(("usage: ", "unknown: ")), said


def test_the_console_killed_in_the_middle_says_so_when_it_comes_back(engine: Engine, tmp_path: Path) -> None:
    # Process 1 takes its time to end, so that the kill comes in the middle.
    web = start_web(engine, "tocsin-test/stubborn:1")
    first = Pipe(engine, tmp_path)
    try:
        code = code_of(first.ask(f"!restart {web.name} --grace 5"))
        assert first.process.stdin is not None
        assert first.process.stdout is not None
        first.process.stdin.write(f"!approve {code}\n")
        first.process.stdin.flush()
        assert first.process.stdout.readline().startswith("restarting ")
        first.process.send_signal(signal.SIGKILL)
        first.process.wait()
        second = Pipe(engine, tmp_path)
        try:
            said = second.ask("!ping") + second.ask("!ping")
            told = [row for row in said if row.startswith(f"interrupted: {code}: ")]
            assert len(told) == 1, said
            assert f"apr-{web.name}-1 is " in told[0]
            assert second.ask(f"!approve {code}")[0].startswith(f"refused: {code} is used")
        finally:
            second.end()
        assert web.happened("restart") <= 1
    finally:
        first.end()
        web.container.remove(force=True)


# ---- Matrix and Slack -----------------------------------------------------------------------------------


@dataclass
class House(People):
    """With one container to do things to."""

    web: Web


@pytest.fixture
def slack() -> Iterator[RemoteSlack]:
    with spawn(*USERS, *MORE_USERS) as remote:
        yield join(remote)


def build(root: Path, synapse: Synapse, slack: RemoteSlack, web: Web) -> Iterator[House]:
    with people(root, synapse, slack, {"docker": web.engine.host}) as made:
        yield House(made.stage, made.adam, web)


@pytest.fixture
def asleep(tmp_path: Path, synapse: Synapse, slack: RemoteSlack, web: Web) -> Iterator[House]:
    """Not started yet."""
    yield from build(tmp_path, synapse, slack, web)


@pytest.fixture
def house(asleep: House) -> House:
    asleep.stage.tocsin.start()
    asleep.ready()
    return asleep


def test_asked_on_matrix_and_approved_by_somebody_else_on_slack(house: House) -> None:
    house.ann(f"!restart {house.web.name}")
    code, _, slack = house.card(f"restart apr/{house.web.name}")
    # The asker's other account is the same person: by button, by typed code.
    house.click("ann", slack)
    house.refused("wants the yes of somebody else")
    house.slack("ann", f"!approve {code}")
    house.slack("eve", f"!approve {code}")
    time.sleep(1)
    assert house.web.happened("restart") == 0
    house.click("bob", slack)
    house.told("done")
    assert house.web.happened("restart") == 1
    house.click("bob", slack)
    house.refused(f"{code} is used")
    assert house.web.happened("restart") == 1
    kinds = [(row["kind"], row["person"]) for row in house.journal() if row["about"].get("code") == code]
    assert kinds == [("plan", "ann"), ("vote", "bob"), ("execution", ""), ("execution", "")]


def test_two_yes_in_the_same_moment_on_two_platforms_are_one_execution(house: House) -> None:
    for turn in range(3):
        house.ann(f"!restart {house.web.name}")
        code, _, slack = house.card(f"restart apr/{house.web.name}", after=turn)
        gate = threading.Barrier(3)

        def on_matrix(gate: threading.Barrier = gate, code: str = code) -> None:
            gate.wait()
            house.say(house.adam, f"!approve {code}")

        def on_slack(gate: threading.Barrier = gate, slack: Seen = slack) -> None:
            gate.wait()
            house.click("bob", slack)

        both = [threading.Thread(target=one) for one in (on_matrix, on_slack)]
        for one in both:
            one.start()
        gate.wait()
        for one in both:
            one.join()
        house.told("done", times=turn + 1)
        assert house.web.happened("restart") == turn + 1


def test_replies_reactions_and_what_is_unclear(house: House) -> None:
    house.ann(f"!stop {house.web.name}")
    _, matrix, slack = house.card(f"stop apr/{house.web.name}")
    house.slack("bob", "yes, but after lunch", thread_ts=slack.id)
    house.hears("did not take that")
    house.slack("bob", "ok", thread_ts=slack.id)
    house.hears("1 of 2")
    reaction = {"m.relates_to": {"rel_type": "m.annotation", "event_id": matrix.id, "key": "👍"}}
    house.stage.synapse.send(house.adam["access_token"], house.stage.room, reaction, kind="m.reaction")
    house.told("done")
    assert house.web.state() == "exited"


def test_an_edited_request_a_redacted_vote_and_a_no(house: House) -> None:
    said = house.ann(f"!restart {house.web.name}")
    house.card("restart")
    edit = {
        "m.new_content": {"msgtype": "m.text", "body": "!restart other"},
        "m.relates_to": {"rel_type": "m.replace", "event_id": said},
    }
    house.ann("* !restart other", **edit)
    house.told("cancelled")
    house.ann(f"!stop {house.web.name}")
    code, matrix, _ = house.card("stop")
    reply = {"m.relates_to": {"m.in_reply_to": {"event_id": matrix.id}}}
    yes = house.say(house.adam, "approve", **reply)
    house.hears("1 of 2")
    room = quote(house.stage.room)
    path = f"/_matrix/client/v3/rooms/{room}/redact/{quote(yes)}/t1"
    house.stage.synapse.api("PUT", path, {}, token=house.adam["access_token"])
    house.hears("no longer counts")
    house.slack("bob", f"!approve {code}")
    house.stage.until(lambda s: any("1 of 2 yes" in one.now for one in s.channel()))
    house.say(house.adam, "no", **reply)
    house.told("denied")
    house.slack("bob", f"!approve {code}")
    house.refused(f"{code} was denied")
    assert house.web.happened("stop") + house.web.happened("restart") == 0


def test_a_restart_of_the_bot_cancels_what_waits(house: House) -> None:
    house.ann(f"!restart {house.web.name}")
    code, _, _ = house.card("restart")
    house.stage.tocsin.kill()
    house.stage.tocsin.start()
    house.ready()
    house.told("cancelled", code)
    house.say(house.adam, f"!approve {code}")
    house.refused(f"{code} was cancelled")
    assert house.web.happened("restart") == 0


PLAN_STEPS = [
    Step.PLAN_COMMITTED,
    Step.VOTE_COMMITTED,
    Step.PLAN_CONSUMED,
    Step.EXECUTION_STARTED,
    Step.EXECUTION_ENDED,
    Step.RESULT_COMMITTED,
]


@pytest.mark.parametrize("step", PLAN_STEPS, ids=lambda step: step.value)
def test_dying_at_a_step_of_a_plan(asleep: House, step: Step) -> None:
    house = asleep
    tocsin = house.stage.tocsin.start(die=f"{step.value}:1")
    house.ready()
    house.ann(f"!restart {house.web.name}")
    if step is not Step.PLAN_COMMITTED:
        code, _, _ = house.card("restart")
        house.both_say_yes(code)
    tocsin.died()
    tocsin.start()
    house.ready()
    word = {
        Step.PLAN_COMMITTED: "cancelled",
        Step.VOTE_COMMITTED: "cancelled",
        Step.RESULT_COMMITTED: "done",
    }.get(step, "interrupted")
    house.told(word)
    house.stage.settled()
    time.sleep(1)
    done = step in {Step.EXECUTION_ENDED, Step.RESULT_COMMITTED}
    assert house.web.happened("restart") == (1 if done else 0)
    house.told(word)
