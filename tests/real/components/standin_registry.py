"""A registry that misbehaves as real ones do, or as an enemy would: tokens, limits, lies, endless answers.

What the real one (docker-registry) shows is tested against the real one; this is for the rest.
"""

import hashlib
import json
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

MANIFEST = "application/vnd.oci.image.manifest.v1+json"
INDEX = "application/vnd.oci.image.index.v1+json"


@dataclass
class Asked:
    method: str
    path: str
    headers: Mapping[str, str]


@dataclass
class StandIn:
    """`tags` → manifest bytes. `answer` may take a request over: status, headers, body."""

    manifests: dict[str, bytes] = field(default_factory=dict)
    asked: list[Asked] = field(default_factory=list)
    token: str = ""
    """When set, it must be shown; `/token` gives it."""
    extra: dict[str, str] = field(default_factory=dict)
    hide_digest: bool = False
    lie: str = ""
    answer: Callable[[Asked], tuple[int, dict[str, str], bytes] | None] = lambda asked: None
    port: int = 0

    @property
    def host(self) -> str:
        return f"127.0.0.1:{self.port}"

    def put(self, tag: str, content: Mapping[str, Any]) -> str:
        data = json.dumps(content).encode()
        digest = f"sha256:{hashlib.sha256(data).hexdigest()}"
        self.manifests[tag] = self.manifests[digest] = data
        return digest

    def paths(self, method: str = "") -> list[str]:
        return [one.path for one in self.asked if not method or one.method == method]

    def reply(self, asked: Asked) -> tuple[int, dict[str, str], bytes]:
        taken = self.answer(asked)
        if taken is not None:
            return taken
        url = urlsplit(asked.path)
        if url.path == "/token":
            assert parse_qs(url.query)["scope"] == ["repository:app:pull"]
            return 200, {}, json.dumps({"token": self.token, "expires_in": 300}).encode()
        if self.token and asked.headers.get("Authorization") != f"Bearer {self.token}":
            realm = f'Bearer realm="http://{self.host}/token",service="stand-in",scope="repository:app:pull"'
            return 401, {"WWW-Authenticate": realm}, b"{}"
        if url.path == "/v2/app/tags/list":
            names = [name for name in self.manifests if not name.startswith("sha256:")]
            return 200, dict(self.extra), json.dumps({"name": "app", "tags": names}).encode()
        name = url.path.rpartition("/")[2]
        data = self.manifests.get(name)
        if data is None:
            return 404, dict(self.extra), b"{}"
        digest = self.lie or f"sha256:{hashlib.sha256(data).hexdigest()}"
        shown = {} if self.hide_digest else {"Docker-Content-Digest": digest}
        kind = INDEX if b'"manifests"' in data else MANIFEST
        return 200, {"Content-Type": kind, **shown, **self.extra}, data


@contextmanager
def stand_in() -> Iterator[StandIn]:
    """On loopback, until the end of the block."""
    made = StandIn()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked = Asked(self.command, self.path, dict(self.headers.items()))
            made.asked.append(asked)
            status, headers, body = made.reply(asked)
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(body)

        do_HEAD = do_GET
        do_POST = do_GET

        def log_message(self, format: str, *args: object) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    made.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield made
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
