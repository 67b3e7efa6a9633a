"""A broken glass on a real Engine, from Matrix to Slack: stopped by somebody without a role, run when nobody
stops it, signed off from the other chat, and cancelled by a kill."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from bot.core.steps import Step
from tests.real.components.engine import Engine
from tests.real.components.synapse import Synapse
from tests.real.pipe import Pipe, code_of
from tests.real.rooms import Seen
from tests.real.slack import RemoteSlack, spawn
from tests.real.stage import USERS
from tests.real.test_approvals import House, build, start_web


@pytest.fixture
def slack() -> Iterator[RemoteSlack]:
    users = ("--user", "adam=U0ADAM0", "--user", "bob=U0BOB00", "--user", "eve=U0EVE00")
    with spawn(*USERS, *users) as remote:
        for user in ("U0ADAM0", "U0BOB00", "U0EVE00"):
            remote.join(channel="ops", user=user)
        yield remote


@pytest.fixture
def house(tmp_path: Path, synapse: Synapse, slack: RemoteSlack, engine: Engine) -> Iterator[House]:
    """eve is listed and has no role. Not started yet."""
    web = start_web(engine)
    for found in build(tmp_path, synapse, slack, web):
        config = found.stage.tocsin.config
        config["people"]["eve"] = {"slack": "U0EVE00", "roles": []}
        config["policy"]["break-glass"] = {"by": "admin", "countdown": "6s"}
        found.stage.tocsin.write(config)
        yield found
    web.container.remove(force=True)


def broken(house: House, after: int = 0) -> tuple[str, Seen, Seen]:
    """ann's plan, whose glass adam broke: its code, and the alarm on Matrix and on Slack."""
    house.ann(f"!restart {house.web.name}")
    code, _, _ = house.card("restart", after=after)
    house.say(house.adam, f"!break-glass {code} the disk is full")

    def alarms(seen: list[Seen]) -> list[Seen]:
        return [one for one in seen if "glass broken" in one.first and f"!deny {code}" in one.first]

    house.stage.until(lambda s: all(alarms(seen) for seen in s.both().values()))
    [matrix], [slack] = alarms(house.stage.matrix()), alarms(house.stage.channel())
    return code, matrix, slack


def test_it_is_stopped_by_anybody_and_else_runs_and_is_signed_in_the_other_chat(
    house: House, slack: RemoteSlack
) -> None:
    house.stage.tocsin.start()
    house.ready()
    code, matrix, alarm = broken(house)
    # It calls everybody, in the room itself.
    events = house.stage.synapse.timeline(house.stage.ann["access_token"], house.stage.room)
    [content] = [event["content"] for event in events if event["event_id"] == matrix.id]
    called = set(content["m.mentions"]["user_ids"])
    assert called == {house.stage.ann["user_id"], house.adam["user_id"]}
    [raw] = [message for message in slack.messages("ops") if message.ts == alarm.id]
    assert all(f"<@{user}>" in raw.text for user in ("U0ANN00", "U0ADAM0", "U0BOB00", "U0EVE00"))
    # eve has no role, and one button.
    house.click("eve", alarm, "tocsin:deny")
    house.told("denied", f"{code}: eve said no")
    time.sleep(7)
    assert house.web.happened("restart") == 0
    [over] = [one for one in house.stage.channel() if one.id == alarm.id]
    assert f"denied: {code}" in over.now
    assert not any(
        block["type"] == "actions" for m in slack.messages("ops") if m.ts == alarm.id for block in m.blocks
    )

    code, _, _ = broken(house, after=1)
    house.told("done")
    assert house.web.happened("restart") == 1
    house.hears(f"{code} ran without the yes it wants")
    house.slack("adam", f"!approve {code}")
    house.refused("adam broke the glass, and this wants the signature of somebody else")
    house.ann(f"!approve {code}")
    house.refused("ann asked for it, and this wants the signature of somebody else")
    house.slack("bob", "!pending")
    house.stage.until(lambda s: any("signature: bob" in m.plain for m in s.slack.messages("ops")))
    house.slack("bob", f"!approve {code}")
    house.hears(f"{code} is signed off by bob")
    rows = [(row["kind"], row["person"]) for row in house.journal() if row["about"].get("code") == code]
    assert rows == [
        ("plan", "ann"),
        ("glass", "adam"),
        ("execution", ""),
        ("execution", ""),
        ("glass", "bob"),
    ]
    assert house.web.happened("restart") == 1


@pytest.mark.parametrize(
    ("step", "word", "ran"),
    [(Step.GLASS_COMMITTED, "cancelled", 0), (Step.PLAN_CONSUMED, "interrupted", 0)],
    ids=lambda one: str(one),
)
def test_a_kill_ends_the_countdown_or_is_told(house: House, step: Step, word: str, ran: int) -> None:
    tocsin = house.stage.tocsin.start(die=f"{step.value}:1")
    house.ready()
    house.ann(f"!restart {house.web.name}")
    code, _, _ = house.card("restart")
    house.say(house.adam, f"!break-glass {code} the disk is full")
    tocsin.died()
    tocsin.start()
    house.ready()
    house.told(word, code)
    time.sleep(7)
    assert house.web.happened("restart") == ran
    if word == "interrupted":
        # It may have done something: a second person still has to see it.
        house.slack("bob", f"!approve {code}")
        house.hears(f"{code} is signed off by bob")
    else:
        house.slack("bob", f"!approve {code}")
        house.refused(f"{code} was cancelled: I was restarted during its countdown")


def test_in_the_console_by_three_seats(engine: Engine, tmp_path: Path) -> None:
    web = start_web(engine)
    pipe = Pipe(engine, tmp_path)
    try:
        for turn in range(2):
            pipe.ask("/as ann")
            code = code_of(pipe.ask(f"!restart {web.name} --grace 0"))
            pipe.ask("/as adam")
            said = pipe.ask(f"!break-glass {code} the disk is full")
            assert "@ann @adam @eve @vic" in said
            assert said[-1] == f"!deny {code}"
            if turn == 0:
                pipe.ask("/as eve")
                assert pipe.ask(f"!deny {code}") == [f"denied: {code}: eve said no"]
        deadline = time.monotonic() + 90
        heard: list[str] = []
        while not any(row.startswith("done: ") for row in heard):
            assert time.monotonic() < deadline, heard
            heard += pipe.ask("!ping")
            time.sleep(1)
        assert any(row.startswith(f"{code} ran without the yes it wants. @ann: ") for row in heard)
        assert web.happened("restart") == 1
        assert pipe.ask(f"!approve {code}")[0].startswith("refused: adam broke the glass")
        pipe.ask("/as ann")
        assert pipe.ask(f"!approve {code}") == [f"{code} is signed off by ann"]
    finally:
        pipe.end()
        web.container.remove(force=True)
