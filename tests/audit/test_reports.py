"""What an audit says: its schema, its ten lines, and never a secret's value."""

import json
import string
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from audit.cleaning import cleaned, secrets_of
from audit.engine import evaluate
from audit.report_json import as_json
from audit.report_text import ten_lines, whole
from audit.rules import ALL
from bot.core.redact import MARK, Redactor
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
    return as_json(report) + whole(report) + "\n".join(ten_lines(report, "read on"))


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


def test_no_secret_of_the_sample_is_told() -> None:
    shot = snapshot(SAMPLE)
    said = everything(SAMPLE)
    values = [setting.text for one in shot.env_files for setting in one.settings.values()]
    assert len(values) > 20
    harmless = {"Europe/Berlin", "nette", "admin"}
    for value in values:
        if value not in harmless and "example.org" not in value and "127.0.0.1" not in value:
            assert value not in said


_SECRET = st.text(string.ascii_letters + string.digits + "-_!%+", min_size=9, max_size=24).filter(
    lambda text: any(c.isdigit() for c in text) and any(c.isalpha() for c in text)
)


@settings(max_examples=120, deadline=None)
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
    said = everything(root)
    assert secret not in said
    assert json.dumps(secret)[1:-1] not in said
