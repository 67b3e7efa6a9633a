"""Cross-signing keys: our own identity, and whether a device is vouched for. Pure but for fresh keys.

Matrix client-server API, "Cross-signing": a master key signs a self-signing key, which signs devices. nio
knows none of it.
"""

import base64
import binascii
import hashlib
import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from nacl.exceptions import CryptoError
from nacl.secret import SecretBox
from nacl.signing import SigningKey, VerifyKey

JSON = dict[str, Any]


def unpadded(data: bytes) -> str:
    """Base64 without padding, as Matrix writes keys and signatures."""
    return base64.b64encode(data).decode().rstrip("=")


def padded(text: str) -> bytes:
    """Raises ValueError for what is no base64."""
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
    except binascii.Error as trouble:
        raise ValueError(str(trouble)) from trouble


def canonical(thing: Mapping[str, Any]) -> bytes:
    """Canonical JSON without `signatures` and `unsigned`: the bytes that are signed."""
    bare = {key: value for key, value in thing.items() if key not in ("signatures", "unsigned")}
    return json.dumps(bare, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def fingerprint(text: str) -> str:
    """A key as people copy it (with spaces, `ed25519:` in front or padding) → as Matrix writes it."""
    bare = "".join(text.split())
    return bare.removeprefix("ed25519:").rstrip("=")


# ---- whose is this device -------------------------------------------------------------------------------


def signed(thing: object, user: str, key: str, key_id: str | None = None) -> bool:
    """Whether `thing` carries a good signature by the ed25519 `key` of `user`."""
    if not isinstance(thing, Mapping):
        return False
    signatures = thing.get("signatures")
    by_user = signatures.get(user) if isinstance(signatures, Mapping) else None
    signature = by_user.get(f"ed25519:{key_id or key}") if isinstance(by_user, Mapping) else None
    if not isinstance(signature, str):
        return False
    try:
        VerifyKey(padded(key)).verify(canonical(thing), padded(signature))
    except (CryptoError, ValueError, TypeError):
        return False
    return True


def public(thing: object, user: str, usage: str) -> str | None:
    """The public key in a cross-signing key object, if it is one, of that user and for that use."""
    if not isinstance(thing, Mapping) or thing.get("user_id") != user:
        return None
    uses, keys = thing.get("usage"), thing.get("keys")
    if not isinstance(uses, list) or usage not in uses or not isinstance(keys, Mapping) or len(keys) != 1:
        return None
    key_id, key = next(iter(keys.items()))
    if not isinstance(key, str) or key_id != f"ed25519:{key}":
        return None
    return key


@dataclass(frozen=True, slots=True)
class Device:
    """A device as its messages show it."""

    id: str
    ed25519: str
    curve25519: str


@dataclass(frozen=True, slots=True)
class Published:
    """What a user has published, as `/keys/query` answered. Nothing in it is believed unproved."""

    devices: Mapping[str, Any]
    master: object = None
    self_signing: object = None

    @classmethod
    def of(cls, answer: Mapping[str, Any], user: str) -> "Published":
        def part(name: str) -> Any:
            found = answer.get(name)
            return found.get(user) if isinstance(found, Mapping) else None

        devices = part("device_keys")
        return cls(
            devices if isinstance(devices, Mapping) else {},
            part("master_keys"),
            part("self_signing_keys"),
        )


def vouched(user: str, device: Device, listed: Collection[str], published: Published) -> bool:
    """Whether a listed key stands behind the device: its own fingerprint, or the cross-signing key that
    signed it (the self-signing key itself, or the master key that signed that one)."""
    trusted = {fingerprint(key) for key in listed}
    if device.ed25519 in trusted:
        return True
    signer = public(published.self_signing, user, "self_signing")
    if signer is None:
        return False
    if signer not in trusted:
        master = public(published.master, user, "master")
        if master is None or master not in trusted or not signed(published.self_signing, user, master):
            return False
    entry = published.devices.get(device.id)
    if not isinstance(entry, Mapping) or entry.get("user_id") != user or entry.get("device_id") != device.id:
        return False
    keys = entry.get("keys")
    if not isinstance(keys, Mapping):
        return False
    same = (
        keys.get(f"ed25519:{device.id}") == device.ed25519
        and keys.get(f"curve25519:{device.id}") == device.curve25519
    )
    return same and signed(entry, user, signer)


# ---- our own identity -----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Identity:
    """Three private keys: who holds them is this user. Its repr shows none."""

    master: SigningKey
    self_signing: SigningKey
    user_signing: SigningKey

    def __repr__(self) -> str:
        return f"<cross-signing identity {self.public}>"

    @classmethod
    def new(cls) -> "Identity":
        return cls(SigningKey.generate(), SigningKey.generate(), SigningKey.generate())

    @property
    def public(self) -> str:
        """The master key, unpadded base64: what people compare."""
        return _public(self.master)

    def upload(self, user: str) -> JSON:
        """The body of `POST /keys/device_signing/upload`."""

        def key(own: SigningKey, usage: str) -> JSON:
            return {"user_id": user, "usage": [usage], "keys": {f"ed25519:{_public(own)}": _public(own)}}

        return {
            "master_key": key(self.master, "master"),
            "self_signing_key": sign(key(self.self_signing, "self_signing"), user, self.master),
            "user_signing_key": sign(key(self.user_signing, "user_signing"), user, self.master),
        }

    def sign_device(self, user: str, entry: Mapping[str, Any]) -> JSON:
        """The device keys with our signature alone, for `POST /keys/signatures/upload`."""
        bare = {key: value for key, value in entry.items() if key not in ("signatures", "unsigned")}
        return sign(bare, user, self.self_signing)

    def seal(self, secret: str) -> bytes:
        """The private keys, encrypted with a key made from `secret`."""
        seeds = b"".join(bytes(key) for key in (self.master, self.self_signing, self.user_signing))
        return bytes(SecretBox(_stretch(secret)).encrypt(seeds))

    @classmethod
    def unseal(cls, sealed: bytes, secret: str) -> "Identity":
        """Raises ValueError when the secret is another or the bytes were changed."""
        try:
            seeds = SecretBox(_stretch(secret)).decrypt(sealed)
        except (CryptoError, ValueError, TypeError) as trouble:
            raise ValueError("cannot be opened with this pickle key") from trouble
        if len(seeds) != 96:
            raise ValueError("has a wrong length")
        return cls(*(SigningKey(seeds[start : start + 32]) for start in (0, 32, 64)))


def sign(thing: JSON, user: str, key: SigningKey) -> JSON:
    """A copy with a signature of `key`, which signs as its own public key."""
    signature = unpadded(key.sign(canonical(thing)).signature)
    return {**thing, "signatures": {user: {f"ed25519:{_public(key)}": signature}}}


def _public(key: SigningKey) -> str:
    return unpadded(bytes(key.verify_key))


def _stretch(secret: str) -> bytes:
    return hashlib.scrypt(secret.encode(), salt=b"tocsin cross-signing", n=2**14, r=8, p=1, dklen=32)
