"""Logins for registries, from the Docker client's own configuration. Values are never shown.

`$DOCKER_CONFIG/config.json`, else `~/.docker/config.json`: `auths`, `credHelpers`, `credsStore`, as Docker's
client reads them (docs.docker.com/reference/cli/docker/login, "Credential stores").
"""

import base64
import binascii
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from estate.program import NoProgram, run
from estate.reference import HUB

HUB_KEY = "https://index.docker.io/v1/"
HELPER_SECONDS = 10.0
LARGEST = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Login:
    """A user and a password, or an identity token. Its repr shows neither."""

    user: str
    password: str = field(repr=False)
    token: str = field(default="", repr=False)
    """An identity token, which is exchanged where the registry's tokens come from."""

    @property
    def basic(self) -> str:
        return base64.b64encode(f"{self.user}:{self.password}".encode()).decode()

    @property
    def for_engine(self) -> dict[str, str]:
        """As the Engine wants it in X-Registry-Auth."""
        return (
            {"identitytoken": self.token}
            if self.token
            else {"username": self.user, "password": self.password}
        )


class Credentials:
    """Read anew at each question: a login may come or go while we run."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        folder = environ.get("DOCKER_CONFIG") or str(Path(environ.get("HOME") or "/root") / ".docker")
        self._file = Path(folder) / "config.json"
        self._environ = {name: environ[name] for name in ("PATH", "HOME", "DOCKER_CONFIG") if name in environ}

    async def login(self, host: str) -> Login | None:
        """For this registry; None when there is none, or it cannot be had."""
        config = self._read()
        keys = (
            (HUB_KEY, HUB, "index.docker.io", "registry-1.docker.io")
            if host == HUB
            else (host, f"https://{host}", f"http://{host}")
        )
        helpers = config.get("credHelpers") or {}
        helper = next((helpers[key] for key in keys if key in helpers), config.get("credsStore"))
        if isinstance(helper, str) and helper and "/" not in helper:
            for key in keys:
                found = await self._ask(helper, key)
                if found is not None:
                    return found
        auths = config.get("auths") or {}
        known = {_bare(key): value for key, value in auths.items()} if isinstance(auths, dict) else {}
        return next((login for key in keys if (login := _login(known.get(_bare(key)))) is not None), None)

    def _read(self) -> dict[str, Any]:
        try:
            with self._file.open("rb") as file:
                found = json.loads(file.read(LARGEST))
        except (OSError, ValueError, RecursionError):
            return {}
        return found if isinstance(found, dict) else {}

    async def _ask(self, helper: str, key: str) -> Login | None:
        argv = (f"docker-credential-{helper}", "get")
        try:
            said = await run(argv, environment=self._environ, seconds=HELPER_SECONDS, given=key.encode())
            found = json.loads(said.out) if said.ok else {}
        except (NoProgram, ValueError):
            return None
        if not isinstance(found, dict) or not found.get("Secret"):
            return None
        user, secret = str(found.get("Username") or ""), str(found["Secret"])
        return Login(user, "", secret) if user == "<token>" else Login(user, secret)


def _bare(key: str) -> str:
    """The host alone, however a client of some age wrote it: `https://registry.example/v1/`."""
    return re.sub(r"^https?://|/(?:v[12]/?)?$", "", key)


def _login(entry: object) -> Login | None:
    if not isinstance(entry, dict):
        return None
    if entry.get("identitytoken"):
        return Login("", "", str(entry["identitytoken"]))
    try:
        user, colon, password = base64.b64decode(str(entry.get("auth") or "")).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return None
    if not colon and entry.get("username"):
        user, password = str(entry["username"]), str(entry.get("password") or "")
    return Login(user, password.rstrip("\0")) if user and password else None
