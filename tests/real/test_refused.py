"""Who may not, and what does not count: refused by the whole process, and in its journal with who and why."""

import json
import sqlite3
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from tests.real.components.synapse import Synapse
from tests.real.slack import RemoteSlack, spawn
from tests.real.stage import USERS, Stage, alert, body, stage
from tests.real.test_matrix import Somebody, until

Json = dict[str, Any]
ROOT = Path(__file__).resolve().parents[2]


def tocsin(*words: str | Path) -> subprocess.CompletedProcess[str]:
    """The command line, as an operator uses it beside the running bot."""
    argv = [sys.executable, "-m", "bot", *map(str, words)]
    return subprocess.run(argv, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)


def journal(on: Stage) -> list[Json]:
    done = tocsin("journal", "export", "--state", on.tocsin.root / "state")
    assert done.returncode == 0, done.stderr
    return [json.loads(row) for row in done.stdout.splitlines()]


def about(rows: list[Json], kind: str, message: str) -> list[Json]:
    """The rows of that kind about a message, by its id or a part of it."""
    found = [row for row in rows if row["kind"] == kind]
    return [row for row in found if message in str(row["about"].get("to") or row["about"].get("id"))]


def noted(on: Stage, kind: str, message: str, seconds: float = 30) -> Json:
    """The one row of that kind about a message; waits for it."""
    deadline = time.monotonic() + seconds
    while True:
        rows = journal(on)
        if found := about(rows, kind, message):
            assert len(found) == 1, found
            return found[0]
        assert time.monotonic() < deadline, f"no {kind} about {message} in:\n{rows}\n{on.tocsin.log[-3000:]}"
        time.sleep(0.3)


def why(row: Json) -> str:
    return str(row["about"].get("why") or row["about"].get("ignored"))


# ---- a house where everybody talks in the clear ---------------------------------------------------------


@dataclass
class House:
    """One Tocsin, with people on both platforms who may and who may not."""

    stage: Stage
    eve: dict[str, str]
    before: str
    """What ann asked before the bot came."""

    def ann(self, text: str, room: str = "", more: Json | None = None) -> str:
        content = {"msgtype": "m.text", "body": text, **(more or {})}
        return self.stage.synapse.send(self.stage.ann["access_token"], room or self.stage.room, content)


SLACK = (
    *("--user", "eve=U0EVE00", "--user", "nora=U0NORA0", "--user", "robot=U0ROBOT", "--user", "gone=U0GONE0"),
    *(
        "--user",
        "guest=U0GUEST",
        "--user",
        "single=U0SINGL",
        "--user",
        "far=U0FAR00",
        "--channel",
        "other=C0OTHER",
    ),
)


@pytest.fixture(scope="module")
def slack() -> Iterator[RemoteSlack]:
    with spawn(*USERS, *SLACK) as remote:
        for user in ("U0EVE00", "U0NORA0", "U0ROBOT", "U0GONE0", "U0GUEST", "U0SINGL", "U0FAR00"):
            remote.join(channel="ops", user=user)
        remote.set_user(user="robot", is_bot=True, bot_id="B0ROBOT")
        remote.set_user(user="gone", deleted=True)
        remote.set_user(user="guest", is_restricted=True)
        remote.set_user(user="single", is_ultra_restricted=True)
        remote.set_user(user="far", team_id="T0FAR", is_stranger=True)
        yield remote


def enter(on: Stage, token: str, user: str) -> None:
    on.synapse.api(
        "POST",
        f"/_matrix/client/v3/rooms/{quote(on.room)}/invite",
        {"user_id": user},
        token=on.ann["access_token"],
    )
    on.synapse.join(token, on.room)


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory, synapse: Synapse, slack: RemoteSlack) -> Iterator[House]:
    with stage(tmp_path_factory.mktemp("house"), synapse, slack) as on:
        eve = synapse.register(f"eve{time.monotonic_ns() % 10**9}")
        enter(on, eve["access_token"], eve["user_id"])
        on.tocsin.config["people"]["nora"] = {"slack": "U0NORA0"}
        on.tocsin.write(on.tocsin.config)
        made = House(on, eve, "")
        made.before = made.ann("!ping before you came")
        on.tocsin.start()
        on.until(lambda s: s.tocsin.get("/readyz")[0] == 200)
        yield made


def test_who_has_no_role_on_matrix(house: House) -> None:
    eve = house.eve
    content = {"msgtype": "m.text", "body": "!status"}
    said = house.stage.synapse.send(eve["access_token"], house.stage.room, content)
    row = noted(house.stage, "refusal", said)
    assert row["actor"] == f"matrix:{eve['user_id']}"
    assert row["person"] == ""
    assert row["place"] == f"matrix:{house.stage.room}"
    assert "is not listed and so has no role" in why(row)
    house.stage.until(lambda s: any(f"{eve['user_id']} is not listed" in seen.now for seen in s.matrix()))
    [asked] = about(journal(house.stage), "request", said)
    assert (asked["actor"], asked["about"]["text"]) == (row["actor"], "!status")


@pytest.mark.parametrize(
    ("user", "who", "words"),
    [
        ("eve", "T0HOME/U0EVE00", "is not listed and so has no role"),
        ("nora", "T0HOME/U0NORA0", "you have no role; status needs the role"),
        ("far", "T0FAR/U0FAR00", "you have no role here (of another team, T0FAR)"),
        ("guest", "T0HOME/U0GUEST", "you have no role here (a guest)"),
        ("single", "T0HOME/U0SINGL", "you have no role here (a guest)"),
        ("robot", "T0HOME/U0ROBOT", "you have no role here (a bot)"),
        ("gone", "T0HOME/U0GONE0", "you have no role here (a deactivated account)"),
    ],
)
def test_who_has_no_role_on_slack(house: House, slack: RemoteSlack, user: str, who: str, words: str) -> None:
    said = slack.say(channel="ops", user=user, text="!status")
    row = noted(house.stage, "refusal", said)
    assert row["actor"] == f"slack:{who}"
    assert row["place"] == "slack:C0OPS00"
    assert words in why(row)
    house.stage.until(lambda s: any(words.split(";")[0] in seen.now for seen in s.channel()))


def test_a_slack_connect_stranger_in_a_shared_channel(house: House, slack: RemoteSlack) -> None:
    event = {
        "type": "message",
        "user": "U0FAR00",
        "team": "T0FAR",
        "channel": "C0OPS00",
        "text": "!alerts",
        "ts": f"{time.time():.6f}",
    }
    slack.emit(event=event, is_ext_shared_channel=True)
    row = noted(house.stage, "refusal", event["ts"])
    assert row["actor"] == "slack:T0FAR/U0FAR00"
    assert "a Slack Connect stranger of T0FAR" in why(row)


def test_a_display_name_twin(house: House, slack: RemoteSlack) -> None:
    on = house.stage
    twin = on.synapse.register(f"twin{time.monotonic_ns() % 10**9}")
    enter(on, twin["access_token"], twin["user_id"])
    for one in (on.ann, twin):
        path = f"/_matrix/client/v3/profile/{quote(one['user_id'])}/displayname"
        on.synapse.api("PUT", path, {"displayname": "Ann"}, token=one["access_token"])
    said = on.synapse.send(twin["access_token"], on.room, {"msgtype": "m.text", "body": "!alerts"})
    row = noted(on, "refusal", said)
    assert (row["actor"], row["person"]) == (f"matrix:{twin['user_id']}", "")
    assert "has no role" in why(row)
    slack.add_user(name="ann", id="U0TWIN0")
    slack.join(channel="ops", user="U0TWIN0")
    said = slack.say(channel="ops", user="U0TWIN0", text="!alerts")
    row = noted(on, "refusal", said)
    assert (row["actor"], row["person"]) == ("slack:T0HOME/U0TWIN0", "")
    assert "has no role" in why(row)
    really = house.ann("!alerts")
    assert noted(on, "answer", really)["person"] == "ann"


def test_an_edit_on_matrix_is_never_a_command(house: House) -> None:
    on = house.stage
    talk = house.ann("nothing special")
    asked = house.ann("!ping")
    noted(on, "answer", asked)
    on.settled()  # also what the tests before it had asked
    answers = len(on.matrix())
    for target in (talk, asked):
        edit = house.ann(
            "* !alerts",
            more={
                "m.new_content": {"msgtype": "m.text", "body": "!alerts"},
                "m.relates_to": {"rel_type": "m.replace", "event_id": target},
            },
        )
        row = noted(on, "refusal", edit)
        assert (row["actor"], row["person"]) == (f"matrix:{on.ann['user_id']}", "ann")
        assert "edit" in why(row)
    assert noted(on, "answer", house.ann("!ping"))
    on.until(lambda s: len(s.matrix()) == answers + 1)
    rows = journal(on)
    assert not about(rows, "answer", talk)
    assert len(about(rows, "answer", asked)) == 1


def test_an_edit_on_slack_is_never_a_command(house: House, slack: RemoteSlack) -> None:
    on = house.stage
    talk = slack.say(channel="ops", user="U0ANN00", text="nothing special")
    asked = slack.say(channel="ops", user="U0ANN00", text="!ping")
    noted(on, "answer", asked)
    on.settled()
    answers = len(on.channel())
    for target in (talk, asked):
        slack.edit(channel="ops", ts=target, text="!alerts")
        slack.settled()
        row = noted(on, "refusal", target)
        assert (row["actor"], row["person"]) == ("slack:T0HOME/U0ANN00", "ann")
        assert "edit" in why(row)
    noted(on, "answer", slack.say(channel="ops", user="U0ANN00", text="!ping"))
    on.until(lambda s: len(s.channel()) == answers + 1)
    rows = journal(on)
    assert not about(rows, "answer", talk)
    assert len(about(rows, "answer", asked)) == 1


def test_what_was_asked_before_the_bot_came_is_not_answered(house: House) -> None:
    noted(house.stage, "answer", house.ann("!whoami"))
    rows = journal(house.stage)
    assert not [row for row in rows if house.before in json.dumps(row)]


def test_an_old_command_says_how_old_it_is(house: House, slack: RemoteSlack) -> None:
    ts = f"{time.time() - 3600:.6f}"
    event = {
        "type": "message",
        "user": "U0ANN00",
        "team": "T0HOME",
        "channel": "C0OPS00",
        "text": "!whoami",
        "ts": ts,
    }
    slack.emit(event=event)
    noted(house.stage, "answer", ts)
    house.stage.until(lambda s: any("(asked 1 h ago)" in seen.now for seen in s.channel()))


def test_a_room_that_is_not_configured(house: House, slack: RemoteSlack) -> None:
    on = house.stage
    slack.join(channel="other", user="U0ANN00")
    said = slack.say(channel="other", user="U0ANN00", text="!status")
    row = noted(on, "refusal", said)
    assert (row["person"], row["place"]) == ("ann", "slack:C0OTHER")
    assert "this room is not in my configuration" in why(row)
    # On Matrix the bot never enters one by itself; if somebody else took it there, it hears nothing.
    elsewhere = on.synapse.create_room(on.ann["access_token"], invite=(on.bot["user_id"],))
    on.synapse.join(on.bot["access_token"], elsewhere)
    said = house.ann("!status", elsewhere)
    noted(on, "answer", house.ann("!ping"))
    sent = [
        e for e in on.synapse.timeline(on.ann["access_token"], elsewhere) if e["type"] == "m.room.message"
    ]
    assert [event["event_id"] for event in sent] == [said]


def test_an_invitation_by_a_stranger(house: House) -> None:
    on = house.stage
    hers = on.synapse.create_room(house.eve["access_token"], invite=(on.bot["user_id"],))
    row = noted(on, "refusal", hers)
    assert row["actor"] == f"matrix:{house.eve['user_id']}"
    assert "invit" in why(row)
    path = "/_matrix/client/v3/joined_rooms"
    assert hers not in on.synapse.api("GET", path, token=on.bot["access_token"])["joined_rooms"]


def test_the_journal_holds_and_a_changed_row_is_found(house: House, tmp_path: Path) -> None:
    noted(house.stage, "answer", house.ann("!ping"))
    state = house.stage.tocsin.root / "state"
    good = tocsin("journal", "verify", "--state", state)
    assert (good.returncode, good.stdout[:6]) == (0, "good: "), good
    with sqlite3.connect(state / "tocsin.db") as live, sqlite3.connect(tmp_path / "tocsin.db") as copy:
        live.backup(copy)
    changes = [
        "UPDATE journal SET person = 'adam' WHERE seq = 3",
        "DELETE FROM journal WHERE seq = 4",
        "INSERT INTO journal SELECT seq + 100000, at, kind, actor, person, place, about, previous, hash"
        " FROM journal WHERE seq = 5",
    ]
    for change in changes:
        with sqlite3.connect(tmp_path / "tocsin.db") as forger:
            forger.execute("CREATE TABLE kept AS SELECT * FROM journal")
            forger.execute(change)
        bad = tocsin("journal", "verify", "--state", tmp_path)
        assert (bad.returncode, bad.stdout[:5]) == (1, "bad: "), (change, bad)
        with sqlite3.connect(tmp_path / "tocsin.db") as forger:
            forger.executescript(
                "DELETE FROM journal; INSERT INTO journal SELECT * FROM kept; DROP TABLE kept"
            )
    assert tocsin("journal", "verify", "--state", tmp_path).returncode == 0


def test_no_secret_is_written_or_said(house: House) -> None:
    """Last in this house: also a command that holds one, and an alert that does."""
    on = house.stage
    secrets = {
        "matrix token": on.bot["access_token"],
        "bot token": on.slack.bot_token,
        "app token": on.slack.app_token,
        "webhook": "webhook-secret",
        "pickle key": (on.tocsin.root / "pickle_key").read_text(),
    }
    ring = alert("Leaky", instance=f"https://x/?token={on.bot['access_token']}")
    ring["annotations"]["description"] = " ".join(secrets.values())
    # The payload itself is kept as it came, for as long as `retention.payloads` says; nothing else holds it.
    assert on.tocsin.post(body([ring], group="leaky")) == 200
    noted(on, "answer", house.ann(f"!why {on.bot['access_token']}"))
    on.until(lambda s: all(any("Leaky" in seen.now for seen in room) for room in s.both().values()))
    on.settled()
    said = json.dumps([[vars(seen) for seen in room] for room in on.both().values()])
    log, rows = on.tocsin.log, json.dumps(journal(on))
    for name, secret in secrets.items():
        assert secret not in said, f"the {name} was said"
        assert secret not in log, f"the {name} is in the log"
        assert secret not in rows, f"the {name} is in the journal"


# ---- a room where everything is encrypted ---------------------------------------------------------------


@dataclass
class Vault:
    """A Tocsin in an encrypted room, and people with clients of their own in it."""

    stage: Stage
    ann: Somebody
    bob: Somebody
    """Listed, but none of his devices is."""
    mallory: Somebody
    """In the room, and nobody."""

    def answers(self) -> int:
        """How many messages the bot has sent here."""
        on = self.stage
        events = on.synapse.timeline(on.ann["access_token"], on.room)
        return sum(e["sender"] == on.bot["user_id"] and e["type"] == "m.room.encrypted" for e in events)

    async def told(self, text: str) -> None:
        """Wait until ann's client shows a message of the bot with these words."""

        async def shown() -> bool:
            await self.ann.look()
            events = [event for event in self.ann.seen.values() if event is not None]
            bodies = [
                str(getattr(event, "body", ""))
                for event in events
                if event.sender == self.stage.bot["user_id"]
            ]
            return any(text in one for one in bodies)

        await until(shown)


@asynccontextmanager
async def vault(root: Path, synapse: Synapse, slack: RemoteSlack, encryption: str) -> AsyncIterator[Vault]:
    with stage(root, synapse, slack, encrypted=True) as on:
        accounts = [
            on.ann,
            *(synapse.register(f"{who}{time.monotonic_ns() % 10**9}") for who in ("bob", "mallory")),
        ]
        people = [Somebody(synapse, account, root / account["user_id"]) for account in accounts]
        made = Vault(on, *people)
        for one in people:
            await one.look()
        for one in people[1:]:
            enter(on, one.token, one.user)
        config = on.tocsin.config
        config["matrix"]["encryption"] = encryption
        config["people"]["ann"]["matrix_keys"] = [made.ann.fingerprint]
        config["people"]["bob"] = {"matrix": made.bob.user, "roles": ["operator"]}
        on.tocsin.write(config)
        on.tocsin.start()
        on.until(lambda s: s.tocsin.get("/readyz")[0] == 200)
        for one in people:
            await one.look()  # who has come, and with which device
        try:
            yield made
        finally:
            for one in people:
                await one.client.close()


@pytest.mark.parametrize("encryption", ["optional", "required"])
async def test_in_an_encrypted_room_only_its_own_ciphertext_counts(
    tmp_path: Path, synapse: Synapse, slack: RemoteSlack, encryption: str
) -> None:
    async with vault(tmp_path, synapse, slack, encryption) as made:
        on, ann = made.stage, made.ann
        said = await ann.says(on.room, "!ping")
        await made.told("pong")
        assert noted(on, "answer", said)["person"] == "ann"
        wire = next(e for e in synapse.timeline(ann.token, on.room) if e["event_id"] == said)["content"]

        # The same ciphertext again, after a restart: the homeserver, or a stolen token, could post it.
        on.tocsin.kill()
        on.tocsin.start()
        on.until(lambda s: s.tocsin.get("/readyz")[0] == 200)
        answers = made.answers()
        again = synapse.send(ann.token, on.room, wire, kind="m.room.encrypted")
        row = noted(on, "refusal", again)
        assert (row["actor"], why(row)) == (f"matrix:{ann.user}", "a replayed message")

        # Mallory's words under ann's name: first as they are, then with ann's device in the envelope.
        await made.mallory.says(on.room, "hello")
        words = {"msgtype": "m.text", "body": "!status"}
        _, sealed = made.mallory.client.encrypt(on.room, "m.room.message", words)
        forged = synapse.send(ann.token, on.room, sealed, kind="m.room.encrypted")
        row = noted(on, "refusal", forged)
        assert row["actor"] == f"matrix:{ann.user}"
        assert "only what is encrypted counts" in why(row)
        assert f"encrypted by a device that is not one of {ann.user}" in why(row)
        device = {"device_id": ann.account["device_id"]}
        masked = synapse.send(ann.token, on.room, {**sealed, **device}, kind="m.room.encrypted")
        assert noted(on, "refusal", masked)["actor"] == f"matrix:{ann.user}"

        clear = synapse.send(ann.token, on.room, {"msgtype": "m.text", "body": "!alerts"})
        row = noted(on, "refusal", clear)
        assert row["actor"] == f"matrix:{ann.user}"
        assert "only what is encrypted counts" in why(row)
        assert "said in the clear in an encrypted room" in why(row)

        stranger = await made.mallory.says(on.room, "!status")
        assert "has no role" in why(noted(on, "refusal", stranger))

        # Nothing of all that was obeyed: the journal has one answer, and the room no card of a command.
        rows = journal(on)
        assert [row["about"]["to"] for row in rows if row["kind"] == "answer"] == [said]
        on.until(lambda s: made.answers() >= answers + 3)
        assert made.answers() <= answers + 4

        # A device that nobody listed may read; what it could prove is told.
        noted(on, "answer", await made.bob.says(on.room, "!whoami"))
        await made.told("not trusted")
        noted(on, "answer", await ann.says(on.room, "!whoami"))
        await made.told("device: trusted")
        good = tocsin("journal", "verify", "--state", on.tocsin.root / "state")
        assert good.returncode == 0, good
        kept = [path for path in (on.tocsin.root / "state").rglob("*") if path.is_file()]
        for name in ("matrix_token", "slack_bot", "slack_app", "webhook", "pickle_key"):
            secret = (on.tocsin.root / name).read_bytes()
            assert secret not in (on.tocsin.root / "tocsin.log").read_bytes(), name
            assert [path for path in kept if secret in path.read_bytes()] == [], name


async def test_clear_rooms_do_not_count_where_encryption_is_required(
    tmp_path: Path, synapse: Synapse, slack: RemoteSlack
) -> None:
    with stage(tmp_path, synapse, slack) as on:
        on.tocsin.config["matrix"]["encryption"] = "required"
        on.tocsin.write(on.tocsin.config)
        on.tocsin.start()
        on.until(lambda s: "not encrypted" in s.tocsin.get("/readyz")[1])
        said = synapse.send(on.ann["access_token"], on.room, {"msgtype": "m.text", "body": "!status"})
        row = noted(on, "refusal", said)
        assert (row["person"], row["actor"]) == ("ann", f"matrix:{on.ann['user_id']}")
        assert "this room is not encrypted, as the configuration requires" in why(row)
        assert on.matrix() == []
