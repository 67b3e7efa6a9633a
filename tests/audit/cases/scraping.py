from estate.snapshot.live import Live, Prometheus
from tests.audit.cases.case import Case, Must

FIRE, NEAR, PASS = Must.FIRE, Must.NEAR, Must.PASS


def scrape(*targets: str, networks: str = "[inner]", job: str = "") -> dict[str, str | bytes]:
    listed = ", ".join(f"'{one}'" for one in targets)
    compose = (
        "services:\n  prometheus:\n    image: prom/prometheus:v2.54.1\n    networks: [inner]\n"
        "    volumes: ['./config:/etc/prometheus']\n"
        f"  app:\n    image: example/app:1.2.3\n    container_name: the-app\n    networks: {networks}\n"
        "networks: {inner: {}, other: {}}\n"
    )
    config = f"scrape_configs:\n  - job_name: app\n{job}    static_configs:\n      - targets: [{listed}]\n"
    return {"m/compose.yml": compose, "m/config/prometheus.yml": config}


def says(error: str, target: str = "app:8080") -> Live:
    return Live(Prometheus(targets={("app", target): error}), "")


NOT_THERE: dict[str, str | bytes] = {
    "m/compose.yml": "services:\n  prometheus:\n    image: prom/prometheus:v2.54.1\n"
}
CASES = (
    Case(
        "MON-04",
        FIRE,
        "a database",
        scrape("app:5432"),
        says="where PostgreSQL answers",
        at="m/config/prometheus.yml:4:19",
    ),
    Case(
        "MON-04", FIRE, "down", scrape("app:8080"), says="connection refused", live=says("connection refused")
    ),
    Case("MON-04", NEAR, "an exporter", scrape("app:9187")),
    Case("MON-04", NEAR, "what an exporter looks at", scrape("app:5432", job="    metrics_path: /probe\n")),
    Case("MON-04", PASS, "up", scrape("app:8080"), live=says("")),
    Case("MON-04", Must.UNKNOWN, "its file is elsewhere", NOT_THERE),
    Case("MON-06", FIRE, "no network", scrape("app:8080", networks="[other]"), says="share no network"),
    Case("MON-06", FIRE, "by its container's name", scrape("the-app:80", networks="[other]")),
    Case("MON-06", FIRE, "nobody", scrape("node-exporter:9100"), says="nothing in this tree"),
    Case("MON-06", NEAR, "itself", scrape("localhost:9090", "prometheus:9090")),
    Case("MON-06", NEAR, "a full name, an address", scrape("app.example.net:80", "10.0.0.4:9100")),
    Case(
        "MON-06", NEAR, "it is up all the same", scrape("app:80", networks="[other]"), live=says("", "app:80")
    ),
    Case("MON-06", PASS, "together", scrape("app:8080")),
    Case("MON-06", Must.UNKNOWN, "its file is elsewhere", NOT_THERE),
)
