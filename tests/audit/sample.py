"""The sample estate as the console copies it: with the modes it asks for, in a git repository of its own."""

import re
import shutil
from dataclasses import replace
from pathlib import Path

from audit.graph import graph_of
from audit.graph_dot import as_dot
from audit.look import Look
from estate.compose.tree import ComposeTree
from estate.model import Health, Probe, State
from tests.audit.cases.health import AT
from tests.audit.estate import NOW, Runs, keep_in_git, snapshot

SAMPLE = Path(__file__).resolve().parents[2] / "examples" / "estate"
TEST = ("CMD", "wget")
FINE = Probe(AT, 0, "ok")
ILL = {
    "loki": Probe(AT, -1, 'exec: "wget": executable file not found in $PATH'),
    "wikijs": Probe(AT, 7, "curl: (7) Failed to connect to 127.0.0.1 port 3001"),
    "n8n": Probe(AT, -1, "Health check exceeded timeout (2s)"),
}
UNCHECKED = {"adminer", "promtail"}
"""The stand-ins of these have no healthcheck."""


def copy(target: Path) -> Path:
    shutil.copytree(SAMPLE, target, ignore=shutil.ignore_patterns("__pycache__", "modes.txt"))
    for row in (SAMPLE / "modes.txt").read_text().splitlines():
        mode, _, name = row.partition(" ")
        if mode.isdigit():
            (target / name).chmod(int(mode, 8))
    keep_in_git(target)
    return target


def running() -> list[Runs]:
    """What `up.py` brings up: 17 of 20 run, 3 are unhealthy, one was killed for lack of memory."""
    found = []
    images = {one.full_name: one.image or "" for one in ComposeTree(SAMPLE).survey()[0].services}
    for project, text in (
        (p.parent.name, p.read_text()) for p in sorted(SAMPLE.glob("*/docker-compose.yml"))
    ):
        services = text.partition("\nvolumes:")[0].partition("\nnetworks:")[0]
        for name, body in re.findall(r"(?ms)^  ([\w-]+):\n(.*?)(?=^  [\w-]+:\n|\Z)", services):
            if "profiles:" in body or (project, name) in {("mastodon", "web"), ("supabase", "db")}:
                continue
            found.append(replace(_container(project, name), image=images[f"{project}/{name}"]))
    return found


def _container(project: str, name: str) -> Runs:
    if name == "sidekiq":
        return Runs(name, project, state=State.EXITED, exit_code=137, memory=2**26)
    if name in UNCHECKED:
        return Runs(name, project)
    ill = ILL.get(name)
    health = Health.UNHEALTHY if ill else Health.HEALTHY
    return Runs(name, project, health=health, probes=[ill or FINE], test=TEST)


def picture(target: Path) -> str:
    """The sample estate, as it runs, in Graphviz's language."""
    look = Look(snapshot(copy(target), [one.detail for one in running()]), NOW)
    return as_dot(graph_of(look), "examples/estate")
