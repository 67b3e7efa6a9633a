"""`tocsin run`, except that it dies (kill -9) right at a named durable step.

    python -m tests.real.mortal --config FILE --die group.committed:2

dies when it passes that step for the second time. Without `--die` it is `tocsin run`; with `--console STATE`
and `--estate DIR` it is the console.
"""

import argparse
import asyncio
import os
import signal
from collections import Counter
from pathlib import Path

from bot.core.steps import Step
from bot.service import serve
from bot.terminal import console


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--config", type=Path)
    parser.add_argument("--console", type=Path)
    parser.add_argument("--estate", type=Path)
    parser.add_argument("--die", default="")
    given = parser.parse_args()
    name, _, nth = given.die.partition(":")
    seen: Counter[Step] = Counter()

    def on_step(step: Step) -> None:
        seen[step] += 1
        if step.value == name and seen[step] == int(nth or 1):
            os.kill(os.getpid(), signal.SIGKILL)

    if given.console is not None:
        raise SystemExit(asyncio.run(console(given.estate, given.console, on_step=on_step)))
    raise SystemExit(asyncio.run(serve(given.config, os.environ, on_step=on_step)))


if __name__ == "__main__":
    main()
