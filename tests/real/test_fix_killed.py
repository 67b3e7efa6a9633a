"""A fix and a waiver on the real console, with real git: committed, and kill -9 at each of their steps."""

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from bot.core.steps import Step
from tests.audit.estate import keep_in_git, write

ROOT = Path(__file__).resolve().parents[2]
COMPOSE = "version: '3'\nservices:\n  web:\n    image: nginx\n    restart: always\n    mem_limit: 64m\n"
FILES = {"app/docker-compose.yml": COMPOSE, "audit-waivers.yml": "waivers:\n"}


class Mortal:
    """A console on an estate, without an Engine, which dies at a step."""

    def __init__(self, folder: Path, die: str = "") -> None:
        argv = [sys.executable, "-m", "tests.real.mortal", "--console", str(folder / "s")]
        argv += ["--estate", str(folder / "estate"), "--die", die]
        env = {**os.environ, "PYTHONPATH": str(ROOT), "DOCKER_HOST": f"unix://{folder}/none.sock"}
        self.process = subprocess.Popen(
            argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=env
        )

    def ask(self, line: str) -> list[str]:
        """What is said up to the next answer, or to its death."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(f"{line}\n/end\n")
        self.process.stdin.flush()
        said: list[str] = []
        while (row := self.process.stdout.readline()) and not row.startswith("unknown: /end "):
            said.append(row.rstrip("\n"))
        return said

    def agreed(self, asked: str) -> tuple[str, list[str]]:
        """ann asks, adam says yes: the code, and what is said."""
        code = self.ask(asked)[-1].removeprefix("!approve ")
        assert re.fullmatch(r"[A-Z0-9]{4,6}", code)
        self.ask("/as adam")
        return code, self.ask(f"!approve {code}")

    def end(self) -> int:
        """Its exit code."""
        self.process.communicate(timeout=30)
        return self.process.returncode


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write(tmp_path / "estate", FILES)
    keep_in_git(tmp_path / "estate")
    return tmp_path


def id_of(mortal: Mortal, rule: str) -> str:
    said = " ".join(mortal.ask(f"!audit {rule}"))
    found = re.search(rf"{rule}-[A-Z0-9]{{5}}", said)
    assert found, said
    return found.group()


def log(folder: Path) -> str:
    argv = ["git", "-C", str(folder / "estate"), "log", "-1", "--format=%an|%s|%b", "--name-only"]
    return subprocess.run(argv, capture_output=True, text=True, check=True).stdout


ASKED = [
    ("CMP-04", "!fix {}", "app/docker-compose.yml"),
    ("IMG-01", "!waive {} no versions", "audit-waivers.yml"),
]


@pytest.mark.parametrize(("rule", "words", "file"), ASKED, ids=["fix", "waive"])
def test_it_is_committed_with_who_asked_and_who_agreed(
    folder: Path, rule: str, words: str, file: str
) -> None:
    mortal = Mortal(folder)
    name = id_of(mortal, rule)
    code, said = mortal.agreed(words.format(name))
    mortal.end()
    assert re.search(r"; commit [0-9a-f]{12}$", said[-1]), said
    kept = log(folder)
    assert kept.startswith(f"ann|{words.split()[0][1:]} {name}|Tocsin-Plan: {code}\n")
    assert "Asked-by: ann (console:ann)\nApproved-by: adam (console:adam)\n" in kept
    assert kept.rstrip().endswith(file)


@pytest.mark.parametrize(("rule", "words", "file"), ASKED, ids=["fix", "waive"])
def test_what_is_not_committed_is_in_the_way(folder: Path, rule: str, words: str, file: str) -> None:
    path = folder / "estate" / file
    path.write_text(path.read_text() + "# somebody is at it\n")
    mortal = Mortal(folder)
    said = mortal.ask(words.format(id_of(mortal, rule)))
    mortal.end()
    assert said[-1] == f"refused: {file} has changes that are not committed: commit or undo those first"


@pytest.mark.parametrize("step", [Step.EXECUTION_STARTED, Step.DEED_DONE, Step.DEED_JUDGED], ids=str)
@pytest.mark.parametrize(("rule", "words", "file"), ASKED, ids=["fix", "waive"])
def test_dying_at_a_step(folder: Path, rule: str, words: str, file: str, step: Step) -> None:
    path = folder / "estate" / file
    before = path.read_text()
    mortal = Mortal(folder, die=step.value)
    name = id_of(mortal, rule)
    code, said = mortal.agreed(words.format(name))
    assert mortal.end() == -signal.SIGKILL
    assert not any(row.startswith("done: ") for row in said)
    after = path.read_text()
    assert (after == before) == (step is Step.EXECUTION_STARTED), "all of it or nothing"
    assert [one.name for one in path.parent.iterdir() if one.name.startswith(f".{path.name}")] == []

    again = Mortal(folder)
    refused = "\n".join(again.ask("/as adam") + again.ask(f"!approve {code}"))
    assert "interrupted" in refused, refused
    found = "\n".join(again.ask(f"!finding {name}"))
    again.end()
    is_there = {"fix": "no finding is called that now", "waive": "waived"}[words.split()[0][1:]]
    assert (is_there in found) == (step is not Step.EXECUTION_STARTED), found
    assert path.read_text() == after
    assert log(folder).startswith("t|x|"), "nothing was committed by itself"
