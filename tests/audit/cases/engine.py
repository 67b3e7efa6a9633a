from collections.abc import Sequence

from estate.model import Facts, Image, State
from tests.audit.cases.case import Case, Must, app, web
from tests.audit.estate import Runs

FIRE, NEAR, PASS = Must.FIRE, Must.NEAR, Must.PASS
NGINX = "nginx:1.99.3"
HERE = Facts(architecture="x86_64", networks=frozenset({"bridge", "proxy"}), volumes=frozenset({"kept"}))
OPEN = "[DEPRECATION NOTICE]: API is accessible on http://0.0.0.0:2375 without encryption."
OUTSIDE = "networks:\n  p: {external: true, name: proxy}\n"
MIB = 2**20
DAY = 86400.0


def image(number: int, *tags: str, architecture: str = "amd64", user: str = "") -> Image:
    digests = (f"{tags[0].partition(':')[0]}@sha256:{str(number) * 64}",) if tags else ()
    return Image(f"sha256:{number}", "local", tags, digests, 1, None, "linux", architecture, user=user)


def run(rule: str, must: Must, what: str, one: Runs, *lines: str, **more: object) -> Case:
    files = app(web(*lines))
    return Case(rule, must, what, files, runs=[one], facts=HERE, **more)  # type: ignore[arg-type]


def busy(*cpu: float) -> Sequence[tuple[float, int]]:
    return [(one, MIB) for one in cpu]


def full(*mib: int) -> Sequence[tuple[float, int]]:
    return [(1.0, one * MIB) for one in mib]


def external(*lines: str, top: str = OUTSIDE) -> dict[str, str | bytes]:
    return app(web(*lines) + top)


UP = Runs("web", image=NGINX)
DOWN = Runs("web", image=NGINX, state=State.EXITED)
OLD = [image(1), image(2, NGINX)]
PINNED = app(web(image=f"nginx:1.99.3@sha256:{'1' * 64}"))
CASES = (
    run(
        "IMG-06",
        FIRE,
        "pulled since",
        UP,
        images=OLD,
        says="a newer one was pulled",
        at="app/compose.yml:3:12",
    ),
    run("IMG-06", FIRE, "another tag", Runs("web", image="nginx:1.26.0"), images=[image(1, "nginx:1.26.0")]),
    run("IMG-06", FIRE, "another name", Runs("web", image="httpd:2.4.62"), says="made from httpd"),
    run("IMG-06", NEAR, "written otherwise", Runs("web", image="docker.io/library/nginx:1.99.3")),
    run("IMG-06", NEAR, "its tag was taken away", Runs("web", image="sha256:" + "1" * 64), images=[image(1)]),
    run("IMG-06", NEAR, "it does not run", DOWN, images=OLD),
    Case("IMG-06", NEAR, "by digest", PINNED, runs=[UP], facts=HERE, images=[image(1, NGINX)]),
    run("IMG-06", PASS, "the same", UP, images=[image(1, NGINX)]),
    run(
        "IMG-12", FIRE, "of another", UP, images=[image(1, NGINX, architecture="arm64")], says="is for arm64"
    ),
    run("IMG-12", NEAR, "of the same family", UP, images=[image(1, NGINX, architecture="386")]),
    run("IMG-12", NEAR, "not known", UP, images=[image(1, NGINX, architecture="")]),
    run("IMG-12", PASS, "the same", UP, images=[image(1, NGINX)]),
    run("SEC-14", FIRE, "nobody said", UP, "ports: ['80:80']", images=[image(1, NGINX)]),
    run("SEC-14", NEAR, "the file says", UP, "ports: ['80:80']", "user: '1000'", images=[image(1, NGINX)]),
    run("SEC-14", NEAR, "nobody outside reaches it", UP, images=[image(1, NGINX)]),
    run("SEC-14", PASS, "a user", UP, "ports: ['80:80']", images=[image(1, NGINX, user="1000:1000")]),
    run(
        "ENV-10",
        FIRE,
        "two",
        Runs("web", environment={"DB_PASSWORD": "geheim-7a", "API_TOKEN": "x9", "TZ": "UTC"}),
        says="shows 2 variables",
    ),
    run("ENV-10", NEAR, "a file's name", Runs("web", environment={"DB_PASSWORD_FILE": "/run/secrets/db"})),
    run("ENV-10", NEAR, "empty", Runs("web", environment={"DB_PASSWORD": ""})),
    run("ENV-10", PASS, "none", UP),
    run("RES-04", FIRE, "no end", Runs("web", log=("json-file", {})), says="without an end"),
    run("RES-04", PASS, "an end", Runs("web", log=("json-file", {"max-size": "10m"}))),
    run("RES-04", NEAR, "another driver", Runs("web", log=("journald", {}))),
    run("RES-04", NEAR, "not known", UP),
    Case(
        "CMP-07",
        FIRE,
        "a network",
        external("networks: [p]", top=OUTSIDE.replace("proxy", "px")),
        runs=[UP],
        facts=HERE,
        says="the network px",
    ),
    Case(
        "CMP-07",
        FIRE,
        "a volume",
        external("volumes: ['v:/v']", top="volumes: {v: {external: true}}\n"),
        runs=[UP],
        facts=HERE,
        at="app/compose.yml:5:11",
    ),
    Case("CMP-07", PASS, "it is there", external("networks: [p]"), runs=[UP], facts=HERE),
    Case(
        "CMP-07",
        NEAR,
        "nobody uses it",
        external(top="volumes: {v: {external: true}}\n"),
        runs=[UP],
        facts=HERE,
    ),
    Case(
        "CMP-07",
        NEAR,
        "its own",
        external("volumes: ['v:/v']", top="volumes: {v: {}}\n"),
        runs=[UP],
        facts=HERE,
    ),
    Case(
        "CMP-07", Must.UNKNOWN, "refused", external("networks: [p]"), runs=[UP], no_facts="refused by a proxy"
    ),
    run("RES-02", FIRE, "nearly", Runs("web", memory=100 * MIB, used=full(95, 96, 97)), says="97 of 100 MiB"),
    run("RES-02", NEAR, "once", Runs("web", memory=100 * MIB, used=full(95, 50, 97))),
    run("RES-02", NEAR, "no limit", Runs("web", used=full(9500, 9600, 9700))),
    run("RES-02", PASS, "half", Runs("web", memory=100 * MIB, used=full(50, 51, 52))),
    run(
        "RES-03",
        FIRE,
        "all the time",
        Runs("web", used=busy(1.4 * DAY, 1.4 * DAY + 1, 1.4 * DAY + 2)),
        says="100% of a processor",
    ),
    run("RES-03", NEAR, "one look", Runs("web", used=busy(DAY))),
    run("RES-03", NEAR, "not now", Runs("web", used=busy(DAY, DAY + 1, DAY + 1))),
    run("RES-03", Must.UNKNOWN, "only now", Runs("web", used=busy(100, 101, 102))),
    run("RES-03", PASS, "idle", Runs("web", used=busy(10, 10.01, 10.02))),
    Case("HOST-02", FIRE, "open", app(web()), runs=[UP], facts=Facts(warnings=(OPEN,)), severity="critical"),
    Case(
        "HOST-02", FIRE, "restarts", app(web()), runs=[UP], facts=Facts(live_restore=False), severity="info"
    ),
    Case("HOST-02", NEAR, "older kernels", app(web()), runs=[UP], facts=Facts()),
    Case("HOST-02", PASS, "well", app(web()), runs=[UP], facts=HERE),
    Case("HOST-02", Must.UNKNOWN, "refused", app(web()), runs=[UP], no_facts="refused by a proxy"),
)
