from estate.snapshot.live import Live, Traefik
from tests.audit.cases.case import Case, Must

STATIC = """\
api: {dashboard: true}
entryPoints:
  web: {address: ':80'}
  websecure: {address: ':443'}
providers:
  docker: {exposedByDefault: false}
  file: {directory: /etc/traefik/dynamic}
certificatesResolvers:
  le: {acme: {email: a@b.c}}
"""
LABELS = "labels: [traefik.enable=true, 'traefik.http.routers.d.rule=Host(`t.x`)', "
TO_API = "traefik.http.routers.d.service=api@internal"
TLS = "{address: ':443', http: {tls: {certResolver: le}, middlewares: [safe@file]}}"
DYNAMIC = """\
http:
  middlewares:
    limit: {rateLimit: {average: 10}}
    safe: {headers: {stsSeconds: 3600, contentTypeNosniff: true}}
    who: {basicAuth: {usersFile: /x}}
    all: {chain: {middlewares: [limit, safe]}}
"""
HOST = "traefik.http.routers.web.rule=Host(`w.example.net`)"
SECURE = ("traefik.http.routers.web.entrypoints=websecure", "traefik.http.routers.web.tls.certresolver=le")
ON = "traefik.enable=true"
PASSES = "traefik.http.routers.web.middlewares="


def proxy(static: str = STATIC, dynamic: str = DYNAMIC, *lines: str) -> dict[str, str | bytes]:
    extra = "".join(f"    {line}\n" for line in lines)
    compose = (
        "services:\n  traefik:\n    image: traefik:v3.1.4\n    networks: [proxy]\n"
        "    volumes: ['./traefik.yml:/etc/traefik/traefik.yml:ro', './dynamic:/etc/traefik/dynamic:ro']\n"
        f"{extra}networks:\n  proxy: {{name: proxy}}\n"
    )
    return {
        "traefik/compose.yml": compose,
        "traefik/traefik.yml": static,
        "traefik/dynamic/m.yml": dynamic,
    }


def no_file(line: str) -> dict[str, str | bytes]:
    """Set by flags or variables: with a file, Traefik reads neither."""
    return {"traefik/compose.yml": f"services:\n  traefik:\n    image: traefik:v3.1.4\n    {line}\n"}


def routed(
    *labels: str, image: str = "nginx:1.99.3", networks: str = "[proxy]", lines: str = ""
) -> dict[str, str | bytes]:
    rows = "".join(f"      - {label}\n" for label in labels)
    compose = (
        f"services:\n  web:\n    image: {image}\n    networks: {networks}\n{lines}    labels:\n{rows}"
        "networks:\n  proxy: {external: true}\n  inner:\n  other: {external: true}\n"
    )
    return {"app/compose.yml": compose}


GOOD = (ON, HOST, *SECURE, f"{PASSES}all@file")
SLACK = "traefik.http.middlewares.slack.ratelimit.average=0"
PORT = "    ports: ['8080:80']\n"
SERVER = "traefik.http.services.web.loadbalancer.server.port=80"


def both(*labels: str, **more: str) -> dict[str, str | bytes]:
    return {**proxy(), **routed(*labels, **more)}


ENTRY = "traefik.http.routers.web.entrypoints=${E}"


def _on_network(name: str) -> str:
    text = routed(*GOOD)["app/compose.yml"]
    assert isinstance(text, str)
    return text.replace("proxy: {external: true}", f"proxy: {{external: true, name: {name!r}}}")


def limited(numbers: str) -> dict[str, str | bytes]:
    return proxy(dynamic=f"http: {{middlewares: {{limit: {{rateLimit: {numbers}}}}}}}\n")


TO_HTTPS = (
    "traefik.http.routers.plain.rule=Host(`w.x`)",
    "traefik.http.routers.plain.entrypoints=web",
    "traefik.http.routers.plain.middlewares=https",
    "traefik.http.middlewares.https.redirectscheme.scheme=https",
)
ELSEWHERE = proxy()["traefik/compose.yml"]
assert isinstance(ELSEWHERE, str)
BESIDE = {
    **both(*GOOD),
    "traefik/compose.yml": ELSEWHERE.replace(":/etc/traefik/traefik.yml", ":/traefik.yml"),
}
"""As many mount it: into the working directory."""
UNMOUNTED = {**both(*GOOD), "traefik/compose.yml": ELSEWHERE.replace("dynamic:/etc/traefik", "dynamic:")}

SECOND = """\
services:
  traefik:
    image: traefik:v3.1.4
    networks: [edge]
    command: [--providers.docker=true, --entrypoints.inner.address=:80%s]
  n8n:
    image: %s
    networks: [edge]
    labels:
      - traefik.enable=true
      - traefik.http.routers.n.rule=Host(`%s`)
      - traefik.http.routers.n.entrypoints=inner
%snetworks: {edge: {name: edge}}
"""


def two(
    *labels: str, flag: str = "", image: str = "n8nio/n8n:1.60.0", host: str = "n.x"
) -> dict[str, str | bytes]:
    """Of the second only this is said; the first is as it should be."""
    rows = "".join(f"      - {label}\n" for label in labels)
    return {**both(*GOOD), "edge/compose.yml": SECOND % (flag, image, host, rows)}


TWO = two()
TWIN = SECOND.replace("entrypoints=inner", "entrypoints=websecure") % (
    "",
    "n8nio/n8n:1.60.0",
    "w.example.net",
    "      - traefik.http.routers.n.tls=true\n",
)
SAME = {**both(*GOOD), "edge/compose.yml": TWIN}
ONE_NETWORK = {**both(*GOOD), "edge/compose.yml": TWIN.replace("name: edge", "name: proxy")}
LONE = f"services:\n  lone:\n    image: nginx:1.99.3\n    labels: [{ON}, '{HOST}']\n"
"""The trees of two machines, side by side."""

TO_DASHBOARD = (
    "labels: [traefik.enable=true, 'traefik.http.routers.d.rule=Host(`t.x`)',"
    " traefik.http.routers.d.entrypoints=%s, traefik.http.routers.d.service=api@internal]"
)
PORTS = "ports: ['443:443']"


def fenced(ranges: str) -> dict[str, str | bytes]:
    """One router with a rate limit, and one that lets in these addresses alone."""
    allow = f"traefik.http.middlewares.f.ipallowlist.sourcerange={ranges}"
    other = routed(ON, HOST.replace("web", "b"), allow, f"{PASSES}f,safe@file".replace("web", "b"))
    return {**both(*GOOD), "b/compose.yml": other["app/compose.yml"]}


CASES = (
    Case(
        "TRF-06",
        Must.FIRE,
        "for other containers alone",
        proxy(STATIC, DYNAMIC, TO_DASHBOARD % "web", PORTS),
        severity="low",
    ),
    Case(
        "TRF-06",
        Must.FIRE,
        "for everybody",
        proxy(STATIC, DYNAMIC, TO_DASHBOARD % "websecure", PORTS),
        severity="high",
    ),
    Case(
        "TRF-06",
        Must.NEAR,
        "it is there to get a certificate",
        proxy(
            STATIC, DYNAMIC, "labels: {traefik.enable: 'true', traefik.http.routers.d.tls.domains[0].main: x}"
        ),
    ),
    Case(
        "TRF-06",
        Must.FIRE,
        "it names nothing",
        proxy(STATIC, DYNAMIC, LABELS + "a=b]"),
        says="Traefik itself",
    ),
    Case(
        "TRF-02",
        Must.UNKNOWN,
        "the resolver is set elsewhere",
        both(ON, HOST, SECURE[0], "traefik.http.routers.web.tls.certresolver=${R}"),
        says="${R}: nothing in this tree sets it",
    ),
    Case(
        "TRF-02",
        Must.UNKNOWN,
        "the middleware is set elsewhere",
        both(ON, HOST, *SECURE, PASSES + "${M}@file"),
    ),
    Case("TRF-01", Must.NEAR, "what is set elsewhere", both(ON, HOST, PASSES + "${M}", ENTRY)),
    Case(
        "TRF-11",
        Must.UNKNOWN,
        "the network is set elsewhere",
        {**proxy(), "app/compose.yml": _on_network("${NET}")},
        says="the network ${NET}: nothing in this tree sets it",
    ),
    Case("TRF-02", Must.PASS, "another Traefik's routes", TWO),
    Case(
        "TRF-02",
        Must.FIRE,
        "another Traefik knows no such middleware",
        two("traefik.http.routers.n.middlewares=all@file"),
        says="the router n names the middleware all@file",
    ),
    Case(
        "TRF-02",
        Must.NEAR,
        "a label beside the first Traefik defines it",
        two("traefik.http.routers.n.middlewares=shared@docker")
        | routed(*GOOD, "traefik.http.middlewares.shared.compress=true"),
    ),
    Case("TRF-05", Must.FIRE, "another Traefik's", two(flag=", --api.insecure=true"), says="api.insecure"),
    Case("TRF-07", Must.FIRE, "behind another Traefik", two(image="adminer:4.8.1"), says="adminer is routed"),
    Case("TRF-12", Must.NEAR, "on another machine's Traefik", SAME),
    Case("TRF-12", Must.FIRE, "the same on one machine", ONE_NETWORK, says="has the rule"),
    Case(
        "TRF-11",
        Must.FIRE,
        "apart from the Traefik beside it",
        TWO | {"edge/lone/compose.yml": LONE},
        says="shares no network with edge/traefik",
    ),
    Case(
        "TRF-02",
        Must.UNKNOWN,
        "the file provider's folder is relative",
        {**proxy(STATIC.replace("/etc/traefik/dynamic", "./dynamic")), **routed(*GOOD)},
    ),
    Case("TRF-11", Must.PASS, "another Traefik reaches it", TWO),
    Case("TRF-02", Must.PASS, "the file in the working directory", BESIDE),
    Case(
        "TRF-05",
        Must.FIRE,
        "the file in the working directory",
        BESIDE | {"traefik/traefik.yml": STATIC.replace("dashboard: true", "insecure: true")},
        at="traefik/traefik.yml:1:7",
    ),
    Case(
        "TRF-02",
        Must.FIRE,
        "the file provider's folder is not mounted",
        UNMOUNTED,
        says="all@file, which does",
    ),
    Case("TRF-10", Must.FIRE, "none at all", limited("{average: 0}"), says="which is no limit at all"),
    Case("TRF-10", Must.FIRE, "no average", limited("{burst: 100}"), says="which is no limit at all"),
    Case("TRF-10", Must.FIRE, "a page is too much", limited("{average: 6, period: 1m}"), says="makes more"),
    Case("TRF-10", Must.FIRE, "a label", both(ON, HOST, SLACK), says="slack@docker has the average 0"),
    Case("TRF-10", Must.PASS, "for people", limited("{average: 100, burst: 200}")),
    Case("TRF-10", Must.NEAR, "a login, slow and with room", limited("{average: 6, period: 1m, burst: 30}")),
    Case("TRF-10", Must.NEAR, "ten a second", limited("{average: 10}")),
    Case("TRF-10", Must.UNKNOWN, "no number", limited("{average: '{{ env \"X\" }}'}")),
    Case("TRF-01", Must.FIRE, "no rule", both(ON), says="no rule says when"),
    Case("TRF-01", Must.FIRE, "no entry points", both(ON, HOST, f"{PASSES}all@file"), says="no entry points"),
    Case("TRF-01", Must.FIRE, "no tls", both(ON, HOST, SECURE[0], f"{PASSES}all@file"), says="no tls"),
    Case("TRF-01", Must.FIRE, "no middleware", both(ON, HOST, *SECURE), says="no middleware"),
    Case(
        "TRF-01",
        Must.FIRE,
        "which port",
        both(*GOOD, lines="    expose: ['80', '81']\n"),
        says="several ports",
    ),
    Case("TRF-01", Must.PASS, "all of it", both(*GOOD)),
    Case(
        "TRF-01",
        Must.NEAR,
        "tls on the entry point",
        {
            **proxy(
                STATIC.replace(
                    "{address: ':443'}",
                    TLS,
                )
            ),
            **routed(ON, HOST, SECURE[0]),
        },
    ),
    Case("TRF-01", Must.NEAR, "not enabled", both("traefik.enable=false", HOST)),
    Case(
        "TRF-02",
        Must.FIRE,
        "a middleware",
        both(ON, HOST, *SECURE, f"{PASSES}nope@file"),
        says="middleware nope@file",
    ),
    Case(
        "TRF-02",
        Must.FIRE,
        "the wrong provider",
        both(ON, HOST, *SECURE, f"{PASSES}limit"),
        says="limit@docker",
    ),
    Case(
        "TRF-02",
        Must.FIRE,
        "an entry point",
        both(ON, HOST, "traefik.http.routers.web.entrypoints=https"),
        says="entry point https",
    ),
    Case(
        "TRF-02",
        Must.FIRE,
        "a resolver",
        both(ON, HOST, SECURE[0], "traefik.http.routers.web.tls.certresolver=zz"),
        says="resolver zz",
    ),
    Case(
        "TRF-02",
        Must.FIRE,
        "a service",
        both(*GOOD, "traefik.http.routers.web.service=zz"),
        says="service zz",
    ),
    Case("TRF-02", Must.PASS, "all defined", both(*GOOD)),
    Case(
        "TRF-02",
        Must.NEAR,
        "defined by another service's labels",
        {
            **both(ON, HOST, *SECURE, f"{PASSES}mine"),
            "b/compose.yml": "services:\n  b:\n    image: b:1.0.0\n"
            "    labels: [traefik.enable=true, traefik.http.middlewares.mine.compress=true]\n",
        },
    ),
    Case("TRF-02", Must.NEAR, "another provider's", both(ON, HOST, *SECURE, f"{PASSES}x@kubernetescrd")),
    Case("TRF-02", Must.NEAR, "Traefik's own", both(*GOOD, "traefik.http.routers.web.service=api@internal")),
    Case(
        "TRF-02",
        Must.UNKNOWN,
        "the file provider's folder is elsewhere",
        {
            **proxy(STATIC.replace("/etc/traefik/dynamic", "/dyn")),
            **routed(ON, HOST, *SECURE, f"{PASSES}x@file"),
            "traefik/compose.yml": ELSEWHERE.replace("./dynamic:/etc/traefik/dynamic", "/opt/dynamic:/dyn"),
        },
    ),
    Case("TRF-03", Must.PASS, "the other one only sends on", both(*GOOD, *TO_HTTPS)),
    Case("TRF-04", Must.PASS, "the other one only sends on", both(*GOOD, *TO_HTTPS)),
    Case(
        "TRF-07",
        Must.NEAR,
        "it is dropped",
        both(ON, HOST, *SECURE, f"{PASSES}nowhere@file", image="prom/prometheus:v2.54.1"),
    ),
    Case("TRF-02", Must.UNKNOWN, "Traefik is elsewhere", routed(ON, HOST, f"{PASSES}x@file")),
    Case(
        "TRF-02",
        Must.NEAR,
        "case does not matter",
        both(ON, HOST, PASSES + "all@file", "traefik.http.routers.web.entrypoints=webSecure"),
    ),
    Case(
        "TRF-03",
        Must.FIRE,
        "by nobody",
        both(ON, HOST, *SECURE, f"{PASSES}safe@file"),
        at="traefik/dynamic/m.yml:3:5",
        says="none of 1 routers",
    ),
    Case(
        "TRF-03",
        Must.FIRE,
        "by some",
        {
            **both(*GOOD),
            "b/compose.yml": routed(ON, HOST.replace("web", "b"), f"{PASSES}safe@file".replace("web", "b"))[
                "app/compose.yml"
            ],
        },
        says="the router b",
    ),
    Case("TRF-03", Must.PASS, "in a chain", both(*GOOD)),
    Case("TRF-03", Must.PASS, "the other one is for a VPN alone", fenced("10.8.0.0/24, fd00::/8")),
    Case("TRF-03", Must.FIRE, "the other one is for some of the internet", fenced("10.8.0.0/24, 8.8.8.0/24")),
    Case("TRF-03", Must.FIRE, "the other one is for all", fenced("0.0.0.0/0")),
    Case("TRF-03", Must.FIRE, "whom the other one is for cannot be told", fenced("example.org")),
    Case(
        "TRF-03",
        Must.NEAR,
        "on the entry point",
        {
            **proxy(
                STATIC.replace("{address: ':443'}", "{address: ':443', http: {middlewares: [limit@file]}}")
            ),
            **routed(ON, HOST, *SECURE),
        },
    ),
    Case(
        "TRF-03",
        Must.NEAR,
        "none is defined",
        {
            **proxy(dynamic="http: {middlewares: {safe: {headers: {frameDeny: true}}}}\n"),
            **routed(ON, HOST, *SECURE),
        },
    ),
    Case(
        "TRF-04",
        Must.FIRE,
        "by nobody",
        both(ON, HOST, *SECURE, f"{PASSES}limit@file"),
        says="safe@file is passed by none",
    ),
    Case("TRF-04", Must.PASS, "passed", both(*GOOD)),
    Case(
        "TRF-04",
        Must.NEAR,
        "headers of another kind",
        {
            **proxy(dynamic="http: {middlewares: {h: {headers: {customRequestHeaders: {X-A: b}}}}}\n"),
            **routed(ON, HOST, *SECURE),
        },
    ),
    Case(
        "TRF-05",
        Must.FIRE,
        "in the file",
        proxy(STATIC.replace("{dashboard: true}", "{dashboard: true, insecure: true}")),
        at="traefik/traefik.yml:1:24",
        severity="high",
    ),
    Case(
        "TRF-05",
        Must.FIRE,
        "as a flag",
        no_file("command: [--api.insecure=true]"),
        severity="high",
    ),
    Case(
        "TRF-05",
        Must.FIRE,
        "it answers",
        proxy(STATIC),
        says="answers at http://traefik:8080",
        live=Live(traefik=Traefik("http://traefik:8080"), no_traefik=""),
    ),
    Case(
        "TRF-05",
        Must.PASS,
        "on loopback alone",
        proxy(STATIC),
        live=Live(traefik=Traefik("http://127.0.0.1:8080"), no_traefik=""),
    ),
    Case(
        "TRF-05",
        Must.FIRE,
        "as a flag without a value",
        no_file("command: --api.insecure --log.level=INFO"),
    ),
    Case(
        "TRF-05",
        Must.FIRE,
        "in the environment",
        no_file("environment: {TRAEFIK_API_INSECURE: 'true'}"),
    ),
    Case(
        "TRF-05",
        Must.FIRE,
        "and the port is open",
        proxy(STATIC.replace("{dashboard: true}", "{insecure: true}"), DYNAMIC, "ports: ['8080:8080']"),
        severity="critical",
    ),
    Case("TRF-05", Must.PASS, "off", proxy()),
    Case(
        "TRF-05",
        Must.NEAR,
        "a flag that the file makes void",
        proxy(STATIC, DYNAMIC, "command: [--api.insecure=true]"),
    ),
    Case(
        "TRF-05", Must.NEAR, "said to be off", proxy(STATIC.replace("{dashboard: true}", "{insecure: false}"))
    ),
    Case("TRF-05", Must.UNKNOWN, "its file does not parse", proxy("api: [\n")),
    Case(
        "TRF-06",
        Must.FIRE,
        "no password",
        proxy(
            STATIC,
            DYNAMIC,
            f"{LABELS}{TO_API}]",
        ),
        says="without asking for a password",
    ),
    Case(
        "TRF-06",
        Must.FIRE,
        "nothing listens",
        proxy(
            STATIC,
            DYNAMIC,
            f"{LABELS}traefik.http.services.d.loadbalancer.server.port=8080]",
        ),
        says="nothing listens",
    ),
    Case(
        "TRF-06",
        Must.PASS,
        "as it should be",
        proxy(
            STATIC,
            DYNAMIC,
            f"{LABELS}{TO_API}, traefik.http.routers.d.middlewares=who@file]",
        ),
    ),
    Case(
        "TRF-06",
        Must.NEAR,
        "another service's port 8080",
        both(*GOOD, "traefik.http.services.web.loadbalancer.server.port=8080"),
    ),
    Case(
        "TRF-07",
        Must.FIRE,
        "another word of two makers",
        both(*GOOD, image="jaegertracing/all-in-one:1.60"),
        says="all-in-one is routed",
    ),
    Case("TRF-07", Must.NEAR, "of the other maker", both(*GOOD, image="nextcloud/all-in-one:20240808")),
    Case(
        "TRF-07",
        Must.FIRE,
        "prometheus",
        both(*GOOD, image="prom/prometheus:v2.54.1"),
        says="prometheus is routed",
    ),
    Case(
        "TRF-07",
        Must.PASS,
        "with a password",
        both(ON, HOST, *SECURE, f"{PASSES}who@file", image="prom/prometheus:v2.54.1"),
    ),
    Case("TRF-07", Must.NEAR, "with a login of its own", both(*GOOD, image="grafana/grafana:11.2.0")),
    Case("TRF-07", Must.NEAR, "not routed", both("traefik.enable=false", image="prom/prometheus:v2.54.1")),
    Case("TRF-08", Must.FIRE, "the same port", both(*GOOD, SERVER, lines=PORT), says="port 8080"),
    Case("TRF-08", Must.PASS, "none", both(*GOOD, SERVER)),
    Case("TRF-08", Must.NEAR, "loopback", both(*GOOD, SERVER, lines="    ports: ['127.0.0.1:8080:80']\n")),
    Case("TRF-08", Must.NEAR, "another port", both(*GOOD, SERVER, lines="    ports: ['2222:22']\n")),
    Case(
        "TRF-14",
        Must.FIRE,
        "on",
        proxy(STATIC.replace("exposedByDefault: false", "exposedByDefault: true")),
        at="traefik/traefik.yml:6:12",
    ),
    Case("TRF-14", Must.FIRE, "nothing is said", proxy(STATIC.replace("{exposedByDefault: false}", "{}"))),
    Case("TRF-14", Must.PASS, "off", proxy()),
    Case("TRF-14", Must.NEAR, "no Docker provider", proxy("entryPoints: {web: {address: ':80'}}\n")),
    Case(
        "TRF-14",
        Must.NEAR,
        "off as a flag",
        proxy(
            "ping: {}\n", DYNAMIC, "command: [--providers.docker, --providers.docker.exposedbydefault=false]"
        ),
    ),
    Case("TRF-11", Must.FIRE, "no common network", both(*GOOD, networks="[inner]"), says="shares no network"),
    Case("TRF-11", Must.FIRE, "several", both(*GOOD, networks="[proxy, inner]"), says="several networks"),
    Case("TRF-11", Must.PASS, "one", both(*GOOD)),
    Case(
        "TRF-11",
        Must.UNKNOWN,
        "several, and what the provider says is not here",
        {**proxy(), **routed(*GOOD, networks="[proxy, inner]"), "traefik/traefik.yml": "api: [\n"},
    ),
    Case(
        "TRF-11",
        Must.NEAR,
        "several, and a label says which",
        both(*GOOD, "traefik.docker.network=proxy", networks="[proxy, inner]"),
    ),
    Case(
        "TRF-11",
        Must.NEAR,
        "several, and the provider says which",
        {
            **proxy(STATIC.replace("exposedByDefault: false", "exposedByDefault: false, network: proxy")),
            **routed(*GOOD, networks="[proxy, inner]"),
        },
    ),
)
