"""Ack times at a steady pace, with a homeserver in every mood."""

import asyncio
from pathlib import Path

from bench.alerts import DELAYS
from bench.load import pace
from bench.numbers import median, ms, quantile, reached, table
from bench.payload import changing
from bench.place import cpu
from bench.stand_in import stand_in
from bench.subjects import Ours

GROUPS = 200
AIM = 0.020


def run(root: Path, *, rounds: int, seconds: float, per_second: float) -> None:
    rows = []
    worst = 0.0
    with stand_in(root) as homeserver:
        for name, delay in DELAYS.items():
            p50, p99, late, share = [], [], [], []
            for number in range(rounds):
                homeserver.set(delay)
                subject = Ours(root / f"{name.replace(' ', '')}-{number}", homeserver)
                subject.start()
                assert subject.process is not None
                try:
                    before = cpu(subject.process.pid)
                    outcome = asyncio.run(
                        pace(
                            subject.target,
                            lambda n: changing(n, GROUPS),
                            per_second=per_second,
                            seconds=seconds,
                        )
                    )
                    used = cpu(subject.process.pid) - before
                finally:
                    subject.kill()
                kept = subject.rows("payloads")
                assert kept == len(outcome.acks) == int(per_second * seconds), (
                    f"{len(outcome.acks)} acks, {kept} payloads on disk, {outcome.refused} refused"
                )
                p50.append(quantile(outcome.acks, 0.5))
                p99.append(quantile(outcome.acks, 0.99))
                late.append(quantile(outcome.late, 0.99))
                share.append(used / outcome.seconds)
            worst = max(worst, median(p99))
            best = min(p99)
            rows.append(
                [name, ms(median(p50)), ms(median(p99)), ms(best), f"{median(share):.0%}", ms(median(late))]
            )
    table(
        f"Tocsin's acks at {per_second:g} posts/s for {seconds:g} s over {GROUPS} groups that change",
        f"python -m bench paced --rounds {rounds} --seconds {seconds:g} --rate {per_second:g}",
        ["homeserver answers in", "p50 ms", "p99 ms", "best round's p99", "of a core", "client late p99"],
        rows,
    )
    print("After SIGKILL the state held exactly as many payloads as were acked.")
    print(f"Aim: ack p99 under 20 ms: {ms(worst)} ms at worst, {reached(worst < AIM)}")
