"""`tocsin console` as a script uses it: one line in, all of its answer out."""

import itertools
import os
import re
import subprocess
import sys
from pathlib import Path

from tests.real.components.engine import COMPOSE, Engine

ROOT = Path(__file__).resolve().parents[2]


class Pipe:
    """`tocsin console` as a script uses it."""

    def __init__(self, engine: Engine, folder: Path, estate: Path | None = None, path: str = "") -> None:
        """`folder` holds the state, and an empty estate unless one is given; `path` is where programs are
        looked for, unless beside our own Compose 2."""
        if estate is None:
            estate = folder / "estate"
            estate.mkdir(exist_ok=True)
        argv = [
            sys.executable,
            "-m",
            "bot",
            "console",
            "--state",
            folder / "s",
            "--estate",
            estate,
        ]
        path = path or os.pathsep.join((str(COMPOSE.parent), os.environ["PATH"]))
        env = {**os.environ, **engine.env, "PYTHONPATH": str(ROOT), "PATH": path}
        self.process = subprocess.Popen(
            argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=env
        )
        self._ends = itertools.count(1)

    def ask(self, text: str) -> list[str]:
        """All that is printed before the next line is read."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        mark = f"/end-{next(self._ends)}"
        self.process.stdin.write(f"{text}\n{mark}\n")
        self.process.stdin.flush()
        said: list[str] = []
        while not (row := self.process.stdout.readline()).startswith(f"unknown: {mark} "):
            assert row, f"the console ended after {said}"
            said.append(row.rstrip("\n"))
        return said

    def end(self) -> None:
        self.process.kill()
        self.process.wait()
        for stream in (self.process.stdin, self.process.stdout):
            if stream is not None:
                stream.close()


def code_of(card: list[str]) -> str:
    found = re.fullmatch(r"!approve ([A-Z0-9]{4,6})", card[-1])
    assert found, card
    return found.group(1)
