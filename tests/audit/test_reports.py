"""What an audit says: its schema, its ten lines, and never a secret's value."""

import json
import re
import string
from contextlib import redirect_stderr, redirect_stdout
from io import StringIO
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft7Validator, Draft202012Validator
from markdown_it import MarkdownIt

from audit.cleaning import cleaned, secrets_of
from audit.engine import evaluate
from audit.look import Look
from audit.model import NotJudged, Report, Severity
from audit.report_json import as_json
from audit.report_markdown import About, as_markdown, health
from audit.report_sarif import as_sarif
from audit.report_text import ten_lines, whole
from audit.rules import ALL
from bot.audit_graph import graph
from bot.core.redact import MARK, Redactor
from bot.report_check import check
from tests.audit.cases import ALL as CASES
from tests.audit.cases import Must
from tests.audit.estate import NOW, snapshot, write

ROOT = Path(__file__).resolve().parents[2]
SCHEMA = json.loads((ROOT / "docs" / "audit.schema.json").read_text())
SAMPLE = ROOT / "examples" / "estate"


def everything(root: Path) -> str:
    """All that is ever said about a tree, in every format."""
    shot = snapshot(root)
    report = cleaned(evaluate(shot, ALL, now=NOW), Redactor(secrets_of(shot)))
    said = [as_json(report), whole(report), *ten_lines(report, "read on"), as_sarif(report, ALL, "1")]
    return "\n".join([*said, as_markdown(report, Look(shot, NOW), About("x", "tocsin"))])


def drawn_and_checked(root: Path, folder: Path) -> str:
    """The picture, as Graphviz gets it, and what is said of an older report that quotes the whole tree."""
    shot = snapshot(root)
    picture, old = folder / "estate.dot", folder / "old.md"
    quoted = "\n".join(f"- {line}" for path in root.rglob("*") if path.is_file() for line in _lines(path))
    old.write_text(f"# Audit\n\nDate: 2026-01-01\n\n{quoted}\n- 3 services use the `latest` tag\n")
    with redirect_stdout(StringIO()) as said, redirect_stderr(said):
        graph(picture, shot)
        for form in ("text", "json"):
            check(old, shot, form, allow_unknown=True)
    return said.getvalue() + picture.read_text()


def _lines(path: Path) -> list[str]:
    return path.read_bytes().decode("utf-8", "replace").splitlines()


def test_the_json_is_what_its_schema_says(tmp_path: Path) -> None:
    Draft202012Validator.check_schema(SCHEMA)
    validator = Draft202012Validator(SCHEMA)
    for at, case in enumerate(CASES[::7]):
        root = tmp_path / str(at)
        root.mkdir()
        write(root, case.files, case.modes)
        report = evaluate(snapshot(root), ALL, now=NOW)
        validator.validate(json.loads(as_json(report)))
    waived = write(tmp_path / "w", next(c for c in CASES if c.rule == "IMG-01" and c.must is Must.FIRE).files)
    write(waived, {"audit-waivers.yml": "- {rule: '*', target: '*', reason: r, until: 2027-01-01}\n"})
    found = json.loads(as_json(evaluate(snapshot(waived), ALL, now=NOW)))
    validator.validate(found)
    assert found["waived"]
    assert found["findings"] == []


SARIF = Draft7Validator(json.loads((ROOT / "tests" / "recorded" / "sarif-schema-2.1.0.json").read_text()))
"""OASIS, Schemata/sarif-schema-2.1.0.json."""


def test_the_sarif_is_what_its_schema_says(tmp_path: Path) -> None:
    for at, case in enumerate(CASES[::7]):
        root = tmp_path / str(at)
        root.mkdir()
        write(root, case.files, case.modes)
        report = evaluate(snapshot(root), ALL, now=NOW)
        SARIF.validate(json.loads(as_sarif(report, ALL, "1.2.3")))


def test_sarif_has_places_ids_waivers_and_what_is_unknown(tmp_path: Path) -> None:
    files = {
        "ünï/[x]/docker-compose.yml": "services:\n  web:\n    image: nginx\n",
        "broken/compose.yml": "services: [\n",
        "audit-waivers.yml": "- {rule: RES-01, target: '*', reason: r, until: 2027-01-01}\n",
    }
    write(tmp_path, files)
    report = evaluate(snapshot(tmp_path), ALL, now=NOW)
    tree = json.loads(as_sarif(report, ALL, "1.2.3"))
    SARIF.validate(tree)
    [run] = tree["runs"]
    floating = next(one for one in run["results"] if one["ruleId"] == "IMG-01")
    assert run["tool"]["driver"]["rules"][floating["ruleIndex"]]["id"] == "IMG-01"
    place = floating["locations"][0]["physicalLocation"]
    assert place["artifactLocation"] == {
        "uri": "%C3%BCn%C3%AF/%5Bx%5D/docker-compose.yml",
        "uriBaseId": "ESTATE",
    }
    assert (place["region"]["startLine"], place["region"]["startColumn"]) == (3, 12)
    ids = {one["partialFingerprints"]["tocsinFinding/v1"] for one in run["results"]}
    assert ids == {one.id for one in report.findings} | {one.finding.id for one in report.waived}
    waived = [one for one in run["results"] if "suppressions" in one]
    assert {one["ruleId"] for one in waived} == {"RES-01"}
    said = run["invocations"][0]["toolExecutionNotifications"]
    assert any("broken/compose.yml" in json.dumps(one) for one in said) or report.count(Severity.HIGH)
    assert len(said) == len(report.unknown) > 0


def test_the_markdown_has_every_part_and_every_finding() -> None:
    shot = snapshot(SAMPLE)
    report = evaluate(shot, ALL, now=NOW)
    said = as_markdown(report, Look(shot, NOW), About("estate", "tocsin"))
    heads = [row.removeprefix("## ") for row in said.splitlines() if row.startswith("## ")]
    assert heads == [
        "Executive summary",
        "Continuity",
        "Technical status",
        "To-dos and cross-service concerns",
        "Standards and consistency",
        "Duplication and bottlenecks",
        "Task breakdown",
        "Prioritised actions",
        "Risks and blockers",
        "Findings",
        "Unknown",
        "Execution commands",
    ]
    for one in report.findings:
        assert said.count(f"#### `{one.id}` ") == 1
    assert f"| critical | {report.count(Severity.CRITICAL)} |" in said
    assert health(report)[0] == "critical"
    assert health(Report(unknown=(NotJudged("X-01", "y", "z"),)))[0] == "unknown"
    assert health(Report())[0] == "good"


def test_no_name_forges_markdown(tmp_path: Path) -> None:
    """As HTML, what comes from the tree makes no element that our own words do not."""
    evil = "x](http://evil/) <b>y</b> `z` | # w @all"
    files = {
        f"{evil.replace('/', ':')}/docker-compose.yml": (
            'services:\n  web:\n    image: nginx\n    environment: {"A <i>": "| ## x", PASSWORD: changeme}\n'
        )
    }
    write(tmp_path, files)
    shot = snapshot(tmp_path)
    report = evaluate(shot, ALL, now=NOW)
    html = (
        MarkdownIt("commonmark", {"html": True})
        .enable("table")
        .render(as_markdown(report, Look(shot, NOW), About(evil, "tocsin")))
    )
    assert len(report.findings) > 3
    tags = set(re.findall(r"</?([a-z0-9]+)", html))
    ours = "h1 h2 h3 h4 p strong code ul ol li table thead tbody tr th td br a pre"
    assert tags <= set(ours.split())
    assert set(re.findall(r'href="([^"]*)"', html)) <= {"#unknown"}
    widths = {row.count("<td>") for row in re.findall(r"<tr>.*?</tr>", html, re.DOTALL)}
    assert widths <= {0, 3, 7, 8}


def test_never_more_than_ten_lines(tmp_path: Path) -> None:
    report = evaluate(snapshot(SAMPLE), ALL, now=NOW)
    assert len(report.findings) > 50
    lines = ten_lines(report, "read on")
    assert len(lines) == 10
    assert all(len(line) <= 180 for line in lines)
    write(
        tmp_path,
        {"a/compose.yml": "services: {web: {image: 'nginx:1.0.0', mem_limit: 1m, restart: always}}\n"},
    )
    few = ten_lines(evaluate(snapshot(tmp_path), ALL, now=NOW), "read on")
    assert "findings in 1 service" in few[0]


def test_the_sample_is_told_without_anything_blacked_out() -> None:
    assert MARK not in everything(SAMPLE)


def test_no_secret_of_the_sample_is_told(tmp_path: Path) -> None:
    shot = snapshot(SAMPLE)
    said = everything(SAMPLE) + drawn_and_checked(SAMPLE, tmp_path)
    values = [setting.text for one in shot.env_files for setting in one.settings.values()]
    assert len(values) > 20
    harmless = {"Europe/Berlin", "nette", "admin"}
    for value in values:
        if value not in harmless and "example.org" not in value and "127.0.0.1" not in value:
            assert value not in said


_SECRET = st.text(string.ascii_letters + string.digits + "-_!%+", min_size=9, max_size=24).filter(
    lambda text: any(c.isdigit() for c in text) and any(c.isalpha() for c in text)
)


@settings(max_examples=60, deadline=None)
@given(secret=_SECRET, name=st.sampled_from(["DB_PASSWORD", "API_TOKEN", "JWT_SECRET", "SECRET_KEY_BASE"]))
def test_a_planted_secret_is_never_told(secret: str, name: str, tmp_path_factory: object) -> None:
    root = tmp_path_factory.mktemp("estate")  # type: ignore[attr-defined]
    compose = (
        "services:\n  web:\n    image: ghcr.io/x/web\n    build: .\n"
        "    env_file: [x.env, more.env]\n    environment:\n"
        f"      {name}: '{secret}'\n      URL: 'postgres://u:{secret}@db/x'\n      C: '${{{name}}}'\n"
        f"    command: run --password {secret}\n    healthcheck: {{test: 'curl -u a:{secret} x || true'}}\n"
        f"    labels: ['traefik.enable=true', 'traefik.http.middlewares.a.basicauth.users=u:{secret}']\n"
    )
    row = f"{name}={secret}\n"
    write(
        root,
        {
            "app/compose.yml": compose,
            "app/.env": row,
            "app/x.env": row,
            "app/.env.old": row,
            "app/.env.production": row,
            "app/more.env": f"PLAIN={secret}\n{row}",
            "app/a.js": f"const a = process.env.{name} || '{secret}'\n",
            "audit-waivers.yml": f"- {{rule: X, target: y, reason: 'it is {secret}', until: 2020-01-01}}\n",
        },
        {"app/.env": 0o644},
    )
    said = everything(root) + drawn_and_checked(root, tmp_path_factory.mktemp("beside"))  # type: ignore[attr-defined]
    assert secret not in said
    assert json.dumps(secret)[1:-1] not in said
