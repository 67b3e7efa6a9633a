"""What a hostile homeserver or member can put into a sync spoils nothing else."""

import copy
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from bot.platforms.matrix import Crypto
from bot.platforms.matrix_http import Wire
from bot.platforms.matrix_state import Login, private_directory

ROOM = "!room"
ME = "@bot:x"


@pytest.fixture
def crypto(tmp_path: Path) -> Iterator[Crypto]:
    made = Crypto(
        Wire("http://127.0.0.1:9"), Login(ME, "DEV", "t"), private_directory(tmp_path / "m"), "pickle"
    )
    yield made
    made.close()


def message(event_id: str, content: Any, kind: Any = "m.room.message", **more: Any) -> dict[str, Any]:
    raw = {"event_id": event_id, "sender": "@a:x", "type": kind, "origin_server_ts": 1, "content": content}
    return raw | more


GOOD = message("$good", {"msgtype": "m.text", "body": "hello"})
MEGOLM = {
    "algorithm": "m.megolm.v1.aes-sha2",
    "sender_key": "k",
    "ciphertext": "c",
    "session_id": "s",
    "device_id": "D",
}
POISON: list[Any] = [
    message("$1", None),
    message("$2", "words"),
    message("$3", {"msgtype": 5, "body": []}),
    message("$4", {}, kind=5),
    {"type": "m.room.message"},
    {},
    message("$5", MEGOLM, kind="m.room.encrypted"),
    message("$6", {**MEGOLM, "session_id": 5, "ciphertext": {}}, kind="m.room.encrypted"),
    message("$7", {"algorithm": "nonsense"}, kind="m.room.encrypted"),
    message("$8", {"users": 5}, kind="m.room.power_levels", state_key=""),
    message("$9", {"membership": 5}, kind="m.room.member", state_key="@a:x"),
    message("$10", {"algorithm": []}, kind="m.room.encryption", state_key=""),
    message("$11", {"m.relates_to": "x"}, kind="m.reaction"),
    message("$12", {}, unsigned="redacted_because"),
    message("$13", {}, unsigned={"redacted_because": 5}),
    message("$14", {"body": "x", "msgtype": "m.text"}, sender=5),
]


@pytest.mark.parametrize("poison", POISON, ids=lambda raw: str(raw.get("event_id")))
def test_a_malformed_event_stops_no_other(crypto: Crypto, poison: dict[str, Any]) -> None:
    heard = crypto.feed_room(ROOM, [copy.deepcopy(poison)], [copy.deepcopy(poison), dict(GOOD)])
    assert [one.raw for one in heard if one.raw.get("event_id") == "$good"] == [GOOD]
    assert all(not one.sender_key for one in heard)
    assert crypto.joined(ROOM)
    crypto.decrypt(ROOM, copy.deepcopy(poison))


@pytest.mark.parametrize(
    "poison",
    [
        {},
        "x",
        {"type": "m.room.encrypted", "sender": "@a:x", "content": {}},
        {
            "type": "m.room.encrypted",
            "sender": "@a:x",
            "content": {
                "algorithm": "m.olm.v1.curve25519-aes-sha2",
                "sender_key": "k",
                "ciphertext": {"OWN": {"type": 0, "body": "no base64"}},
            },
        },
        {"type": "m.room_key_request", "sender": "@a:x", "content": {"action": 5}},
        {"type": "m.key.verification.start", "sender": "@a:x", "content": {}},
    ],
)
def test_a_malformed_to_device_message_stops_nothing(crypto: Crypto, poison: Any) -> None:
    assert crypto.client.olm is not None
    own = crypto.client.olm.account.identity_keys["curve25519"]
    text = copy.deepcopy(poison)
    if isinstance(text, dict) and "ciphertext" in text.get("content", {}):
        text["content"]["ciphertext"] = {own: text["content"]["ciphertext"]["OWN"]}
    assert crypto.feed_devices([text, text]) == 2
    crypto.feed_lists({"device_lists": {"changed": 5}, "device_one_time_keys_count": {"x": "y"}})
    crypto.feed_lists({"device_lists": "x", "device_one_time_keys_count": "y"})


def test_no_one_time_keys_left_asks_for_new_ones(crypto: Crypto) -> None:
    assert crypto.client.olm is not None
    crypto.client.olm.account.shared = True
    crypto.feed_lists({"device_one_time_keys_count": {"signed_curve25519": 50}})
    assert crypto.client.should_upload_keys is False
    crypto.feed_lists({"device_one_time_keys_count": {}})
    assert crypto.client.should_upload_keys is True


def test_a_room_that_was_encrypted_stays_so(crypto: Crypto) -> None:
    secret = message("$e", {"algorithm": "m.megolm.v1.aes-sha2"}, kind="m.room.encryption", state_key="")
    crypto.feed_room(ROOM, [secret], [])
    assert crypto.encrypted(ROOM)
    crypto.feed_room(ROOM, [secret | {"content": {}}], [])
    crypto.leave(ROOM)
    crypto.feed_room(ROOM, [], [])
    assert crypto.encrypted(ROOM)
