"""`tocsin audit`: its exit codes, and that it writes nothing."""

import json
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from tests.audit.cases.case import app, web
from tests.audit.estate import write

ROOT = Path(__file__).resolve().parents[2]
CLEAN = {
    **app(
        web(
            "restart: always",
            "mem_limit: 64m",
            'healthcheck: {test: ["CMD", "curl", "-f", "http://127.0.0.1/"]}',
        )
    ),
    "app/README.md": "# App\n\n## Set-up\n",
}
LATEST = {**CLEAN, "app/compose.yml": str(CLEAN["app/compose.yml"]).replace("nginx:1.99.3", "nginx")}


def audit(*words: str | Path, cwd: Path | None = None) -> "subprocess.CompletedProcess[str]":
    env = {**os.environ, "PYTHONPATH": str(ROOT), "DOCKER_HOST": "unix:///nowhere/docker.sock"}
    argv = [sys.executable, "-m", "bot", "audit", *map(str, words)]
    return subprocess.run(argv, capture_output=True, text=True, env=env, cwd=cwd, check=False, timeout=60)


@pytest.mark.parametrize(
    ("files", "words", "code"),
    [
        (CLEAN, ["--no-docker"], 0),
        (CLEAN, [], 2),
        (CLEAN, ["--allow-unknown"], 0),
        (LATEST, ["--no-docker"], 1),
        (LATEST, [], 1),
        (LATEST, ["--no-docker", "--fail-on", "high"], 0),
        (LATEST, ["--fail-on", "high"], 2),
        ({**CLEAN, "b/compose.yml": "services: [\n"}, ["--no-docker"], 2),
        ({**CLEAN, "b/compose.yml": "services: [\n"}, ["--no-docker", "--allow-unknown"], 0),
        ({}, ["--no-docker"], 0),
    ],
)
def test_exit_codes(tmp_path: Path, files: dict[str, str], words: list[str], code: int) -> None:
    write(tmp_path, files)
    done = audit(tmp_path, *words)
    assert done.returncode == code, done.stdout + done.stderr
    assert done.stderr == ""
    assert len(done.stdout.splitlines()) <= 10


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["/nowhere/at/all"], "is no directory"),
        (["--config", "/nowhere.yml"], "nowhere.yml"),
        (["--explain", "IMG-99"], "no rule is called that"),
        (["--format", "xml"], "invalid choice"),
    ],
)
def test_a_mistake_is_said_and_ends_with_2(words: list[str], says: str) -> None:
    done = audit(*words)
    assert done.returncode == 2
    assert says in done.stderr
    assert "Traceback" not in done.stderr


def test_json_is_an_object_and_nothing_else(tmp_path: Path) -> None:
    write(tmp_path, LATEST)
    done = audit("--no-docker", "--format", "json", cwd=tmp_path)
    found = json.loads(done.stdout)
    assert [(one["rule"], one["file"], one["line"]) for one in found["findings"]] == [
        ("IMG-01", "app/compose.yml", 3)
    ]
    assert str(tmp_path) not in done.stdout


def test_explain_says_what_is_wrong_and_reads_nothing() -> None:
    done = audit("--explain", "env-01")
    assert done.returncode == 0
    assert done.stdout.startswith("ENV-01 (high)\n")
    assert "Disprove: " in done.stdout


def test_it_writes_nothing(tmp_path: Path) -> None:
    def seen() -> list[tuple[str, int, float]]:
        return sorted(
            (str(p), stat.S_IMODE(s.st_mode), s.st_mtime) for p in tmp_path.rglob("*") for s in [p.stat()]
        )

    write(tmp_path, LATEST)
    before = seen()
    audit(tmp_path, "--no-docker", cwd=tmp_path)
    assert seen() == before


def test_the_estate_of_a_configuration(tmp_path: Path) -> None:
    write(
        tmp_path / "e",
        {**LATEST, "accepted.yml": "- {rule: IMG-01, target: app/web, reason: r, until: 2999-01-01}\n"},
    )
    config = tmp_path / "c.yml"
    config.write_text(
        f"state: {tmp_path}/state\nhttp: {{listen: '127.0.0.1:0'}}\n"
        "slack: {team: T0AAA, bot_token: xoxb-1, app_token: xapp-1}\n"
        f"estate:\n  root: {tmp_path}/e\n  audit: {{waivers: accepted.yml}}\n"
    )
    config.chmod(0o600)
    done = audit("--config", config, "--no-docker")
    assert (done.returncode, "1 waived" in done.stdout) == (0, True), done.stdout + done.stderr
    assert not (tmp_path / "state").exists()
