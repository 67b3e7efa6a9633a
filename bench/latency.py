"""From the webhook to the request that shows it, one alert at a time, nothing else to do."""

import http.client
import time
from pathlib import Path

from bench.load import Target
from bench.numbers import median, ms, quantile, ratio, reached, table, times
from bench.payload import lonely
from bench.peers import ALERTBOT, version
from bench.stand_in import StandIn, stand_in
from bench.subjects import Alertbot, Ours, Subject

AIM = 0.010
REST = 0.03
"""Seconds between two alerts, so that each finds the bot idle."""


def run(root: Path, *, rounds: int, posts: int) -> None:
    seen: dict[str, dict[str, list[float]]] = {}
    with stand_in(root) as homeserver:
        for number in range(rounds):
            for kind in (Ours, Alertbot):
                subject = kind(root / f"{kind.name}-{number}", homeserver)
                took = _measure(subject, homeserver, posts)
                row = seen.setdefault(kind.name, {"p50": [], "p99": []})
                row["p50"].append(quantile(took, 0.5))
                row["p99"].append(quantile(took, 0.99))
    ours, theirs = seen[Ours.name], seen[Alertbot.name]
    rows = [
        [name, ms(median(row["p50"])), ms(median(row["p99"])), ms(min(row["p99"]))]
        for name, row in seen.items()
    ]
    rows.append(
        [
            "theirs/ours",
            times(ratio(theirs["p50"], ours["p50"])),
            times(ratio(theirs["p99"], ours["p99"])),
            "",
        ]
    )
    table(
        f"Webhook to visible when idle: from the post to the request's arrival at the homeserver;"
        f" {version(ALERTBOT / 'python', 'matrix-alertbot')}",
        f"python -m bench latency --rounds {rounds} --posts {posts}",
        ["", "p50 ms", "p99 ms", "best round's p99"],
        rows,
    )
    print(
        "Ours has written the alert, the group and the delivery to disk by then; theirs has written nothing."
    )
    p50, p99 = median(ours["p50"]), median(ours["p99"])
    print(
        f"Aim: within 10 ms of the homeserver's own time: p50 {ms(p50)} ms, {reached(p50 < AIM)};"
        f" p99 {ms(p99)} ms"
    )


def _measure(subject: Subject, homeserver: StandIn, posts: int) -> list[float]:
    homeserver.set(0.0)
    subject.start()
    took = []
    try:
        for number in range(posts + 5):
            before = len(homeserver.seen()["arrivals"])
            began = time.monotonic()
            assert post(subject.target, lonely(number)) == 200
            arrivals = homeserver.seen(before, wait=True)["arrivals"]
            assert len(arrivals) == 1, f"{subject.name}: {len(arrivals)} messages for one alert"
            if number >= 5:  # the first ones open connections and load code
                took.append(arrivals[0] - began)
            time.sleep(REST)
    finally:
        subject.kill()
    return took


def post(target: Target, body: bytes) -> int:
    """Over a fresh connection, as Alertmanager may; the status."""
    connection = http.client.HTTPConnection("127.0.0.1", target.port, timeout=30)
    headers = dict(line.split(": ", 1) for line in target.headers)
    try:
        connection.request("POST", target.path, body, {"Content-Type": "application/json", **headers})
        answer = connection.getresponse()
        answer.read()
    finally:
        connection.close()
    return answer.status
