from estate.snapshot.live import Live, Prometheus, Route, Traefik
from tests.audit.cases.case import Case, Must, app, web
from tests.audit.cases.traefik import GOOD, both

FIRE, NEAR, PASS, UNKNOWN = Must.FIRE, Must.NEAR, Must.PASS, Must.UNKNOWN


def alerting(expression: str) -> dict[str, str | bytes]:
    rows = f"groups:\n  - name: a\n    rules:\n      - alert: A\n        expr: {expression}\n"
    return {**app(web()), "m/rules.yml": rows + "      - {record: 'job:up', expr: up}\n"}


def has(*metrics: str, alerts: tuple[str, ...] = ("A",)) -> Live:
    return Live(Prometheus(frozenset(alerts), metrics=frozenset(metrics)), "")


def routes(*errors: str) -> Live:
    found = Traefik("http://t", {"web@docker": Route("Host(`w.example.net`)", errors=errors)})
    return Live(traefik=found, no_traefik="")


AWAY = Live(no_prometheus="no Prometheus at x", no_traefik="no Traefik at x")
CASES = (
    Case(
        "MON-03",
        FIRE,
        "nothing exports it",
        alerting("sum by (job) (node_free_bytes{mode='x'}) / node_size_bytes < 0.1"),
        live=has("up", "node_size_bytes"),
        says="reads node_free_bytes, of which",
        at="m/rules.yml:5:15",
    ),
    Case("MON-03", NEAR, "recorded", alerting("job:up == 0"), live=has("up")),
    Case("MON-03", NEAR, "absence is what it asks for", alerting("absent(gone_total)"), live=has("up")),
    Case("MON-03", NEAR, "not loaded", alerting("gone_total > 1"), live=has("up", alerts=())),
    Case("MON-03", PASS, "there", alerting("rate(up[5m] offset 1h) > bool 0"), live=has("up")),
    Case("MON-03", UNKNOWN, "away", alerting("up == 0"), live=AWAY),
    Case(
        "TRF-16",
        FIRE,
        "an error",
        both(*GOOD),
        live=routes("the service x does not exist"),
        says="refuses the route web@docker: the service x",
        at="app/compose.yml:7:9",
    ),
    Case("TRF-16", PASS, "none", both(*GOOD), live=routes()),
    Case("TRF-16", NEAR, "it routes nothing", both(*GOOD), live=Live(traefik=Traefik(), no_traefik="")),
    Case("TRF-16", UNKNOWN, "away", both(*GOOD), live=AWAY),
)
