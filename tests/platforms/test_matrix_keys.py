"""Cross-signing: what counts as vouched for, and what does not."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.platforms import matrix_keys as keys

USER = "@ann:example.org"
DEVICE = keys.Device("LAPTOP", "deviceEd25519Key", "deviceCurveKey")


def entry(device: keys.Device = DEVICE, user: str = USER) -> dict[str, Any]:
    return {
        "user_id": user,
        "device_id": device.id,
        "algorithms": ["m.megolm.v1.aes-sha2"],
        "keys": {f"ed25519:{device.id}": device.ed25519, f"curve25519:{device.id}": device.curve25519},
        "unsigned": {"device_display_name": "Ännchen's laptop"},
    }


def published(identity: keys.Identity, device: keys.Device = DEVICE) -> keys.Published:
    body = identity.upload(USER)
    signed = identity.sign_device(USER, entry(device))
    return keys.Published({device.id: signed}, body["master_key"], body["self_signing_key"])


IDENTITY = keys.Identity.new()
SIGNER = keys.unpadded(bytes(IDENTITY.self_signing.verify_key))


def test_a_listed_fingerprint_is_enough() -> None:
    nothing = keys.Published({})
    assert keys.vouched(USER, DEVICE, ["deviceEd25519Key"], nothing)
    assert keys.vouched(USER, DEVICE, ["ed25519:devi ceEd 2551 9Key="], nothing)
    assert not keys.vouched(USER, DEVICE, ["other"], nothing)
    assert not keys.vouched(USER, DEVICE, [], nothing)


def test_a_listed_master_or_self_signing_key_vouches_for_what_it_signed() -> None:
    assert keys.vouched(USER, DEVICE, [IDENTITY.public], published(IDENTITY))
    assert keys.vouched(USER, DEVICE, [SIGNER], published(IDENTITY))
    user_signing = keys.unpadded(bytes(IDENTITY.user_signing.verify_key))
    assert not keys.vouched(USER, DEVICE, [user_signing], published(IDENTITY))


def test_another_identity_vouches_for_nothing_here() -> None:
    other = keys.Identity.new()
    assert not keys.vouched(USER, DEVICE, [IDENTITY.public], published(other))
    # A homeserver that shows the listed master key beside a self-signing key of its own.
    mixed = keys.Published(
        published(other).devices, published(IDENTITY).master, published(other).self_signing
    )
    assert not keys.vouched(USER, DEVICE, [IDENTITY.public], mixed)


@pytest.mark.parametrize(
    "change",
    [
        {"user_id": "@eve:example.org"},
        {"device_id": "OTHER"},
        {"keys": {"ed25519:LAPTOP": "another", "curve25519:LAPTOP": DEVICE.curve25519}},
        {"keys": {"ed25519:LAPTOP": DEVICE.ed25519, "curve25519:LAPTOP": "another"}},
        {"keys": None},
        {"signatures": {}},
        {"signatures": {USER: {f"ed25519:{SIGNER}": "bm90IGEgc2lnbmF0dXJl"}}},
        {"signatures": {USER: {f"ed25519:{SIGNER}": "no base64 ÄÖ"}}},
        {"algorithms": ["changed"]},
    ],
)
def test_a_changed_device_is_not_vouched_for(change: dict[str, Any]) -> None:
    good = published(IDENTITY)
    bad = keys.Published({DEVICE.id: {**good.devices[DEVICE.id], **change}}, good.master, good.self_signing)
    assert not keys.vouched(USER, DEVICE, [IDENTITY.public], bad)


def test_the_device_that_wrote_must_be_the_one_that_is_signed() -> None:
    good = published(IDENTITY)
    assert not keys.vouched(USER, keys.Device("LAPTOP", "x", DEVICE.curve25519), [IDENTITY.public], good)
    assert not keys.vouched(USER, keys.Device("LAPTOP", DEVICE.ed25519, "x"), [IDENTITY.public], good)
    assert not keys.vouched("@eve:example.org", DEVICE, [IDENTITY.public], good)


def test_keys_survive_sealing_and_open_with_one_secret_only() -> None:
    sealed = IDENTITY.seal("secret")
    assert bytes(IDENTITY.master) not in sealed
    again = keys.Identity.unseal(sealed, "secret")
    assert again.public == IDENTITY.public
    for bad, secret in ((sealed, "other"), (sealed[:-1] + b"x", "secret"), (b"", "secret")):
        with pytest.raises(ValueError, match="pickle key"):
            keys.Identity.unseal(bad, secret)


def test_a_private_key_is_in_no_repr() -> None:
    assert keys.unpadded(bytes(IDENTITY.master)) not in repr(IDENTITY)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=10),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=10), inner, max_size=3),
    max_leaves=8,
)


@given(json_values, json_values, json_values)
def test_nonsense_vouches_for_nothing(master: Any, signer: Any, device: Any) -> None:
    answer = {
        "device_keys": {USER: {DEVICE.id: device}},
        "master_keys": {USER: master},
        "self_signing_keys": {USER: signer},
    }
    assert not keys.vouched(USER, DEVICE, [IDENTITY.public], keys.Published.of(answer, USER))
