from datetime import timedelta

from estate.snapshot.backups import Backups, Saved
from estate.snapshot.live import Alertmanager, Live, Prometheus
from tests.audit.cases.case import Case, Must, app, web

DATA = web("volumes: ['./data:/data', './conf:/conf:ro']")
DB = (
    "  db:\n    image: postgres:16.1.0\n    container_name: app-db\n"
    "    volumes: ['./db:/var/lib/postgresql/data']\n"
)
KEEP = "retention: {daily: 7}\n"


def config(text: str) -> dict[str, str | bytes]:
    return {"backup/config/backup-config.yml": text}


def volumes(*paths: str) -> str:
    rows = ", ".join(f"{{name: n{at}, path: {path}, critical: true}}" for at, path in enumerate(paths))
    return f"services:\n  databases: []\n  volumes: [{rows}]\n{KEEP}"


DUMPED = (
    "services:\n  databases: [{name: x, type: postgres, container: app-db, database: x, user: x}]\n"
    f"  volumes: []\n{KEEP}"
)
BOTH = DUMPED.replace("volumes: []", "volumes: [{name: db, path: app/db, critical: true}]")
PROMETHEUS = (
    "  prometheus:\n    image: prom/prometheus:v2.54.1\n    volumes: ['./prometheus:/etc/prometheus:ro']\n"
)
ALERTS = "groups:\n  - name: a\n    rules:\n      - {alert: Down, expr: up == 0}\n"
ALERTMANAGER = (
    "  alertmanager:\n    image: prom/alertmanager:v0.27.0\n"
    "    volumes: ['./alertmanager.yml:/etc/alertmanager/alertmanager.yml']\n"
)


def rules(config: str, **files: str) -> dict[str, str | bytes]:
    more = {f"app/prometheus/{name}.yml": text for name, text in files.items()}
    return {**app(PROMETHEUS), "app/prometheus/prometheus.yml": config, **more}


def receiver(text: str, route: str = "{receiver: team}") -> dict[str, str | bytes]:
    return {**app(ALERTMANAGER), "app/alertmanager.yml": f"route: {route}\nreceivers:\n{text}"}


HOOK = "  - name: team\n    webhook_configs: [{url: '%s'}]\n"

VOLUME = app(web("volumes: ['d:/data']") + "volumes: {d: }\n")
UNNAMED, NAMED = {**VOLUME, **config(volumes("other"))}, {**VOLUME, **config(volumes("d"))}
DAY = timedelta(days=1)


def keeps(*saved: Saved) -> Backups:
    return Backups(DAY, saved=saved)


def held(state: str) -> Backups:
    return keeps(Saved("volume app_d", ("app/web",), "volume", "app_d", "/v/app_d", state, "as told"))


TOLD = receiver(HOOK % "http://tocsin:9099/alerts/default")


def has(*receivers: str, routes: tuple[str, ...] = ()) -> Live:
    return Live(alertmanager=Alertmanager(frozenset(receivers), routes), no_alertmanager="")


TWO_VOLUMES = web("volumes: ['kept:/a', 'more:/b']")
BACKUP = (
    "  backup:\n    image: offen/docker-volume-backup:v2.43.0\n"
    "    volumes: ['kept:/backup/kept:ro', './out:/archive']\n"
    "volumes: {kept: , more: }\n"
)

CASES = (
    Case(
        "BAK-01",
        Must.FIRE,
        "two projects call their volumes the same",
        {**VOLUME, "more/compose.yml": VOLUME["app/compose.yml"], **config(volumes("other"))},
        count=2,
    ),
    Case(
        "BAK-01",
        Must.FIRE,
        "a folder",
        {**app(DATA), **config(volumes("other"))},
        says="app/data: no set",
        count=1,
    ),
    Case(
        "BAK-01",
        Must.FIRE,
        "a volume",
        {**app(web("volumes: ['d:/data']") + "volumes: {d: }\n"), **config(volumes("other"))},
        says="d: no set",
    ),
    Case(
        "BAK-02",
        Must.FIRE,
        "a database's files alone",
        {**app(DB), **config(volumes("app/db"))},
        says="not dumped",
    ),
    Case("BAK-02", Must.PASS, "dumped, and its files too", {**app(DB), **config(BOTH)}),
    Case("BAK-02", Must.NEAR, "in no set", {**app(DB), **config(volumes("other"))}),
    Case("BAK-02", Must.NEAR, "no database", {**app(DATA), **config(volumes("app/data"))}),
    Case(
        "BAK-02",
        Must.NEAR,
        "the bot dumps it",
        {**app(DB), **config(volumes("app/db"))},
        backups=keeps(Saved("database app-db", ("app/db",), "database", "", "", "covered")),
    ),
    Case(
        "BAK-01",
        Must.FIRE,
        "a database in no set",
        {**app(DB), **config(volumes("other"))},
        says="app/db: no",
    ),
    Case("BAK-01", Must.PASS, "named", {**app(DATA), **config(volumes("app/data"))}),
    Case("BAK-01", Must.PASS, "dumped", {**app(DB), **config(DUMPED)}),
    Case("BAK-01", Must.NEAR, "a folder above is named", {**app(DATA), **config(volumes("./app"))}),
    Case(
        "BAK-01",
        Must.NEAR,
        "caches and logs",
        {**app(web("volumes: ['./cache:/cache', './logs:/logs', '/tmp/x:/x']")), **config(volumes("other"))},
    ),
    Case(
        "BAK-01",
        Must.NEAR,
        "sockets and the machine",
        {
            **app(web("volumes: ['/var/run/docker.sock:/s', '/proc:/p', '/etc/localtime:/l']")),
            **config(volumes("other")),
        },
    ),
    Case(
        "BAK-01", Must.UNKNOWN, "nothing says what is backed up", app(DATA), says="nothing in this tree says"
    ),
    Case(
        "BAK-01",
        Must.UNKNOWN,
        "what makes backups has to do with others",
        {
            **app(DATA),
            "b/compose.yml": "services:\n  back:\n    image: x/backrest:v1.9.1\n    volumes: [repo:/r]\n"
            "volumes: {repo: }\n",
        },
        says="b/back, which makes backups, mounts nothing of its project",
    ),
    Case(
        "BAK-01",
        Must.UNKNOWN,
        "a script may",
        {**app(DATA), "host/nightly.sh": "restic backup /opt\n"},
        says="what host/nightly.sh may save is not read from scripts",
    ),
    Case("BAK-01", Must.NEAR, "there is nothing to back up", app(web())),
    Case(
        "BAK-01",
        Must.FIRE,
        "what makes backups does not mount it",
        app(TWO_VOLUMES + BACKUP),
        says="more: not mounted by app/backup, which makes the backups here",
        count=1,
    ),
    Case(
        "BAK-01",
        Must.PASS,
        "it mounts it",
        app(TWO_VOLUMES + BACKUP.replace("'kept:", "'more:/s:ro', 'kept:")),
    ),
    Case(
        "BAK-01",
        Must.PASS,
        "it mounts every volume",
        app(TWO_VOLUMES + BACKUP.replace("kept:", "/var/lib/docker/volumes:")),
    ),
    Case(
        "BAK-01",
        Must.PASS,
        "it asks the database",
        app(
            web("image: postgres:16.4", "volumes: ['pg:/var/lib/postgresql/data']", image="x").replace(
                "    image: x\n", ""
            )
            + "  dump:\n    image: prodrigestivill/postgres-backup-local:16\n"
            "    environment: {POSTGRES_HOST: web}\nvolumes: {pg: }\n"
        ),
    ),
    Case(
        "BAK-01",
        Must.FIRE,
        "of two programs the one of its own project is to mount it",
        {**app(TWO_VOLUMES + BACKUP), "other/compose.yml": f"services:\n{BACKUP}"},
        says="not mounted by app/backup, which",
        count=1,
    ),
    Case(
        "BAK-01",
        Must.UNKNOWN,
        "it has nothing to do with that project",
        {**app(DATA), **{"other/compose.yml": f"services:\n  x:\n    image: example/x:1\n{BACKUP}"}},
    ),
    Case("BAK-01", Must.UNKNOWN, "it does not parse", {**app(DATA), **config("services: [\n")}),
    Case("BAK-09", Must.FIRE, "none", {**app(DATA), **config(volumes("app").replace(KEEP, ""))}),
    Case("BAK-09", Must.FIRE, "empty", {**app(DATA), **config(volumes("app").replace("{daily: 7}", "{}"))}),
    Case("BAK-09", Must.PASS, "seven days", {**app(DATA), **config(volumes("app"))}),
    Case(
        "BAK-09", Must.NEAR, "another YAML beside it", {**app(DATA), "backup/other.yml": "services: {a: 1}\n"}
    ),
    Case(
        "BAK-01",
        Must.FIRE,
        "no snapshot",
        VOLUME,
        says="no snapshot has it",
        backups=held("uncovered"),
        count=1,
    ),
    Case(
        "BAK-01", Must.FIRE, "a set says so", NAMED, says="no snapshot", backups=held("config-only"), count=1
    ),
    Case("BAK-01", Must.PASS, "a snapshot has it", UNNAMED, backups=held("covered")),
    Case("BAK-01", Must.PASS, "an older one has it", UNNAMED, backups=held("stale")),
    Case("BAK-01", Must.UNKNOWN, "one that nobody checked", UNNAMED, backups=held("unknown")),
    Case("BAK-01", Must.UNKNOWN, "it did not say", NAMED, backups=Backups(DAY, not_saved="locked")),
    Case(
        "BAK-01",
        Must.PASS,
        "a dump is in a snapshot",
        app(DB),
        backups=keeps(Saved("database app-db", ("app/db",), "database", "", "", "covered")),
    ),
    Case(
        "BAK-01",
        Must.FIRE,
        "what no file names",
        app(web()),
        says="volume 0a1b: no snapshot",
        backups=keeps(Saved("volume 0a1b", ("app/web",), "volume", "0a1b", "/v/0a1b", "uncovered")),
    ),
    Case("MON-01", Must.FIRE, "an older file", TOLD, says="with another file", live=has("ops"), count=1),
    Case("MON-01", Must.PASS, "the file it has", TOLD, live=has("team")),
    Case("MON-01", Must.PASS, "the routes it has", TOLD, live=has("team", routes=("to team",))),
    Case(
        "MON-01",
        Must.FIRE,
        "other routes",
        TOLD,
        says="along other routes than the file has",
        live=has("team", routes=("to team", '  to team if a="b" and on')),
        at="app/alertmanager.yml:1",
        count=1,
    ),
    Case(
        "MON-01",
        Must.NEAR,
        "a file that is filled in before it is read",
        receiver(HOOK % "http://tocsin:9099/", "{receiver: team, routes: [{matchers: ['a=${TEAM}']}]}"),
        live=has("team", routes=("to team", '  to the same if a="ops"')),
    ),
    Case("MON-01", Must.UNKNOWN, "it does not answer", TOLD, live=Live(no_alertmanager="no answer")),
    Case(
        "MON-01",
        Must.FIRE,
        "Prometheus sends to nobody",
        TOLD,
        says="1 alert and sends them to no",
        live=Live(Prometheus(frozenset({"Down"})), ""),
        severity="high",
    ),
    Case(
        "MON-01",
        Must.PASS,
        "Prometheus sends",
        TOLD,
        live=Live(Prometheus(frozenset({"Down"}), alertmanagers=frozenset({"http://a/api/v2/alerts"})), ""),
    ),
    Case("MON-01", Must.FIRE, "no integration", receiver("  - name: team\n"), says="no integration"),
    Case(
        "MON-01",
        Must.FIRE,
        "not defined",
        receiver("  - name: other\n    webhook_configs: [{url: 'http://x:1/'}]\n"),
        says="not defined",
    ),
    Case(
        "MON-01",
        Must.FIRE,
        "its own container",
        receiver(HOOK % "http://localhost:9099/alerts/default"),
        says="its own container",
    ),
    Case(
        "MON-01",
        Must.FIRE,
        "a placeholder",
        receiver(HOOK % "https://hooks.slack.com/services/XXX/XXX/XXX"),
        says="placeholder",
    ),
    Case(
        "MON-01",
        Must.FIRE,
        "in a route below",
        receiver(HOOK % "http://tocsin:9099/" + "  - name: b\n", "{receiver: team, routes: [{receiver: b}]}"),
        says="receiver b",
    ),
    Case("MON-01", Must.PASS, "it reaches somebody", receiver(HOOK % "http://tocsin:9099/alerts/default")),
    Case(
        "MON-01",
        Must.NEAR,
        "dropped on purpose",
        receiver(
            HOOK % "http://tocsin:9099/" + "  - name: 'null'\n",
            "{receiver: team, routes: [{receiver: 'null'}]}",
        ),
    ),
    Case(
        "MON-01", Must.NEAR, "nobody uses it", receiver(HOOK % "http://tocsin:9099/" + "  - name: unused\n")
    ),
    Case(
        "MON-01",
        Must.UNKNOWN,
        "its file is elsewhere",
        app("  alertmanager:\n    image: prom/alertmanager:v0.27.0\n"),
    ),
    Case(
        "MON-02",
        Must.FIRE,
        "no such file",
        rules("rule_files: [alerts.yml]\n"),
        at="app/prometheus/prometheus.yml:1:14",
        says="finds no file",
    ),
    Case("MON-02", Must.FIRE, "not mounted", rules("rule_files: [/rules/*.yml]\n"), says="finds no file"),
    Case(
        "MON-02",
        Must.FIRE,
        "not named",
        rules("scrape_configs: []\n", alerts=ALERTS),
        at="app/prometheus/alerts.yml:1",
    ),
    Case("MON-02", Must.PASS, "named", rules("rule_files: [alerts.yml]\n", alerts=ALERTS)),
    Case("MON-02", Must.PASS, "a pattern", rules("rule_files: ['*.yml']\n", alerts=ALERTS)),
    Case(
        "MON-02",
        Must.NEAR,
        "rules without alerts",
        rules("scrape_configs: []\n", r="groups:\n  - name: a\n    rules: [{record: alerts, expr: up}]\n"),
    ),
    Case(
        "MON-02",
        Must.NEAR,
        "another program's",
        {**rules("rule_files: [alerts.yml]\n", alerts=ALERTS), "app/loki/rules.yml": ALERTS},
    ),
    Case(
        "MON-02",
        Must.UNKNOWN,
        "its file is elsewhere",
        app("  prometheus:\n    image: prom/prometheus:v2.54.1\n"),
    ),
    Case(
        "WVR-01",
        Must.FIRE,
        "yesterday",
        {
            **app(web()),
            "audit-waivers.yml": "waivers:\n  - {rule: X, target: y, reason: z, until: 2026-01-14}\n",
        },
        at="audit-waivers.yml:2:5",
    ),
    Case(
        "WVR-01",
        Must.PASS,
        "next year",
        {
            **app(web()),
            "audit-waivers.yml": "waivers:\n  - {rule: X, target: y, reason: z, until: 2027-01-14}\n",
        },
    ),
    Case(
        "WVR-01",
        Must.NEAR,
        "today",
        {**app(web()), "audit-waivers.yml": "- {rule: X, target: y, reason: z, until: 2026-01-15}\n"},
    ),
    Case(
        "WVR-02",
        Must.FIRE,
        "no reason",
        {**app(web()), "audit-waivers.yml": "waivers:\n  - {rule: X, target: y, until: 2027-01-14}\n"},
        says="no reason",
    ),
    Case(
        "WVR-02",
        Must.FIRE,
        "no day",
        {**app(web()), "audit-waivers.yml": "waivers:\n  - {rule: X, target: y, reason: z, until: soon}\n"},
        says="is no day",
    ),
    Case("WVR-02", Must.FIRE, "no YAML", {**app(web()), "audit-waivers.yml": "waivers: [\n"}),
    Case(
        "WVR-02",
        Must.PASS,
        "whole",
        {
            **app(web()),
            "audit-waivers.yml": "waivers:\n  - {rule: X, target: y, reason: z, until: 2027-01-14}\n",
        },
    ),
    Case("WVR-02", Must.NEAR, "none", {**app(web()), "audit-waivers.yml": "waivers:\n"}),
)
