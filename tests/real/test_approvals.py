"""A plan from its request to its end, on a real Engine: in the console, and from Matrix to Slack through
every death. The Engine's own events say how often something was really done."""

import itertools
import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from docker.models.containers import Container

from bot.core.steps import Step
from tests.real.components.engine import Engine
from tests.real.components.synapse import Synapse
from tests.real.rooms import Seen
from tests.real.slack import RemoteSlack, spawn
from tests.real.stage import USERS, Stage, stage

ROOT = Path(__file__).resolve().parents[2]
CODE = re.compile(r"^!approve ([A-Z0-9]{4,6})$", re.MULTILINE)
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


class Pipe:
    """`tocsin console` as a script uses it."""

    def __init__(self, engine: Engine, folder: Path) -> None:
        (folder / "estate").mkdir(exist_ok=True)
        argv = [
            sys.executable,
            "-m",
            "bot",
            "console",
            "--state",
            folder / "s",
            "--estate",
            folder / "estate",
        ]
        env = {**os.environ, "PYTHONPATH": str(ROOT), "DOCKER_HOST": engine.host}
        self.process = subprocess.Popen(
            argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=env
        )
        self._ends = itertools.count(1)

    def ask(self, text: str) -> list[str]:
        """All that is printed before the next line is read."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        mark = f"/end-{next(self._ends)}"
        self.process.stdin.write(f"{text}\n{mark}\n")
        self.process.stdin.flush()
        said: list[str] = []
        while not (row := self.process.stdout.readline()).startswith(f"unknown: {mark} "):
            assert row, f"the console ended after {said}"
            said.append(row.rstrip("\n"))
        return said

    def end(self) -> None:
        self.process.kill()
        self.process.wait()
        for stream in (self.process.stdin, self.process.stdout):
            if stream is not None:
                stream.close()


@pytest.fixture
def pipe(engine: Engine, tmp_path: Path) -> Iterator[Pipe]:
    made = Pipe(engine, tmp_path)
    yield made
    made.end()


def code_of(card: list[str]) -> str:
    found = re.fullmatch(r"!approve ([A-Z0-9]{4,6})", card[-1])
    assert found, card
    return found.group(1)


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

POLICY = {
    "restart": {"ask": "approve", "by": "admin", "votes": 1, "self": False},
    "start": {"ask": "confirm"},
    "stop": {"ask": "approve", "by": "admin", "votes": 2, "self": False},
}


@dataclass
class House:
    """ann and adam are operator and admin on both platforms; bob is admin on Slack; eve is nobody."""

    stage: Stage
    web: Web
    adam: dict[str, str]

    def ann(self, text: str, **more: Any) -> str:
        return self.say(self.stage.ann, text, **more)

    def say(self, who: dict[str, str], text: str, **more: Any) -> str:
        content = {"msgtype": "m.text", "body": text, **more}
        return self.stage.synapse.send(who["access_token"], self.stage.room, content)

    def card(self, verb: str, after: int = 0) -> tuple[str, Seen, Seen]:
        """The newest plan's code, and its card on Matrix and on Slack."""

        def cards(seen: list[Seen]) -> list[Seen]:
            return [one for one in seen if f"asks: {verb}" in one.first]

        def there(s: Stage) -> bool:
            return all(len(cards(seen)) > after for seen in s.both().values())

        self.stage.until(there)
        matrix, slack = cards(self.stage.matrix())[-1], cards(self.stage.channel())[-1]
        found = CODE.search(matrix.first)
        assert found, matrix.first
        assert matrix.first.endswith(f"!approve {found.group(1)}")
        return found.group(1), matrix, slack

    def slack(self, user: str, text: str, **more: Any) -> str:
        return str(self.stage.slack.say(channel="ops", user=user, text=text, **more))

    def click(self, user: str, card: Seen, action: str = "tocsin:approve") -> Any:
        return self.stage.slack.click(channel="ops", user=user, ts=card.id, action_id=action, stale=True)

    def both_say_yes(self, code: str) -> None:
        """adam on Matrix and bob on Slack, in the same moment."""
        gate = threading.Barrier(2)

        def on_matrix() -> None:
            gate.wait()
            self.say(self.adam, f"!approve {code}")

        def on_slack() -> None:
            gate.wait()
            self.slack("bob", f"!approve {code}")

        both = [threading.Thread(target=one) for one in (on_matrix, on_slack)]
        for one in both:
            one.start()
        for one in both:
            one.join()

    def told(self, word: str, code: str = "", times: int = 1) -> None:
        """Wait until the thread of the newest card says so, on both platforms, once."""

        def thread(seen: list[Seen]) -> list[str]:
            lines = [row for one in seen for text in one.thread for row in text.splitlines()]
            return [row for row in lines if row.startswith(f"{word}: {code}")]

        self.stage.until(lambda s: all(len(thread(seen)) >= times for seen in s.both().values()))
        for seen in self.stage.both().values():
            assert len(thread(seen)) == times, seen

    def hears(self, words: str) -> None:
        """Wait until a thread on either platform has these words."""
        self.stage.until(
            lambda s: any(words in t for seen in s.both().values() for one in seen for t in one.thread)
        )

    def refused(self, words: str) -> None:
        """Wait until somebody was told no in these words, aloud or alone."""

        def there(s: Stage) -> bool:
            alone = [m.plain for user in ("ann", "bob", "eve") for m in s.slack.ephemerals("ops", user)]
            aloud = [text for seen in s.both().values() for one in seen for text in (one.now, *one.thread)]
            return any("refused: " in text and words in text for text in (*alone, *aloud))

        self.stage.until(there)

    def journal(self) -> list[dict[str, Any]]:
        argv = [sys.executable, "-m", "bot", "journal", "export", "--state", self.stage.tocsin.root / "state"]
        done = subprocess.run(argv, cwd=ROOT, capture_output=True, text=True, timeout=60, check=True)
        return [json.loads(row) for row in done.stdout.splitlines()]

    def ready(self) -> None:
        self.stage.until(lambda s: s.tocsin.get("/readyz")[0] == 200)


@pytest.fixture
def slack() -> Iterator[RemoteSlack]:
    more = ("--user", "adam=U0ADAM0", "--user", "bob=U0BOB00", "--user", "eve=U0EVE00")
    with spawn(*USERS, *more) as remote:
        for user in ("U0ADAM0", "U0BOB00", "U0EVE00"):
            remote.join(channel="ops", user=user)
        yield remote


def build(root: Path, synapse: Synapse, slack: RemoteSlack, web: Web) -> Iterator[House]:
    estate = {"docker": web.engine.host}
    with stage(root, synapse, slack, policy=POLICY, estate=estate) as on:
        adam = synapse.register(f"adam{time.monotonic_ns() % 10**9}")
        token = on.ann["access_token"]
        invite = f"/_matrix/client/v3/rooms/{quote(on.room)}/invite"
        synapse.api("POST", invite, {"user_id": adam["user_id"]}, token=token)
        synapse.join(adam["access_token"], on.room)
        on.tocsin.config["people"] |= {
            "adam": {"matrix": adam["user_id"], "slack": "U0ADAM0", "roles": ["admin"]},
            "bob": {"slack": "U0BOB00", "roles": ["admin"]},
        }
        on.tocsin.config["people"]["ann"]["roles"] = ["operator", "admin"]
        on.tocsin.write(on.tocsin.config)
        yield House(on, web, adam)


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
