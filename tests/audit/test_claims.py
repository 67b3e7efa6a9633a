"""Older reports, held against small estates and against their history."""

import json
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audit.claims.claim import Judged, Verdict
from audit.claims.grammar import read
from audit.claims.judging import judge
from audit.claims.report import NoReport, read_report
from audit.claims.statement import statements
from audit.claims.world import World
from audit.dated import written
from audit.engine import evaluate
from audit.look import Look
from audit.report_json import as_json
from audit.report_markdown import About, as_markdown
from audit.rules import ALL
from tests.audit.estate import NOW, snapshot, write
from tests.audit.sample import copy, running
from tests.audit.test_command_line import audit

WEB = """\
services:
  grafana:
    image: grafana/grafana:{grafana}
    healthcheck: {{test: [CMD, wget, "http://127.0.0.1:3000"], interval: 10s, start_period: 20s}}
  node-red:
    container_name: nodered
    image: nodered/node-red{nodered}
    ports: ["127.0.0.1:1880:1880"]
"""


def git(root: Path, *words: str) -> str:
    argv = ["git", "-c", "user.name=ann", "-c", "user.email=a@x", *words]
    return subprocess.run(argv, cwd=root, capture_output=True, text=True, check=True).stdout.strip()


def commit(root: Path, subject: str, files: dict[str, str | bytes]) -> str:
    write(root, files)
    git(root, "add", "--all")
    git(root, "commit", "--quiet", "--message", subject)
    return git(root, "rev-parse", "HEAD")


def check(root: Path, text: str) -> dict[str, tuple[str, str]]:
    """Claim → verdict and why, of the files alone, without history."""
    world = World(Look(snapshot(root), NOW), evaluate(snapshot(root), ALL, now=NOW))
    return {one.claim.text: (one.verdict.value, one.why) for one in judged(text, world)}


def judged(text: str, world: World) -> list[Judged]:
    return judge(read_report(text, world).claims, world)


# ---- the proof: ten planted claims ----------------------------------------------------------------------

REPORT = """\
# How we stand

**Generated:** 2026-01-10

## Status

- Grafana runs grafana/grafana:10.2.0
- Node-RED still uses the 'latest' tag
- 3 services still using 'latest' tag
- `mon/docker-compose.yml.bak` is an old copy that should be removed
- Node-RED has no healthcheck
- grafana has a healthcheck
- 2/2 services running
- `web.env` has mode 0644, as `/elsewhere/x/.env` has
- Healthcheck of grafana: start_period (45s)
- Our users are happy

## Standards

- All services should have healthchecks

| Service | Version | Health check |
|---|---|---|
| grafana | 10.2.0 | yes |
"""


def test_ten_planted_claims(tmp_path: Path) -> None:
    git(tmp_path, "init", "--quiet", "--initial-branch=main")
    files: dict[str, str | bytes] = {"mon/docker-compose.yml": WEB.format(grafana="10.2.0", nodered="")}
    commit(tmp_path, "begin", {**files, "mon/docker-compose.yml.bak": "old\n", "README.md": "# x\n"})
    (tmp_path / "mon/docker-compose.yml.bak").unlink()
    tidy = commit(tmp_path, "tidy up", {})
    bump = commit(tmp_path, "newer", {"mon/docker-compose.yml": WEB.format(grafana="11.0.0", nodered="")})
    commit(tmp_path, "unrelated", {"README.md": "# y\n"})
    report = tmp_path.parent / "report.md"
    report.write_text(REPORT)
    done = audit(tmp_path, "--no-docker", "--check-report", report, "--format", "json")
    assert done.returncode == 1, done.stderr
    said = json.loads(done.stdout)
    found = {one["line"]: (one["verdict"], one["since"][:10]) for one in said["claims"]}
    assert found == {
        7: ("stale", bump[:10]),
        8: ("true", ""),
        9: ("false", ""),
        10: ("stale", tidy[:10]),
        11: ("true", ""),
        12: ("true", ""),
        13: ("cannot be told", ""),
        14: ("cannot be told", ""),
        15: ("false", ""),
        24: ("stale", bump[:10]),
    }
    assert [one["line"] for one in said["not_understood"]] == [3, 16]
    assert said["summary"]["wishes"] == 4  # three headings and the standard


def test_what_was_changed_and_not_committed_is_stale_too(tmp_path: Path) -> None:
    git(tmp_path, "init", "--quiet")
    commit(tmp_path, "begin", {"mon/docker-compose.yml": WEB.format(grafana="10.2.0", nodered="")})
    write(tmp_path, {"mon/docker-compose.yml": WEB.format(grafana="10.3.0", nodered="")})
    report = tmp_path.parent / "report.md"
    report.write_text("Grafana runs grafana/grafana:10.2.0.\n")
    done = audit(tmp_path, "--no-docker", "--check-report", report)
    assert done.returncode == 1, done.stderr
    said = done.stdout
    assert said.startswith("report.md: 1 claim: 0 true, 0 false, 1 stale, 0 cannot be told\n")
    assert "since changes that are not committed; mon/grafana has grafana/grafana:10.3.0" in said


# ---- kinds of sentences ---------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> World:
    """The sample estate, as `up.py` has it running."""
    taken = snapshot(copy(tmp_path_factory.mktemp("x") / "estate"), [one.detail for one in running()])
    return World(Look(taken, NOW), evaluate(taken, ALL, now=NOW))


@pytest.mark.parametrize(
    ("sentence", "verdict"),
    [
        ("17/20 services running (85%)", "false"),  # the sample counts what has a profile too
        ("3 unhealthy containers (Loki, n8n, Wiki.js)", "true"),
        ("3 unhealthy containers (Loki, Promtail, Node-RED - likely startup timing)", "false"),
        ("4 containers are unhealthy", "false"),
        ("At least 2 containers are unhealthy.", "true"),
        ("loki (Up 30m unhealthy)", "true"),
        ("Loki and n8n are unhealthy", "true"),
        ("Grafana is unhealthy", "false"),
        ("grafana is running", "true"),
        ("Mastodon - configured but not running", "true"),
        ("Grafana and Supabase: configured but not running", "false"),
        (
            "7 services still use 'latest': adminer, linkstack, grafana, promtail, n8n, nodered, wordpress",
            "true",
        ),
        ("7 services still using 'latest' tag: traefik, linkstack", "false"),
        ("11 services still using `latest` tag", "false"),
        ("No service uses latest.", "false"),
        ("Grafana still uses latest", "true"),
        ("Grafana no longer uses latest", "false"),
        ("Traefik dashboard insecure - accessible without authentication", "true"),
        ("`traefik/config/traefik.yml` has insecure: true", "true"),
        ("The dashboard is secured now", "false"),
        ("Rate limiting middleware created but not applied", "true"),
        ("Rate limiting is applied to all routers", "false"),
        ("Promtail has no healthcheck", "true"),
        ("No healthcheck on: adminer, promtail", "true"),
        ("Traefik has no healthcheck", "false"),
        ("All services have healthchecks", "false"),
        ("Prometheus and Loki are not in the backup", "true"),
        ("WordPress is missing from the backup", "false"),
        ("No CI/CD pipeline", "true"),
        ("vault/ directory - Deprecated service, still in codebase", "true"),
        ("`traefik/dynamic/middlewares.yml.bak` exists", "true"),
        ("`traefik/dynamic/middlewares.yml.bak` was removed", "false"),
        ("`/srv/somewhere/traefik/dynamic/middlewares.yml` exists", "true"),
        ("`/etc/dokploy/compose` is still there", "cannot be told"),
        ("traefik/.env has permissions 0644", "true"),
        ("traefik/.env has mode 600", "false"),
        ("SERVICES.yml has drifted: it does not match the tree", "true"),
        ("PostgreSQL setup repeated in infisical and wikijs", "true"),
        ("MySQL setup duplicated in WordPress and LinkStack", "false"),
        ("All services depend on Traefik: a single point of failure", "true"),
        ("Backup timer is not enabled", "cannot be told"),
        ("26 services in 16 projects", "true"),
        ("2 compose projects", "false"),
    ],
)
def test_a_sentence(sample: World, sentence: str, verdict: str) -> None:
    [one] = judged(sentence, sample)
    assert one.verdict.value == verdict, (one.claim.questions, one.why)


@pytest.mark.parametrize(
    "sentence",
    [
        "Enable the backup timer",
        "All services must include healthchecks with appropriate timeouts",
        "All images should use pinned versions (no 'latest' tags)",
        "Consider pinning Grafana, which uses latest",
    ],
)
def test_a_wish_is_no_claim(sample: World, sentence: str) -> None:
    reading = read_report(sentence, sample)
    assert (reading.claims, reading.strange, reading.ignored) == ((), (), 1)


@pytest.mark.parametrize(
    "sentence", ["The team is running late", "Nobody is up", "A table is down", "We run 3 marathons"]
)
def test_what_is_not_about_the_estate_is_not_understood(sample: World, sentence: str) -> None:
    reading = read_report(sentence, sample)
    assert (reading.claims, reading.ignored, len(reading.strange)) == ((), 0, 1)


def test_what_stands_in_a_block_of_code_is_no_claim(sample: World) -> None:
    assert read_report("```\ngrafana is unhealthy\n```\n", sample).claims == ()


# ---- our own reports ------------------------------------------------------------------------------------


def test_our_own_json_of_the_same_estate_is_true(sample: World) -> None:
    found = judged(as_json(sample.report), sample)
    assert len(found) == len(sample.report.findings) + 7
    assert {one.verdict for one in found} == {Verdict.TRUE}


def test_our_own_markdown_of_the_same_estate_is_true(sample: World) -> None:
    about = About("estate", "tocsin")
    reading = read_report(as_markdown(sample.report, sample.look, about), sample)
    found = judge(reading.claims, sample)
    assert len(found) == len(sample.report.findings) + 1
    assert {one.verdict for one in found} == {Verdict.TRUE}
    assert reading.strange == ()


def test_what_was_mended_is_false_then(tmp_path: Path) -> None:
    root = write(tmp_path, {"a/docker-compose.yml": "services:\n  web:\n    image: nginx\n"})
    text = as_json(evaluate(snapshot(root), ALL, now=NOW))
    assert {verdict for verdict, _ in check(root, text).values()} == {"true"}
    write(root, {"a/docker-compose.yml": "services:\n  web:\n    image: nginx:1.99.3\n"})
    untrue = [claim for claim, (verdict, _) in check(root, text).items() if verdict == "false"]
    assert any(one.startswith("IMG-01-") for one in untrue), untrue


@pytest.mark.parametrize("text", ["{", "{}", '{"findings": 3}', "[" * 9000, '{"findings": [' * 3000])
def test_json_that_is_no_report(sample: World, text: str) -> None:
    if text.startswith("["):
        assert read_report(text, sample).claims == ()
        return
    with pytest.raises(NoReport, match="JSON"):
        read_report(text, sample)


# ---- anything -------------------------------------------------------------------------------------------

_PIECES = (
    "grafana;Loki;latest;is;unhealthy;3;17/20;services;running;(;);:;`a/b.yml`;- ;**;no healthcheck;#"
    ";1.;>;mode 644;insecure: true;.env;IMG-01-ABCDE;not;in backup;\u202e;\x1b[31m;\n;"
    "| a | b |\n|---|---|\n| grafana | x |\n"
)
_WORDS = st.sampled_from(_PIECES.split(";"))


@given(st.lists(_WORDS, max_size=40).map(" ".join) | st.text(max_size=300))
def test_no_text_makes_it_fall(sample: World, text: str) -> None:
    for one in judged(text, sample) if not text.lstrip("\ufeff \t\r\n").startswith("{") else ():
        assert one.why
        assert "\x1b" not in one.claim.text
    for statement in statements(text):
        read(statement, sample.is_name)


def test_a_long_line_takes_no_long_time(sample: World) -> None:
    text = "grafana " * 20_000 + "is unhealthy and " * 5000
    read_report(text[:200_000], sample)


def test_the_day_of_a_report() -> None:
    at = written("# x\n\n**Generated:** 2025-11-21  \n")
    assert at is not None
    assert at.isoformat() == "2025-11-21T23:59:59.999999+00:00"
    assert written("Generated: yesterday") is None
    assert written("Date: 2025-13-77") is None
