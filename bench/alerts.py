"""Accepted alerts per second at 16 connections, ours with every one on disk, against matrix-alertbot's."""

import asyncio
import math
from dataclasses import dataclass, field
from pathlib import Path

from bench.load import Outcome, flood
from bench.numbers import count, median, ms, quantile, ratio, reached, table, times
from bench.payload import lonely
from bench.peers import ALERTBOT, version
from bench.place import cpu
from bench.stand_in import StandIn, stand_in
from bench.subjects import Alertbot, Ours, Subject

DELAYS: dict[str, float | None] = {"0 ms": 0.0, "20 ms": 0.02, "200 ms": 0.2, "never": None}
CONNECTIONS = 16


@dataclass(slots=True)
class Series:
    """One value a round."""

    rate: list[float] = field(default_factory=list)
    p50: list[float] = field(default_factory=list)
    p99: list[float] = field(default_factory=list)
    said: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)

    def add(self, outcome: Outcome, said: int, cpu_seconds: float) -> None:
        self.rate.append(outcome.per_second)
        self.p50.append(quantile(outcome.acks, 0.5))
        self.p99.append(quantile(outcome.acks, 0.99))
        self.said.append(said / outcome.seconds if outcome.seconds else math.nan)
        self.cpu.append(cpu_seconds / len(outcome.acks) if outcome.acks else math.nan)

    def cells(self) -> list[str]:
        return [
            count(median(self.rate)),
            ms(median(self.p50)),
            ms(median(self.p99)),
            ms(median(self.cpu)),
            count(median(self.said)),
        ]


def run(root: Path, *, rounds: int, seconds: float) -> None:
    rows = []
    worst = math.inf
    with stand_in(root) as homeserver:
        for name, delay in DELAYS.items():
            ours, theirs = Series(), Series()
            for number in range(rounds):
                where = root / f"{name.replace(' ', '')}-{number}"
                _ours(where, homeserver, delay, seconds, ours)
                _theirs(where, homeserver, delay, seconds, theirs)
            better = ratio(ours.rate, theirs.rate)
            worst = min(worst, better)
            rows.append([f"{name}: tocsin", *ours.cells(), times(better)])
            rows.append([f"{name}: matrix-alertbot", *theirs.cells(), ""])
    table(
        f"Accepted alerts, {CONNECTIONS} connections, one alert a post, each a group of its own;"
        f" {version(ALERTBOT / 'python', 'matrix-alertbot')}",
        f"python -m bench alerts --rounds {rounds} --seconds {seconds:g}",
        [
            "homeserver answers in",
            "acks/s",
            "ack p50 ms",
            "ack p99 ms",
            "CPU ms/ack",
            "said/s",
            "ours/theirs",
        ],
        rows,
    )
    print(
        "Each of our acks was on disk: after SIGKILL the state held exactly as many payloads as were acked."
    )
    print(f"Aim: at least 2x, whatever the homeserver does: {times(worst)}, {reached(worst >= 2)}")


def _flood(subject: Subject, homeserver: StandIn, seconds: float, series: Series) -> Outcome:
    """Started, flooded, killed."""
    subject.start()
    assert subject.process is not None
    try:
        before = cpu(subject.process.pid)
        outcome = asyncio.run(flood(subject.target, lonely, connections=CONNECTIONS, seconds=seconds))
        used = cpu(subject.process.pid) - before
    finally:
        subject.kill()
    series.add(outcome, homeserver.count("messages"), used)
    return outcome


def _ours(root: Path, homeserver: StandIn, delay: float | None, seconds: float, series: Series) -> None:
    homeserver.set(delay)
    subject = Ours(root / "ours", homeserver)
    outcome = _flood(subject, homeserver, seconds, series)
    kept = subject.rows("payloads")
    if kept != len(outcome.acks) or outcome.refused or outcome.silent:
        raise AssertionError(
            f"{len(outcome.acks)} acks, {kept} payloads on disk, {outcome.refused} refused, "
            f"{outcome.silent} not answered:\n{subject.tocsin.log[-3000:]}"
        )


def _theirs(root: Path, homeserver: StandIn, delay: float | None, seconds: float, series: Series) -> None:
    homeserver.set(delay)
    subject = Alertbot(root / "theirs", homeserver)
    outcome = _flood(subject, homeserver, seconds, series)
    if outcome.refused:
        raise AssertionError(
            f"matrix-alertbot refused {outcome.refused}: {subject.process and subject.process.tail()}"
        )
