from tests.audit.cases.case import Case, Must, app, web
from tests.audit.cases.traefik import proxy

UPDATER = "containrrr/watchtower:1.7.1"
SHARED = "networks:\n  proxy: {external: true}\n  inner:\n"


def made(rule: str, must: Must, what: str, *lines: str, image: str = "nginx:1.99.3", **more: object) -> Case:
    return Case(rule, must, what, app(web(*lines, image=image)), **more)  # type: ignore[arg-type]


def beside(service: str, networks: str, image: str = "postgres:16.4") -> dict[str, str | bytes]:
    body = f"  {service}:\n    image: {image}\n    networks: {networks}\n{SHARED}"
    return {**proxy(), **app(body)}


FIRE, NEAR, PASS = Must.FIRE, Must.NEAR, Must.PASS

CASES = (
    made("SEC-01", FIRE, "yes", "privileged: true", at="app/compose.yml:4:5", severity="critical"),
    made("SEC-01", FIRE, "a word", "privileged: 'true'"),
    made("SEC-01", NEAR, "no", "privileged: false"),
    made("SEC-01", PASS, "nothing said"),
    made("SEC-02", FIRE, "with prefix", "cap_add: [CAP_SYS_ADMIN]", severity="critical", says="the machine"),
    made("SEC-02", FIRE, "in small letters", "cap_add: [chown, sys_time]", severity="medium", count=1),
    made("SEC-02", FIRE, "two", "cap_add: [NET_ADMIN, SYS_PTRACE]", count=2, severity="high"),
    made("SEC-02", NEAR, "a tunnel", "cap_add: [NET_ADMIN]", image="qmcgaw/gluetun:v3.39"),
    made("SEC-02", NEAR, "what Docker refuses anyway", "cap_add: [CAP_ALL]"),
    made("SEC-02", PASS, "a harmless one", "cap_add: [NET_BIND_SERVICE]"),
    made("SEC-03", FIRE, "nothing", "ports: ['80:80']", at="app/compose.yml:2:3", severity="info"),
    made("SEC-03", FIRE, "said no", "ports: ['80:80']", "security_opt: ['no-new-privileges:false']"),
    made("SEC-03", PASS, "with a colon", "security_opt: ['no-new-privileges:true']"),
    made("SEC-03", NEAR, "with an equals sign", "security_opt: [no-new-privileges=true]"),
    made("SEC-03", NEAR, "alone", "security_opt: [no-new-privileges]"),
    made("SEC-04", FIRE, "one of them", "ports: ['80:80']", "cap_drop: [CHOWN]"),
    made("SEC-04", PASS, "all", "cap_drop: [ALL]"),
    made("SEC-04", NEAR, "all, in small letters", "cap_drop: [all]", "cap_add: [CHOWN]"),
    made("SEC-05", FIRE, "nothing", "ports: ['80:80']"),
    made("SEC-05", PASS, "said", "read_only: true"),
    made("SEC-05", NEAR, "a database", "ports: ['1:5432']", image="postgres:16.4"),
    *(made(f"SEC-0{n}", NEAR, "nobody outside reaches it", "expose: ['80']") for n in (3, 4, 5)),
    made("SEC-02", NEAR, "it keeps secrets in memory", "cap_add: [IPC_LOCK]", image="hashicorp/vault:1.17.2"),
    made("SEC-06", FIRE, "host", "network_mode: host", at="app/compose.yml:4:5"),
    made("SEC-06", NEAR, "a watcher", "network_mode: host", image="prom/node-exporter:v1.8.2"),
    made("SEC-06", PASS, "a bridge", "network_mode: bridge"),
    made("SEC-07", FIRE, "processes", "pid: host", severity="high", says="end the machine's processes"),
    made("SEC-07", FIRE, "its name", "uts: host", severity="low"),
    made("SEC-07", NEAR, "of another service", "pid: 'service:web'"),
    made("SEC-07", NEAR, "a watcher", "pid: host", image="quay.io/prometheus/node-exporter:v1.8.2"),
    made("SEC-07", PASS, "nothing"),
    made("SEC-08", FIRE, "seccomp", "security_opt: ['seccomp:unconfined']", says="seccomp is turned off"),
    made("SEC-08", FIRE, "selinux", "security_opt: ['label=disable']"),
    made("SEC-08", NEAR, "a profile", "security_opt: ['seccomp:./mine.json', 'apparmor=docker-default']"),
    made("SEC-08", PASS, "nothing"),
    made("SEC-09", FIRE, "passwords", "volumes: ['/etc:/host/etc:ro']", severity="high"),
    made("SEC-09", FIRE, "keys", "volumes: ['/home/ann/.ssh:/keys:ro']"),
    made(
        "SEC-09",
        FIRE,
        "a watcher",
        "volumes: ['/:/rootfs:ro']",
        image="gcr.io/cadvisor/cadvisor:v0.49.1",
        severity="low",
    ),
    made("SEC-09", NEAR, "the clock", "volumes: ['/etc/localtime:/etc/localtime:ro']"),
    made("SEC-09", NEAR, "authorities", "volumes: ['/etc/ssl/certs:/etc/ssl/certs:ro']"),
    made("SEC-09", NEAR, "a folder of that name", "volumes: ['./etc:/etc/web:ro']"),
    made("SEC-09", PASS, "nothing"),
    made("SEC-10", FIRE, "everything", "volumes: ['/:/host']", severity="critical"),
    made("SEC-10", FIRE, "one file", "volumes: ['/etc/cron.d:/x']", severity="high"),
    Case(
        "SEC-10",
        FIRE,
        "by a volume's name",
        app(
            web("volumes: ['bin:/x']")
            + "volumes:\n  bin:\n    driver_opts: {type: none, device: /usr/bin, o: bind}\n"
        ),
        says="/usr/bin",
    ),
    made("SEC-10", NEAR, "read-only", "volumes: ['/usr/bin:/x:ro']"),
    made("SEC-10", NEAR, "certificates", "volumes: ['/etc/letsencrypt:/etc/letsencrypt']"),
    made("SEC-10", NEAR, "a name that starts like it", "volumes: ['/etcetera:/x', '/srv/etc:/y']"),
    made("SEC-10", PASS, "its own", "volumes: ['./data:/data']"),
    made(
        "SEC-11", FIRE, "a disk", "devices: ['/dev/sda:/dev/sda']", severity="critical", says="a whole disk"
    ),
    made("SEC-11", FIRE, "long", "devices: [{source: /dev/kvm, target: /dev/kvm}]", severity="medium"),
    made("SEC-11", NEAR, "pictures and sound", "devices: ['/dev/dri:/dev/dri', '/dev/snd:/dev/snd']"),
    made("SEC-11", NEAR, "a tunnel", "devices: ['/dev/net/tun']"),
    made("SEC-11", FIRE, "the kernel's log", "devices: ['/dev/kmsg']", severity="medium"),
    Case(
        "SEC-11",
        NEAR,
        "who watches it",
        app(web("devices: ['/dev/kmsg']", image="gcr.io/cadvisor/cadvisor:v0.49.1")),
    ),
    made("SEC-11", PASS, "nothing"),
    made(
        "SEC-16",
        FIRE,
        "its port is ClickHouse's by chance",
        "ports: ['8123:8123']",
        image="ghcr.io/home-assistant/home-assistant:2024.9.3",
        severity="low",
    ),
    made("SEC-06", FIRE, "it watches a database", "network_mode: host", image="x/postgres-exporter:0.16.0"),
    made("SEC-06", NEAR, "a tunnel", "network_mode: host", image="cloudflare/cloudflared:2025.1.0"),
    made(
        "SEC-09",
        FIRE,
        "who watches disks",
        "volumes: ['/dev:/dev:ro']",
        image="prometheuscommunity/smartctl-exporter:v0.13.0",
        severity="low",
    ),
    made("SEC-12", FIRE, "short", "volumes: ['./a:/a:rshared']"),
    made(
        "SEC-12",
        FIRE,
        "long",
        "volumes: [{type: bind, source: ./a, target: /a, bind: {propagation: shared}}]",
    ),
    made("SEC-12", NEAR, "the other way", "volumes: ['./a:/a:rslave', './b:/shared']"),
    made("SEC-12", PASS, "nothing"),
    made("SEC-13", FIRE, "a name", "user: root", at="app/compose.yml:4:5"),
    made("SEC-13", FIRE, "a number", "user: '0:0'"),
    made("SEC-13", NEAR, "a user of root's group", "user: '1000:0'"),
    made("SEC-13", PASS, "nothing said"),
    made("SEC-15", FIRE, "programs", "tmpfs: ['/tmp:rw,exec,size=64m']", says="exec"),
    made("SEC-15", FIRE, "a text", "tmpfs: '/tmp:suid'"),
    made("SEC-15", NEAR, "forbidden", "tmpfs: ['/tmp:noexec,nosuid,size=1m']"),
    made("SEC-15", PASS, "nothing"),
    made("SEC-16", FIRE, "a database", "ports: ['5432:5432']", image="postgres:16.4", severity="high"),
    made("SEC-16", FIRE, "a cache under another image", "ports: ['16379:6379']", severity="high"),
    made("SEC-16", FIRE, "an application", "ports: ['0.0.0.0:8080:80']", severity="low"),
    made("SEC-16", FIRE, "long", "ports: [{target: 3000, published: '3000'}]"),
    made("SEC-16", NEAR, "this machine only", "ports: ['127.0.0.1:5432:5432', '[::1]:80:80']"),
    made("SEC-16", NEAR, "the proxy", "ports: ['80:80', '443:443']"),
    made("SEC-16", NEAR, "mail", "ports: ['25:25', '993:993']", image="mailu/nginx:2024.06"),
    made("SEC-16", PASS, "nothing"),
    made("SEC-17", FIRE, "off", "logging: {driver: none}", says="nobody knows why"),
    made("SEC-17", NEAR, "local", "logging: {driver: local}"),
    made("SEC-17", PASS, "nothing said"),
    made("SEC-18", FIRE, "open", "ports: ['2375:2375']", image="docker:27-dind", severity="critical"),
    made("SEC-18", NEAR, "this machine only", "ports: ['127.0.0.1:2375:2375']"),
    made("SEC-18", NEAR, "with certificates", "ports: ['2376:2376']"),
    made("SEC-18", PASS, "nothing"),
    Case("SEC-19", FIRE, "both", beside("db", "[proxy, inner]"), says="network proxy"),
    Case("SEC-19", PASS, "its own", beside("db", "[inner]")),
    Case("SEC-19", NEAR, "an application", beside("web", "[proxy, inner]", image="nginx:1.27")),
    Case("SEC-19", NEAR, "it has no other", beside("db", "[proxy]")),
    made("SEC-20", FIRE, "it replaces", image=UPDATER),
    made(
        "SEC-20",
        PASS,
        "it tells",
        "environment: {WATCHTOWER_MONITOR_ONLY: 'true'}",
        image="containrrr/watchtower:1.7.1",
    ),
    made(
        "SEC-20",
        NEAR,
        "those that ask for it",
        "command: ['--label-enable']",
        image="containrrr/watchtower:1.7.1",
    ),
)
