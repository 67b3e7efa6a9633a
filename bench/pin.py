"""A plan and a pin, with the real Engine, Compose, registry and git, in an estate of many files; beside one
call of the Compose tool, which nobody who asks it can be faster than. Wants root, for its Engine."""

import os
import re
import subprocess
import tempfile
import time
from pathlib import Path

from bench.numbers import median, ms, quantile, ratio, reached, table, times
from bench.peers import NoPeer
from tests.real.components import images
from tests.real.components.engine import COMPOSE, Engine
from tests.real.components.registry import Registry
from tests.real.compose_site import WELL, ComposeSite
from tests.real.pipe import Pipe, code_of

PLAN, PIN = 0.150, 5.0
WEB = "services:\n  web:\n    image: {}\n    network_mode: none\n"
OTHER = """\
services:
  app:
    image: example/app{0}:${{V:-latest}}
    environment: [A={0}]
  db:
    image: postgres:15
"""


def run(root: Path, *, rounds: int, files: int) -> None:
    if os.geteuid() != 0:
        raise NoPeer("its Docker Engine needs root: sudo make bench ARGS=pin")
    # The Engine's sockets want a short path.
    with tempfile.TemporaryDirectory(prefix="b") as short:
        engine = Engine(Path(short) / "e").start()
        registry = Registry(root / "registry").start()
        try:
            images.build_base(engine.client)
            _run(root, engine, registry, rounds, files)
        finally:
            registry.stop()
            engine.remove()


def _run(root: Path, engine: Engine, registry: Registry, rounds: int, files: int) -> None:
    site = ComposeSite(root, engine, registry)
    for number in range(files - 1):
        folder = site.estate / f"other{number}"
        folder.mkdir()
        (folder / "docker-compose.yml").write_text(OTHER.format(number))
        (folder / ".env").write_text(f"SECRET=s3cret-{number}-value\n")
    site.push(WELL, "latest", "1", "1.2", "1.2.3")
    site.files({"compose.yml": WEB.format(f"{site.repository}:latest")})
    site.up()
    site.healthy()
    pipe = Pipe(engine, root, site.estate)
    try:
        first, warm, tool = _plans(pipe, site, rounds)
        whole, waited = _pin(pipe)
    finally:
        pipe.end()
        site.down()
    rows = [
        ["a plan, cold", ms(first), "", ""],
        ["a plan, warm", ms(median(warm)), ms(quantile(warm, 0.9)), times(ratio(warm, tool))],
        ["one call of Compose", ms(median(tool)), ms(quantile(tool, 0.9)), "1.0x"],
        ["a pin, from yes to done", ms(whole), "", ""],
        ["  of that, waiting until it is well", ms(waited), "", ""],
    ]
    table(
        f"`!pin web` in an estate of {files} compose files",
        f"python -m bench pin --rounds {rounds} --files {files}",
        ["", "p50 ms", "p90 ms", "calls of Compose"],
        rows,
    )
    print(f"Aim: a warm plan under {PLAN * 1000:.0f} ms: {reached(median(warm) < PLAN)}.")
    print(f"Aim: a pin without its own health time under {PIN:g} s: {reached(whole - waited < PIN)}.")


def _plans(pipe: Pipe, site: ComposeSite, rounds: int) -> tuple[float, list[float], list[float]]:
    warm, tool, first = [], [], 0.0
    argv = [COMPOSE, "config", "--hash", "*"]
    for number in range(rounds + 1):
        began = time.monotonic()
        code = code_of(pipe.ask("!pin web"))
        took = time.monotonic() - began
        pipe.ask(f"!cancel {code}")
        began = time.monotonic()
        subprocess.run(argv, cwd=site.folder, env=site.engine.env, capture_output=True, check=True)
        if number == 0:
            first = took
            continue
        warm.append(took)
        tool.append(time.monotonic() - began)
    return first, warm, tool


def _pin(pipe: Pipe) -> tuple[float, float]:
    code = code_of(pipe.ask("!pin web"))
    pipe.ask("/as adam")
    began = time.monotonic()
    said = pipe.ask(f"!approve {code}")
    whole = time.monotonic() - began
    assert said[-1].startswith("done: "), said
    found = re.search(r"healthy, after (\d+) s", said[-1])
    return whole, float(found[1]) if found else 0.0
