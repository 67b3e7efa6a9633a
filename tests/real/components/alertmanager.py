"""Alertmanager, alone or as a pair that gossips."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import urlencode

from tests.real.components.http import Json, answers, request
from tests.real.components.ports import free_port
from tests.real.components.process import Process


def webhook_config(
    url: str,
    *,
    token: str = "",
    receiver: str = "tocsin",
    group_by: tuple[str, ...] = ("alertname",),
    group_wait: str = "1s",
    group_interval: str = "2s",
    repeat_interval: str = "4h",
    also: tuple[str, ...] = (),
) -> dict[str, Json]:
    """An alertmanager.yml, as a mapping, with one receiver: the webhook at `url`, and those in `also`."""
    http: dict[str, Json] = {"authorization": {"credentials": token}} if token else {}
    webhooks: list[Json] = [{"url": one, "send_resolved": True} for one in (url, *also)]
    for webhook in webhooks if http else ():
        webhook["http_config"] = http
    return {
        "route": {
            "receiver": receiver,
            "group_by": list(group_by),
            "group_wait": group_wait,
            "group_interval": group_interval,
            "repeat_interval": repeat_interval,
        },
        "receivers": [{"name": receiver, "webhook_configs": webhooks}],
    }


class Alertmanager:
    """One Alertmanager with its data in `root`. Data, port and cluster port outlive a restart."""

    def __init__(self, root: Path, config: dict[str, Json], *, peer: "Alertmanager | None" = None) -> None:
        self.root = root
        self.config = config
        self.peer = peer
        self.port = free_port()
        self.cluster = f"127.0.0.1:{free_port()}"
        self.paired = peer is not None
        self.url = f"http://127.0.0.1:{self.port}"
        self.process: Process | None = None
        root.mkdir(parents=True, exist_ok=True)

    def start(self) -> "Alertmanager":
        (self.root / "alertmanager.yml").write_text(json.dumps(self.config, indent=1))
        argv = [
            "prometheus-alertmanager",
            f"--config.file={self.root / 'alertmanager.yml'}",
            f"--storage.path={self.root / 'data'}",
            f"--web.listen-address=127.0.0.1:{self.port}",
            f"--web.external-url={self.url}",
            f"--cluster.listen-address={self.cluster if self.paired else ''}",
            "--cluster.settle-timeout=1s",
            "--cluster.peer-timeout=2s",
        ]
        if self.peer is not None:
            argv.append(f"--cluster.peer={self.peer.cluster}")
        self.process = Process(argv, log=self.root / "alertmanager.log", cwd=self.root)
        self.process.wait_until(lambda: answers(f"{self.url}/-/ready"))
        return self

    def stop(self, *, hard: bool = False) -> None:
        if self.process is not None:
            self.process.kill() if hard else self.process.stop()

    def restart(self, *, hard: bool = False) -> None:
        self.stop(hard=hard)
        self.start()

    def api(self, method: str, path: str, body: Json = None) -> Json:
        """One call of API v2, such as `api("GET", "/alerts")`. Raises RuntimeError when it is refused."""
        status, answer = request(method, f"{self.url}/api/v2{path}", body)
        if status != 200:
            raise RuntimeError(f"{method} {path}: {status} {answer}")
        return answer

    def fire(self, *alerts: dict[str, Json], minutes: float = 60) -> None:
        """Post alerts as Prometheus does: each `{"labels": …, "annotations": …}`, firing for `minutes`."""
        now = datetime.now(UTC)
        times = {"startsAt": _stamp(now), "endsAt": _stamp(now + timedelta(minutes=minutes))}
        self.api("POST", "/alerts", [times | alert for alert in alerts])

    def resolve(self, *alerts: dict[str, Json]) -> None:
        """Post alerts as ended now."""
        now = datetime.now(UTC)
        times = {"startsAt": _stamp(now - timedelta(minutes=5)), "endsAt": _stamp(now)}
        self.api("POST", "/alerts", [times | alert for alert in alerts])

    def alerts(self, **filters: str) -> list[Json]:
        query = f"?{urlencode(filters)}" if filters else ""
        found: list[Json] = self.api("GET", f"/alerts{query}")
        return found

    def peers(self) -> int:
        """How many members its cluster sees, itself included. 0 when it stands alone."""
        return len(self.api("GET", "/status")["cluster"].get("peers", []))


def pair(root: Path, config: dict[str, Json]) -> tuple[Alertmanager, Alertmanager]:
    """Two Alertmanagers of one cluster, started and settled. Post each alert to both, as Prometheus does."""
    first = Alertmanager(root / "first", config)
    first.paired = True
    second = Alertmanager(root / "second", config, peer=first)
    first.start()
    second.start()
    for member in (first, second):
        assert member.process is not None
        member.process.wait_until(lambda member=member: member.peers() == 2)  # type: ignore[misc]
    return first, second


def _stamp(moment: datetime) -> str:
    return moment.isoformat().replace("+00:00", "Z")
