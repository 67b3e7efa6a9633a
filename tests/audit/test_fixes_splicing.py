"""Fixes that add a row, an item or a word, in every way that people write YAML."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from audit import fixes
from audit.engine import evaluate
from audit.fixes.changes import CannotFix, Changes
from audit.mended import not_mended
from audit.model import Finding, Report
from audit.rules import ALL
from estate.modes import change_mode, undo_mode
from estate.rewrite import restore, rewrite
from estate.snapshot.model import Snapshot
from tests.audit.cases.traefik import DYNAMIC, GOOD, HOST, ON, SECURE, STATIC, proxy, routed
from tests.audit.estate import NOW, Runs, snapshot, write
from tests.audit.sample import copy, running

MIB = 2**20
Files = Mapping[str, str | bytes]


@dataclass(frozen=True)
class Mend:
    """`old` of `file` becomes `new`, and nothing else in it. `number`: which of the rule's findings."""

    rule: str
    what: str
    files: Files
    file: str
    old: str
    new: str
    runs: tuple[Runs, ...] | None = None
    number: int = 0


@dataclass(frozen=True)
class Refused:
    rule: str
    what: str
    files: Files
    why: str
    runs: tuple[Runs, ...] | None = None
    number: int = 0


def app(text: str) -> Files:
    return {"app/compose.yml": text}


def public(*rows: str) -> Files:
    lines = "".join(f"    {row}\n" for row in rows)
    return app(f"services:\n  web:\n    image: nginx:1.99.3\n    ports: ['80:80']\n{lines}")


C = "app/compose.yml"
IMAGE = "    image: nginx:1.99.3\n"
TWO = (
    "services:\n  web:\n    image: nginx:1.99.3\n    environment: {{DB_HOST: db}}\n"
    "{}  db:\n    image: postgres:16.4\n"
)
CHECKED = TWO + "    healthcheck: {{test: [CMD, pg_isready]}}\n"
WAITS = "    depends_on:\n      db:\n        condition: service_healthy\n"
PROMETHEUS = (
    "services:\n  prometheus:\n    image: prom/prometheus:v2.54.1\n    volumes:\n"
    "      - ./etc:/etc/prometheus  # its file\n"
)
ALERTS = "groups: [{name: a, rules: [{alert: Down, expr: up == 0}]}]\n"
SETS = "services:\n  databases: []\n  volumes:\n    - {name: a, path: app/a}\nretention: {daily: 7}\n"
WRITES = app(
    "services:\n  web:\n    image: nginx:1.99.3\n"
    "    volumes: ['./data:/data', 'kept:/kept']\nvolumes: {kept: {}}\n"
)
B = "backup/config/backup-config.yml"
S = "SERVICES.yml"
ENTRY = "  - id: app\n    name: App\n    dir: app\n    type: app\n    status: {}  # since May\n"
STOPPED = Runs("web", image="nginx:1.99.3")
USED = Runs("web", image="nginx:1.99.3", used=[(1.0, 100 * MIB), (1.1, 130 * MIB)])
NO_AUTH = (ON, HOST, *SECURE, "traefik.http.routers.web.middlewares=all@file")
PLAIN = (ON, HOST, *SECURE)
OTHER = (
    "services:\n  two:\n    image: nginx:1.99.3\n    networks: [proxy]\n    labels:\n"
    "{}networks:\n  proxy: {{external: true}}\n"
)
LABELS = (
    "      traefik.enable: 'true'\n"
    "      traefik.http.routers.two.rule: Host(`two.example.net`)\n"
    "      traefik.http.routers.two.entrypoints: websecure\n"
    "      traefik.http.routers.two.tls: 'true'\n"
)
SHORT = "      traefik.http.routers.two.middlewares: 'safe@file'  # ours\n"
IN_FILE = (
    DYNAMIC + "  routers:\n    two:\n      rule: Host(`two.example.net`)\n"
    "      entryPoints: [websecure]\n      service: s\n      tls: {}\n"
    "  services: {s: {loadBalancer: {servers: [{url: 'http://a'}]}}}\n"
)


def labelled(rows: str) -> Files:
    return {**proxy(), **routed(*GOOD), "two/compose.yml": OTHER.format(rows)}


MENDS = (
    Mend("SEC-03", "none yet", public(), C, IMAGE, '    security_opt: ["no-new-privileges:true"]\n' + IMAGE),
    Mend(
        "SEC-03",
        "in brackets",
        public("security_opt: [seccomp:a.json]"),
        C,
        "a.json]",
        'a.json, "no-new-privileges:true"]',
    ),
    Mend(
        "SEC-03",
        "in rows",
        public("security_opt:", "  - seccomp:a.json  # ours"),
        C,
        "ours\n",
        'ours\n      - "no-new-privileges:true"\n',
    ),
    Mend("SEC-03", "empty brackets", public("security_opt: []"), C, "[]", '["no-new-privileges:true"]'),
    Mend("RES-06", "none yet", public(), C, IMAGE, "    pids_limit: 200\n" + IMAGE),
    Mend("RES-01", "measured", public(), C, IMAGE, "    mem_limit: 320m\n" + IMAGE, runs=(USED,)),
    Mend(
        "SEC-16",
        "to this machine",
        app("services:\n  web:\n    image: a:1.2.3\n    ports: ['8080:80']\n"),
        C,
        "'8080",
        "'127.0.0.1:8080",
    ),
    Mend("DEP-01", "nothing yet", app(CHECKED.format("")), C, IMAGE, WAITS + IMAGE),
    Mend(
        "DEP-01", "no healthcheck", app(TWO.format("")), C, IMAGE, WAITS.replace("healthy", "started") + IMAGE
    ),
    Mend(
        "DEP-01",
        "another is waited for",
        app(CHECKED.format("    depends_on:\n      db:\n        condition: service_started\n")),
        C,
        "service_started",
        "service_healthy",
    ),
    Mend(
        "DEP-01",
        "a list in brackets",
        app(CHECKED.format("    depends_on: [db]\n")),
        C,
        "[db]",
        "{db: {condition: service_healthy}}",
    ),
    Mend(
        "DEP-01",
        "a list in rows",
        app(CHECKED.format("    depends_on:\n      - db\n")),
        C,
        "      - db\n",
        "      db:\n        condition: service_healthy\n",
    ),
    Mend(
        "DEP-01",
        "a list right below its key",
        app(CHECKED.format("    depends_on:\n    - db\n")),
        C,
        "    - db\n",
        "      db:\n        condition: service_healthy\n",
    ),
    Mend(
        "TRF-03",
        "a router's label, as it is",
        labelled(LABELS + SHORT),
        "two/compose.yml",
        "'safe@file'",
        "'safe@file,limit@file'",
    ),
    Mend(
        "TRF-03",
        "no such label, a mapping",
        labelled(LABELS),
        "two/compose.yml",
        "      traefik.enable",
        "      traefik.http.routers.two.middlewares: limit@file\n      traefik.enable",
    ),
    Mend(
        "TRF-04",
        "no such label, a list",
        {
            **proxy(),
            **routed(*GOOD),
            "two/compose.yml": OTHER.format(
                "".join(
                    f"      - {row.strip().replace(': ', '=')}\n"
                    for row in LABELS.replace("'", "").splitlines()
                )
            ),
        },
        "two/compose.yml",
        "tls=true\n",
        "tls=true\n      - traefik.http.routers.two.middlewares=safe@file\n",
    ),
    Mend(
        "TRF-03",
        "a router in a file",
        {**proxy(dynamic=IN_FILE), **routed(*GOOD)},
        "traefik/dynamic/m.yml",
        "    two:\n",
        "    two:\n      middlewares: [limit@file]\n",
    ),
    Mend(
        "TRF-03",
        "for all, at the entry point",
        {
            **proxy(STATIC.replace("websecure: {address: ':443'}", "websecure:\n    address: ':443'")),
            **routed(*PLAIN),
        },
        "traefik/traefik.yml",
        "  websecure:\n",
        "  websecure:\n    http:\n      middlewares: [limit@file]\n",
    ),
    Mend(
        "TRF-07",
        "the one authentication",
        {**proxy(), **routed(*NO_AUTH, image="adminer:4.8.1")},
        C,
        "middlewares=all@file",
        "middlewares=all@file,who@file",
    ),
    Mend(
        "TRF-05",
        "in the file",
        proxy(STATIC.replace("dashboard: true", "dashboard: true, insecure: true")),
        "traefik/traefik.yml",
        "insecure: true",
        "insecure: false",
    ),
    Mend(
        "TRF-14",
        "said",
        proxy(STATIC.replace("exposedByDefault: false", "exposedByDefault: true")),
        "traefik/traefik.yml",
        "exposedByDefault: true",
        "exposedByDefault: false",
    ),
    Mend(
        "TRF-14",
        "not said",
        proxy(STATIC.replace("docker: {exposedByDefault: false}", "docker:\n    watch: true")),
        "traefik/traefik.yml",
        "    watch",
        "    exposedByDefault: false\n    watch",
    ),
    Mend(
        "MON-02",
        "not mounted",
        {
            "m/compose.yml": PROMETHEUS,
            "m/etc/prometheus.yml": "rule_files: ['rules/*.yml']\n",
            "m/more/a.yml": ALERTS,
        },
        "m/compose.yml",
        "# its file\n",
        "# its file\n      - ./more:/etc/prometheus/rules:ro\n",
    ),
    Mend(
        "MON-02",
        "not named",
        {"m/compose.yml": PROMETHEUS, "m/etc/prometheus.yml": "global: {}\n", "m/etc/more/a.yml": ALERTS},
        "m/etc/prometheus.yml",
        "global",
        "rule_files: [more/a.yml]\nglobal",
    ),
    Mend(
        "MON-02",
        "beside another",
        {
            "m/compose.yml": PROMETHEUS,
            "m/etc/prometheus.yml": "rule_files:\n  - b.yml\n",
            "m/etc/b.yml": ALERTS,
            "m/etc/a.yml": ALERTS,
        },
        "m/etc/prometheus.yml",
        "- b.yml\n",
        "- b.yml\n  - a.yml\n",
    ),
    Mend(
        "BAK-01",
        "a folder",
        {**WRITES, B: SETS},
        B,
        "path: app/a}\n",
        "path: app/a}\n    - {name: app-data, path: app/data, critical: true}\n",
        number=1,
    ),
    Mend(
        "BAK-01",
        "a volume",
        {**WRITES, B: SETS},
        B,
        "path: app/a}\n",
        "path: app/a}\n    - {name: kept, critical: true}\n",
    ),
    Mend(
        "BAK-09",
        "none",
        {**WRITES, B: SETS.replace("retention: {daily: 7}\n", "")},
        B,
        "services:\n",
        "retention: {daily: 7, weekly: 4, monthly: 6}\nservices:\n",
    ),
    Mend(
        "DOC-03",
        "no entry",
        {
            **WRITES,
            "two/compose.yml": "services: {x: {image: 'a:1.2.3'}}\n",
            S: "services:\n" + ENTRY.format("running"),
        },
        S,
        "since May\n",
        "since May\n  - {id: two, name: two, dir: two, type: app, status: configured}\n",
    ),
    Mend(
        "DOC-04",
        "it runs",
        {**WRITES, "runbooks/app-runbook.md": "# App\n", S: "services:\n" + ENTRY.format("configured")},
        S,
        "configured",
        "running",
        runs=(STOPPED,),
    ),
)
REFUSED = (
    Refused(
        "SEC-03",
        "in braces",
        app("services: {web: {image: 'a:1.2.3', ports: ['80:80']}}\n"),
        "do not stand on lines",
    ),
    Refused(
        "SEC-03",
        "shared",
        app("x-a: &a\n  image: a:1.2.3\n  ports: ['80:80']\nservices:\n  web: *a\n"),
        "others share it",
    ),
    Refused("RES-06", "said to have none", public("pids_limit: -1"), "is there twice"),
    Refused("RES-01", "not measured", public(), "was not measured"),
    Refused(
        "DEP-01",
        "a remark",
        app(
            CHECKED.format("    depends_on:\n      - db  # why\n      # more\n      - web2\n")
            + "  web2: {image: 'a:1.2.3'}\n"
        ),
        "remarks",
    ),
    Refused(
        "TRF-07",
        "two of them",
        {
            **proxy(dynamic=DYNAMIC + "    who2: {basicAuth: {usersFile: /y}}\n"),
            **routed(*NO_AUTH, image="adminer:4.8.1"),
        },
        "which authentication is meant",
    ),
    Refused(
        "TRF-05",
        "a flag",
        {
            "t/compose.yml": (
                "services:\n  traefik:\n    image: traefik:v3.1.4\n    command: [--api.insecure]\n"
            )
        },
        "set by its command",
    ),
    Refused(
        "MON-02",
        "two folders",
        {
            "m/compose.yml": PROMETHEUS,
            "m/etc/prometheus.yml": "rule_files: ['rules/*.yml']\n",
            "m/x/a.yml": ALERTS,
            "m/y/a.yml": ALERTS,
        },
        "is not plain",
    ),
    Refused(
        "BAK-01",
        "a database",
        {
            "app/compose.yml": (
                "services:\n  db:\n    image: postgres:16.4\n    volumes: ['./d:/var/lib/postgresql/data']\n"
            ),
            B: SETS,
        },
        "a copy of its files is no backup",
    ),
    Refused(
        "DOC-03",
        "a folder that is gone",
        {
            **WRITES,
            S: "services:\n" + ENTRY.format("running") + ENTRY.format("running").replace("app", "gone"),
        },
        "take the entry out",
    ),
    Refused(
        "DOC-04",
        "a domain",
        {
            **proxy(),
            **routed(*GOOD),
            S: "services:\n" + ENTRY.format("running") + "    domain: other.example.net\n",
        },
        "mend the domain",
    ),
)


def taken(root: Path, runs: tuple[Runs, ...] | None) -> Snapshot:
    shot = snapshot(root, None if runs is None else [one.detail for one in runs])
    if runs is None:
        return shot
    samples = {one.detail.container.id: one.samples for one in runs if one.used}
    return replace(shot, engines=(replace(shot.engines[0], samples=samples),))


def found(case: Mend | Refused, shot: Snapshot, report: Report) -> Finding:
    return [one for one in report.findings if one.rule == case.rule][case.number]


def planned(case: Mend | Refused, root: Path) -> tuple[Report, Finding, Changes]:
    shot = taken(root, case.runs)
    report = evaluate(shot, ALL, now=NOW)
    one = found(case, shot, report)
    return report, one, fixes.ALL[case.rule](one, shot)


@pytest.mark.parametrize("ending", ["\n", "\r\n"], ids=["lf", "crlf"])
@pytest.mark.parametrize("case", MENDS, ids=lambda case: f"{case.rule}-{case.what}")
def test_a_fix(tmp_path: Path, case: Mend, ending: str) -> None:
    files = {name: str(text).replace("\n", ending).encode() for name, text in case.files.items()}
    write(tmp_path, files)
    before = files[case.file].decode()
    old, new = case.old.replace("\n", ending), case.new.replace("\n", ending)
    assert before.count(old) >= 1
    report, one, changes = planned(case, tmp_path)
    [change] = changes.files
    assert change.path == case.file
    had = rewrite(tmp_path, change)
    assert (tmp_path / case.file).read_bytes().decode() == before.replace(old, new, 1)
    after = evaluate(taken(tmp_path, case.runs), ALL, now=NOW)
    assert not_mended(report, after, one.id, set()) == ""
    restore(tmp_path, change, had)
    assert (tmp_path / case.file).read_bytes().decode() == before


@pytest.mark.parametrize("case", REFUSED, ids=lambda case: f"{case.rule}-{case.what}")
def test_what_is_not_plain_is_refused(tmp_path: Path, case: Refused) -> None:
    write(tmp_path, case.files)
    with pytest.raises(CannotFix, match=case.why):
        planned(case, tmp_path)


def test_each_fix_is_tried() -> None:
    from tests.audit.test_fixes import CASES

    assert {case.rule for case in MENDS} | {rule for rule, _, _ in CASES} | {"ENV-01"} == set(fixes.ALL)


def test_over_the_whole_sample(tmp_path: Path) -> None:
    """Each finding that a command mends: its fix counts, or it is said why there is none."""
    root = copy(tmp_path / "estate")
    details = [one.detail for one in running()]
    shot = snapshot(root, details)
    report = evaluate(shot, ALL, now=NOW)
    mended, refused = Counter[str](), Counter[str]()
    for one in report.findings:
        if one.rule not in fixes.ALL:
            continue
        try:
            changes = fixes.ALL[one.rule](one, shot)
        except CannotFix:
            refused[one.rule] += 1
            continue
        had = [(file, rewrite(root, file)) for file in changes.files]
        modes = [change_mode(root, mode) for mode in changes.modes]
        after = evaluate(snapshot(root, details), ALL, now=NOW)
        assert not_mended(report, after, one.id, set()) == "", one
        mended[one.rule] += 1
        assert len(modes) == len(changes.modes)
        for mode in changes.modes:
            undo_mode(root, mode)
        for file, bytes_before in reversed(had):
            restore(root, file, bytes_before)
    assert mended == {
        **{"ENV-01": 5, "TRF-03": 1, "TRF-05": 1, "TRF-07": 1, "BAK-01": 5, "DEP-01": 2},
        **{"RES-06": 13, "SEC-03": 13},
    }
    assert refused == {"RES-01": 24, "BAK-01": 1, "DOC-04": 1}
