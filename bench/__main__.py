"""`python -m bench`: all parts, quickly; or one part, as long as one likes."""

import argparse
import contextlib
import signal
import sys
from pathlib import Path

from bench.peers import CACHE, NoPeer
from bench.place import machine, scratch

PARTS = ("alerts", "paced", "latency", "group", "console", "edits", "pin", "audit")


def main() -> int:
    given = _parser().parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    print(f"{machine()}. Medians over the rounds; ratios are medians of pairs that ran one after the other.")
    failed = 0
    for part in PARTS if given.part == "all" else (given.part,):
        try:
            with scratch() as root:
                _run(part, root, given)
        except NoPeer as missing:
            failed = 1
            print(f"\n{part}: {missing}")
        except AssertionError as wrong:
            failed = 1
            print(f"\n{part}: FAILED: {wrong}")
    return failed


def _run(part: str, root: Path, given: argparse.Namespace) -> None:
    from bench import alerts, audit, console, edits, group, latency, paced, pin, soak

    match part:
        case "alerts":
            alerts.run(root, rounds=given.rounds or 3, seconds=given.seconds or 2.0)
        case "paced":
            paced.run(
                root, rounds=given.rounds or 1, seconds=given.seconds or 10.0, per_second=given.rate or 500
            )
        case "latency":
            latency.run(root, rounds=given.rounds or 3, posts=given.posts or 60)
        case "group":
            group.run(root, rounds=given.rounds or 3, alerts=given.alerts or 1000)
        case "console":
            console.run(root, rounds=given.rounds or 3, commands=given.commands or 300)
        case "edits":
            edits.run(root, rounds=given.rounds or 3, edits=given.edits or 2000)
        case "pin":
            pin.run(root, rounds=given.rounds or 10, files=given.files or 200)
        case "audit":
            audit.run(root, rounds=given.rounds or 3)
        case "soak":
            soak.run(root, minutes=given.minutes or 10.0, per_second=given.rate or 50)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument(
        "part", nargs="?", choices=("all", *PARTS, "soak"), default="all", help="soak: by hand only"
    )
    parser.add_argument("--rounds", type=int, help="how often each pair is measured")
    parser.add_argument("--seconds", type=float, help="alerts, paced: how long a round is")
    parser.add_argument("--rate", type=float, help="paced, soak: posts a second")
    parser.add_argument("--posts", type=int, help="latency: alerts a round")
    parser.add_argument("--alerts", type=int, help="group: its size")
    parser.add_argument("--commands", type=int, help="console: how many a round")
    parser.add_argument("--edits", type=int, help="edits: how many")
    parser.add_argument("--files", type=int, help="pin: compose files in the estate")
    parser.add_argument("--minutes", type=float, help="soak: how long")
    return parser


if __name__ == "__main__":
    CACHE.mkdir(parents=True, exist_ok=True)
    with contextlib.suppress(KeyboardInterrupt):
        sys.exit(main())
    sys.exit(130)
