"""Coming in: which account and device we are, and that its keys are ours."""

import asyncio
import logging
from dataclasses import dataclass, field
from pathlib import Path

from bot.core.errors import ConfigError, Mistake, Upstream
from bot.platforms import matrix_keys as keys
from bot.platforms.matrix_http import DENIED, Answer, Wire
from bot.platforms.matrix_state import Login, load_login, save_login, write_private

log = logging.getLogger("tocsin.matrix")


@dataclass(frozen=True, slots=True)
class Settings:
    """The account. One of `access_token` and `password`; `pickle_key` unless `encryption` is off."""

    homeserver: str
    user: str
    device: str = "TOCSIN"
    access_token: str | None = field(default=None, repr=False)
    password: str | None = field(default=None, repr=False)
    pickle_key: str | None = field(default=None, repr=False)
    encryption: str = "optional"
    """off | optional | required"""


def lost_store(login: Login) -> ConfigError:
    """The device has keys that we do not have (any more)."""
    return ConfigError(
        Mistake(
            "matrix.device",
            f"the homeserver knows the device {login.device} of {login.user} with other keys than `state` "
            "holds: the key store was lost or belongs to another login",
            "log in anew (a new device and token; the old device can never be used again), set "
            "matrix.device and matrix.access_token_file to it, or use matrix.password_file; or put the lost "
            "state directory back",
        )
    )


class Doorman:
    """Finds or makes the login. Keeps what a password login brought in `directory`."""

    def __init__(self, wire: Wire, settings: Settings, directory: Path) -> None:
        self._wire = wire
        self._settings = settings
        self._saved = directory / "login.json"
        self._identity = directory / "cross-signing"
        self._store = directory / "store"

    async def enter(self) -> tuple[Login, str | None]:
        """The login, and the ed25519 key that the homeserver has for its device (None: none yet).

        Raises ConfigError for what only the operator can mend, Upstream for what may pass.
        """
        settings = self._settings
        if settings.access_token is not None:
            given = Login(settings.user, settings.device, settings.access_token)
            await self._check(given)
            return given, await self._with_store(given)
        saved = load_login(self._saved)
        if saved is not None and saved.user == settings.user:
            try:
                await self._check(saved)
                return saved, await self._with_store(saved)
            except Answer as refused:
                if refused.errcode not in DENIED:
                    raise
                log.warning("matrix: the kept login of %s is refused; logging in anew", saved.device)
            except ConfigError:
                log.warning("matrix: the key store of device %s is lost; logging in anew", saved.device)
            return await self.anew()
        login = await self._log_in(settings.device)
        try:
            return login, await self._with_store(login)
        except ConfigError:
            log.warning("matrix: device %s has keys that `state` has not; taking a new device", login.device)
            return await self.anew()

    async def anew(self) -> tuple[Login, str | None]:
        """Log in on a device that never was. Needs the password."""
        login = await self._log_in(None)
        return login, None

    @property
    def can_log_in(self) -> bool:
        return self._settings.access_token is None

    # ---- our cross-signing identity

    async def introduce(self, login: Login) -> str:
        """Sign our device with a cross-signing identity of our own, where that can be.

        Returns what happened, in words. Raises Upstream or ValueError; nothing depends on it.
        """
        secret = self._settings.pickle_key
        if secret is None:
            return "no pickle key, so no identity"
        published = keys.Published.of(await self._query(login), login.user)
        entry = published.devices.get(login.device)
        if not isinstance(entry, dict):
            return "the device has no keys yet"
        known = keys.public(published.master, login.user, "master")
        own = await self._own_identity(secret, make=known is None)
        if own is None or (known is not None and known != own.public):
            return "the account has a cross-signing identity that is not ours: verify this device from there"
        if known is None:
            await self._publish(own, login)
        signed = own.sign_device(login.user, entry)
        if known is not None and keys.signed(
            entry, login.user, keys.unpadded(bytes(own.self_signing.verify_key))
        ):
            return "already signed"
        answer = await self._wire.call(
            "POST", "keys", "signatures", "upload", body={login.user: {login.device: signed}}
        )
        if answer.get("failures"):
            return "the homeserver refused the signature"
        return f"signed by {own.public}"

    async def _own_identity(self, secret: str, *, make: bool) -> keys.Identity | None:
        if self._identity.exists():
            return await asyncio.to_thread(keys.Identity.unseal, self._identity.read_bytes(), secret)
        if not make:
            return None
        own = keys.Identity.new()
        # Kept before it is published: a published identity without its private keys is worth nothing.
        write_private(self._identity, await asyncio.to_thread(own.seal, secret))
        return own

    async def _publish(self, own: keys.Identity, login: Login) -> None:
        body = own.upload(login.user)
        path = ("keys", "device_signing", "upload")
        try:
            await self._wire.call("POST", *path, body=body)
        except Answer as asked:
            if asked.status != 401 or "session" not in asked.body or self._settings.password is None:
                raise
            auth = {
                "type": "m.login.password",
                "session": asked.body["session"],
                "identifier": {"type": "m.id.user", "user": login.user},
                "password": self._settings.password,
            }
            await self._wire.call("POST", *path, body={**body, "auth": auth})

    # ---- steps

    async def _check(self, login: Login) -> None:
        """Raises ConfigError when a given token is not what the configuration says."""
        self._wire.token = login.token
        try:
            answer = await self._wire.call("GET", "account", "whoami")
        except Answer as refused:
            if refused.errcode in DENIED and self._settings.access_token is not None:
                raise ConfigError(
                    Mistake(
                        "matrix.access_token",
                        f"{self._wire.homeserver} refuses the token of {login.user} ({refused.errcode})",
                        "log in anew and write the new token into matrix.access_token_file",
                    )
                ) from refused
            raise
        if answer.get("user_id") != login.user:
            raise ConfigError(
                Mistake(
                    "matrix.user",
                    f"is {login.user}, but the token belongs to {answer.get('user_id')}",
                    "write the account's own id into matrix.user, or give its token",
                )
            )
        device = answer.get("device_id")
        if isinstance(device, str) and device != login.device:
            raise ConfigError(
                Mistake(
                    "matrix.device",
                    f"is {login.device}, but the token belongs to the device {device}",
                    f"write device: {device}",
                )
            )

    async def _with_store(self, login: Login) -> str | None:
        """Raises ConfigError when the device has keys and we have no store for it."""
        if self._settings.encryption == "off":
            return None
        published = keys.Published.of(await self._query(login), login.user)
        entry = published.devices.get(login.device)
        found = entry.get("keys") if isinstance(entry, dict) else None
        key = found.get(f"ed25519:{login.device}") if isinstance(found, dict) else None
        if isinstance(key, str) and not store_file(self._store, login).exists():
            raise lost_store(login)
        return key if isinstance(key, str) else None

    async def _query(self, login: Login) -> dict[str, object]:
        return await self._wire.call("POST", "keys", "query", body={"device_keys": {login.user: []}})

    async def _log_in(self, device: str | None) -> Login:
        settings = self._settings
        self._wire.token = None
        body: dict[str, object] = {
            "type": "m.login.password",
            "identifier": {"type": "m.id.user", "user": settings.user},
            "password": settings.password,
            "initial_device_display_name": "Tocsin",
        }
        if device is not None:
            body["device_id"] = device
        try:
            answer = await self._wire.call("POST", "login", body=body)
        except Answer as refused:
            if refused.errcode in ("M_FORBIDDEN", "M_USER_DEACTIVATED", "M_INVALID_USERNAME"):
                raise ConfigError(
                    Mistake(
                        "matrix.password",
                        f"{self._wire.homeserver} refuses it for {settings.user} ({refused.errcode})",
                        "write the right one into matrix.password_file, or give matrix.access_token_file",
                    )
                ) from refused
            raise
        user, device_id, token = (answer.get(name) for name in ("user_id", "device_id", "access_token"))
        if not (isinstance(user, str) and isinstance(device_id, str) and isinstance(token, str)):
            raise Upstream(f"login: {self._wire.homeserver} answers without a token")
        if user != settings.user:
            raise ConfigError(
                Mistake(
                    "matrix.user", f"is {settings.user}, but the login is {user}", f"write user: {user!r}"
                )
            )
        login = Login(user, device_id, token)
        save_login(self._saved, login)
        self._wire.token = token
        return login


def store_file(directory: Path, login: Login) -> Path:
    """Where nio keeps the keys of a device."""
    return directory / f"{login.user}_{login.device}.db"
