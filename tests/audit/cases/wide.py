from tests.audit.cases.case import Case, Must, app, web

DB = "  db:\n    image: postgres:16.1.0\n    environment: {POSTGRES_DB: a, POSTGRES_USER: b}\n"
OTHER = {"b/compose.yml": f"services:\n{DB}"}
MAKES = {"proxy/compose.yml": f"services:\n{web()}networks: {{front: {{name: front}}}}\n"}
USES = app(web("networks: [front]") + "networks: {front: {external: true}}\n")
NEEDY = "".join(f"  s{n}:\n    image: a:1.0.0\n    depends_on: [db]\n" for n in range(5))
CHECK = "healthcheck: {test: [CMD, curl, -f, 'http://127.0.0.1/']}"


def checked(*checks: str) -> dict[str, str | bytes]:
    return app("".join(f"  s{n}:\n    image: a:1.0.0\n    {one}\n" for n, one in enumerate(checks)))


CASES = (
    Case(
        "DEP-03",
        Must.FIRE,
        "another project makes the network",
        {**USES, **MAKES},
        says="proxy has to be started first",
    ),
    Case("DEP-03", Must.NEAR, "it is made by hand", USES),
    Case(
        "DEP-03",
        Must.NEAR,
        "another name",
        {**USES, "proxy/compose.yml": f"services:\n{web()}networks: {{front: }}\n"},
    ),
    Case("DEP-04", Must.FIRE, "five", app(NEEDY + DB), says="5 services hang on it"),
    Case("DEP-04", Must.NEAR, "two", app(web("depends_on: [db]") + DB)),
    Case("DUP-01", Must.FIRE, "two projects", {**app(DB), **OTHER}, says="in 2 projects"),
    Case("DUP-01", Must.NEAR, "one project", app(DB + DB.replace("db:", "db2:", 1))),
    Case("DUP-01", Must.NEAR, "other variables", {**app(DB.replace("POSTGRES_USER", "PGDATA")), **OTHER}),
    Case("DUP-02", Must.FIRE, "three times", checked(CHECK, CHECK, CHECK), says="the same healthcheck"),
    Case("DUP-02", Must.PASS, "twice", checked(CHECK, CHECK)),
    Case(
        "DUP-02",
        Must.NEAR,
        "an anchor",
        checked(CHECK.replace(": {", ": &c {", 1), "healthcheck: *c", "healthcheck: *c"),
    ),
    Case("DUP-02", Must.NEAR, "they differ", checked(CHECK, CHECK, CHECK.replace("curl", "wget"))),
    Case("OPS-01", Must.FIRE, "in git, and nothing checks", app(web()), git=True),
    Case(
        "OPS-01", Must.PASS, "a pipeline", {**app(web()), ".github/workflows/ci.yml": "on: push\n"}, git=True
    ),
    Case("OPS-01", Must.NEAR, "not in git", app(web())),
)
