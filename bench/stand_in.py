"""The stand-in homeserver as a process, and what it saw."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from sys import executable
from typing import Any

from bench.homeserver import DEVICE, ROOMS, TOKEN, USER
from tests.real.components.http import answers, request
from tests.real.components.ports import free_port
from tests.real.components.process import Process

__all__ = ["DEVICE", "ROOM", "TOKEN", "USER", "StandIn", "stand_in"]

ROOM = ROOMS[0]


class StandIn:
    """A homeserver that answers sends after `delay` seconds (None: never)."""

    def __init__(self, root: Path) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        root.mkdir(parents=True, exist_ok=True)
        self.process = Process(
            [executable, "-m", "bench.homeserver", str(self.port)], log=root / "homeserver.log"
        )

    def set(self, delay: float | None) -> None:
        """From now on; what it saw is forgotten."""
        request("POST", f"{self.url}/bench/set", {"delay": delay})

    def seen(self, after: int = 0, *, wait: bool = False) -> dict[str, Any]:
        """`counts`, and the `arrivals` (monotonic seconds) after the first `after`."""
        status, found = request("GET", f"{self.url}/bench/seen?after={after}{'&wait=1' if wait else ''}")
        assert status == 200, found
        return dict(found)

    def count(self, what: str) -> int:
        return int(self.seen(10**9)["counts"].get(what, 0))


@contextmanager
def stand_in(root: Path) -> Iterator[StandIn]:
    found = StandIn(root)
    try:
        found.process.wait_until(lambda: answers(f"{found.url}/_matrix/client/versions"))
        yield found
    finally:
        found.process.kill()
