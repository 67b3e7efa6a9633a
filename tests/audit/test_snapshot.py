"""Trees as people, and others, lay them out: nothing stops the reader, and what is not read is told."""

import os
import time
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from audit.engine import evaluate
from audit.rules import ALL
from tests.audit.cases.case import app, web
from tests.audit.estate import judge, snapshot, write


def test_what_cannot_be_read_is_in_it_as_such(tmp_path: Path) -> None:
    write(
        tmp_path, {**app(web()), "bad/compose.yml": "services:\n\tx\n", "big/.env": b"A=" + b"x" * 3_000_000}
    )
    os.mkfifo(tmp_path / "app" / ".env")
    (tmp_path / "app" / "gone.env").symlink_to("nowhere")
    (tmp_path / "loop").symlink_to(tmp_path)
    (tmp_path / "a").symlink_to("b")
    (tmp_path / "b").symlink_to("a")
    began = time.monotonic()
    shot = snapshot(tmp_path)
    assert time.monotonic() - began < 10
    assert set(shot.unread) == {"bad/compose.yml", "app/.env", "app/gone.env", "big/.env"}
    assert "regular file" in shot.unread["app/.env"]
    assert "nowhere" in shot.unread["app/gone.env"]
    report = evaluate(shot, ALL)
    assert {"bad/compose.yml", "app/.env"} <= {one.subject for one in report.unknown}
    assert not any(one.rule == "ENV-01" and "app/.env" in one.place.file for one in report.findings)


def test_binary_crlf_bom_and_strange_names(tmp_path: Path) -> None:
    write(
        tmp_path,
        {
            "--help/compose.yml": b"\xef\xbb\xbfservices:\r\n  web:\r\n    image: nginx\r\n",
            "bin/compose.yml": bytes(range(256)),
            "a b/compose.yml": "services: {web: {image: 'nginx:1.0.0'}}\n",
        },
    )
    (tmp_path / os.fsdecode(b"\xff\xfe.yml")).write_text("x: 1\n")
    report = judge(tmp_path)
    assert [one.place.file for one in report.findings if one.rule == "IMG-01"] == ["--help/compose.yml"]
    assert [one.place.line for one in report.findings if one.rule == "IMG-01"] == [3]
    assert "bin/compose.yml" in {one.subject for one in report.unknown}


def test_a_file_that_we_may_not_read_is_unknown_to_others_than_root(tmp_path: Path) -> None:
    write(tmp_path, {**app(web()), "app/.env": "A=1\n"}, {"app/.env": 0o000})
    report = judge(tmp_path, "ENV-01")
    # root reads it all the same: then its mode is judged.
    assert bool(report.unknown) != bool(report.passed)
    assert report.findings == ()


def test_a_symlink_is_judged_by_what_it_leads_to(tmp_path: Path) -> None:
    write(
        tmp_path,
        {**app(web()), "shared/real.env": "DB_PASSWORD=s3cr3tEnough99\n"},
        {"shared/real.env": 0o644},
    )
    (tmp_path / "app" / ".env").symlink_to("../shared/real.env")
    found = {one.place.file: one for one in judge(tmp_path, "ENV-01").findings}
    assert set(found) == {"app/.env", "shared/real.env"}
    assert "symlink to shared/real.env" in " ".join(found["app/.env"].evidence)
    assert found["app/.env"].remedy == "chmod 600 shared/real.env"


_ROWS = """\
services:
  web:
    image: nginx
    image:
    environment:
      - A=${B
      A: &x {y: *x}
    ports: [80, '80:80', {target: 1}, [], ~]
    volumes: [a, {type: bind}, ~, 3, 'a:b:c:d']
    labels: {traefik.http.routers.a.rule: ~, traefik.enable: true}
    labels: [traefik.enable, ~, 3]
    healthcheck: {test: ~}
    healthcheck: []
    depends_on: {web: ~}
    depends_on: [web, ~]
    networks: {a: ~}
    env_file: [~, {path: ~}]
    deploy: 3
networks: [a]
volumes: 3
  - rule: x
waivers:
    build: {context: 3}
    secrets: [~, {source: ~}]
version: 3"""
_LINES = st.lists(st.sampled_from(_ROWS.splitlines()), max_size=14)
_KINDS = st.sampled_from(["static", "dynamic", "prometheus", "alertmanager", "env"])


@settings(max_examples=200, deadline=None)
@given(lines=_LINES, other=_LINES)
def test_no_compose_file_makes_it_fall(lines: list[str], other: list[str], tmp_path_factory: object) -> None:
    root = tmp_path_factory.mktemp("estate")  # type: ignore[attr-defined]
    text = "\n".join(lines)
    write(root, {"app/compose.yml": text, "SERVICES.yml": "\n".join(other), "audit-waivers.yml": text})
    judge(root)


@settings(max_examples=150, deadline=None)
@given(
    data=st.binary(max_size=300),
    kind=st.sampled_from(["static", "dynamic", "prometheus", "alertmanager", "env"]),
)
def test_no_configuration_makes_it_fall(data: bytes, kind: str, tmp_path_factory: object) -> None:
    root = tmp_path_factory.mktemp("estate")  # type: ignore[attr-defined]
    places = {name: f"{name}/{name}" for name in ("traefik", "prometheus", "alertmanager")}
    files = {"traefik": "static"}
    mount = "    volumes: ['./{}.yml:/etc/{}.yml']\n"
    compose = "services:\n" + "".join(
        f"  {name}:\n    image: x/{name}:1.0.0\n" + mount.format(files.get(name, name), place)
        for name, place in places.items()
    )
    heads = {
        "static": b"entryPoints: ",
        "prometheus": b"rule_files: ",
        "alertmanager": b"route: ",
        "env": b"A=",
    }
    name = ".env" if kind == "env" else f"{kind}.yml"
    write(root, {"app/compose.yml": compose, f"app/{name}": heads.get(kind, b"") + data})
    judge(root)
