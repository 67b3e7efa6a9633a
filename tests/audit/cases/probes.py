from estate.model import Health
from tests.audit.cases.case import Case, Must, app, web
from tests.audit.cases.traefik import STATIC, proxy
from tests.audit.estate import Runs

FIRE, NEAR, PASS = Must.FIRE, Must.NEAR, Must.PASS
PING = "healthcheck: {test: [CMD, traefik, healthcheck, --ping]}"
API = "healthcheck: {test: 'wget -qO- http://localhost:8080/api/rawdata || exit 1'}"


def asked(url: str, port: str = "3000", *lines: str) -> dict[str, str | bytes]:
    return app(web(f"environment: {{PORT: '{port}'}}", f"healthcheck: {{test: 'curl -f {url}'}}", *lines))


WELL = [Runs("web", health=Health.HEALTHY)]
PUBLISHED = asked("http://localhost:8080/", "3000", "ports: ['127.0.0.1:1:8080']")
CASES = (
    Case("HC-05", FIRE, "no ping", proxy(STATIC, "{}", PING), says="nothing turns ping on"),
    Case("HC-05", FIRE, "no api", proxy(STATIC, "{}", API), says="api.insecure is off"),
    Case("HC-05", PASS, "a ping", proxy(STATIC + "ping: {}\n", "{}", PING)),
    Case("HC-05", NEAR, "an api", proxy(STATIC.replace("true}", "true, insecure: true}", 1), "{}", API)),
    Case("HC-05", FIRE, "another port", asked("http://127.0.0.1:8080/"), says="PORT says 3000"),
    Case("HC-05", NEAR, "it shows that port, too", PUBLISHED),
    Case("HC-05", NEAR, "healthy all the same", asked("http://localhost:8080/"), runs=WELL),
    Case("HC-05", PASS, "its port", asked("http://localhost:3000/health")),
    Case("HC-05", NEAR, "of another machine", asked("http://db:8080/")),
    Case(
        "HC-05",
        Must.UNKNOWN,
        "its configuration is elsewhere",
        {"t/compose.yml": f"services:\n  traefik:\n    image: traefik:v3\n    {PING}\n"},
    ),
)
