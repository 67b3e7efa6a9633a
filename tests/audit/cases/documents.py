from estate.model import State
from tests.audit.cases.case import Case, Must, app, web
from tests.audit.estate import Runs

README = {"app/README.md": "# App\n\n## Set-up\n\nRun it.\n"}
ROW = "  - {id: web, name: Web, dir: app, type: app, status: running, depends_on: []}\n"


def registry(*rows: str) -> dict[str, str | bytes]:
    return {**app(web()), "SERVICES.yml": "services:\n" + "".join(rows)}


def other(**more: str) -> str:
    """A row like ROW with other values."""
    given = {"id": "web", "name": "Web", "dir": "app", "type": "app", "status": "running", **more}
    return "  - {" + ", ".join(f"{key}: {value}" for key, value in given.items() if value) + "}\n"


LABELS = "labels: [traefik.enable=true, 'traefik.http.routers.web.rule=Host(`w.example.net`)']"

CASES = (
    Case("DOC-01", Must.FIRE, "none", app(web()), at="app/compose.yml:1", says="no README"),
    Case(
        "DOC-01",
        Must.FIRE,
        "thin",
        {**app(web()), "app/README.md": "# App\n\nIt is an app.\n\n## History\n"},
        at="app/README.md:1",
    ),
    Case("DOC-01", Must.PASS, "it says how", {**app(web()), **README}),
    Case("DOC-01", Must.NEAR, "another ending and case", {**app(web()), "app/ReadMe.txt": "x"}),
    Case(
        "DOC-02",
        Must.FIRE,
        "no YAML",
        {**app(web()), "SERVICES.yml": "services: [\n"},
        says="cannot be read",
        severity="high",
    ),
    Case("DOC-02", Must.FIRE, "no list", {**app(web()), "SERVICES.yml": "services: 3\n"}),
    Case(
        "DOC-02",
        Must.FIRE,
        "a key is missing",
        registry("  - {id: web, name: Web, dir: app, type: app}\n"),
        says="no status",
    ),
    Case("DOC-02", Must.FIRE, "no such status", registry(other(status="up")), says="the status up"),
    Case("DOC-02", Must.FIRE, "twice", registry(ROW, ROW), says="there twice"),
    Case("DOC-02", Must.FIRE, "depends on nothing", registry(other(depends_on="[db]")), says="depends on db"),
    Case("DOC-02", Must.FIRE, "a key that means nothing", registry(other(stauts="running")), severity="low"),
    Case("DOC-02", Must.PASS, "whole", registry(ROW)),
    Case(
        "DOC-02",
        Must.NEAR,
        "depends on a service that is no entry",
        {**registry(other(depends_on="[db]")), **app(web() + "  db:\n    image: postgres:16.1.0\n")},
    ),
    Case(
        "DOC-03",
        Must.FIRE,
        "a folder without an entry",
        {**registry(ROW), "b/compose.yml": f"services:\n{web()}"},
        at="b/compose.yml:1",
    ),
    Case(
        "DOC-03",
        Must.FIRE,
        "an entry without a folder",
        registry(ROW, other(id="b", dir="b")),
        at="SERVICES.yml:3:24",
        says="is not there",
    ),
    Case("DOC-03", Must.PASS, "they agree", registry(ROW)),
    Case(
        "DOC-03",
        Must.NEAR,
        "a folder inside of an entry's",
        {**registry(ROW), "app/sub/compose.yml": f"services:\n{web()}"},
    ),
    Case(
        "DOC-04",
        Must.FIRE,
        "it does not run",
        registry(ROW),
        runs=[Runs("web", state=State.EXITED)],
        says="none of its containers",
    ),
    Case(
        "DOC-04",
        Must.FIRE,
        "it runs",
        registry(other(status="configured")),
        runs=[Runs("web")],
        says="app/web runs",
    ),
    Case(
        "DOC-04",
        Must.FIRE,
        "its domain",
        {**registry(other(domain="x.example.net")), **app(web(LABELS))},
        runs=[Runs("web")],
        says="x.example.net",
    ),
    Case(
        "DOC-04",
        Must.PASS,
        "all as it says",
        {**registry(other(domain="w.example.net")), **app(web(LABELS))},
        runs=[Runs("web")],
    ),
    Case(
        "DOC-04",
        Must.NEAR,
        "nothing is routed there",
        registry(other(domain="x.example.net")),
        runs=[Runs("web")],
    ),
    Case("DOC-04", Must.UNKNOWN, "no Engine", registry(ROW)),
    Case("DOC-05", Must.FIRE, "none", registry(ROW), at="SERVICES.yml:2:5", says="no runbook"),
    Case(
        "DOC-05",
        Must.FIRE,
        "about nothing",
        {**app(web()), "runbooks/zoo-runbook.md": "# Zoo\n"},
        says="about zoo",
    ),
    Case("DOC-05", Must.PASS, "it is there", {**registry(ROW), "runbooks/web-runbook.md": "# Web\n"}),
    Case("DOC-05", Must.NEAR, "a database", registry(other(type="db"))),
    Case("DOC-05", Must.NEAR, "not running", registry(other(status="configured"))),
    Case("RUN-03", Must.FIRE, "still there", registry(other(status="deprecated")), says="still there"),
    Case(
        "RUN-03", Must.PASS, "its files are gone", registry(other(id="old", dir="old", status="deprecated"))
    ),
    Case("RUN-03", Must.NEAR, "only configured", registry(other(status="configured"))),
    Case(
        "HYG-01",
        Must.FIRE,
        "beside the live one",
        {**app(web()), "app/compose.yml.bak": "x"},
        says="of app/compose.yml",
    ),
    Case("HYG-01", Must.FIRE, "alone", {**app(web()), "app/nginx.conf.old": "x"}),
    Case("HYG-01", Must.FIRE, "an editor's", {**app(web()), "app/compose.yml~": "x"}),
    Case("HYG-01", Must.NEAR, "a word in a name", {**app(web()), "app/backup.conf": "x", "app/old.txt": "x"}),
    Case("RUN-01", Must.FIRE, "no container", app(web()), runs=[], says="it has no container"),
    Case(
        "RUN-01", Must.FIRE, "all have ended", app(web()), runs=[Runs("web", state=State.EXITED, exit_code=0)]
    ),
    Case("RUN-01", Must.PASS, "it runs", app(web()), runs=[Runs("web")]),
    Case("RUN-01", Must.NEAR, "a profile keeps it away", app(web("profiles: [x]")), runs=[]),
    Case("RUN-01", Must.NEAR, "a job", app(web('restart: "no"')), runs=[]),
    Case(
        "RUN-01",
        Must.FIRE,
        "only configured, says the registry",
        registry(other(status="configured")),
        runs=[],
        severity="low",
    ),
    Case("RUN-01", Must.NEAR, "deprecated", registry(other(status="deprecated")), runs=[]),
    Case("RUN-01", Must.UNKNOWN, "no Engine", app(web())),
    Case(
        "RUN-02",
        Must.FIRE,
        "of another project",
        app(web()),
        runs=[
            Runs("web"),
            Runs(
                "old",
                project="gone",
                labels={"com.docker.compose.project.config_files": "/srv/gone/compose.yml"},
            ),
        ],
        says="not in this tree",
    ),
    Case(
        "RUN-02",
        Must.FIRE,
        "of no project",
        app(web()),
        runs=[Runs("web"), Runs("x", compose=False)],
        says="no Compose file",
    ),
    Case("RUN-02", Must.PASS, "all are ours", app(web()), runs=[Runs("web")]),
    Case(
        "RUN-02",
        Must.NEAR,
        "this is not the machine's estate",
        app(web()),
        runs=[Runs("a", project="b"), Runs("c", project="d")],
    ),
    Case(
        "RUN-02",
        Must.NEAR,
        "what compose run left",
        app(web()),
        runs=[Runs("web"), Runs("x", project="y", labels={"com.docker.compose.oneoff": "True"})],
    ),
)
