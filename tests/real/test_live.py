"""What a real Prometheus and a real Alertmanager say of themselves, and what the rules make of it."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from audit.engine import evaluate
from audit.rules import ALL
from estate.live import read_live
from tests.audit.estate import NOW, snapshot, write
from tests.real.components.alertmanager import Alertmanager
from tests.real.components.ports import free_port
from tests.real.components.prometheus import Prometheus

RULES = [
    {"alert": "Down", "expr": "up == 0"},
    {"alert": "Full", "expr": "node_filesystem_avail_bytes < 1"},
    {"record": "job:up", "expr": "sum(up) by (job)"},
]
COMPOSE = (
    "services:\n  prometheus:\n    image: prom/prometheus:v2.54.1\n    volumes: ['./etc:/etc/prometheus']\n"
)
WRITTEN = (
    "groups:\n  - name: a\n    rules:\n      - {alert: Down, expr: up == 0}\n"
    "      - {alert: Full, expr: node_filesystem_avail_bytes < 1}\n      - {alert: New, expr: up > 1}\n"
)


def test_as_they_are(
    prometheus: Callable[..., Prometheus], alertmanager: Callable[..., Alertmanager], tmp_path: Path
) -> None:
    gone = f"127.0.0.1:{free_port()}"
    receiver = alertmanager("http://127.0.0.1:1/")
    server = prometheus(rules=RULES, targets=[gone], alertmanagers=[f"127.0.0.1:{receiver.port}"])
    deadline = time.monotonic() + 60
    while True:
        live = asyncio.run(read_live(server.url, f"{receiver.url}/", None))
        found = live.prometheus
        assert found is not None, live.no_prometheus
        if found.targets.get(("targets", gone)) and "up" in found.metrics and found.alertmanagers:
            break
        assert time.monotonic() < deadline, found
        time.sleep(0.2)
    assert found.alerts == {"Down", "Full"}
    assert "connection refused" in found.targets["targets", gone]
    assert found.targets["prometheus", f"127.0.0.1:{server.port}"] == ""
    assert any(str(receiver.port) in url for url in found.alertmanagers)
    assert live.alertmanager is not None
    assert live.alertmanager.receivers == {"tocsin"}
    assert live.alertmanager.routes == ("to tocsin by alertname",)
    assert (live.traefik, live.no_traefik) == (None, "nobody said where it is")

    alerting = (
        "  alertmanager:\n    image: prom/alertmanager:v0.27.0\n"
        "    volumes: ['./am.yml:/etc/alertmanager/alertmanager.yml']\n"
    )
    hooks = "".join(
        f"  - {{name: {name}, webhook_configs: [{{url: 'http://t:1/'}}]}}\n" for name in ("tocsin", "new")
    )
    files = {"am.yml": f"route: {{receiver: tocsin}}\nreceivers:\n{hooks}"}
    files |= {"etc/prometheus.yml": "rule_files: [rules.yml]\n", "etc/rules.yml": WRITTEN}
    write(
        tmp_path / "e",
        {f"m/{name}": text for name, text in files.items()} | {"m/compose.yml": COMPOSE + alerting},
    )
    shot = replace(snapshot(tmp_path / "e"), live=live)
    report = evaluate(shot, [one for one in ALL if one.id in {"MON-01", "MON-02", "MON-03"}], now=NOW)
    said = {(one.rule, str(one.place)): one.message for one in report.findings}
    assert "node_filesystem_avail_bytes" in said.pop(("MON-03", "m/etc/rules.yml:5:29"))
    assert "has not loaded New" in said.pop(("MON-02", "m/etc/rules.yml:1"))
    assert "does not have the receiver new" in said.pop(("MON-01", "m/am.yml:4:5"))
    assert said == {}


ROUTES = """\
route:
  receiver: tocsin
  group_by: [cluster, alertname]
  routes:
    - {receiver: pager, matchers: [severity="critical", team =~ "a|b"], continue: true}
    - match: {severity: info}
      group_wait: 90s
      routes:
        - {match_re: {team: 'x.*'}, receiver: pager, mute_time_intervals: [night]}
    - matchers: ['quote="a, \\"b"']
inhibit_rules:
  - {source_matchers: [severity="critical"], target_match: {severity: warning}, equal: [b, a]}
time_intervals:
  - {name: night, time_intervals: [{times: [{start_time: '22:00', end_time: '24:00'}]}]}
receivers:
  - {name: tocsin, webhook_configs: [{url: 'http://t:1/'}]}
  - {name: pager, webhook_configs: [{url: 'http://p:1/'}]}
"""


@pytest.mark.parametrize(
    ("then", "said"),
    [
        (ROUTES, ""),
        (ROUTES.replace("group_by: [cluster, alertname]", "group_by: [alertname, cluster]"), ""),
        (ROUTES.replace("info", "notice"), 'only in the file: to the same if severity="notice"'),
        (ROUTES.replace("equal: [b, a]", "equal: [b]"), "only in the file: "),
    ],
)
def test_a_file_that_was_changed_and_not_loaded(tmp_path: Path, then: str, said: str) -> None:
    server = Alertmanager(tmp_path / "am", yaml.safe_load(ROUTES))
    try:
        server.start()
        live = asyncio.run(read_live(alertmanager=server.url))
    finally:
        server.stop()
    compose = "services:\n  alertmanager:\n    image: prom/alertmanager:v0.27.0\n"
    compose += "    volumes: ['./am.yml:/etc/alertmanager/alertmanager.yml']\n"
    write(tmp_path / "e", {"m/compose.yml": compose, "m/am.yml": then})
    shot = replace(snapshot(tmp_path / "e"), live=live)
    report = evaluate(shot, [one for one in ALL if one.id == "MON-01"], now=NOW)
    assert not report.unknown
    assert [one.evidence[0].startswith(said) for one in report.findings] == [True] * bool(said)


def test_who_is_away_is_said() -> None:
    url = f"http://127.0.0.1:{free_port()}"
    live = asyncio.run(read_live(url, url, url))
    assert (live.prometheus, live.alertmanager, live.traefik) == (None, None, None)
    assert live.no_prometheus.startswith(f"no Prometheus at {url}/api/v1/")
    assert live.no_traefik.startswith(f"no Traefik at {url}/api/")
