from tests.audit.cases.case import Case, Must, app, web
from tests.audit.estate import Runs

DB = "  db:\n    image: postgres:16.1.0\n"
CHECKED = DB + "    healthcheck: {test: [CMD, pg_isready]}\n"

CASES = (
    Case("RES-01", Must.FIRE, "none", app(web()), at="app/compose.yml:2:3"),
    Case(
        "RES-01", Must.FIRE, "only reserved", app(web("deploy: {resources: {reservations: {memory: 64m}}}"))
    ),
    Case("RES-01", Must.PASS, "mem_limit", app(web("mem_limit: 64m"))),
    Case("RES-01", Must.PASS, "deploy", app(web("deploy: {resources: {limits: {memory: 64m}}}"))),
    Case("RES-01", Must.NEAR, "the Engine knows one", app(web()), runs=[Runs("web", memory=2**26)]),
    Case("RES-06", Must.FIRE, "none", app(web("ports: ['80:80']")), at="app/compose.yml:2:3"),
    Case("RES-06", Must.FIRE, "no end", app(web("ports: ['80:80']", "pids_limit: -1"))),
    Case("RES-06", Must.PASS, "said", app(web("ports: ['80:80']", "pids_limit: 200"))),
    Case("RES-06", Must.PASS, "deploy", app(web("deploy: {resources: {limits: {pids: 99}}}"))),
    Case("RES-06", Must.NEAR, "nobody outside reaches it", app(web("expose: ['80']"))),
    Case("DEP-05", Must.FIRE, "none", app(web()), at="app/compose.yml:2:3"),
    Case(
        "DEP-05",
        Must.UNKNOWN,
        "a base that cannot be read may have it",
        app(web("extends: {file: base.yml, service: base}")),
    ),
    Case("DEP-05", Must.PASS, "unless-stopped", app(web("restart: unless-stopped"))),
    Case("DEP-05", Must.NEAR, "it makes networks", app(web("command: ['true']"))),
    Case("DEP-05", Must.NEAR, "decided against", app(web('restart: "no"'))),
    Case("DEP-05", Must.NEAR, "by deploy", app(web("deploy: {restart_policy: {condition: any}}"))),
    Case("DEP-05", Must.NEAR, "started by hand", app(web("profiles: [tools]"))),
    Case(
        "DEP-01",
        Must.FIRE,
        "in an address",
        app(web("environment: {DATABASE_URL: 'postgres://db:5432/x'}") + DB),
        says="names db",
    ),
    Case("DEP-01", Must.FIRE, "as a host", app(web("environment: {DB_HOST: db}") + DB)),
    Case(
        "DEP-01",
        Must.FIRE,
        "started is not healthy",
        app(web("environment: {DB_HOST: db}", "depends_on: [db]") + CHECKED),
        says="not until it is healthy",
    ),
    Case(
        "DEP-01",
        Must.PASS,
        "it waits",
        app(web("environment: {DB_HOST: db}", "depends_on: {db: {condition: service_healthy}}") + CHECKED),
    ),
    Case(
        "DEP-01", Must.NEAR, "a name that is no host", app(web("environment: {DB_NAME: db, PREFIX: db}") + DB)
    ),
    Case(
        "DEP-01",
        Must.NEAR,
        "a part of another name",
        app(web("environment: {DB_HOST: db.example.org, X: 'http://mydb:80/'}") + DB),
    ),
    Case(
        "DEP-01",
        Must.NEAR,
        "the other one waits for this one",
        app(web("environment: {DB_HOST: db}") + DB + "    depends_on: [web]\n"),
    ),
    Case(
        "DEP-02",
        Must.FIRE,
        "two",
        app(web("depends_on: [db]") + DB + "    depends_on: [web]\n"),
        says="web → db → web",
    ),
    Case("DEP-02", Must.FIRE, "itself", app(web("depends_on: [web]"))),
    Case("DEP-02", Must.PASS, "a chain", app(web("depends_on: [db]") + DB)),
    Case(
        "DEP-02",
        Must.NEAR,
        "a diamond",
        app(
            web("depends_on: [a, b]")
            + "  a:\n    image: a:1.0.0\n    depends_on: [db]\n"
            + "  b:\n    image: b:1.0.0\n    depends_on: [db]\n"
            + DB
        ),
    ),
    Case(
        "OPS-02",
        Must.FIRE,
        "to read",
        app(web("volumes: ['/var/run/docker.sock:/var/run/docker.sock:ro']")),
        says="ro does not protect",
    ),
    Case("OPS-02", Must.FIRE, "a folder above", app(web("volumes: ['/var/run:/host/run']"))),
    Case(
        "OPS-02",
        Must.FIRE,
        "the long form",
        app(web("volumes: [{type: bind, source: /run/docker.sock, target: /s}]")),
    ),
    Case("OPS-02", Must.PASS, "not at all", app(web())),
    Case("OPS-02", Must.NEAR, "a folder that is set elsewhere", app(web("volumes: ['${DATA}/:/d']"))),
    Case(
        "OPS-02",
        Must.FIRE,
        "by a default",
        app(web("volumes: ['${SOCK:-/var/run/docker.sock}:/var/run/docker.sock']")),
    ),
    Case(
        "OPS-02",
        Must.NEAR,
        "the proxy that exists for it",
        app(
            web(
                "volumes: ['/var/run/docker.sock:/var/run/docker.sock']",
                image="tecnativa/docker-socket-proxy:0.3.0",
            )
        ),
    ),
    Case("OPS-02", Must.NEAR, "another socket", app(web("volumes: ['/var/run/mysqld:/var/run/mysqld']"))),
)
