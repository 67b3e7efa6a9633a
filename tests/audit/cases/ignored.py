from tests.audit.cases.case import Case, Must, app, web
from tests.audit.cases.traefik import STATIC, proxy

FIRE, NEAR, PASS = Must.FIRE, Must.NEAR, Must.PASS
ALERTS = "prom/alertmanager:v0.27.0"


def told(must: Must, what: str, image: str, *lines: str, **more: object) -> Case:
    return Case("ENV-08", must, what, app(web(*lines, image=image)), **more)  # type: ignore[arg-type]


def traefik(line: str) -> dict[str, str | bytes]:
    return proxy(STATIC, "{}", line)


FLAGS: dict[str, str | bytes] = {
    "t/compose.yml": "services:\n  traefik:\n    image: traefik:v3.1.4\n"
    "    environment: {TRAEFIK_API_INSECURE: 'true'}\n"
}
CASES = (
    told(
        FIRE,
        "mail of Alertmanager",
        ALERTS,
        "environment: {SMTP_PASSWORD: geheim-9f3k, TZ: UTC}",
        says="SMTP_PASSWORD is given to alertmanager",
        at="app/compose.yml:4:34",
        count=1,
    ),
    told(FIRE, "a password of Redis", "redis:7.4.1", "environment: [REDIS_PASSWORD=x9]", severity="high"),
    told(FIRE, "Grafana", "grafana/grafana:11.1.0", "environment: {GRAFANA_ADMIN_PASSWORD: x}"),
    told(
        FIRE,
        "Grafana's own, behind a mirror",
        "r.lan/hub/grafana/grafana:11.1.0",
        "environment: {GRAFANA_X: y}",
    ),
    told(NEAR, "who made more of Grafana", "teslamate/grafana:4.3.0", "environment: {GRAFANA_PASSWD: x}"),
    told(FIRE, "Valkey", "valkey/valkey:8.0.1", "environment: [VALKEY_PASSWORD=x9]", severity="high"),
    told(FIRE, "Loki", "grafana/loki:3.1.1", "environment: {S3_BUCKET: x}"),
    told(NEAR, "Redis of another maker", "bitnami/redis:7.4", "environment: [REDIS_PASSWORD=x9]"),
    told(
        NEAR,
        "the command reads it",
        "redis:7.4.1",
        "environment: [REDIS_PASSWORD=x9]",
        "command: [sh, -c, 'redis-server --requirepass $$REDIS_PASSWORD']",
    ),
    told(
        NEAR,
        "Compose fills it in",
        "prom/prometheus:v3.1.0",
        "environment: {RETENTION: 15d}",
        "command: ['--storage.tsdb.retention.time=${RETENTION:-15d}']",
    ),
    told(
        NEAR,
        "Loki expands",
        "grafana/loki:3.1.1",
        "environment: {S3_B: x}",
        "command: -config.expand-env=true",
    ),
    told(PASS, "Grafana's own", "grafana/grafana:11.1.0", "environment: {GF_LOG_MODE: console}"),
    Case(
        "ENV-08",
        FIRE,
        "Traefik with a file",
        traefik("environment: {TRAEFIK_LOG: 'true'}"),
        says="TRAEFIK_LOG",
    ),
    Case("ENV-08", NEAR, "Traefik without a file", FLAGS),
)
