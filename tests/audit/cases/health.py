from datetime import UTC, datetime

from estate.model import Health, Probe, State
from tests.audit.cases.case import Case, Must, app, web
from tests.audit.estate import Runs

AT = datetime(2026, 1, 15, 11, 59, tzinfo=UTC)
CHECK = 'healthcheck: {test: ["CMD", "curl", "-f", "http://127.0.0.1/"]}'
GONE = Probe(AT, 127, "sh: curl: not found")
FAILED = Probe(AT, 1, "connection refused")
FINE = Probe(AT, 0, "ok")
TEST = ("CMD-SHELL", "curl -f http://127.0.0.1/")
ILL = Runs("web", health=Health.UNHEALTHY, probes=[FAILED], test=TEST)
WELL = Runs("web", health=Health.HEALTHY, probes=[FINE], test=TEST)
SLOW = Runs(
    "web",
    health=Health.UNHEALTHY,
    probes=[FINE, Probe(AT, -1, "Health check exceeded timeout (2s)")],
    test=TEST,
)
BLIND = Runs("web", health=Health.UNHEALTHY, probes=[GONE], test=TEST)


def probe(command: str) -> dict[str, str | bytes]:
    return app(web(f"healthcheck: {{test: {command!r}}}"))


WAITS = "{web: {condition: service_healthy}}"

OWN = "healthcheck: {disable: false}"

CASES = (
    Case("HC-01", Must.FIRE, "none", app(web()), at="app/compose.yml:2:3"),
    Case("HC-01", Must.FIRE, "switched off", app(web("healthcheck: {disable: true}")), says="switched off"),
    Case("HC-01", Must.FIRE, "NONE", app(web("healthcheck: {test: [NONE]}")), says="switched off"),
    Case("HC-01", Must.FIRE, "the Engine knows of none", app(web()), runs=[Runs("web")]),
    Case("HC-01", Must.NEAR, "the image's own is to count", app(web(OWN))),
    Case("HC-01", Must.FIRE, "which the Engine does not know", app(web(OWN)), runs=[Runs("web")]),
    Case("HC-01", Must.PASS, "its own", app(web(CHECK))),
    Case("HC-01", Must.NEAR, "the image has one, the Engine says", app(web()), runs=[Runs("web", test=TEST)]),
    Case("HC-01", Must.NEAR, "the image is known for one", app(web(image="vaultwarden/server:1.32.5"))),
    Case(
        "HC-01",
        Must.FIRE,
        "the Engine knows better",
        app(web(image="vaultwarden/server:1.32.5")),
        runs=[Runs("web")],
    ),
    Case(
        "HC-01",
        Must.NEAR,
        "others wait for its health",
        app(web() + f"  db:\n    image: example/db:1.2.3\n    {CHECK}\n    depends_on: {WAITS}\n"),
    ),
    Case("HC-01", Must.NEAR, "it makes networks", app(web("command: ['true']"))),
    Case("HC-01", Must.NEAR, "a job", app(web('restart: "no"'))),
    Case(
        "HC-01",
        Must.NEAR,
        "somebody waits for its end",
        app(
            web(CHECK, "depends_on: {init: {condition: service_completed_successfully}}")
            + "  init:\n    image: busybox:1.36.1\n"
        ),
    ),
    Case("HC-02", Must.FIRE, "unhealthy", app(web(CHECK)), says="is unhealthy since", runs=[ILL]),
    Case("HC-02", Must.PASS, "healthy", app(web(CHECK)), runs=[WELL]),
    Case(
        "HC-02",
        Must.NEAR,
        "ended on purpose",
        app(web()),
        runs=[Runs("web", state=State.EXITED, exit_code=0)],
    ),
    Case("HC-02", Must.UNKNOWN, "no Engine", app(web(CHECK))),
    Case("HC-03", Must.FIRE, "127", app(web(CHECK)), says="curl", runs=[BLIND]),
    Case("HC-03", Must.PASS, "it is there", app(web(CHECK)), runs=[WELL]),
    Case("HC-03", Must.NEAR, "it fails for another reason", app(web(CHECK)), runs=[ILL]),
    Case("HC-06", Must.FIRE, "cut off", app(web(CHECK)), says="after 2s, 1 of the last 2 times", runs=[SLOW]),
    Case("HC-06", Must.PASS, "it answers in time", app(web(CHECK)), runs=[WELL]),
    Case("HC-06", Must.NEAR, "it fails in time", app(web(CHECK)), runs=[ILL]),
    Case("HC-06", Must.UNKNOWN, "no Engine", app(web(CHECK))),
    Case("HC-04", Must.FIRE, "true with a word", probe("true http://127.0.0.1/")),
    Case("HC-04", Must.FIRE, "exit 0", probe("exit 0"), at="app/compose.yml:4:25"),
    Case("HC-04", Must.FIRE, "or true", probe("curl -f http://127.0.0.1/ || true")),
    Case("HC-04", Must.FIRE, "or exit 0", probe("pg_isready || exit 0")),
    Case("HC-04", Must.FIRE, "only a process", probe("ps aux | grep -v grep | grep nginx")),
    Case("HC-04", Must.FIRE, "pgrep", probe("pgrep nginx")),
    Case("HC-04", Must.FIRE, "pgrep, and words", probe("pgrep cloudflared || exit 1")),
    Case(
        "HC-04", Must.FIRE, "its version", app(web('healthcheck: {test: ["CMD", "/portainer", "--version"]}'))
    ),
    Case("HC-04", Must.NEAR, "an Engine's version", probe("docker version")),
    Case("HC-04", Must.NEAR, "a process, and it answers", probe("pgrep nginx && curl -f http://127.0.0.1/")),
    Case("HC-04", Must.FIRE, "kill -0", probe("kill -0 1")),
    Case("HC-04", Must.FIRE, "in a shell", app(web('healthcheck: {test: ["CMD", "sh", "-c", "true"]}'))),
    Case("HC-04", Must.PASS, "it asks", probe("curl -f http://127.0.0.1/")),
    Case("HC-04", Must.NEAR, "or exit 1", probe("curl -f http://127.0.0.1/ || exit 1")),
    Case("HC-04", Must.NEAR, "true in a word", probe("curl -f 'http://127.0.0.1/?deep=true'")),
    Case("HC-04", Must.NEAR, "grep of an answer", probe("curl -s http://127.0.0.1/health | grep ok")),
    Case(
        "HC-08",
        Must.FIRE,
        "ended with an error",
        app(web()),
        says="exited",
        runs=[Runs("web", state=State.EXITED, exit_code=1)],
    ),
    Case(
        "HC-08", Must.FIRE, "restarting", app(web()), runs=[Runs("web", state=State.RESTARTING, restarts=7)]
    ),
    Case("HC-08", Must.PASS, "running", app(web()), runs=[WELL]),
    Case(
        "HC-08",
        Must.NEAR,
        "a job that is done",
        app(web()),
        runs=[Runs("web", state=State.EXITED, exit_code=0)],
    ),
    Case(
        "HC-09",
        Must.FIRE,
        "for a day",
        app(web(CHECK)),
        runs=[Runs("web", health=Health.STARTING, test=TEST)],
    ),
    Case("HC-09", Must.NEAR, "healthy by now", app(web(CHECK)), runs=[WELL]),
)
