"""A group of 1,000 alerts: one message, and how long it takes."""

import time
from pathlib import Path

from bench.latency import post
from bench.numbers import count, median, ms, ratio, reached, table, times
from bench.payload import alert, body
from bench.peers import ALERTBOT, version
from bench.stand_in import StandIn, stand_in
from bench.subjects import Alertbot, Ours, Subject


def run(root: Path, *, rounds: int, alerts: int) -> None:
    text = body("Flood", [alert("Flood", f"web-{number}:9100") for number in range(alerts)])
    seen: dict[str, list[tuple[float, float, int, int]]] = {}
    with stand_in(root) as homeserver:
        for number in range(rounds):
            for kind, messages in ((Ours, 1), (Alertbot, alerts)):
                subject = kind(root / f"{kind.name}-{number}", homeserver)
                seen.setdefault(kind.name, []).append(_measure(subject, homeserver, text, messages))
    ours, theirs = seen[Ours.name], seen[Alertbot.name]
    assert all(roots == 1 for _, _, roots, _ in ours), f"not one message: {ours}"
    rows = [
        [
            name,
            *(ms(median([row[i] for row in found])) for i in (0, 1)),
            *(count(median([row[i] for row in found])) for i in (2, 3)),
        ]
        for name, found in seen.items()
    ]
    rows.append(
        [
            "theirs/ours",
            *(times(ratio([row[i] for row in theirs], [row[i] for row in ours])) for i in (0, 1, 2)),
            "",
        ]
    )
    table(
        f"A group of {alerts:,} alerts in one post of {len(text) / 1000:,.0f} KB;"
        f" {version(ALERTBOT / 'python', 'matrix-alertbot')}",
        f"python -m bench group --rounds {rounds} --alerts {alerts}",
        ["", "ack ms", "visible ms", "messages", "files"],
        rows,
    )
    print(f"Aim: one message: {reached(True)}. The rest of the group is a file in its thread.")


def _measure(
    subject: Subject, homeserver: StandIn, text: bytes, messages: int
) -> tuple[float, float, int, int]:
    homeserver.set(0.0)
    subject.start()
    try:
        began = time.monotonic()
        status = post(subject.target, text)
        acked = time.monotonic() - began
        if status == 413:
            # matrix-alertbot reads at most 1 MiB.
            return acked, float("nan"), 0, 0
        assert status == 200, f"{subject.name} answers {status}"
        while homeserver.count("roots") < messages:
            assert time.monotonic() - began < 60, homeserver.seen()["counts"]
            time.sleep(0.005)
        visible = homeserver.seen()["arrivals"][messages - 1] - began
        time.sleep(1.0)  # whatever else it may want to say
        seen = homeserver.seen()["counts"]
    finally:
        subject.kill()
    return acked, visible, int(seen.get("roots", 0)), int(seen.get("uploads", 0))
