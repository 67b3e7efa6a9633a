"""A Docker registry on loopback."""

import json
from collections.abc import Mapping
from pathlib import Path

from tests.real.components.http import Json, request
from tests.real.components.ports import free_port
from tests.real.components.process import Process


class Registry:
    """One registry with its data in `root`. `host` is what stands before the first slash of an image name.

    auth: who may ask, as the registry's own configuration says it (`htpasswd: …`, `token: …`); nothing: all.
    """

    def __init__(self, root: Path, auth: Mapping[str, Json] | None = None) -> None:
        self.root = root
        self.auth = auth
        self.port = free_port()
        self.host = f"127.0.0.1:{self.port}"
        self.url = f"http://{self.host}"
        self.process: Process | None = None
        root.mkdir(parents=True, exist_ok=True)

    def start(self) -> "Registry":
        config = {
            "version": "0.1",
            "log": {"level": "warn"},
            "storage": {
                "filesystem": {"rootdirectory": str(self.root / "data")},
                "delete": {"enabled": True},
            },
            "http": {"addr": self.host},
            **({"auth": dict(self.auth)} if self.auth else {}),
        }
        (self.root / "registry.yml").write_text(json.dumps(config, indent=1))
        argv: list[str | Path] = ["docker-registry", "serve", self.root / "registry.yml"]
        self.process = Process(argv, log=self.root / "registry.log", cwd=self.root)
        self.process.wait_until(self._answers)
        return self

    def _answers(self) -> bool:
        try:
            return request("GET", f"{self.url}/v2/", seconds=1.0)[0] in {200, 401}
        except OSError:
            return False

    def stop(self, *, hard: bool = False) -> None:
        if self.process is not None:
            self.process.kill() if hard else self.process.stop()

    def restart(self, *, hard: bool = False) -> None:
        self.stop(hard=hard)
        self.start()

    def tags(self, repository: str) -> list[str]:
        status, answer = request("GET", f"{self.url}/v2/{repository}/tags/list")
        tags: Json = answer.get("tags") if status == 200 else None
        return sorted(tags or [])
