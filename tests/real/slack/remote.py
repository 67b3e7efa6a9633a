"""The loopback Slack in a process of its own, and the synchronous client that drives it."""

import contextlib
import ctypes
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.real.slack.errors import SlackError
from tests.real.slack.message import Message

Json = dict[str, Any]
_PR_SET_PDEATHSIG = 1
_ROOT = Path(__file__).resolve().parents[3]


class RemoteSlack:
    """Mirrors the driver of `LoopbackSlack`: any of its methods by name, keyword arguments only.

    `messages` and `ephemerals` answer `Message` objects; everything else answers plain JSON. Connection
    facts (`api_url`, `bot_token`, ...) are attributes.
    """

    def __init__(self, facts: Json) -> None:
        self.facts = facts
        self.control_url = str(facts["control_url"])

    def __getattr__(self, name: str) -> Any:
        facts = self.__dict__.get("facts", {})
        if name in facts:
            return facts[name]
        if name.startswith("_"):
            raise AttributeError(name)
        return lambda **kwargs: self.control(name, **kwargs)

    def control(self, name: str, /, **kwargs: Any) -> Any:
        """Call one driver method; raises SlackError with what it answered."""
        body = json.dumps(kwargs).encode()
        request = urllib.request.Request(f"{self.control_url}/_control/{name}", data=body, method="POST")
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        try:
            with opener.open(request, timeout=60) as response:
                return json.load(response)["result"]
        except urllib.error.HTTPError as error:
            answer = json.loads(error.read() or b"{}")
            raise SlackError(str(answer.get("error", error.code))) from None

    def messages(self, channel: str) -> list[Message]:
        """The channel as a person sees it."""
        return [Message.from_json(body) for body in self.control("messages", channel=channel)]

    def ephemerals(self, channel: str, user: str) -> list[Message]:
        """What only that user sees."""
        return [Message.from_json(body) for body in self.control("ephemerals", channel=channel, user=user)]


def _die_with_parent() -> None:
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


@contextlib.contextmanager
def spawn(*arguments: str, port: int = 0, timeout: float = 20.0) -> Iterator[RemoteSlack]:
    """Run `python -m tests.real.slack` with further arguments until the block ends.

    Call it from the main thread: the child dies with the thread that started it.
    """
    with tempfile.TemporaryDirectory() as folder:
        state = Path(folder) / "slack.json"
        command = [sys.executable, "-m", "tests.real.slack", "--port", str(port), "--state-out", str(state)]
        environment = {key: value for key, value in os.environ.items() if not key.startswith("SLACK_")}
        process = subprocess.Popen(
            [*command, *arguments],
            cwd=_ROOT,
            env=environment,
            preexec_fn=_die_with_parent,
            stdin=subprocess.DEVNULL,
        )
        try:
            yield RemoteSlack(_wait(state, process, timeout))
        finally:
            process.terminate()
            try:
                process.wait(5)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _wait(state: Path, process: subprocess.Popen[bytes], timeout: float) -> Json:
    deadline = time.monotonic() + timeout
    while time.monotonic() < deadline:
        if state.exists():
            facts: Json = json.loads(state.read_text())
            return facts
        if process.poll() is not None:
            raise RuntimeError(f"the loopback Slack ended with {process.returncode} before it was ready")
        time.sleep(0.02)
    raise TimeoutError(f"the loopback Slack was not ready within {timeout} s")
