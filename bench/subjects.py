"""Who takes the alerts: Tocsin and matrix-alertbot, each a real process before the stand-in homeserver."""

import json
import os
import sqlite3
from pathlib import Path
from typing import Protocol

from bench.load import Target
from bench.peers import ALERTBOT, need
from bench.stand_in import DEVICE, ROOM, TOKEN, USER, StandIn
from tests.real.components.http import answers
from tests.real.components.ports import free_port
from tests.real.components.process import Process
from tests.real.components.tocsin import Tocsin

SECRET = "bench-secret"


class Subject(Protocol):
    """Started with `start`, ready when that returns; `kill` is SIGKILL."""

    name: str
    target: Target

    @property
    def process(self) -> Process | None: ...
    def start(self) -> None: ...
    def kill(self) -> None: ...


class Ours:
    """`tocsin run` with a bearer token, a route, a person and everything at its default."""

    name = "tocsin"

    def __init__(self, root: Path, homeserver: StandIn) -> None:
        config = {
            "fallback": "ops",
            "matrix": {
                "homeserver": homeserver.url,
                "user": USER,
                "device": DEVICE,
                "access_token_file": "matrix_token",
                "encryption": "off",
            },
            "rooms": {"ops": {"matrix": ROOM}},
            "people": {"ann": {"matrix": "@ann:bench.test", "roles": ["operator"]}},
            "alerts": {
                "endpoints": {
                    "default": {
                        "token_file": "webhook",
                        "routes": [{"match": ["severity=critical"], "rooms": ["ops"]}, {"rooms": ["ops"]}],
                    }
                }
            },
        }
        self.tocsin = Tocsin(root, config, {"matrix_token": TOKEN, "webhook": SECRET})
        self.database = root / "state" / "tocsin.db"
        self.target = Target(self.tocsin.port, "/alerts/default", (f"Authorization: Bearer {SECRET}",))

    @property
    def process(self) -> Process | None:
        return self.tocsin.process

    def start(self) -> None:
        self.tocsin.start(wait=False)
        assert self.tocsin.process is not None
        self.tocsin.process.wait_until(lambda: self.tocsin.get("/readyz")[1].count(": ready") >= 2)

    def kill(self) -> None:
        if self.tocsin.process is not None:
            self.tocsin.kill()

    def stop(self) -> None:
        self.tocsin.stop()

    def rows(self, table: str, where: str = "1") -> int:
        """How many rows the state has. Only with the names of this module's callers."""
        with sqlite3.connect(f"{self.database.as_uri()}?mode=ro", uri=True, timeout=10) as connection:
            return int(connection.execute(f"SELECT count(*) FROM {table} WHERE {where}").fetchone()[0])


class Alertbot:
    """PyPI matrix-alertbot at its defaults. Without a `dm` section it answers 500 to every alert, and so it
    does without a `severity` of critical or warning and a `description`: it is given them."""

    name = "matrix-alertbot"

    def __init__(self, root: Path, homeserver: StandIn) -> None:
        self.root = root
        root.mkdir(parents=True, exist_ok=True)
        self.port = free_port()
        self.target = Target(self.port, f"/alerts/{ROOM}")
        self._process: Process | None = None
        account = {
            "id": USER,
            "token": TOKEN,
            "device_id": DEVICE,
            "token_file": str(root / "token.json"),
            "url": homeserver.url,
        }
        config = {
            "matrix": {"accounts": [account], "allowed_rooms": [ROOM]},
            "webhook": {"address": "127.0.0.1", "port": self.port},
            "alertmanager": {"url": homeserver.url},
            "cache": {"path": str(root / "cache")},
            "storage": {"path": str(root / "store")},
            "template": {"path": None},
            "dm": {"filter_labels": {"never": "true"}, "select_label": "never", "users": []},
        }
        (root / "config.yml").write_text(json.dumps(config))

    @property
    def process(self) -> Process | None:
        return self._process

    def start(self) -> None:
        argv: list[str | Path] = [need(ALERTBOT / "matrix-alertbot"), str(self.root / "config.yml")]
        env = {**os.environ, "PYTHONUNBUFFERED": "1"}
        self._process = Process(argv, log=self.root / "alertbot.log", cwd=self.root, env=env)
        self._process.wait_until(self._ready)

    def _ready(self) -> bool:
        text = (self.root / "alertbot.log").read_text(errors="replace")
        return "Logged in." in text and answers(f"http://127.0.0.1:{self.port}/health")

    def kill(self) -> None:
        if self._process is not None:
            self._process.kill()
