"""Quantiles, medians of pairs, and tables. Times are seconds inside and milliseconds in tables."""

import math
import statistics
from collections.abc import Sequence


def quantile(values: Sequence[float], q: float) -> float:
    """The value that a share `q` of them do not exceed; NaN when there are none."""
    if not values:
        return math.nan
    ordered = sorted(values)
    return ordered[max(0, math.ceil(q * len(ordered)) - 1)]


def median(values: Sequence[float]) -> float:
    """NaN when there are none."""
    known = [value for value in values if not math.isnan(value)]
    return statistics.median(known) if known else math.nan


def ratio(ours: Sequence[float], theirs: Sequence[float]) -> float:
    """The median of the ratios pair by pair: a pair ran one right after the other."""
    pairs = zip(ours, theirs, strict=True)
    return median([math.inf if not b else a / b for a, b in pairs if not math.isnan(a) and not math.isnan(b)])


def ms(seconds: float) -> str:
    if math.isnan(seconds):
        return "-"
    return f"{seconds * 1000:.2f}" if seconds < 0.1 else f"{seconds * 1000:,.0f}"


def count(value: float) -> str:
    if math.isnan(value):
        return "-"
    return f"{value:,.0f}" if value >= 10 or value == 0 else f"{value:.2g}"


def times(value: float) -> str:
    if math.isnan(value):
        return "-"
    if math.isinf(value):
        return "only ours"
    return f"{value:.1f}x" if value < 100 else f"{value:,.0f}x"


def reached(good: bool) -> str:
    return "reached" if good else "NOT reached"


def table(title: str, command: str, head: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print it, with the command that prints it."""
    widths = [max(len(row[i]) for row in (head, *rows)) for i in range(len(head))]

    def show(row: Sequence[str]) -> str:
        first, *rest = zip(row, widths, strict=True)
        return "  ".join([first[0].ljust(first[1]), *(cell.rjust(width) for cell, width in rest)]).rstrip()

    print(f"\n{title}\n  $ {command}")
    print(show(head))
    print("  ".join("-" * width for width in widths))
    for row in rows:
        print(show(row))
    print(flush=True)
