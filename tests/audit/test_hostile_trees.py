"""`tocsin audit` as a whole process on trees that mean no good: it answers, in words that forge nothing."""

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.audit.estate import write
from tests.audit.test_command_line import audit

GOOD = "services:\n  web:\n    image: nginx\n"
ESC = "\x1b[31mred\x1b[0m"
ODD = f"a\nb{ESC}\u202eelif"


def names(root: Path) -> None:
    """In folders, files, services, variables, images, labels, environment files."""
    quoted = json.dumps(ODD)
    write(
        root,
        {
            f"{ODD}/docker-compose.yml": f"services:\n  {quoted}:\n    image: {quoted}\n"
            f"    labels: {{{quoted}: {quoted}}}\n    networks: [{quoted}]\n"
            f"    environment: {{{quoted}: changeme, PASSWORD: changeme}}\n",
            f"{ODD}/.env": f"A{ESC}=1\nPASSWORD=changeme\n",
            f"ok/{ODD}.yml": GOOD,
            "ok/docker-compose.yml": GOOD,
            "ok/docker-compose.yml.bak\n": GOOD,
            "SERVICES.yml": f"services: [{{id: {quoted}, dir: {quoted}}}]\n",
        },
    )


def loops(root: Path) -> None:
    write(root, {"a/docker-compose.yml": GOOD})
    (root / "a" / "self").symlink_to(root)
    (root / "a" / "compose.yml").symlink_to("compose.yml")
    (root / "b.yml").symlink_to("/dev/zero")
    os.mkfifo(root / "a" / "docker-compose.override.yml")


def large(root: Path) -> None:
    write(root, {"a/docker-compose.yml": GOOD, "b/docker-compose.yml": os.urandom(4096)})
    with (root / "c.yml").open("wb") as file:
        file.truncate(50 * 1024 * 1024)
    bomb = "a: &a [x, x, x, x, x, x, x, x, x]\n"
    for before, name in zip("abcdefgh", "bcdefghi", strict=True):
        bomb += f"{name}: &{name} [{', '.join([f'*{before}'] * 9)}]\n"
    write(
        root,
        {
            "d/docker-compose.yml": bomb + "services: {web: {image: x, environment: *i}}\n",
            "e/docker-compose.yml": "services: " + "[" * 5000,
            "f/docker-compose.yml": "a: 1\na: 2\n" + GOOD,
        },
    )


def dashes(root: Path) -> None:
    write(root, {"--help/docker-compose.yml": GOOD, "-rf/.env": "A=1\n", "--/compose.yaml": GOOD})


TREES = [names, loops, large, dashes]


@pytest.mark.parametrize("form", ["text", "json", "sarif", "markdown"])
@pytest.mark.parametrize("make", TREES, ids=lambda make: str(make.__name__))
def test_a_hostile_tree(tmp_path: Path, make: Callable[[Path], None], form: str) -> None:
    make(tmp_path)
    done = audit(tmp_path, "--no-docker", "--format", form)
    assert done.returncode in {0, 1, 2}, done.stderr
    assert done.stderr == ""
    assert not {"\x1b", "\u202e"} & set(done.stdout)
    if form in {"json", "sarif"}:
        json.loads(done.stdout)
    if form == "text":
        assert len(done.stdout.splitlines()) <= 10
