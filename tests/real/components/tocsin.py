"""Tocsin itself as a process, with a configuration of its own; it may be killed and started again."""

import json
import os
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.real.components.ports import free_port
from tests.real.components.process import Process

_ROOT = Path(__file__).resolve().parents[3]


class Tocsin:
    """`tocsin run` in `root`. `config` is completed with `state` and `http`; `secrets` become 0600 files."""

    def __init__(self, root: Path, config: dict[str, Any], secrets: Mapping[str, str]) -> None:
        self.root = root
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.file = root / "config.yml"
        self.process: Process | None = None
        root.mkdir(parents=True, exist_ok=True)
        for name, value in secrets.items():
            path = root / name
            path.touch(0o600)
            path.write_text(value)
        self.write({"state": str(root / "state"), "http": {"listen": f"127.0.0.1:{self.port}"}} | config)

    @classmethod
    def at(cls, file: Path) -> "Tocsin":
        """The one whose configuration is written already."""
        found = cls.__new__(cls)
        found.root, found.file, found.process = file.parent, file, None
        found.config = json.loads(file.read_text())
        found.port = int(found.config["http"]["listen"].rpartition(":")[2])
        found.url = f"http://127.0.0.1:{found.port}"
        return found

    def write(self, config: dict[str, Any]) -> None:
        self.config = config
        self.file.write_text(json.dumps(config, indent=1))  # JSON is YAML

    def start(self, *, die: str = "", wait: bool = True) -> "Tocsin":
        env = {name: value for name, value in os.environ.items() if not name.startswith("SLACK_")}
        argv = [sys.executable, "-m", "bot", "run", "--config", str(self.file)]
        if die:
            argv = [sys.executable, "-m", "tests.real.mortal", "--config", str(self.file), "--die", die]
        self.process = Process(argv, log=self.root / "tocsin.log", cwd=_ROOT, env=env)
        if wait:
            self.process.wait_until(self.listens)
        return self

    def listens(self) -> bool:
        return self.get("/healthz")[0] == 200

    def kill(self) -> None:
        assert self.process is not None
        self.process.kill()

    def stop(self) -> None:
        if self.process is not None:
            self.process.stop()

    def died(self, seconds: float = 30) -> None:
        """Wait for it to die at its step. Raises TimeoutExpired when it lives on."""
        assert self.process is not None
        self.process.popen.wait(seconds)

    @property
    def log(self) -> str:
        return (self.root / "tocsin.log").read_text(errors="replace")

    def get(self, path: str) -> tuple[int, str]:
        """Status and text; 0 when nobody answers."""
        return self._open(urllib.request.Request(self.url + path))

    def post(self, body: bytes, *, endpoint: str = "default", token: str = "webhook-secret") -> int:
        """One post; its status, 0 when nobody answers."""
        headers = {"Content-Type": "application/json", "Authorization": f"Bearer {token}"}
        request = urllib.request.Request(f"{self.url}/alerts/{endpoint}", body, headers, method="POST")
        return self._open(request)[0]

    def post_until_taken(self, body: bytes, seconds: float = 60) -> None:
        """As Alertmanager does: again with back-off until it is answered with 2xx."""
        deadline = time.monotonic() + seconds
        while self.post(body) != 200:
            if time.monotonic() > deadline:
                raise TimeoutError(f"nobody took the alert within {seconds} s:\n{self.log[-3000:]}")
            if self.process is not None and not self.process.alive():
                self.start()
            time.sleep(0.1)

    def _open(self, request: urllib.request.Request) -> tuple[int, str]:
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        try:
            with opener.open(request, timeout=15) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode(errors="replace")
        except OSError:
            return 0, ""
