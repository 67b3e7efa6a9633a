"""Findings over the commits of a real repository."""

import json
from pathlib import Path

from jsonschema import Draft202012Validator

from tests.audit.test_claims import commit, git
from tests.audit.test_command_line import ROOT, audit

COMPOSE = "services:\n  web:\n    image: {}\n    restart: always\n    mem_limit: 64m\n"
SCHEMA = json.loads((ROOT / "docs" / "history.schema.json").read_text())


def test_three_defects_that_come_go_and_come_back(tmp_path: Path) -> None:
    root = tmp_path / "estate"
    root.mkdir()
    git(root, "init", "--quiet", "--initial-branch=main")
    first = commit(root, "begin", {"a/compose.yml": COMPOSE.format("nginx"), "README.md": "# x\n"})
    pin = commit(root, "pin", {"a/compose.yml": COMPOSE.format("nginx:1.99.3")})
    commit(root, "words", {"README.md": "# y\n"})
    again = commit(root, "float \x1b[31magain", {"a/compose.yml": COMPOSE.format("nginx")})
    old = commit(root, "copy", {"a/compose.yml.bak": "x\n"})
    version = commit(root, "version", {"a/compose.yml": "version: '3'\n" + COMPOSE.format("nginx")})
    # What cannot be read for one commit is neither gone nor back.
    commit(root, "break", {"a/compose.yml": "services: [\n"})
    mended = commit(root, "mend", {"a/compose.yml": COMPOSE.format("nginx")})
    done = audit(root, "--history", "--format", "json")
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    Draft202012Validator(SCHEMA).validate(said)
    spans = {
        one["rule"]: [(span["since"]["hash"], (span["until"] or {}).get("hash")) for span in one["spans"]]
        for one in said["findings"]
    }
    assert spans["IMG-01"] == [(first, pin), (again, None)]
    assert spans["HYG-01"] == [(old, None)]
    assert spans["CMP-04"] == [(version, mended)]
    assert said["summary"]["commits"] == 8
    assert said["summary"]["whole"] is True
    text = audit(root, "--history").stdout
    assert "\x1b" not in text
    assert f"since {first[:10]} (" in text
    assert "ann: begin)" in text
    assert f"mended by {pin[:10]}" in text


def test_a_merge_is_what_brought_it_to_the_main_line(tmp_path: Path) -> None:
    git(tmp_path, "init", "--quiet", "--initial-branch=main")
    commit(tmp_path, "begin", {"a/compose.yml": COMPOSE.format("nginx:1.99.3")})
    git(tmp_path, "checkout", "--quiet", "-b", "side")
    commit(tmp_path, "float", {"a/compose.yml": COMPOSE.format("nginx")})
    git(tmp_path, "checkout", "--quiet", "main")
    commit(tmp_path, "other", {"README.md": "# x\n"})
    git(tmp_path, "merge", "--quiet", "--no-ff", "-m", "merge side", "side")
    said = json.loads(audit(tmp_path, "--history", "--format", "json").stdout)
    floating = next(one for one in said["findings"] if one["rule"] == "IMG-01")
    assert floating["spans"][0]["since"]["subject"] == "merge side"


def test_it_says_what_is_missing(tmp_path: Path) -> None:
    done = audit(tmp_path, "--history")
    assert done.returncode == 2
    assert "its history cannot be read" in done.stderr
    assert "not a git repository" in done.stderr
    done = audit(tmp_path, "--history", "--format", "sarif")
    assert done.returncode == 2
    assert "text or json" in done.stderr


def test_a_waived_finding_has_its_story_too(tmp_path: Path) -> None:
    git(tmp_path, "init", "--quiet", "--initial-branch=main")
    waiver = "- {rule: IMG-01, target: '*', reason: r, until: 2099-01-01}\n"
    first = commit(tmp_path, "begin", {"a/compose.yml": COMPOSE.format("nginx"), "audit-waivers.yml": waiver})
    pin = commit(tmp_path, "pin", {"a/compose.yml": COMPOSE.format("nginx:1.99.3")})
    done = audit(tmp_path, "--history", "--format", "json")
    assert done.returncode == 0, done.stderr
    found = next(one for one in json.loads(done.stdout)["findings"] if one["rule"] == "IMG-01")
    [span] = found["spans"]
    assert (span["since"]["hash"], span["until"]["hash"]) == (first, pin)


def test_what_a_commit_says_of_a_secret_is_not_told(tmp_path: Path) -> None:
    git(tmp_path, "init", "--quiet", "--initial-branch=main")
    files = {"a/compose.yml": COMPOSE.format("nginx"), "a/.env": "DB_PASSWORD=kirschbaum7\n"}
    commit(tmp_path, "the password is kirschbaum7 now", files)
    for form in ("text", "json"):
        said = audit(tmp_path, "--history", "--format", form).stdout
        assert "the password is" in said
        assert "kirschbaum7" not in said
