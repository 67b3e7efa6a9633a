from tests.audit.cases.case import Case, Must, app, web
from tests.audit.cases.traefik import GOOD, HOST, ON, SECURE, STATIC, both, proxy, routed

FIRE, NEAR, PASS = Must.FIRE, Must.NEAR, Must.PASS
OTHER = "traefik.http.routers.other."
OPEN = "traefik.http.routers.web.rule=Host(`${D}`)"
BASE: dict[str, str | bytes] = {"app/compose.yml": "services:\n  web:\n    image: nginx:1.99.3\n"}


def second(*labels: str) -> dict[str, str | bytes]:
    rows = "".join(f"      - {label}\n" for label in (ON, *labels))
    body = f"services:\n  two:\n    image: nginx:1.99.3\n    labels:\n{rows}"
    return {**proxy(), **routed(*GOOD), "two/compose.yml": body}


def _open(name: str) -> str:
    rule = OPEN.replace("routers.web", f"routers.{name}")
    return f"  {name}:\n    image: nginx:1.99.3\n    labels:\n      - {ON}\n      - {rule}\n"


def certified(host: str, static: str = STATIC) -> dict[str, str | bytes]:
    rule = f"traefik.http.routers.web.rule=Host(`{host}`)"
    return {**proxy(static), **routed(ON, rule, *SECURE)}


def over(text: str, env: str = "") -> dict[str, str | bytes]:
    files: dict[str, str | bytes] = {**BASE, "app/compose.override.yml": text}
    return {**files, "app/.env": env} if env else files


OWN = STATIC.replace("email: a@b.c", "email: a@b.c, caServer: 'https://ca.lan/acme'")
MODE = {"traefik/acme.json": 0o644}
TIGHT = {"traefik/acme.json": 0o600}
ACME: dict[str, str | bytes] = {**proxy(), "traefik/acme.json": "{}"}

CASES = (
    Case(
        "CMP-06",
        FIRE,
        "two folders",
        {"a/web/compose.yml": BASE["app/compose.yml"], "b/web/compose.yml": BASE["app/compose.yml"]},
        at="b/web/compose.yml:1",
        says="a/web",
    ),
    Case(
        "CMP-06",
        FIRE,
        "said",
        {**app(web()), "two/compose.yml": "name: app\n" + str(BASE["app/compose.yml"])},
        at="two/compose.yml:1",
    ),
    Case(
        "CMP-06",
        NEAR,
        "a name of its own",
        {
            "a/web/compose.yml": BASE["app/compose.yml"],
            "b/web/compose.yml": "name: other\n" + str(BASE["app/compose.yml"]),
        },
    ),
    Case("CMP-06", PASS, "one", app(web())),
    Case(
        "TRF-12",
        FIRE,
        "the same host",
        second(OTHER + "rule=Host(`w.example.net`)", OTHER + "entrypoints=websecure", OTHER + "tls=true"),
        at="two/compose.yml:6:9",
        says="app/web",
        severity="high",
    ),
    Case(
        "TRF-12",
        FIRE,
        "in another order",
        {
            **both(ON, "traefik.http.routers.web.rule=Host(`a.b`) && PathPrefix(`/x`)"),
            "two/compose.yml": "services:\n  two:\n    image: a:1\n"
            "    labels:\n      traefik.enable: 'true'\n"
            "      traefik.http.routers.other.rule: PathPrefix(`/x`) && Host(`a.b`)\n",
        },
    ),
    Case("TRF-12", NEAR, "a priority", second(OTHER + "rule=Host(`w.example.net`)", OTHER + "priority=9")),
    Case(
        "TRF-12",
        NEAR,
        "other entry points",
        second(OTHER + "rule=Host(`w.example.net`)", OTHER + "entrypoints=web", OTHER + "tls=true"),
    ),
    Case(
        "TRF-12",
        Must.UNKNOWN,
        "their hosts are set elsewhere",
        {**proxy(), **routed(ON, OPEN), "two/compose.yml": routed(ON, OPEN)["app/compose.yml"]},
        says="the rule of web is Host(`${D}`)",
    ),
    Case(
        "TRF-12",
        FIRE,
        "their host is set elsewhere, in one project",
        {**proxy(), "app/compose.yml": f"services:\n{_open('web')}{_open('two')}"},
        says="has the rule",
    ),
    Case("TRF-12", NEAR, "one of them to TLS", second(OTHER + "rule=Host(`w.example.net`)")),
    Case("TRF-12", PASS, "alone", both(*GOOD)),
    Case("TRF-13", FIRE, "localhost", certified("app.localhost"), says="app.localhost"),
    Case("TRF-13", FIRE, "an address", certified("192.168.1.4")),
    Case("TRF-13", FIRE, "a name of one word", certified("nas")),
    Case("TRF-13", FIRE, "keys for all", ACME, modes=MODE, at="traefik/acme.json:1", severity="high"),
    Case("TRF-13", NEAR, "keys of its own", ACME, modes=TIGHT),
    Case("TRF-13", NEAR, "a public name that ends so", certified("app.homelan.example.net")),
    Case("TRF-13", NEAR, "an authority of its own", certified("app.lan", OWN)),
    Case("TRF-13", NEAR, "no resolver", {**proxy(), **routed(ON, HOST.replace("w.example.net", "a.lan"))}),
    Case("TRF-13", NEAR, "a host that is set elsewhere", certified("${DOMAIN}")),
    Case("TRF-13", PASS, "public", certified("app.example.net")),
    Case(
        "CMP-03", FIRE, "a port", over("services: {web: {ports: ['80:80']}}\n"), severity="high", says="ports"
    ),
    Case(
        "CMP-03",
        FIRE,
        "a label",
        over("services: {web: {labels: {a: b}}}\n"),
        severity="low",
        at="app/compose.override.yml:1",
    ),
    Case(
        "CMP-03",
        PASS,
        "named",
        over("services: {web: {ports: ['80:80']}}\n", "COMPOSE_FILE=compose.yml:compose.override.yml\n"),
    ),
    Case("CMP-03", NEAR, "another name", {**BASE, "app/compose.dev.yml": "services: {web: {image: a}}\n"}),
)
