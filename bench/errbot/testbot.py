"""Run by errbot's own interpreter: its TestBot, asked `!ping` again and again.

    python testbot.py COUNT

Prints `pong` when the first answer is there, then one JSON object: seconds of each following answer.
"""

import json
import logging
import sys
import time
from pathlib import Path

logging.disable(logging.WARNING)

from errbot.backends.test import TestBot  # noqa: E402


def main(count: int) -> None:
    bot = TestBot(extra_plugin_dir=str(Path(__file__).parent / "plugins"), loglevel=logging.ERROR)
    bot.start()
    try:
        assert bot.exec_command("!ping", timeout=30) == "pong"
        print("pong", flush=True)
        took = []
        for _ in range(count):
            began = time.monotonic()
            bot.push_message("!ping")
            assert bot.pop_message(timeout=30) == "pong"
            took.append(time.monotonic() - began)
        print(json.dumps(took), flush=True)
        sys.stdin.readline()  # so that our memory can be read
    finally:
        bot.stop()


if __name__ == "__main__":
    main(int(sys.argv[1]))
