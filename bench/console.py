"""The console against errbot's text mode, its TestBot, and hubot's shell: first reply, memory, commands."""

import json
import math
import os
import shutil
import sqlite3
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

from bench.numbers import count, median, ms, quantile, ratio, reached, table, times
from bench.peers import BIN, ERRBOT, HERE, ROOT, NoPeer, hubot, need, version
from bench.place import cpu
from bench.talk import Talk

FIRST, MEMORY, PING = 0.3, 60e6, 0.001
SOURCES = ("bot", "commands", "alert_bridge", "estate", "audit")
WARM = 20
"""Commands that are asked before those that count."""


@dataclass(slots=True)
class Shot:
    """One run. Seconds and bytes."""

    first: float
    start: float
    """Processor time until the first reply."""
    most: int
    now: int
    took: list[float]
    rate: float


@dataclass(slots=True)
class Series:
    """One value a round."""

    first: list[float] = field(default_factory=list)
    start: list[float] = field(default_factory=list)
    most: list[float] = field(default_factory=list)
    now: list[float] = field(default_factory=list)
    p50: list[float] = field(default_factory=list)
    p99: list[float] = field(default_factory=list)
    rate: list[float] = field(default_factory=list)

    def add(self, shot: Shot) -> None:
        self.first.append(shot.first)
        self.start.append(shot.start)
        self.most.append(shot.most)
        self.now.append(shot.now)
        self.p50.append(quantile(shot.took, 0.5))
        self.p99.append(quantile(shot.took, 0.99))
        self.rate.append(shot.rate)

    def cells(self) -> list[str]:
        memory = (f"{median(self.most) / 1e6:.0f}", f"{median(self.now) / 1e6:.0f}")
        return [
            ms(median(self.first)),
            ms(median(self.start)),
            *memory,
            ms(median(self.p50)),
            ms(median(self.p99)),
            count(median(self.rate)),
        ]


def run(root: Path, *, rounds: int, commands: int) -> None:
    kinds: dict[str, Callable[[Path, int], Shot]] = {
        "tocsin console": ours,
        "tocsin console, terminal": ours_in_a_terminal,
        "errbot -T": errbot,
        "errbot TestBot": testbot,
        "hubot shell": hubot_shell,
    }
    # As set-up does: since then the sources may have changed, and the peers are compiled too.
    argv: list[str | Path] = [BIN / "python", "-m", "compileall", "-q", *(ROOT / name for name in SOURCES)]
    subprocess.run(argv, check=True, timeout=120)
    seen: dict[str, Series] = {name: Series() for name in kinds}
    missing: dict[str, str] = {}
    for number in range(rounds):
        for name, ask in kinds.items():
            if name in missing:
                continue
            folder = root / f"{name.replace(' ', '-').replace(',', '')}-{number}"
            folder.mkdir()
            try:
                seen[name].add(ask(folder, commands))
            except NoPeer as absent:
                missing[name] = str(absent)
    best = seen["tocsin console"]
    rows = []
    for name, series in seen.items():
        if name in missing:
            continue
        rows.append([name, *series.cells()])
        if not name.startswith("tocsin"):
            rows.append(["  theirs/ours", *_ratios(series, best)])
    table(
        f"Consoles: `ping` asked {commands} times, one after another; {_versions(missing)}",
        f"python -m bench console --rounds {rounds} --commands {commands}",
        ["", "first reply ms", "its CPU ms", "most MB", "MB now", "ping p50 ms", "ping p99 ms", "commands/s"],
        rows,
    )
    for name, why in missing.items():
        print(f"{name} is not measured: {why}")
    print(
        "Ours checks the asker's role and has two journal rows on disk (fsync) before each answer; counted."
    )
    print("errbot -T sleeps 0.5 s after each message, by design, and is asked at most 20 times.")
    print("The TestBot has no terminal and no pipe: its answers pass through a queue in its own process.")
    first, most, p50 = median(best.first), median(best.most), median(best.p50)
    print(f"Aim: first reply under 300 ms: {ms(first)} ms, {reached(first < FIRST)}")
    print(f"Aim: under 60 MB: {most / 1e6:.0f} MB, {reached(most < MEMORY)}")
    print(f"Aim: ping p50 under 1 ms: {ms(p50)} ms, {reached(p50 < PING)}")


def _ratios(theirs: Series, ours: Series) -> list[str]:
    pairs = (
        (theirs.first, ours.first),
        (theirs.start, ours.start),
        (theirs.most, ours.most),
        (theirs.now, ours.now),
        (theirs.p50, ours.p50),
    )
    found = [times(ratio(a, b)) for a, b in pairs]
    rate = ratio(theirs.rate, ours.rate)
    slower = "-" if math.isnan(rate) or not rate else f"1/{1 / rate:.3g}" if rate < 1 else times(rate)
    return [*found, times(ratio(theirs.p99, ours.p99)), slower]


def _versions(missing: dict[str, str]) -> str:
    found = [] if "errbot -T" in missing else [version(ERRBOT / "python", "errbot")]
    if "hubot shell" not in missing:
        wanted = json.loads((HERE / "hubot" / "package.json").read_text())["dependencies"]["hubot"]
        found.append(f"hubot {wanted}")
    return ", ".join(found)


# ---- each of them ---------------------------------------------------------------------------------------


def ours(folder: Path, commands: int) -> Shot:
    """Over a pipe, as the peers."""
    state = folder / "state"
    with Talk([BIN / "tocsin", "console", "--state", state], cwd=folder) as talk:
        talk.say("!ping\n")
        first = talk.until("pong\n") - talk.began
        start = cpu(talk.process.pid)
        talk.until_error("webhook:")  # it loads after the first reply, and takes memory
        shot = _ask(talk, first, commands, "!ping\n", "pong\n")
    _journalled(state, commands + WARM + 1)
    return replace(shot, start=start)


def ours_in_a_terminal(folder: Path, commands: int) -> Shot:
    """With prompt, history, completion and colours, as a person has it."""
    state = folder / "state"
    with Talk([BIN / "tocsin", "console", "--state", state], cwd=folder, terminal=True) as talk:
        talk.say("!ping\r")
        first = talk.until("pong") - talk.began
        start = cpu(talk.process.pid)
        talk.until("webhook:")
        shot = _ask(talk, first, commands, "!ping\r", "pong")
    _journalled(state, commands + WARM + 1)
    return replace(shot, start=start)


def errbot(folder: Path, commands: int) -> Shot:
    argv: list[str | Path] = [need(ERRBOT / "errbot"), "-T", "-c", folder / "config.py"]
    _errbot_files(folder)
    with Talk(argv, cwd=folder) as talk:
        talk.until(">>> ")
        talk.say("!ping\n")
        first = talk.until("pong") - talk.began
        talk.until(">>> ")
        return _ask(talk, first, min(commands, 20), "!ping\n", "pong", prompt=">>> ", warm=0)


def testbot(folder: Path, commands: int) -> Shot:
    _errbot_files(folder)
    argv: list[str | Path] = [need(ERRBOT / "python"), folder / "testbot.py", str(commands)]
    with Talk(argv, cwd=folder) as talk:
        first = talk.until("pong", 60) - talk.began
        start = cpu(talk.process.pid)
        took = json.loads(talk.line(60))
        most, now = talk.memory()
        talk.say("\n")
    return Shot(first, start, most, now, took, len(took) / sum(took))


def hubot_shell(folder: Path, commands: int) -> Shot:
    place = hubot()
    node = shutil.which("node")
    if node is None:
        raise NoPeer("node is not installed; on Debian and Ubuntu: sudo apt-get install nodejs")
    argv: list[str | Path] = [
        node,
        place / "node_modules" / "hubot" / "bin" / "hubot",
        "--adapter",
        "Shell",
        "--name",
        "hubot",
    ]
    # Its HTTP server would listen on every address.
    with Talk(argv, cwd=place, env={"HUBOT_HTTPD": "false", "HUBOT_LOG_LEVEL": "error"}) as talk:
        talk.until("hubot> ")
        talk.say("ping\n")
        first = talk.until("pong") - talk.began
        return _ask(talk, first, commands, "ping\n", "pong")


def _errbot_files(folder: Path) -> None:
    shutil.copytree(HERE / "errbot", folder, dirs_exist_ok=True, ignore=shutil.ignore_patterns("__pycache__"))
    (folder / "data").mkdir()


def _ask(
    talk: Talk, first: float, commands: int, words: str, answer: str, *, prompt: str = "", warm: int = WARM
) -> Shot:
    """The same command again and again, each after the answer to the one before."""
    took = []
    start = cpu(talk.process.pid)
    began = time.monotonic()
    for number in range(commands + warm):
        if number == warm:
            began = time.monotonic()
        at = talk.say(words)
        took.append(talk.until(answer) - at)
        if prompt:
            talk.until(prompt)
    seconds = time.monotonic() - began
    most, now = talk.memory()
    return Shot(first, start, most, now, took[warm:], commands / seconds)


def _journalled(state: Path, commands: int) -> None:
    """Each command has a row for the request and one for the answer."""
    with sqlite3.connect(f"{(state / 'tocsin.db').as_uri()}?mode=ro", uri=True) as connection:
        sql = "SELECT count(*) FROM journal WHERE kind IN ('request', 'answer')"
        found = connection.execute(sql).fetchone()[0]
    assert found == 2 * commands, f"{found} journal rows for {commands} commands (pid {os.getpid()})"
