"""2,000 images in generated projects: each planned as one span of bytes, checked, and written; beside
ruamel.yaml's round trip of the same files in memory."""

import hashlib
import subprocess
import time
from pathlib import Path
from random import Random

from bench.numbers import count, median, ms, ratio, reached, table, times
from bench.peers import RUAMEL, need, version
from estate.compose.apply import replace_bytes
from estate.compose.edit import CannotEdit, Edit, plan_edit
from estate.compose.locus import samples
from estate.compose.model import Model
from tests.estate.compose.estates import PINNABLE, make

AIM = 2.5
HERE = Path(__file__).resolve().parent


def run(root: Path, *, rounds: int, edits: int) -> None:
    python = need(RUAMEL / "python")
    (root / "files").mkdir()
    work = _projects(root / "files", edits)
    planned, wrote, theirs = [], [], []
    wider, unread = "", ""
    for _ in range(rounds):
        began = time.perf_counter()
        made = [_plan(model, service) for model, service in work]
        planned.append(time.perf_counter() - began)
        wrote.append(_write(root, made[: len(made) // 4]) * 4)
        said = subprocess.run(
            [python, HERE / "ruamel_edits.py", root / "files"], capture_output=True, text=True, check=True
        )
        took, done, wider, unread = said.stdout.split()
        theirs.append(float(took) * edits / max(int(done), 1))
    rows = [
        ["ours: planned and checked", ms(median(planned)), "0", "0"],
        [
            "ours: and written, fsync",
            ms(median([a + b for a, b in zip(planned, wrote, strict=True)])),
            "0",
            "0",
        ],
        ["ruamel.yaml, in memory", ms(median(theirs)), wider, unread],
        ["theirs/ours planned", times(ratio(theirs, planned)), "", ""],
    ]
    table(
        f"{count(edits)} edits of one image each; {version(python, 'ruamel.yaml')}",
        f"python -m bench edits --rounds {rounds} --edits {edits}",
        ["", "ms in all", "files with more changed lines than one", "files not read"],
        rows,
    )
    print(f"Aim: {edits} edits under {AIM} s: {reached(median(planned) < AIM)}.")


def _projects(folder: Path, edits: int) -> list[tuple[Model, str]]:
    """As many services whose image can be pinned; their first files on disk for the peer, who is told which
    of them it can reach by a plain key."""
    found: list[tuple[Model, str]] = []
    seed = 0
    while len(found) < edits:
        made = make(Random(seed))
        model = made.model()
        names = [name for name, kind in made.kinds.items() if kind in PINNABLE]
        found += [(model, name) for name in names]
        path, source = next(iter(model.files.sources.items()))
        plain = [
            name for name, kind in made.kinds.items() if kind == "literal" and name.encode() in source.data
        ]
        if path.suffix in {".yml", ".yaml"} and plain:
            marks = "".join(f"#edit {name}\n" for name in plain)
            (folder / f"{seed}.yml").write_text(marks + source.text)
        seed += 1
    return found[:edits]


def _plan(model: Model, service: str) -> Edit:
    value = model.services[service].image
    assert value is not None
    for new in samples(value.text):
        try:
            return plan_edit(model, value, new, service=service, approved=frozenset(model.services))
        except CannotEdit:
            continue
    raise AssertionError(f"{service} cannot be edited")


def _write(root: Path, made: list[Edit]) -> float:
    """Seconds for writing each into a file of its own, durably."""
    jobs = []
    for number, edit in enumerate(made):
        file = root / f"w{number}"
        data = edit.old * 50
        file.write_bytes(data)
        jobs.append((file, hashlib.sha256(data).hexdigest(), data + edit.new))
    began = time.perf_counter()
    for file, before, after in jobs:
        replace_bytes(file, before, after)
    took = time.perf_counter() - began
    for file, _, _ in jobs:
        file.unlink()
    return took
