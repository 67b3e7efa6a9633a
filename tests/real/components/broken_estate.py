"""A Compose project in which each service is ill in its own way, and one is well."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.real.components.engine import Engine

PROJECT = "shop"
COMPOSE_FILE = """\
name: shop
x-alone: &alone
  network_mode: none
services:
  web:
    <<: *alone
    image: tocsin-test/healthy:1
    restart: unless-stopped
  api:
    <<: *alone
    image: tocsin-test/unhealthy:1
    restart: unless-stopped
  migrate:
    <<: *alone
    image: tocsin-test/exited:1
  worker:
    <<: *alone
    image: tocsin-test/restarting:1
    restart: always
  report:
    <<: *alone
    image: tocsin-test/hog:1
    mem_limit: 16m
    memswap_limit: 16m
"""


def start(engine: Engine, folder: Path) -> Path:
    """Write compose.yml into `folder`, start it, and wait until each service is as ill as it will be.

    web: running, healthy · api: running, unhealthy, its probe's binary is missing · migrate: exited 3 ·
    worker: restarting after exit 1 · report: out of memory, exit 137.
    """
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / "compose.yml"
    file.write_text(COMPOSE_FILE)
    engine.compose(folder, "up", "--detach", "--pull", "never")
    wait(engine, "web", lambda state: state["Health"]["Status"] == "healthy")
    wait(engine, "api", lambda state: state["Health"]["Status"] == "unhealthy")
    wait(engine, "migrate", lambda state: state["Status"] == "exited" and state["ExitCode"] == 3)
    _run_out_of_memory(engine)
    wait(engine, "worker", lambda state: state["Restarting"])
    return file


def _run_out_of_memory(engine: Engine) -> None:
    """The Engine learns of the kernel's kill from an event that may come after the exit: then once more."""
    for _ in range(10):
        wait(engine, "report", lambda state: state["Status"] == "exited")
        if state(engine, "report")["OOMKilled"]:
            return
        (container,) = engine.client.containers.list(all=True, filters={"label": _labels("report")})
        container.start()
    raise TimeoutError(f"report is never reported as out of memory: {state(engine, 'report')}")


def _labels(service: str) -> list[str]:
    return [f"com.docker.compose.project={PROJECT}", f"com.docker.compose.service={service}"]


def state(engine: Engine, service: str) -> dict[str, Any]:
    """What the Engine says under `State` of the service's one container."""
    (container,) = engine.client.containers.list(all=True, filters={"label": _labels(service)})
    found: dict[str, Any] = container.attrs["State"]
    return found


def wait(engine: Engine, service: str, good: Callable[[dict[str, Any]], bool], seconds: float = 30) -> None:
    """Wait until the service's state is as wished. Raises TimeoutError with the state it was in."""
    deadline = time.monotonic() + seconds
    while not good(last := state(engine, service)):
        if time.monotonic() > deadline:
            raise TimeoutError(f"{service} is still {last}")
        time.sleep(0.1)
