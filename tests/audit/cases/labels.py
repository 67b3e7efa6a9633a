from tests.audit.cases.case import Case, Must, app, web
from tests.audit.cases.traefik import GOOD, HOST, ON, STATIC, both, proxy, routed

FIRE, NEAR, PASS = Must.FIRE, Must.NEAR, Must.PASS
TWO = "traefik:v2.11.0"


def headed(text: str, image: str = "") -> dict[str, str | bytes]:
    files = proxy(dynamic=f"http: {{middlewares: {{safe: {{headers: {{{text}}}}}}}}}\n")
    if image:
        files["traefik/compose.yml"] = str(files["traefik/compose.yml"]).replace("traefik:v3.1.4", image)
    return files


CASES = (
    Case(
        "TRF-09",
        FIRE,
        "to the application",
        headed("customRequestHeaders: {X-Frame-Options: DENY, X-Real: a}"),
        says="x-frame-options under customRequestHeaders",
    ),
    Case("TRF-09", FIRE, "short", headed("stsPreload: true, stsSeconds: 3600"), says="stsSeconds 3600"),
    Case("TRF-09", FIRE, "alone", headed("stsPreload: true, stsSeconds: 63072000"), says="IncludeSub"),
    Case("TRF-09", FIRE, "gone", headed("sslRedirect: true"), says="sslredirect is not known"),
    Case("TRF-09", NEAR, "Traefik 2 knows it", headed("sslRedirect: true", TWO)),
    Case("TRF-09", NEAR, "a header of requests", headed("customRequestHeaders: {X-Forwarded-Proto: https}")),
    Case(
        "TRF-09",
        PASS,
        "whole",
        headed("stsPreload: true, stsSeconds: 63072000, stsIncludeSubdomains: true, frameDeny: true"),
    ),
    Case(
        "TRF-15",
        FIRE,
        "a router's key",
        both(ON, HOST, "traefik.http.routers.web.entrypoint=websecure"),
        says="is entrypoints meant?",
    ),
    Case(
        "TRF-15",
        FIRE,
        "a middleware's key",
        both(*GOOD, "traefik.http.middlewares.a.ratelimit.avrage=1"),
        says="average",
    ),
    Case("TRF-15", FIRE, "a port's key", both(*GOOD, "traefik.http.services.w.loadbalancer.server.prot=1")),
    Case("TRF-15", FIRE, "of Traefik 1", both(ON, "traefik.frontend.rule=Host:a"), says="Traefik 1"),
    Case("TRF-15", FIRE, "one letter", both("traefik.enabled=true", HOST), count=2),
    Case("TRF-15", FIRE, "not let in", both(HOST), says="none says traefik.enable=true", count=1),
    Case(
        "TRF-15",
        NEAR,
        "all are let in",
        {**proxy(STATIC.replace("exposedByDefault: false", "exposedByDefault: true")), **routed(HOST)},
    ),
    Case("TRF-15", NEAR, "of another program", app(web("labels: {traefikish.x: y, com.traefik: z}"))),
    Case("TRF-15", NEAR, "in capitals", both(ON, "traefik.http.routers.web.entryPoints=web")),
    Case(
        "TRF-15",
        PASS,
        "every kind",
        both(
            *GOOD,
            "traefik.docker.network=proxy",
            "traefik.http.routers.web.tls.domains[0].main=a.b",
            "traefik.http.services.w.loadbalancer.sticky.cookie.name=a",
            "traefik.http.services.w.loadbalancer.healthcheck.path=/",
            "traefik.http.middlewares.m.headers.customresponseheaders.X-A=b",
            "traefik.http.middlewares.p.plugin.bouncer.enabled=true",
            "traefik.http.middlewares.c.compress=true",
            "traefik.tcp.routers.t.rule=HostSNI(`*`)",
            "traefik.udp.services.u.loadbalancer.server.port=53",
        ),
    ),
)
