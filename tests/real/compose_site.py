"""A Compose project that really runs: its files in git, its images in a registry on loopback."""

import itertools
import os
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path

from docker.models.containers import Container

from tests.real.components.engine import Engine
from tests.real.components.images import build
from tests.real.components.registry import Registry

_numbers = itertools.count(1)
SERVE = r"""CMD ["sh", "-c", "trap 'exit 0' TERM; while :; do sleep 3600 & wait $!; done"]"""
PROBE = "HEALTHCHECK --interval=1s --timeout=1s --retries=2 CMD"
WELL, ILL = f'{PROBE} ["true"]\n{SERVE}', f'{PROBE} ["false"]\n{SERVE}'


class ComposeSite:
    """`estate/PROJECT/` with the given files. `repository` is a fresh name in the registry."""

    def __init__(
        self, root: Path, engine: Engine, registry: Registry, *, project: str = "", name: str = "app"
    ) -> None:
        self.engine = engine
        self.estate = root / "estate"
        self.project = project or f"site{os.getpid()}{next(_numbers)}"
        self.folder = self.estate / self.project
        self.repository = f"{registry.host}/{self.project}/{name}"
        self.folder.mkdir(parents=True)

    def push(self, instructions: str, *tags: str, name: str = "") -> str:
        """One image, under all of these tags, in the registry; its id."""
        repository = self.repository + name
        image = build(
            self.engine.client, f"{repository}:{tags[0]}", f"LABEL made={next(_numbers)}\n{instructions}"
        )
        for tag in tags:
            self.engine.client.api.tag(image, repository, tag)
            self.engine.client.images.push(repository, tag)
        for tag in tags[1:]:
            self.engine.client.images.remove(f"{repository}:{tag}", noprune=True)
        return image

    def files(self, files: Mapping[str, bytes | str]) -> None:
        for name, content in files.items():
            data = content.encode() if isinstance(content, str) else content
            (self.folder / name).write_bytes(data)

    def up(self, *services: str) -> None:
        """As an operator does it by hand; then all of it is committed."""
        self.engine.compose(self.folder, "up", "--detach", "--pull", "never", *services)
        if not (self.estate / ".git").exists():
            self.git("init", "--quiet", "--initial-branch=main")
        self.git("add", "--all")
        self.git("commit", "--quiet", "--allow-empty", "--message", "as it is")

    def git(self, *words: str) -> str:
        argv = ["git", "-c", "user.name=ops", "-c", "user.email=ops@x", "-C", str(self.estate), *words]
        return subprocess.run(argv, capture_output=True, text=True, check=True).stdout

    def container(self, service: str = "web") -> Container:
        labels = [f"com.docker.compose.project={self.project}", f"com.docker.compose.service={service}"]
        [found] = self.engine.client.containers.list(all=True, filters={"label": labels})
        return found

    def healthy(self, service: str = "web") -> None:
        """Wait until it is."""
        deadline = time.monotonic() + 20
        while self.container(service).attrs["State"]["Health"]["Status"] != "healthy":
            assert time.monotonic() < deadline, "it never got healthy"
            time.sleep(0.1)

    def image(self, service: str = "web") -> str:
        return str(self.container(service).attrs["Image"])

    def bytes(self) -> dict[str, bytes]:
        return {path.name: path.read_bytes() for path in sorted(self.folder.iterdir()) if path.is_file()}

    def down(self) -> None:
        labels = f"com.docker.compose.project={self.project}"
        for one in self.engine.client.containers.list(all=True, filters={"label": labels}):
            one.remove(force=True)
