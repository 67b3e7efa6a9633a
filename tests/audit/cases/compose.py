from estate.snapshot.machine import Machine
from tests.audit.cases.case import Case, Must, app, web

EXTENDS = web("extends: {service: base}")

AWAY = "".join(
    f"  {name}:\n    image: example/{name}:1.2.3\n    extends: {{file: ../base.yml, service: base}}\n"
    for name in ("web", "db")
)

BESIDE = "  db:\n    image: example/db:1.2.3\n    env_file: b/x.env\n"

OVERLAY: dict[str, str | bytes] = {
    "over/compose.yml": "services:\n  web:\n    environment: {A: b}\n    networks: [front]\n"
    "  more:\n    image: nginx:1.99.3\n    networks: [front]\n    privileged: true\n"
    "    volumes: ['./over/a.conf:/a.conf']\n"
}
"""`docker compose -f compose.yml -f over/compose.yml`, from the folder above."""

CASES = (
    Case("CMP-01", Must.FIRE, "extends what is not there", app(EXTENDS), says="base"),
    Case("CMP-01", Must.PASS, "as it should be", app(web())),
    Case(
        "CMP-01",
        Must.FIRE,
        "a base's file is not there",
        app(AWAY),
        says="web extends base in ../base.yml: there is no such file; 1 more names it",
        count=1,
    ),
    Case(
        "CMP-01",
        Must.FIRE,
        "an env file is not there",
        app(web("env_file: gone.env")),
        says="Compose would stop here: gone.env: there is no such file",
        at="app/compose.yml:4:15",
        count=1,
    ),
    Case(
        "CMP-01",
        Must.FIRE,
        "of two that are called the same the one that is not there",
        {**app(web("env_file: a/x.env") + BESIDE), "app/a/x.env": "A=1\n"},
        at="app/compose.yml:7:15",
        count=1,
    ),
    Case(
        "CMP-01",
        Must.UNKNOWN,
        "COMPOSE_FILE names one that is not there",
        {**app(web()), "app/.env": "COMPOSE_FILE=compose.yml:more.yml\n"},
    ),
    Case(
        "CMP-01",
        Must.NEAR,
        "which one is not known, and ENV-06 says why",
        app(web("env_file: ${WHERE}/.env")),
    ),
    Case(
        "CMP-01",
        Must.UNKNOWN,
        "it is put over another file",
        OVERLAY,
        says="over/compose.yml: web has neither image nor build: it is put over another file (-f)",
    ),
    Case(
        "CMP-02", Must.UNKNOWN, "its file is put over another one", OVERLAY, says="is put over another file"
    ),
    Case("CMP-08", Must.UNKNOWN, "its paths begin elsewhere", OVERLAY),
    Case(
        "DEP-05", Must.UNKNOWN, "another file may say it", OVERLAY, says="2 services: over/compose.yml is put"
    ),
    Case("SEC-01", Must.FIRE, "in what is put over another file", OVERLAY),
    Case(
        "CMP-06",
        Must.NEAR,
        "one of them is put over another file",
        OVERLAY | {"a/over/compose.yml": f"services:\n{web()}"},
    ),
    Case("CMP-01", Must.FIRE, "a brace that begins no variable", app(web("command: '${1}'"))),
    Case("CMP-01", Must.NEAR, "a dollar alone", app(web("command: '^/(sys|proc)($|/)'"))),
    Case(
        "CMP-01",
        Must.UNKNOWN,
        "it lies outside, and nobody looked at the machine",
        app(web("env_file: /run/secrets/gone")),
        says="/run/secrets/gone lies outside of this tree",
    ),
    Case(
        "CMP-01",
        Must.FIRE,
        "it lies outside, of the machine that was looked at",
        app(web("env_file: /run/secrets/gone")),
        machine=Machine(0, 1, 1),
    ),
    Case("CMP-01", Must.PASS, "it need not be", app(web("env_file: [{path: gone.env, required: false}]"))),
    Case(
        "CMP-01",
        Must.UNKNOWN,
        "git is not to have it",
        {**app(web("env_file: conf/gone.env")), ".gitignore": "# mine\n!keep\n/app/conf/*.env\n"},
    ),
    Case(
        "CMP-01",
        Must.FIRE,
        "git is to have it, of all of its kind",
        {**app(web("env_file: gone.env")), ".gitignore": "*.env\n!gone.env\n"},
    ),
    Case(
        "CMP-01",
        Must.UNKNOWN,
        "git is not to have its folder",
        {**app(web("env_file: conf/gone")), "app/.gitignore": "conf/\n"},
    ),
    Case(
        "CMP-01",
        Must.FIRE,
        "a row that is no pattern says nothing",
        {**app(web("env_file: gone.env")), ".gitignore": "!\n"},
    ),
    Case(
        "CMP-01",
        Must.UNKNOWN,
        "an example stands beside it",
        {**app(web("env_file: gone.env")), "app/gone.env.example": "A=1\n"},
    ),
    Case("CMP-01", Must.NEAR, "extends what is there", app(EXTENDS + "  base:\n    image: nginx:1.99.3\n")),
    Case(
        "CMP-01",
        Must.FIRE,
        "a key twice",
        app(web("image: nginx:1.99.4")),
        at="app/compose.yml:4:5",
        says="Compose would stop here: 'image' is there twice",
        count=1,
    ),
    Case("CMP-01", Must.UNKNOWN, "a tab", app("  web:\n\timage: x\n")),
    Case("CMP-01", Must.UNKNOWN, "a fragment", app("  web:\n    <<: *base\n    image: nginx:1.99.3\n")),
    Case("CMP-01", Must.UNKNOWN, "binary", {"app/compose.yml": b"services:\n  web:\n    image: \xff\xfe\n"}),
    Case(
        "CMP-02",
        Must.FIRE,
        "a network",
        app(web("networks: [front]")),
        at="app/compose.yml:4:15",
        says="front",
    ),
    Case("CMP-02", Must.FIRE, "a volume", app(web("volumes: ['data:/data']")), says="volume data"),
    Case("CMP-02", Must.FIRE, "a secret", app(web("secrets: [key]")), says="secret key"),
    Case("CMP-02", Must.FIRE, "a service", app(web("depends_on: [db]")), says="service db"),
    Case("CMP-02", Must.PASS, "defined", app(web("networks: [front]") + "networks:\n  front:\n")),
    Case("CMP-02", Must.NEAR, "the default network", app(web("networks: [default]"))),
    Case("CMP-02", Must.NEAR, "a folder", app(web("volumes: ['./data:/data', '/srv/x:/y', '~/z:/z']"))),
    Case("CMP-02", Must.NEAR, "an anonymous volume", app(web("volumes: ['/data']"))),
    Case(
        "CMP-02",
        Must.NEAR,
        "not required",
        app(web("depends_on: {db: {condition: service_started, required: false}}")),
    ),
    Case("CMP-02", Must.NEAR, "the host's network", app(web("network_mode: host"))),
    Case(
        "CMP-04",
        Must.FIRE,
        "version",
        {"app/compose.yml": f"version: '3'\nservices:\n{web()}"},
        at="app/compose.yml:1",
        severity="info",
    ),
    Case("CMP-04", Must.PASS, "none", app(web())),
    Case("CMP-04", Must.NEAR, "a variable that is called so", app(web("environment: {version: '3'}"))),
    Case(
        "CMP-05",
        Must.FIRE,
        "a container's name",
        {**app(web("container_name: web")), "b/compose.yml": f"services:\n{web('container_name: web')}"},
        says="container name web",
    ),
    Case(
        "CMP-05",
        Must.FIRE,
        "a port",
        {**app(web("ports: ['80:80']")), "b/compose.yml": f"services:\n{web('''ports: ['80:8080']''')}"},
        says="80/tcp",
    ),
    Case(
        "CMP-05",
        Must.FIRE,
        "everywhere and one address",
        {
            **app(web("ports: ['80:80']")),
            "b/compose.yml": f"services:\n{web('''ports: ['127.0.0.1:80:80']''')}",
        },
    ),
    Case(
        "CMP-05",
        Must.FIRE,
        "a default, where a .env is to be",
        {
            **app(web("ports: ['${P:-80}:80']")),
            "b/compose.yml": f"services:\n{web('ports: [80:80]')}",
            ".gitignore": ".env\n",
        },
        confidence="low",
    ),
    Case(
        "CMP-05",
        Must.NEAR,
        "names that are set elsewhere",
        {
            **app(web("container_name: ${P}_web")),
            "b/compose.yml": f"services:\n{web('container_name: ${P}_web')}",
        },
    ),
    Case("CMP-05", Must.PASS, "two ports", app(web("ports: ['80:80', '81:80']"))),
    Case(
        "CMP-05",
        Must.NEAR,
        "two addresses",
        {
            **app(web("ports: ['10.0.0.1:80:80']")),
            "b/compose.yml": f"services:\n{web('''ports: ['10.0.0.2:80:80']''')}",
        },
    ),
    Case(
        "CMP-05",
        Must.NEAR,
        "tcp and udp",
        app(web("ports: ['53:53/tcp', '53:53/udp']") + "  dns:\n    image: dns:1.0.0\n"),
    ),
    Case(
        "CMP-05",
        Must.NEAR,
        "a profile keeps one away",
        {
            **app(web("container_name: web")),
            "b/compose.yml": f"services:\n{web('container_name: web', 'profiles: [x]')}",
        },
    ),
    Case("CMP-09", Must.FIRE, "22:22", app(web("ports:", "  - 22:22")), at="app/compose.yml:5:9"),
    Case("CMP-09", Must.PASS, "quoted", app(web("ports:", "  - '22:22'"))),
    Case("CMP-09", Must.NEAR, "more than 59", app(web("ports:", "  - 22:80"))),
    Case("CMP-09", Must.NEAR, "with an address", app(web("ports:", "  - 127.0.0.1:22:22"))),
    Case(
        "CMP-08",
        Must.FIRE,
        "a file",
        app(web("volumes: ['./nginx.conf:/etc/nginx.conf:ro']")),
        says="app/nginx.conf is not there",
    ),
    Case(
        "CMP-08",
        Must.PASS,
        "it is there",
        {**app(web("volumes: ['./nginx.conf:/etc/nginx.conf:ro']")), "app/nginx.conf": ""},
    ),
    Case("CMP-08", Must.NEAR, "a folder", app(web("volumes: ['./data:/data', './conf.d:/conf.d']"))),
    Case(
        "CMP-08", Must.NEAR, "outside of the tree", app(web("volumes: ['/etc/nope.conf:/etc/nope.conf:ro']"))
    ),
)
