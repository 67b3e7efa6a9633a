"""The transcripts once more, played to the real `tocsin console` through a pipe."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.scenarios.test_transcripts import HERE, exchanges, fits

ROOT = Path(__file__).parents[2]


@pytest.fixture
def console(tmp_path: Path) -> "subprocess.Popen[str]":
    (tmp_path / "estate").mkdir()
    argv = [
        sys.executable,
        "-m",
        "bot",
        "console",
        "--state",
        str(tmp_path / "s"),
        "--estate",
        str(tmp_path / "estate"),
    ]
    # An Engine that is not there: the fixed lines hold without one.
    env = {**os.environ, "PYTHONPATH": str(ROOT), "DOCKER_HOST": f"unix://{tmp_path}/none.sock"}
    process = subprocess.Popen(
        argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=env
    )
    yield process  # type: ignore[misc]
    process.kill()
    process.wait()
    for stream in (process.stdin, process.stdout, process.stderr):
        if stream is not None:
            stream.close()


@pytest.mark.parametrize("name", ["console", "refusals", "mistakes"])
def test_the_real_console_says_the_same(console: "subprocess.Popen[str]", name: str) -> None:
    assert console.stdin is not None
    assert console.stdout is not None
    assert console.stderr is not None
    for number, (typed, expected) in enumerate(exchanges((HERE / f"{name}.txt").read_text("utf-8"))):
        # A line's answer is complete before the next is read, so the second answer ends the first.
        console.stdin.write(f"{typed[2:]}\n/end-{number}\n")
        console.stdin.flush()
        said = []
        while not (line := console.stdout.readline()).startswith(f"unknown: /end-{number} "):
            assert line, f"the console ended: {console.stderr.read()}"
            said.append(line.rstrip("\n"))
        assert fits(expected, said), f"{name}.txt: {typed}\nexpected {expected}\nsaid     {said}"
    out, _ = console.communicate(timeout=30)
    assert (console.returncode, out) == (0, "")
