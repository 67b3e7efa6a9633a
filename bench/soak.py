"""Hours in minutes: a steady storm, and whether memory or the state grow beyond what retention keeps."""

import asyncio
import sqlite3
import time
from functools import partial
from pathlib import Path

from bench.load import pace
from bench.numbers import count, ms, quantile, reached
from bench.payload import changing
from bench.stand_in import stand_in
from bench.subjects import Ours

GROUPS = 40
STEP = 30.0
SETTLED = 0.25
"""The share of the run after which memory counts: before it caches fill."""


def run(root: Path, *, minutes: float, per_second: float) -> None:
    print(
        f"\nSoak: {per_second:g} webhooks/s over {GROUPS} groups for {minutes:g} minutes, homeserver at 20 ms"
    )
    print(f"  $ python -m bench soak --minutes {minutes:g} --rate {per_second:g}")
    print(
        "minutes  RSS MB  state MB  kept MB  state/kept  groups  roots  waiting  ack p50  ack p99  acked",
        flush=True,
    )
    with stand_in(root) as homeserver:
        homeserver.set(0.02)
        subject = Ours(root / "ours", homeserver)
        subject.start()
        memory: list[int] = []
        acked = 0
        try:
            steps = max(1, round(minutes * 60 / STEP))
            length = min(STEP, minutes * 60)
            began = time.monotonic()
            for step in range(steps):
                first = round(step * per_second * length)
                outcome = asyncio.run(
                    pace(
                        subject.target,
                        partial(_body, first),
                        per_second=per_second,
                        seconds=length,
                    )
                )
                acked += len(outcome.acks)
                memory.append(subject.process.rss() if subject.process else 0)
                print(_line(time.monotonic() - began, memory[-1], subject, outcome.acks, acked), flush=True)
            time.sleep(2)
            waiting, kept = subject.rows("deliveries"), subject.rows("payloads")
        finally:
            subject.stop()
    assert kept == acked, f"{acked} acked, {kept} on disk"
    settled = memory[int(len(memory) * SETTLED) :]
    grown = (settled[-1] - settled[0]) / 1e6 if settled else 0.0
    print(f"\n{acked:,} acked and on disk; {waiting} deliveries wait at the end.")
    print(f"Aim: no growth of memory: {grown:+.1f} MB after the first quarter, {reached(grown < 5)}")


def _line(seconds: float, rss: int, subject: Ours, acks: list[float], acked: int) -> str:
    state = sum(path.stat().st_size for path in subject.database.parent.glob("tocsin.db*"))
    kept = _kept(subject.database)
    cells = (
        (f"{seconds / 60:.1f}", 7),
        (f"{rss / 1e6:.1f}", 6),
        (f"{state / 1e6:.1f}", 8),
        (f"{kept / 1e6:.1f}", 7),
        (f"{state / kept:.2f}", 10),
        (count(subject.rows("groups")), 6),
        (count(subject.rows("roots")), 5),
        (count(subject.rows("deliveries")), 7),
        (ms(quantile(acks, 0.5)), 7),
        (ms(quantile(acks, 0.99)), 7),
        (f"{acked:,}", 5),
    )
    return "  ".join(text.rjust(width) for text, width in cells)


def _body(first: int, number: int) -> bytes:
    return changing(first + number, GROUPS)


def _kept(database: Path) -> int:
    """Bytes of what retention is told to keep: payloads, the journal, the cards of groups."""
    with sqlite3.connect(f"{database.as_uri()}?mode=ro", uri=True, timeout=10) as connection:
        sizes = (
            "SELECT coalesce(sum(length(body) + 40), 0) FROM payloads",
            "SELECT coalesce(sum(length(about) + 240), 0) FROM journal",
            "SELECT coalesce(sum(length(state) + 200), 0) FROM groups",
            "SELECT coalesce(sum(length(card) + 100), 0) FROM roots",
        )
        return sum(int(connection.execute(sql).fetchone()[0]) for sql in sizes)
