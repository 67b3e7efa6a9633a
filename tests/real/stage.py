"""The stage of the alert path: a homeserver, a Slack, and a Tocsin whose room `ops` is on both."""

import json
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.real.components.synapse import Synapse
from tests.real.components.tocsin import Tocsin
from tests.real.rooms import Seen, matrix_room, slack_channel
from tests.real.slack import RemoteSlack

Json = dict[str, Any]
USERS = ("--user", "ann=U0ANN00", "--channel", "ops=C0OPS00", "--channel", "fallback=C0FALL0")


@dataclass
class Stage:
    synapse: Synapse
    slack: RemoteSlack
    tocsin: Tocsin
    ann: dict[str, str]
    bot: dict[str, str]
    room: str

    def matrix(self) -> list[Seen]:
        return matrix_room(self.synapse, self.ann["access_token"], self.room, self.bot["user_id"])

    def channel(self) -> list[Seen]:
        return slack_channel(self.slack, "ops")

    def both(self) -> dict[str, list[Seen]]:
        return {"matrix": self.matrix(), "slack": self.channel()}

    def until(self, true: Callable[["Stage"], bool], seconds: float = 60) -> None:
        """Wait until it is so. On failure says what stood in the rooms and the end of Tocsin's log."""
        deadline = time.monotonic() + seconds
        while not true(self):
            if time.monotonic() > deadline:
                raise AssertionError(f"not within {seconds} s:\n{self.both()}\n{self.tocsin.log[-4000:]}")
            time.sleep(0.1)

    def settled(self, seconds: float = 120) -> None:
        """Wait until nothing waits to be folded or delivered."""

        def idle(_: "Stage") -> bool:
            status, text = self.tocsin.get("/metrics")
            if status != 200:
                return False
            waiting = [row for row in text.splitlines() if row.startswith("tocsin_deliveries_waiting{")]
            return "tocsin_payloads_waiting 0.0" in text and all(row.endswith(" 0.0") for row in waiting)

        self.until(idle, seconds)


@contextmanager
def stage(
    root: Path, synapse: Synapse, slack: RemoteSlack, *, encrypted: bool = False, **more: Any
) -> Iterator[Stage]:
    """A fresh bot account, room and state; the Slack is the caller's. Ends Tocsin."""
    number = f"{time.monotonic_ns() % 10**9}"
    ann, bot = synapse.register(f"ann{number}"), synapse.register(f"tocsin{number}")
    login = synapse.login(f"tocsin{number}", device="TOCSIN")
    room = synapse.create_room(ann["access_token"], invite=(bot["user_id"],), encrypted=encrypted)
    config: Json = {
        "fallback": "ops",
        "matrix": {
            "homeserver": synapse.url,
            "user": bot["user_id"],
            "device": "TOCSIN",
            "access_token_file": "matrix_token",
            "encryption": "optional" if encrypted else "off",
            "pickle_key_file": "pickle_key",
        },
        "slack": {
            "team": slack.team,
            "bot_token_file": "slack_bot",
            "app_token_file": "slack_app",
            "api_url": slack.api_url,
        },
        "rooms": {"ops": {"matrix": room, "slack": "C0OPS00"}},
        "people": {"ann": {"matrix": ann["user_id"], "slack": "U0ANN00", "roles": ["operator"]}},
        "alerts": {"endpoints": {"default": {"token_file": "webhook", "routes": [{"rooms": ["ops"]}]}}},
    } | more
    secrets = {
        "matrix_token": login["access_token"],
        "slack_bot": slack.bot_token,
        "slack_app": slack.app_token,
        "webhook": "webhook-secret",
        "pickle_key": "pickle-secret",
    }
    tocsin = Tocsin(root / "tocsin", config, secrets)
    try:
        yield Stage(synapse, slack, tocsin, ann, login, room)
    finally:
        tocsin.stop()


def alert(name: str, status: str = "firing", *, start: str = "2026-01-01T11:59:00Z", **labels: str) -> Json:
    """One alert as Alertmanager posts it."""
    ended = "2026-01-01T12:05:00Z" if status == "resolved" else "0001-01-01T00:00:00Z"
    return {
        "status": status,
        "labels": {"alertname": name, "severity": "critical", **labels},
        "annotations": {"summary": f"{name} is wrong"},
        "startsAt": start,
        "endsAt": ended,
        "generatorURL": "",
        "fingerprint": f"{abs(hash((name, *labels.items()))):016x}"[:16],
    }


def body(alerts: Sequence[Json], group: str = "{}:{}", sender: str = "http://am1") -> bytes:
    """A webhook of version 4 about one group."""
    firing = any(one["status"] == "firing" for one in alerts)
    return json.dumps(
        {
            "version": "4",
            "groupKey": group,
            "receiver": "tocsin",
            "status": "firing" if firing else "resolved",
            "groupLabels": {},
            "commonLabels": {},
            "commonAnnotations": {},
            "externalURL": sender,
            "alerts": list(alerts),
        }
    ).encode()
