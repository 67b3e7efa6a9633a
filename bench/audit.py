"""The audit beside compose-lint and dclint: whole processes on the same trees."""

import json
import os
import shutil
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path

from audit.rules import BY_ID
from bench.audit_tree import write_tree
from bench.numbers import count, median, ms, ratio, reached, table, times
from bench.peers import BIN, COMPOSE_LINT, NoPeer, dclint, need, version

AIMS = {170: 0.7, 1000: 4.0}
MEMORY = 150 * 1024 * 1024
SAMPLE = Path(__file__).resolve().parents[1] / "examples" / "estate"
# What dclint 3.1 calls what a rule of ours finds.
_DCLINT = {
    "IMG-01": "service-image-require-explicit-tag",
    "IMG-11": "no-build-and-image",
    "CMP-04": "no-version-field",
    "CMP-05": "no-duplicate-exported-ports",
    "CMP-09": "require-quotes-in-ports",
}


def run(root: Path, *, rounds: int, sizes: Sequence[int] = tuple(AIMS)) -> None:
    linter = need(COMPOSE_LINT / "compose-lint")
    try:
        other = dclint()
    except NoPeer as missing:
        print(f"without dclint: {missing}")
        other = None
    rows = []
    ours_of: dict[int, list[float]] = {}
    most = 0
    for size in sizes:
        tree = root / str(size)
        write_tree(tree, size)
        files = [str(path.relative_to(tree)) for path in sorted(tree.glob("*/docker-compose.yml"))]
        argvs: dict[str, list[str | Path]] = {
            "tocsin": [BIN / "tocsin", "audit", ".", "--no-docker", "--format", "json"],
            "compose-lint": [linter, "check", "--format", "json", *files],
        }
        if other is not None:
            argvs["dclint"] = [other, "-r", ".", "-f", "json"]
        took: dict[str, list[float]] = {name: [] for name in argvs}
        peak: dict[str, int] = dict.fromkeys(argvs, 0)
        for _ in range(rounds):
            for name, argv in argvs.items():
                seconds, memory = _measured(argv, tree)
                took[name].append(seconds)
                peak[name] = max(peak[name], memory)
        ours_of[size] = took["tocsin"]
        most = max(most, peak["tocsin"])
        for name in argvs:
            said = "" if name == "tocsin" else times(ratio(took[name], took["tocsin"]))
            rows.append(
                [f"{count(size)} files: {name}", ms(median(took[name])), f"{peak[name] / 2**20:.0f}", said]
            )
    table(
        f"Whole trees, {len(BY_ID)} rules; {version(COMPOSE_LINT / 'python', 'compose-lint')}, dclint 3.1.0",
        f"python -m bench audit --rounds {rounds}",
        ["", "ms in all", "peak MB", "theirs/ours"],
        rows,
    )
    for size, aim in AIMS.items():
        if size in ours_of:
            print(f"Aim: {count(size)} files under {aim} s: {reached(median(ours_of[size]) < aim)}.")
    print(f"Aim: under {MEMORY // 2**20} MB: {reached(most < MEMORY)}.")
    if other is not None:
        _share(root / "sample", linter, other)


def _measured(argv: Sequence[str | Path], folder: Path) -> tuple[float, int]:
    """Seconds, and the most memory of the process itself in bytes. What it finds does not matter here."""
    began = time.perf_counter()
    with open(os.devnull, "wb") as nothing:
        process = subprocess.Popen(argv, cwd=folder, stdin=subprocess.DEVNULL, stdout=nothing, stderr=nothing)
        _, _, used = os.wait4(process.pid, 0)
    process.returncode = 0  # wait4 has taken it
    return time.perf_counter() - began, used.ru_maxrss * 1024


def _share(sample: Path, linter: Path, other: Path) -> None:
    """How many of our rules that find something in the sample find what a peer finds too, anywhere in it."""
    shutil.copytree(SAMPLE, sample)
    said = _said([BIN / "tocsin", "audit", ".", "--no-docker", "--format", "json"], sample)
    ours = {one["rule"] for one in said["findings"]}
    files = [str(path.relative_to(sample)) for path in sorted(sample.glob("*/docker-compose.yml"))]
    lint = {
        one["rule_id"] for one in _said([linter, "check", "--format", "json", *files], sample)["findings"]
    }
    # Into a file: into a pipe it writes 64 KB and ends.
    subprocess.run([other, "-r", ".", "-f", "json", "-o", sample / "dclint.json"], cwd=sample, check=False)
    written = json.loads((sample / "dclint.json").read_text())
    dc = {message["rule"] for one in written for message in one["messages"]}
    shared = {
        rule
        for rule in ours
        if lint & {peer.split()[0] for peer in BY_ID[rule].peers} or _DCLINT.get(rule) in dc
    }
    alone = len(ours) - len(shared)
    print(
        f"Of {len(ours)} rules that find something in examples/estate, {alone} ({alone / len(ours):.0%}) find"
        f" what neither peer has a finding for; shared: {', '.join(sorted(shared)) or 'none'}."
    )


def _said(argv: Sequence[str | Path], folder: Path):  # type: ignore[no-untyped-def]
    done = subprocess.run(argv, cwd=folder, capture_output=True, text=True, check=False, timeout=300)
    return json.loads(done.stdout)
