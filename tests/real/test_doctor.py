"""The doctor against real Synapse, Alertmanager, Prometheus and Engine, and the loopback Slack."""

# ruff: noqa: E501 - exact messages

import base64
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from bot.config.model import AlertsConfig, Config, Estate, Http, Matrix, Secret, Slack
from bot.core.model import Identity, People, Person, Room
from bot.doctor import estate, matrix, slack, web
from tests.real.components.alertmanager import Alertmanager
from tests.real.components.engine import Engine
from tests.real.components.prometheus import Prometheus
from tests.real.components.synapse import Synapse
from tests.real.slack import LoopbackSlack

BASE = Config(Path("/nowhere"), Http("127.0.0.1", 1))


def person(name: str, platform: str, user: str, *keys: str) -> Person:
    return Person(name, frozenset({Identity(platform, user)}), ("operator",), keys)


# ---- Matrix ---------------------------------------------------------------------------------------------


class House:
    """A bot and ann on a homeserver, and rooms between them."""

    def __init__(self, synapse: Synapse, name: str) -> None:
        self.synapse = synapse
        self.bot = synapse.register(f"bot-{name}")
        self.ann = synapse.register(f"ann-{name}")
        self.stranger = synapse.register(f"stranger-{name}")

    def config(self, *rooms: str, keys: tuple[str, ...] = (), **changes: Any) -> Config:
        section = Matrix(
            self.synapse.url,
            self.bot["user_id"],
            self.bot["device_id"],
            access_token=Secret(self.bot["access_token"], "a file"),
        )
        return replace(
            BASE,
            matrix=replace(section, **changes),
            rooms={f"r{n}": (Room("matrix", address, f"r{n}"),) for n, address in enumerate(rooms)},
            people=People((person("ann", "matrix", self.ann["user_id"], *keys),)),
        )

    async def said(self, *rooms: str, **changes: Any) -> list[str]:
        return [str(finding) for finding in await matrix.examine(self.config(*rooms, **changes))]

    def upload_device(self, key: str) -> None:
        device, user = self.ann["device_id"], self.ann["user_id"]
        keys = {
            "user_id": user,
            "device_id": device,
            "algorithms": ["m.olm.v1.curve25519-aes-sha2", "m.megolm.v1.aes-sha2"],
            "keys": {f"curve25519:{device}": "A" * 43, f"ed25519:{device}": key},
            "signatures": {user: {f"ed25519:{device}": "A" * 86}},
        }
        body = {"device_keys": keys}
        self.synapse.api("POST", "/_matrix/client/v3/keys/upload", body, token=self.ann["access_token"])


async def test_rooms_joined_invited_and_not(synapse: Synapse) -> None:
    house = House(synapse, "rooms")
    bot, ann = house.bot, house.ann
    joined = synapse.create_room(ann["access_token"], invite=(bot["user_id"],), alias="doctor-joined")
    synapse.join(bot["access_token"], joined)
    secret = synapse.create_room(bot["access_token"], encrypted=True)
    invited = synapse.create_room(ann["access_token"], invite=(bot["user_id"],))
    by_stranger = synapse.create_room(house.stranger["access_token"], invite=(bot["user_id"],))
    foreign = synapse.create_room(ann["access_token"])
    assert ":" not in joined  # room version 12
    lines = await house.said(
        "#doctor-joined:bot.test", secret, invited, by_stranger, foreign, "#none:bot.test", encryption="off"
    )
    me = bot["user_id"]
    remedy = f"let a listed person invite {me}"
    assert lines == [
        f"ok      matrix.homeserver {synapse.url}: answers",
        f"ok      matrix.access_token: is {me}'s, device {bot['device_id']}",
        "ok      rooms.r0.matrix #doctor-joined:bot.test: the bot is in it, not encrypted",
        "ok      rooms.r0.matrix #doctor-joined:bot.test: the bot may speak (power 0)",
        f"bad     rooms.r1.matrix {secret}: is encrypted, and encryption is off — say encryption: optional, "
        "and give a pickle key",
        f"ok      rooms.r1.matrix {secret}: the bot made it and may speak",
        f"ok      rooms.r2.matrix {invited}: invited by {ann['user_id']}, accepted at the start",
        f"bad     rooms.r3.matrix {by_stranger}: invited by {house.stranger['user_id']}, who is not listed — {remedy}",
        f"bad     rooms.r4.matrix {foreign}: the bot is not in it — {remedy}",
        "bad     rooms.r5.matrix #none:bot.test: the homeserver knows no such alias — write the room's id, "
        "from its settings",
    ]


async def test_encryption_required_and_a_room_where_it_may_not_speak(synapse: Synapse) -> None:
    house = House(synapse, "silent")
    room = synapse.create_room(house.ann["access_token"], invite=(house.bot["user_id"],))
    synapse.join(house.bot["access_token"], room)
    path = f"/_matrix/client/v3/rooms/{room}/state/m.room.power_levels"
    synapse.api("PUT", path, {"events_default": 50}, token=house.ann["access_token"])
    lines = await house.said(room, encryption="required")
    assert lines[2:4] == [
        f"bad     rooms.r0.matrix {room}: is not encrypted, and encryption is required — switch it on in the "
        "room's settings",
        f"bad     rooms.r0.matrix {room}: the bot may not speak: it has power 0, 50 is needed — raise its power level",
    ]


async def test_the_devices_it_sees(synapse: Synapse) -> None:
    house = House(synapse, "devices")
    user, device = house.ann["user_id"], house.ann["device_id"]
    assert (await house.said())[2:] == [
        f"unknown people.ann: no device of {user} is known — it appears after a login with encryption"
    ]
    key = base64.b64encode(bytes(range(32))).decode().rstrip("=")
    house.upload_device(key)
    assert (await house.said())[2:] == [
        f"unknown people.ann: device {device}: {key} — put this into matrix_keys, after comparing it with what "
        "the person sees"
    ]
    twin = house.bot["device_id"]
    house.ann = synapse.login("ann-devices", device=twin)
    house.upload_device("C" * 43)
    assert (
        f"bad     people.ann: a device is called {twin} as the bot's is, and cannot read what it encrypts — "
        "log that device in anew with another id, or the bot"
    ) in await house.said()
    synapse.api("POST", "/_matrix/client/v3/logout", {}, token=house.ann["access_token"])
    good = house.config(keys=(key,), encryption="required")
    assert [str(finding) for finding in await matrix.examine(good)][2:] == [
        f"ok      people.ann: device {device}: {key} — in matrix_keys"
    ]
    wrong = house.config(keys=("B" * 43,), encryption="required")
    assert [str(finding) for finding in await matrix.examine(wrong)][3:] == [
        f"bad     people.ann: no device of {user} has the key {'B' * 43} — take it out of matrix_keys",
        "bad     people.ann: vouches for no device, so only reading works — list a device in matrix_keys",
    ]


async def test_tokens_and_addresses_that_do_not_fit(synapse: Synapse) -> None:
    house = House(synapse, "token")
    me, device = house.bot["user_id"], house.bot["device_id"]
    token = Secret("syt_wrong", "a file")
    assert (await house.said(access_token=token))[1] == (
        "bad     matrix.access_token: is refused — make a new one: log in once as the bot, and do not log out"
    )
    assert (await house.said(device="OTHER"))[1] == (
        f"bad     matrix.device: the token's device is {device}, not OTHER — write device: {device}"
    )
    assert (await house.said(user="@x:bot.test"))[1].startswith(f"bad     matrix.user: the token is {me}'s")
    assert (await house.said(access_token=None, password=Secret("pw", "a file")))[1].startswith(
        "unknown matrix.password: not tried"
    )
    assert (await house.said(homeserver=f"{synapse.url}/nothing"))[0].startswith(
        f"bad     matrix.homeserver {synapse.url}/nothing: answers 404, but not as a homeserver"
    )


# ---- Slack ----------------------------------------------------------------------------------------------


async def test_slack_channels_and_people() -> None:
    async with LoopbackSlack() as server:
        ann = server.add_user("ann")
        guest = server.add_user("guest", is_restricted=True)
        gone = server.add_user("gone", deleted=True)
        channels = {name: server.add_channel(name, ["ann"]) for name in ("ops", "away", "old", "shared")}
        server.leave("away", server.bot_user)
        server.set_channel("old", is_archived=True)
        server.set_channel("shared", is_ext_shared=True)
        section = Slack(
            server.team,
            Secret(server.bot_token, "a file"),
            app_token=Secret(server.app_token, "a file"),
            api_url=server.api_url,
        )
        team = server.team
        config = replace(
            BASE,
            slack=section,
            rooms={
                **{name: (Room("slack", channel.id, name),) for name, channel in channels.items()},
                "none": (Room("slack", "C0NONE", "none"),),
            },
            people=People(
                (
                    person("ann", "slack", f"{team}/{ann.id}"),
                    person("guest", "slack", f"{team}/{guest.id}"),
                    person("gone", "slack", f"{team}/{gone.id}"),
                    person("nobody", "slack", f"{team}/U0NOBODY"),
                )
            ),
        )
        lines = [str(finding) for finding in await slack.examine(config)]
        assert lines[0].startswith("ok      slack.bot_token: is ")
        assert lines[1] == "ok      slack.app_token: opens Socket Mode"
        ids = {name: channel.id for name, channel in channels.items()}
        assert lines[2:7] == [
            f"ok      rooms.ops.slack {ids['ops']}: the bot is in #ops",
            f"bad     rooms.away.slack {ids['away']}: the bot is not in #away — invite it there: /invite @ and its name",
            f"bad     rooms.old.slack {ids['old']}: #old is archived — unarchive it, or name another",
            f"bad     rooms.shared.slack {ids['shared']}: #shared is shared with another organisation "
            "— use a channel of your own",
            "bad     rooms.none.slack C0NONE: channel_not_found — is the id right? in a private channel, "
            "invite the bot first",
        ]
        assert [line.split(" — ")[0] for line in lines[7:]] == [
            f"ok      people.ann.slack {team}/{ann.id}: is ann",
            f"unknown people.guest.slack {team}/{guest.id}: is guest, a guest",
            f"bad     people.gone.slack {team}/{gone.id}: the account is deactivated",
            f"bad     people.nobody.slack {team}/U0NOBODY: user_not_found",
        ]
        allowed = {"auth.test", "apps.connections.open", "conversations.info", "users.info"}
        assert {call.method for call in server.calls} == allowed
        assert server.sockets == []

        wrong_team = replace(config, slack=replace(section, team="T0OTHER"))
        assert str((await slack.examine(wrong_team))[0]).startswith(
            f"bad     slack.team: the token is for {team}"
        )
        server.revoke(bot=True, app=True)
        refused = [str(finding) for finding in await slack.examine(config)]
        assert [line[:8] for line in refused] == ["bad     ", "bad     "]


# ---- what stands beside ---------------------------------------------------------------------------------


async def test_alertmanager_and_prometheus(
    alertmanager: Callable[..., Alertmanager], prometheus: Callable[..., Prometheus]
) -> None:
    rings, counts = alertmanager("http://127.0.0.1:1/"), prometheus()
    config = replace(BASE, alerts=AlertsConfig({}, rings.url, counts.url))
    lines = [str(finding) for finding in await web.examine(config)]
    assert lines[0].startswith(f"ok      alerts.alertmanager {rings.url}: answers, version 0.")
    assert lines[1] == f"ok      alerts.prometheus {counts.url}: answers"
    swapped = replace(BASE, alerts=AlertsConfig({}, counts.url, "http://127.0.0.1:1"))
    lines = [str(finding) for finding in await web.examine(swapped)]
    assert lines[0] == (
        f"bad     alerts.alertmanager {counts.url}: /api/v2/status answers 404 — is this the right service, "
        "and is it ready?"
    )
    assert lines[1].startswith("bad     alerts.prometheus http://127.0.0.1:1: ")


async def test_the_engine(engine: Engine) -> None:
    config = replace(BASE, estate=Estate(docker=engine.host))
    assert [str(finding) for finding in await estate.examine(config, {})] == [
        f"ok      docker {engine.host}: answers"
    ]
