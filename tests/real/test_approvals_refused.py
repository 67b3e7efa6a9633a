"""Who and what gets no plan run, on a real Engine from Matrix and from Slack. Each reads the refusal, in the
journal under the message that was refused, and asks the Engine that nothing was done."""

import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from tests.real.components.engine import Engine
from tests.real.components.synapse import Synapse
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
def asleep(tmp_path: Path, synapse: Synapse, slack: RemoteSlack, engine: Engine) -> Iterator[House]:
    web = start_web(engine)
    yield from build(tmp_path, synapse, slack, web)
    web.container.remove(force=True)


@pytest.fixture
def house(asleep: House) -> House:
    asleep.stage.tocsin.start()
    asleep.ready()
    return asleep


def answers(house: House, *said: str) -> list[dict[str, Any]]:
    """The journal's rows about the answers to these messages."""
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        rows = house.journal()
        found = [row for one in said for row in rows if str(row["about"].get("to", "")).endswith(one)]
        if len(found) == len(said):
            return found
        time.sleep(0.2)
    raise AssertionError(f"{said} were not all answered:\n{house.stage.tocsin.log[-3000:]}")


def refused(house: House, said: str, words: str) -> dict[str, Any]:
    [row] = answers(house, said)
    assert row["kind"] == "refusal", row
    assert words in row["about"]["why"], row
    return row


def nothing_ran(house: House) -> None:
    assert house.web.happened("restart") + house.web.happened("stop") == 0
    assert not [row for row in house.journal() if row["about"].get("state") == "running"]


def enter(house: House, name: str) -> dict[str, str]:
    """A new Matrix account in the room that nobody listed, under this display name."""
    on = house.stage
    made = on.synapse.register(f"x{time.monotonic_ns() % 10**9}")
    invite = f"/_matrix/client/v3/rooms/{quote(on.room)}/invite"
    on.synapse.api("POST", invite, {"user_id": made["user_id"]}, token=on.ann["access_token"])
    on.synapse.join(made["access_token"], on.room)
    path = f"/_matrix/client/v3/profile/{quote(made['user_id'])}/displayname"
    on.synapse.api("PUT", path, {"displayname": name}, token=made["access_token"])
    return made


def test_twins_strangers_guests_and_the_asker_do_not_say_yes(house: House, slack: RemoteSlack) -> None:
    house.ann(f"!restart {house.web.name}")
    code, matrix, card = house.card(f"restart apr/{house.web.name}")
    yes = f"!approve {code}"
    # The asker, here and by the other chat.
    for said in (house.ann(yes), house.slack("ann", yes)):
        assert refused(house, said, "wants the yes of somebody else")["person"] == "ann"
    # Who looks like adam is somebody else.
    twin = enter(house, "adam")
    said = house.say(twin, yes)
    assert refused(house, said, "has no role")["actor"] == f"matrix:{twin['user_id']}"
    slack.add_user(name="adam", id="U0TWIN0")
    slack.join(channel="ops", user="U0TWIN0")
    said = house.slack("U0TWIN0", yes)
    assert refused(house, said, "has no role")["actor"] == "slack:T0HOME/U0TWIN0"
    # By reaction and by button, too.
    reaction = {"m.relates_to": {"rel_type": "m.annotation", "event_id": matrix.id, "key": "✅"}}
    said = house.stage.synapse.send(twin["access_token"], house.stage.room, reaction, kind="m.reaction")
    refused(house, said, "has no role")
    slack.add_user(name="gus", id="U0GUEST", is_restricted=True)
    slack.join(channel="ops", user="U0GUEST")
    refused(house, house.slack("U0GUEST", yes), "a guest")
    house.click("U0GUEST", card)
    house.stage.until(
        lambda s: any("refused: " in m.plain for m in s.slack.ephemerals("ops", "U0GUEST")),
    )
    event = {
        "type": "message",
        "channel": "C0OPS00",
        "channel_type": "channel",
        "user": "U0FAR00",
        "user_team": "T0FAR",
        "team": "T0FAR",
        "text": yes,
        "ts": f"{time.time():.6f}",
    }
    slack.emit(event=event, is_ext_shared_channel=True)
    refused(house, str(event["ts"]), "a Slack Connect stranger of T0FAR")
    nothing_ran(house)
    # None of this cost the plan anything: who may, may.
    house.slack("bob", yes)
    house.told("done")
    assert house.web.happened("restart") == 1


def test_codes_that_are_unknown_and_used(house: House) -> None:
    for said in (house.say(house.adam, "!approve ZZZZ"), house.slack("bob", "!deny ZZZZ")):
        refused(house, said, "no plan has the code ZZZZ; !pending lists what waits")
    nothing_ran(house)
    house.ann(f"!restart {house.web.name}")
    code, _, card = house.card(f"restart apr/{house.web.name}")
    house.slack("bob", f"!approve {code}")
    house.told("done")
    for said in (
        house.say(house.adam, f"!approve {code}"),
        house.slack("bob", f"!deny {code}"),
        house.ann(f"!cancel {code}"),
    ):
        refused(house, said, f"{code} is used: it ran, and the end was done")
    house.click("bob", card)
    house.refused(f"{code} is used")
    assert house.web.happened("restart") == 1


def test_what_expired_is_told_and_not_run(asleep: House) -> None:
    house = asleep
    house.stage.tocsin.config["policy"]["restart"] |= {"expires": "3s"}
    house.stage.tocsin.write(house.stage.tocsin.config)
    house.stage.tocsin.start()
    house.ready()
    house.ann(f"!restart {house.web.name}")
    code, _, _ = house.card(f"restart apr/{house.web.name}")
    house.told("expired", code)
    refused(house, house.slack("bob", f"!approve {code}"), f"{code} has expired; ask again")
    nothing_ran(house)


def test_a_role_that_is_revoked_after_its_vote(house: House) -> None:
    tocsin = house.stage.tocsin
    house.ann(f"!stop {house.web.name}")
    code, _, _ = house.card(f"stop apr/{house.web.name}")
    house.slack("bob", f"!approve {code}")
    house.hears("1 of 2")
    tocsin.config["people"]["bob"]["roles"] = ["operator"]
    tocsin.write(tocsin.config)
    assert tocsin.process is not None
    tocsin.process.popen.send_signal(signal.SIGHUP)
    house.stage.until(lambda s: "SIGHUP: people" in s.tocsin.log)
    house.say(house.adam, f"!approve {code}")
    house.told("cancelled", f"{code}: the yes of bob no longer counts: you have the role operator")
    nothing_ran(house)


def test_a_policy_that_is_changed_after_the_question(house: House) -> None:
    tocsin = house.stage.tocsin
    house.ann(f"!restart {house.web.name}")
    code, _, _ = house.card(f"restart apr/{house.web.name}")
    tocsin.config["policy"]["restart"]["votes"] = 2
    tocsin.write(tocsin.config)
    assert tocsin.process is not None
    tocsin.process.popen.send_signal(signal.SIGHUP)
    house.told("cancelled", f"{code}: the policy was changed")
    refused(house, house.slack("bob", f"!approve {code}"), f"{code} was cancelled: the policy was changed")
    nothing_ran(house)


def test_on_slack_an_edited_request_a_deleted_vote_and_a_no_after_the_yes(
    house: House, slack: RemoteSlack
) -> None:
    asked = house.slack("ann", f"!restart {house.web.name}")
    first, _, _ = house.card(f"restart apr/{house.web.name}")
    slack.edit(channel="ops", ts=asked, text="!restart other")
    house.told("cancelled", first)
    refused(house, house.slack("bob", f"!approve {first}"), "was cancelled: the request was edited")
    house.slack("ann", f"!stop {house.web.name}")
    code, _, card = house.card(f"stop apr/{house.web.name}")
    vote = house.slack("bob", f"!approve {code}")
    house.hears("1 of 2")
    slack.delete(channel="ops", ts=vote)
    house.hears("no longer counts")
    house.slack("bob", f"!approve {code}")
    house.stage.until(lambda s: any("1 of 2 yes" in one.now for one in s.channel()))
    house.click("adam", card, "tocsin:deny")
    house.told("denied", code)
    refused(house, house.say(house.adam, f"!approve {code}"), f"{code} was denied: adam said no")
    nothing_ran(house)


def test_names_that_are_options_shell_or_unseen(house: House) -> None:
    strange = {
        "--help": "usage: !restart SERVICE",
        '"--help"': "unknown: --help",
        "; rm -rf /": "usage: !restart SERVICE",
        '"; rm -rf /"': "unknown: ; rm -rf /",
        "$(reboot)": "unknown: $(reboot)",
        f"{house.web.name}\u202e": "U+202E RIGHT-TO-LEFT OVERRIDE",
        f"{house.web.name}\u200b": "U+200B ZERO WIDTH SPACE",
        "w\u0435b": "mixes scripts: U+0435 CYRILLIC SMALL LETTER IE",
    }
    said = [(house.ann(f"!restart {name}"), words) for name, words in strange.items()]
    said += [(house.slack("ann", f"!restart {name}"), words) for name, words in strange.items()]
    rows = answers(house, *(message for message, _ in said))
    for row, (message, words) in zip(rows, said, strict=True):
        assert words in row["about"]["why"], (message, words)
    assert not [row for row in house.journal() if row["kind"] == "plan"]
    nothing_ran(house)
