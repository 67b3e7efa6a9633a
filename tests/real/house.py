"""People who approve, on Matrix and on Slack at once."""

import json
import re
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

from tests.real.components.synapse import Synapse
from tests.real.rooms import Seen
from tests.real.slack import RemoteSlack
from tests.real.stage import Stage, stage

ROOT = Path(__file__).resolve().parents[2]
CODE = re.compile(r"^!approve ([A-Z0-9]{4,6})$", re.MULTILINE)
MORE_USERS = ("--user", "adam=U0ADAM0", "--user", "bob=U0BOB00", "--user", "eve=U0EVE00")
POLICY = {
    "restart": {"ask": "approve", "by": "admin", "votes": 1, "self": False},
    "start": {"ask": "confirm"},
    "stop": {"ask": "approve", "by": "admin", "votes": 2, "self": False},
}


@dataclass
class House:
    """ann and adam are operator and admin on both platforms; bob is admin on Slack; eve is nobody."""

    stage: Stage
    adam: dict[str, str]

    def ann(self, text: str, **more: Any) -> str:
        return self.say(self.stage.ann, text, **more)

    def say(self, who: dict[str, str], text: str, **more: Any) -> str:
        content = {"msgtype": "m.text", "body": text, **more}
        return self.stage.synapse.send(who["access_token"], self.stage.room, content)

    def card(self, verb: str, after: int = 0) -> tuple[str, Seen, Seen]:
        """The newest plan's code, and its card on Matrix and on Slack."""

        def cards(seen: list[Seen]) -> list[Seen]:
            return [one for one in seen if f"asks: {verb}" in one.first]

        def there(s: Stage) -> bool:
            return all(len(cards(seen)) > after for seen in s.both().values())

        self.stage.until(there)
        matrix, slack = cards(self.stage.matrix())[-1], cards(self.stage.channel())[-1]
        found = CODE.search(matrix.first)
        assert found, matrix.first
        assert matrix.first.endswith(f"!approve {found.group(1)}")
        return found.group(1), matrix, slack

    def slack(self, user: str, text: str, **more: Any) -> str:
        return str(self.stage.slack.say(channel="ops", user=user, text=text, **more))

    def click(self, user: str, card: Seen, action: str = "tocsin:approve") -> Any:
        return self.stage.slack.click(channel="ops", user=user, ts=card.id, action_id=action, stale=True)

    def both_say_yes(self, code: str) -> None:
        """adam on Matrix and bob on Slack, in the same moment."""
        gate = threading.Barrier(2)

        def on_matrix() -> None:
            gate.wait()
            self.say(self.adam, f"!approve {code}")

        def on_slack() -> None:
            gate.wait()
            self.slack("bob", f"!approve {code}")

        both = [threading.Thread(target=one) for one in (on_matrix, on_slack)]
        for one in both:
            one.start()
        for one in both:
            one.join()

    def told(self, word: str, code: str = "", times: int = 1) -> None:
        """Wait until the thread of the newest card says so, on both platforms, once."""

        def thread(seen: list[Seen]) -> list[str]:
            lines = [row for one in seen for text in one.thread for row in text.splitlines()]
            return [row for row in lines if row.startswith(f"{word}: {code}")]

        self.stage.until(lambda s: all(len(thread(seen)) >= times for seen in s.both().values()))
        for seen in self.stage.both().values():
            assert len(thread(seen)) == times, seen

    def hears(self, words: str) -> None:
        """Wait until a thread on either platform has these words."""
        self.stage.until(
            lambda s: any(words in t for seen in s.both().values() for one in seen for t in one.thread)
        )

    def refused(self, words: str) -> None:
        """Wait until somebody was told no in these words, aloud or alone."""

        def there(s: Stage) -> bool:
            alone = [m.plain for user in ("ann", "bob", "eve") for m in s.slack.ephemerals("ops", user)]
            aloud = [text for seen in s.both().values() for one in seen for text in (one.now, *one.thread)]
            return any("refused: " in text and words in text for text in (*alone, *aloud))

        self.stage.until(there)

    def journal(self) -> list[dict[str, Any]]:
        argv = [sys.executable, "-m", "bot", "journal", "export", "--state", self.stage.tocsin.root / "state"]
        done = subprocess.run(argv, cwd=ROOT, capture_output=True, text=True, timeout=60, check=True)
        return [json.loads(row) for row in done.stdout.splitlines()]

    def ready(self) -> None:
        self.stage.until(lambda s: s.tocsin.get("/readyz")[0] == 200)


def join(remote: RemoteSlack) -> RemoteSlack:
    """All of them are in the channel."""
    for user in ("U0ADAM0", "U0BOB00", "U0EVE00"):
        remote.join(channel="ops", user=user)
    return remote


@contextmanager
def house(
    root: Path,
    synapse: Synapse,
    slack: RemoteSlack,
    estate: Mapping[str, Any],
    policy: Mapping[str, Any] = POLICY,
) -> Iterator[House]:
    """Not started yet."""
    # A copy: what one test changes in its policy is nobody else's.
    with stage(root, synapse, slack, policy=deepcopy(dict(policy)), estate=dict(estate)) as on:
        adam = synapse.register(f"adam{time.monotonic_ns() % 10**9}")
        token = on.ann["access_token"]
        invite = f"/_matrix/client/v3/rooms/{quote(on.room)}/invite"
        synapse.api("POST", invite, {"user_id": adam["user_id"]}, token=token)
        synapse.join(adam["access_token"], on.room)
        on.tocsin.config["people"] |= {
            "adam": {"matrix": adam["user_id"], "slack": "U0ADAM0", "roles": ["admin"]},
            "bob": {"slack": "U0BOB00", "roles": ["admin"]},
        }
        on.tocsin.config["people"]["ann"]["roles"] = ["operator", "admin"]
        on.tocsin.write(on.tocsin.config)
        yield House(on, adam)
