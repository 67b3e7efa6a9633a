"""A token server for a registry with `auth: token`, on loopback, with a key that it signed itself."""

import base64
import json
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from tests.real.components.http import Json
from tests.real.components.ports import free_port

SERVICE = "registry.test"


def _plain(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


@dataclass
class Tokens:
    """Gives a token to `user`, to whoever shows `identity`, and without a login for what is `public`.

    `given` holds for each question: how it came, its scopes, and whether it got a token.
    """

    root: Path
    user: str = "ann"
    password: str = "hunter2 is long"
    identity: str = "an-identity-token"
    public: str = "public/"
    port: int = field(default_factory=free_port)
    given: list[tuple[str, str, bool]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.root.mkdir(parents=True, exist_ok=True)
        words = ["-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=tocsin-test"]
        files = ["-keyout", str(self._key), "-out", str(self.certificate)]
        subprocess.run(["openssl", "req", "-x509", *words, *files], check=True, capture_output=True)

    @property
    def certificate(self) -> Path:
        return self.root / "token.crt"

    @property
    def _key(self) -> Path:
        return self.root / "token.key"

    @property
    def realm(self) -> str:
        return f"http://127.0.0.1:{self.port}/token"

    @property
    def auth(self) -> Json:
        """For the registry's configuration."""
        return {
            "token": {
                "realm": self.realm,
                "service": SERVICE,
                "issuer": "tocsin-test",
                "rootcertbundle": str(self.certificate),
            }
        }

    def answer(self, method: str, scopes: list[str], login: str, refresh: str) -> tuple[int, Json]:
        basic = base64.b64encode(f"{self.user}:{self.password}".encode()).decode()
        known = refresh == self.identity if refresh else login == f"Basic {basic}"
        public = all(scope.startswith(f"repository:{self.public}") for scope in scopes)
        good = known or (not login and not refresh and public)
        self.given.append((method, " ".join(scopes), good))
        if not good:
            return 401, {"details": "incorrect username or password"}
        return 200, {"token": self._sign(scopes), "expires_in": 300}

    def _sign(self, scopes: list[str]) -> str:
        rows = [scope.rsplit(":", 1) for scope in scopes]
        access = [
            {"type": "repository", "name": name.partition(":")[2], "actions": actions.split(",")}
            for name, actions in rows
        ]
        text = self.certificate.read_text()
        chain = "".join(row for row in text.splitlines() if "CERTIFICATE" not in row)
        now = int(time.time())
        head = {"typ": "JWT", "alg": "RS256", "x5c": [chain]}
        body: dict[str, Json] = {
            "iss": "tocsin-test",
            "sub": self.user,
            "aud": SERVICE,
            "jti": str(len(self.given)),
        }
        body |= {"exp": now + 300, "nbf": now - 60, "iat": now - 60, "access": access}
        claim = ".".join(_plain(json.dumps(part).encode()) for part in (head, body))
        argv = ["openssl", "dgst", "-sha256", "-sign", str(self._key)]
        signed = subprocess.run(argv, input=claim.encode(), check=True, capture_output=True).stdout
        return f"{claim}.{_plain(signed)}"


@contextmanager
def token_server(root: Path) -> Iterator[Tokens]:
    """On loopback, until the end of the block."""
    made = Tokens(root)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked = parse_qs(urlsplit(self.path).query)
            self._say("GET", asked, "")

        def do_POST(self) -> None:
            form = parse_qs(self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode())
            self._say("POST", form, form.get("refresh_token", [""])[0])

        def _say(self, method: str, asked: dict[str, list[str]], refresh: str) -> None:
            scopes = [one for row in asked.get("scope", []) for one in row.split()]
            status, content = made.answer(method, scopes, self.headers.get("Authorization", ""), refresh)
            body = json.dumps(content).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", made.port), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield made
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
