"""Synapse, the Matrix homeserver, on SQLite and loopback, without federation."""

import base64
import hashlib
import hmac
import json
import os
import secrets
from pathlib import Path
from urllib.parse import quote

from tests.real.components.http import Json, answers, request
from tests.real.components.ports import free_port
from tests.real.components.process import Process

PYTHON = Path(__file__).resolve().parents[3] / ".venv-synapse" / "bin" / "python"
UNLIMITED = {"per_second": 100_000, "burst_count": 100_000}
NO_LIMITS: dict[str, Json] = {
    "rc_message": UNLIMITED,
    "rc_registration": UNLIMITED,
    "rc_admin_redaction": UNLIMITED,
    "rc_room_creation": UNLIMITED,
    "rc_login": {"address": UNLIMITED, "account": UNLIMITED, "failed_attempts": UNLIMITED},
    "rc_joins": {"local": UNLIMITED, "remote": UNLIMITED},
    "rc_joins_per_room": UNLIMITED,
    "rc_invites": {"per_room": UNLIMITED, "per_user": UNLIMITED, "per_issuer": UNLIMITED},
    "rc_media_create": UNLIMITED,
    "rc_presence": {"per_user": UNLIMITED},
    "rc_key_requests": UNLIMITED,
    "rc_third_party_invite": UNLIMITED,
}


class MatrixError(RuntimeError):
    """The homeserver refused. `status` is the HTTP status and `body` what it said."""

    def __init__(self, what: str, status: int, body: Json) -> None:
        super().__init__(f"{what}: {status} {body}")
        self.status = status
        self.body = body


class Synapse:
    """A homeserver called `bot.test` with its data in `root`.

    `settings` are added to homeserver.yaml; without any, no rate limits. Data, port and
    tokens stay at a restart.
    """

    def __init__(self, root: Path, *, settings: dict[str, Json] | None = None) -> None:
        self.root = root
        self.server_name = "bot.test"
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.settings: dict[str, Json] = NO_LIMITS | (settings or {})
        self.process: Process | None = None
        self._secret = secrets.token_hex(16)
        root.mkdir(parents=True, exist_ok=True)
        seed = base64.b64encode(secrets.token_bytes(32)).decode().rstrip("=")
        (root / "signing.key").write_text(f"ed25519 a_test {seed}\n")

    def _write_config(self) -> None:
        config: dict[str, Json] = {
            "server_name": self.server_name,
            "public_baseurl": f"{self.url}/",
            "pid_file": str(self.root / "homeserver.pid"),
            "listeners": [
                {
                    "port": self.port,
                    "bind_addresses": ["127.0.0.1"],
                    "type": "http",
                    "tls": False,
                    "resources": [{"names": ["client"], "compress": False}],
                }
            ],
            "database": {"name": "sqlite3", "args": {"database": str(self.root / "homeserver.db")}},
            "log_config": str(self.root / "log.yaml"),
            "media_store_path": str(self.root / "media"),
            "signing_key_path": str(self.root / "signing.key"),
            "registration_shared_secret": self._secret,
            "macaroon_secret_key": self._secret,
            "form_secret": self._secret,
            "report_stats": False,
            "trusted_key_servers": [],
            "suppress_key_server_warning": True,
            "federation_domain_whitelist": [],
            "enable_registration": False,
            "url_preview_enabled": False,
            "presence": {"enabled": False},
            "bcrypt_rounds": 4,
        }
        log = {
            "version": 1,
            "disable_existing_loggers": False,
            "formatters": {"plain": {"format": "%(asctime)s %(name)s %(levelname)s %(message)s"}},
            "handlers": {
                "file": {
                    "class": "logging.FileHandler",
                    "formatter": "plain",
                    "filename": str(self.root / "synapse.log"),
                }
            },
            "root": {"level": "WARNING", "handlers": ["file"]},
        }
        # JSON is YAML.
        (self.root / "homeserver.yaml").write_text(json.dumps(config | self.settings, indent=1))
        (self.root / "log.yaml").write_text(json.dumps(log))

    def start(self) -> "Synapse":
        self._write_config()
        strangers = ("PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV")
        self.process = Process(
            [PYTHON, "-m", "synapse.app.homeserver", "-c", self.root / "homeserver.yaml"],
            log=self.root / "stdout.log",
            cwd=self.root,
            env={name: value for name, value in os.environ.items() if name not in strangers},
        )
        self.process.wait_until(lambda: answers(f"{self.url}/_matrix/client/versions"), 60)
        return self

    def stop(self, *, hard: bool = False) -> None:
        """SIGTERM, or SIGKILL when `hard`. The data stays."""
        if self.process is not None:
            self.process.kill() if hard else self.process.stop()

    def restart(self, *, hard: bool = False, settings: dict[str, Json] | None = None) -> None:
        """Stop and start on the same data and port, with changed settings when given."""
        self.stop(hard=hard)
        self.settings |= settings or {}
        self.start()

    def call(self, method: str, path: str, body: Json = None, *, token: str = "") -> tuple[int, Json]:
        """One request, whatever it answers: status and parsed body."""
        return request(method, self.url + path, body, token=token)

    def api(self, method: str, path: str, body: Json = None, *, token: str = "") -> Json:
        """One request that must succeed. Raises MatrixError when the homeserver refuses."""
        status, answer = self.call(method, path, body, token=token)
        if status != 200:
            raise MatrixError(f"{method} {path}", status, answer)
        return answer

    def register(self, user: str, password: str = "pw", *, admin: bool = False) -> dict[str, str]:
        """Make a user. Returns `user_id`, `device_id`, `access_token`, `home_server`."""
        nonce = self.api("GET", "/_synapse/admin/v1/register")["nonce"]
        parts = [nonce, user, password, "admin" if admin else "notadmin"]
        mac = hmac.new(self._secret.encode(), "\0".join(parts).encode(), hashlib.sha1).hexdigest()
        body = {"nonce": nonce, "username": user, "password": password, "admin": admin, "mac": mac}
        answer: dict[str, str] = self.api("POST", "/_synapse/admin/v1/register", body)
        return answer

    def login(self, user: str, password: str = "pw", *, device: str = "") -> dict[str, str]:
        """Log in on a new device, or on `device`. Returns `user_id`, `device_id`, `access_token`."""
        body = {
            "type": "m.login.password",
            "identifier": {"type": "m.id.user", "user": user},
            "password": password,
        } | ({"device_id": device} if device else {})
        answer: dict[str, str] = self.api("POST", "/_matrix/client/v3/login", body)
        return answer

    def create_room(
        self, token: str, *, alias: str = "", invite: tuple[str, ...] = (), encrypted: bool = False
    ) -> str:
        """Make a private room and return its id."""
        secret = {"type": "m.room.encryption", "content": {"algorithm": "m.megolm.v1.aes-sha2"}}
        body: dict[str, Json] = {"preset": "private_chat", "invite": list(invite)}
        body |= {"room_alias_name": alias} if alias else {}
        body |= {"initial_state": [secret]} if encrypted else {}
        return str(self.api("POST", "/_matrix/client/v3/createRoom", body, token=token)["room_id"])

    def join(self, token: str, room: str) -> None:
        self.api("POST", f"/_matrix/client/v3/join/{quote(room)}", {}, token=token)

    def send(self, token: str, room: str, content: Json, *, kind: str = "m.room.message") -> str:
        """Send one event in the clear and return its id."""
        path = f"/_matrix/client/v3/rooms/{quote(room)}/send/{kind}/{secrets.token_hex(8)}"
        return str(self.api("PUT", path, content, token=token)["event_id"])

    def timeline(self, token: str, room: str, limit: int = 1000) -> list[Json]:
        """The room's events, oldest first."""
        path = f"/_matrix/client/v3/rooms/{quote(room)}/messages?dir=b&limit={limit}"
        events: list[Json] = self.api("GET", path, token=token)["chunk"]
        return events[::-1]
