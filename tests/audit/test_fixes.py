"""Fixes on small estates: the finding is gone, nothing else changed, and undone it is as it was."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from audit import fixes
from audit.engine import evaluate
from audit.fixes.changes import CannotFix, Changes
from audit.mended import not_mended
from audit.model import Report
from audit.rules import ALL
from estate.rewrite import restore, rewrite
from tests.audit.estate import NOW, snapshot, write
from tests.audit.test_command_line import audit

FILE = "app/docker-compose.yml"
WEB = """\
services:
  web:  # the front: é 🦊
    image: nginx:1.99.3
{}"""
ROUTED = """\
services:
  traefik:
    image: traefik:v3.5.3
    restart: always
    command: ["--providers.docker=true"]
    ports: ["443:443"]
  web:
    image: nginx:1.99.3
    restart: always
    labels:
      traefik.enable: "true"
      traefik.http.routers.web.rule: Host(`x.example.org`)
    ports:
      - {}
"""


def crlf(text: str) -> str:
    return text.replace("\n", "\r\n")


RESTART = WEB.replace("    image", "    restart: unless-stopped\n    image")
OLD = "services: {web: {image: 'nginx:1.2.3'}}\n"
X = "services:\n  web:\n    image: x:1.2.3"
TEXT = "    x-a: |\n      restart: no\n"
PORTS = "    ports:\n      - {}\n      - 8080:80\n"

CASES: list[tuple[str, str, str]] = [
    ("CMP-04", f"version: '3.8'\n{OLD}", OLD),
    ("CMP-04", f"# ours\r\nversion: 3\r\n\r\n{crlf(X)}\r\n", f"# ours\r\n\r\n{crlf(X)}\r\n"),
    ("CMP-04", f'\ufeffversion: "2"\n{X}', f"\ufeff{X}"),
    ("CMP-04", f"{X}\nversion: '3' # old", f"{X}\n"),
    ("CMP-09", WEB.format(PORTS.format("22:22")), WEB.format(PORTS.format('"22:22"'))),
    ("CMP-09", WEB.format("    ports: [22:22, '80:80']"), WEB.format("    ports: [\"22:22\", '80:80']")),
    ("DEP-05", WEB.format(""), RESTART.format("")),
    ("DEP-05", crlf(WEB.format(TEXT)), crlf(RESTART.format(TEXT))),
    ("TRF-08", ROUTED.format("8080:80"), ROUTED.format("127.0.0.1:8080:80")),
    ("TRF-08", ROUTED.format('"8080:80"  # why'), ROUTED.format('"127.0.0.1:8080:80"  # why')),
    ("TRF-08", ROUTED.format("'0.0.0.0:8080:80'"), ROUTED.format("'127.0.0.1:8080:80'")),
    ("TRF-08", ROUTED.format("${PORT:-8080}:80"), ROUTED.format("127.0.0.1:${PORT:-8080}:80")),
]


def judge(root: Path) -> Report:
    return evaluate(snapshot(root), ALL, now=NOW)


def planned(root: Path, rule: str) -> tuple[str, Changes]:
    shot = snapshot(root)
    report = evaluate(shot, ALL, now=NOW)
    one = next(each for each in report.findings if each.rule == rule)
    return one.id, fixes.ALL[rule](one, shot)


@pytest.mark.parametrize(("rule", "before", "after"), CASES)
def test_a_fix(tmp_path: Path, rule: str, before: str, after: str) -> None:
    write(tmp_path, {FILE: before.encode(), "app/README.md": "# App\n"})
    old = judge(tmp_path)
    name, changes = planned(tmp_path, rule)
    [file] = changes.files
    had = rewrite(tmp_path, file)
    assert (tmp_path / FILE).read_bytes() == after.encode()
    assert not_mended(old, judge(tmp_path), name, set()) == ""
    assert changes.diff.startswith(f"--- {FILE}")
    restore(tmp_path, file, had)
    assert (tmp_path / FILE).read_bytes() == before.encode()


REFUSED: list[tuple[str, str, str]] = [
    ("CMP-04", "{version: '3', services: {web: {image: 'x:1.2.3'}}}\n", "more than one line"),
    ("CMP-04", "version: >\n  3\nservices: {web: {image: 'x:1.2.3'}}\n", "more than one line"),
    ("DEP-05", "services: {web: {image: 'nginx:1.2.3'}}\n", "do not stand on lines of their own"),
    ("DEP-05", "x-a: &a {image: 'x:1.2.3'}\nservices:\n  web: *a\n", "others share it"),
    ("DEP-05", "x-a: &a\n  image: x:1.2.3\nservices:\n  web: *a\n", "others share it"),
    ("TRF-08", ROUTED.format('"80"'), "Docker chooses its port"),
    ("TRF-08", ROUTED.format("{target: 80, published: 8080}"), "it is not one text"),
]


@pytest.mark.parametrize(("rule", "text", "why"), REFUSED)
def test_what_cannot_be_changed_alone_is_refused(tmp_path: Path, rule: str, text: str, why: str) -> None:
    write(tmp_path, {FILE: text})
    with pytest.raises(CannotFix, match=why):
        planned(tmp_path, rule)


WELL: Mapping[str, str] = {
    FILE: (
        "services:\n  web:\n    image: nginx\n    restart: always\n    mem_limit: 64m\n"
        "    healthcheck: {test: [CMD, curl, -f, 'http://127.0.0.1/']}\n"
        "  db:\n    image: postgres:15.6\n    restart: always\n    mem_limit: 64m\n"
        "    healthcheck: {test: [CMD, pg_isready]}\n"
    ),
    "app/README.md": "# App\n",
}


@pytest.mark.parametrize(
    ("after", "why"),
    [
        (WELL[FILE], "the finding is still there"),
        (
            WELL[FILE].replace("nginx\n", "nginx:1.99.3\n").replace("curl, -f", "'true'"),
            "it would bring HC-04-",
        ),
        (
            WELL[FILE].replace("nginx\n", "nginx:1.99.3\n").partition("  db:")[0],
            "it would take away what",
        ),
    ],
    ids=["nothing", "a probe that cannot fail", "a service less"],
)
def test_a_change_that_weakens_does_not_count(tmp_path: Path, after: str, why: str) -> None:
    write(tmp_path, dict(WELL))
    before = judge(tmp_path)
    name = next(one.id for one in before.findings if one.rule == "IMG-01")
    write(tmp_path, {FILE: after})
    assert why in not_mended(before, judge(tmp_path), name, set())


@pytest.mark.parametrize("meanwhile", ["RES-02", "IMG-07", "BAK-04", "MON-03"])
def test_a_container_that_stopped_or_a_registry_that_went_away_undoes_no_fix(
    tmp_path: Path, meanwhile: str
) -> None:
    write(tmp_path, dict(WELL))
    before = judge(tmp_path)
    name = next(one.id for one in before.findings if one.rule == "IMG-01")
    before = replace(before, passed={**before.passed, meanwhile: 3})
    write(tmp_path, {FILE: WELL[FILE].replace("nginx\n", "nginx:1.99.3\n")})
    assert not_mended(before, judge(tmp_path), name, set()) == ""


def test_a_report_that_is_right_no_more_is_no_harm(tmp_path: Path) -> None:
    report = "# Audit report\n\nDate: 2026-01-01\n\n- 1 service uses the `latest` tag\n"
    write(tmp_path, {**WELL, "REPORT.md": report})
    before = judge(tmp_path)
    assert before.passed["DOC-06"] == 1
    name = next(one.id for one in before.findings if one.rule == "IMG-01")
    write(tmp_path, {FILE: WELL[FILE].replace("nginx\n", "nginx:1.99.3\n")})
    after = judge(tmp_path)
    assert [one.rule for one in after.findings if one.id not in {old.id for old in before.findings}] == [
        "DOC-06"
    ]
    assert not_mended(before, after, name, set()) == ""


def test_a_waiver_is_no_fix(tmp_path: Path) -> None:
    write(tmp_path, dict(WELL))
    before = judge(tmp_path)
    name = next(one.id for one in before.findings if one.rule == "IMG-01")
    write(
        tmp_path, {"audit-waivers.yml": f"- {{rule: IMG-01, target: {name}, reason: r, until: 2026-12-31}}\n"}
    )
    assert "waived now" in not_mended(before, judge(tmp_path), name, set())


def test_on_the_command_line(tmp_path: Path) -> None:
    root = write(tmp_path / "e", {FILE: CASES[0][1].encode()})
    name, _ = planned(root, "CMP-04")
    done = audit(root, "--no-docker", "--fix", name)
    assert done.returncode == 2
    assert "-version: '3.8'" in done.stdout
    assert "nothing was done: say --yes" in done.stderr
    assert (root / FILE).read_text() == CASES[0][1]
    done = audit(root, "--no-docker", "--fix", name.lower(), "--yes")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.endswith(
        f"{name} is mended: judged again, the finding is gone and no other appeared\n"
    )
    assert (root / FILE).read_text() == CASES[0][2]
    done = audit(root, "--no-docker", "--fix", name, "--yes")
    assert done.returncode == 2
    assert "no finding is called that now" in done.stderr
    other = next(one.id for one in judge(root).findings if one.rule == "RES-01")
    assert (
        "was not measured: it does not run here" in audit(root, "--no-docker", "--fix", other, "--yes").stderr
    )
