from estate.snapshot.published import Published
from tests.audit.cases.case import Case, Must, app, web

FIRE, NEAR, PASS, UNKNOWN = Must.FIRE, Must.NEAR, Must.PASS, Must.UNKNOWN
ONE, TWO, CHILD = (f"sha256:{number * 64}" for number in "123")


def digests(tag: str, *found: str) -> Published:
    return Published(digests={tag: frozenset(found)})


def tags(repository: str, *names: str) -> Published:
    return Published(tags={repository: names})


def away(what: str, why: str) -> Published:
    return Published(unasked={what: why})


def of(rule: str, must: Must, image: str, published: Published, **more: object) -> Case:
    return Case(rule, must, image, app(web(image=image)), published=published, **more)  # type: ignore[arg-type]


GRAFANA, HUB_GRAFANA = f"grafana/grafana:11.2.0@{ONE}", "docker.io/grafana/grafana:11.2.0"
POSTGRES = "docker.io/library/postgres"

CASES = (
    of(
        "IMG-05",
        FIRE,
        GRAFANA,
        digests(HUB_GRAFANA, TWO, CHILD),
        says="names another image",
        severity="high",
        at="app/compose.yml:3:12",
    ),
    of(
        "IMG-05",
        FIRE,
        f"postgres:16@{ONE}",
        digests(f"{POSTGRES}:16", TWO),
        says="moved on",
        severity="low",
    ),
    of("IMG-05", PASS, GRAFANA, digests(HUB_GRAFANA, ONE)),
    of("IMG-05", PASS, f"grafana/grafana:11.2.0@{CHILD}", digests(HUB_GRAFANA, TWO, CHILD)),
    of("IMG-05", NEAR, f"grafana/grafana@{ONE}", digests(HUB_GRAFANA, TWO)),
    of("IMG-05", NEAR, "grafana/grafana:11.2.0", digests(HUB_GRAFANA, TWO)),
    of("IMG-05", UNKNOWN, GRAFANA, digests(HUB_GRAFANA)),
    of("IMG-05", UNKNOWN, GRAFANA, away("docker.io", "the registry docker.io does not answer")),
    of("IMG-05", UNKNOWN, GRAFANA, away("docker.io/grafana/grafana", "wants a login")),
    of(
        "IMG-07",
        FIRE,
        "postgres:15.3-alpine",
        tags(POSTGRES, "15.8-alpine", "15.9", "16.2-alpine", "17-alpine", "18.0rc1-alpine", "15.10-alpine"),
        says="15.10-alpine is there; 16.2-alpine, across a major version",
        severity="info",
    ),
    of("IMG-07", FIRE, "postgres:15-alpine", tags(POSTGRES, "16-alpine"), says="16-alpine, across"),
    of(
        "IMG-07",
        FIRE,
        "postgres:15.3-alpine3.18",
        tags(POSTGRES, "15.4-alpine3.19"),
        says="15.4-alpine3.19 is there",
    ),
    of(
        "IMG-07",
        FIRE,
        "ghcr.io/mailu/admin:2024.06",
        tags("ghcr.io/mailu/admin", "2024.09", "2024.06.37"),
        says="2024.09 is there",
    ),
    of("IMG-07", PASS, "postgres:15.3-alpine", tags(POSTGRES, "15.3-alpine", "15.4", "16.0-bookworm")),
    of("IMG-07", PASS, "postgres:15.3", tags(POSTGRES, "15.4rc1", "16beta1", "v16.0", "16", "20240101")),
    of("IMG-07", NEAR, "postgres:alpine", tags(POSTGRES, "16-alpine", "16.0")),
    of("IMG-07", NEAR, "postgres:${VERSION}", tags(POSTGRES, "16.0")),
    Case(
        "IMG-07",
        NEAR,
        "what is built here",
        app(web("build: .", image="postgres:15.3")),
        published=tags(POSTGRES, "16.0"),
    ),
    of("IMG-07", NEAR, "postgres:alpine", away("docker.io", "the registry docker.io does not answer")),
    of("IMG-07", UNKNOWN, "postgres:15.3", away("docker.io", "the registry docker.io does not answer")),
)
