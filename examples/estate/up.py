#!/usr/bin/env python3
"""Bring the sample estate up on a local Docker Engine, with stand-ins instead of the real images.

Nothing is pulled, and no image of yours is touched: every name gets the prefix `tocsin-sample/`. Stand-ins
are built from this machine's static busybox (Debian: apt-get install busybox-static) and run without network.
Needs the docker command and Compose; DOCKER_HOST is honoured.

    python examples/estate/up.py            17 of 20 run, three of them unhealthy, each for its own reason
    python examples/estate/up.py --down     takes all of it away again
"""

import argparse
import io
import json
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
import time
from pathlib import Path

PREFIX = "tocsin-sample/"
BUSYBOX = ("/bin/busybox", "/usr/bin/busybox")

# What each stand-in does. It serves these ports on loopback; a word in place of a port is a way to be ill.
PORTS = {
    "prometheus": "9090",
    "alertmanager": "9093",
    "grafana": "3000",
    "infisical": "8080",
    "wordpress": "80",
    "linkstack": "80",
    "wikijs": "3000",
    "nodered": "1880",
    "control-plane": "8000",
    "sidekiq": "greedy",
}
WITHOUT_WGET = {"loki"}
ANSWERS_LATE = {"n8n"}
NEVER_STARTED = {("mastodon", "web"), ("supabase", "db")}

STAND_IN = """\
#!/bin/sh
echo "starting"
trap 'exit 0' TERM
for port in $PORTS; do
    case $port in
    greedy) echo "loading all jobs into memory"; a=x; while :; do a=$a$a$a$a; done ;;
    *) httpd -p 127.0.0.1:$port -h /www ;;
    esac
done
echo "ready"
while :; do sleep 3600 & wait $!; done
"""
CURL = '#!/bin/sh\nfor url; do :; done\nexec wget -q -O - "$url"\n'
LATE = "#!/bin/sh\nexec sleep 60\n"
FINE = "#!/bin/sh\nexit 0\n"
BASE = """\
FROM scratch
COPY busybox /bin/busybox
RUN ["/bin/busybox", "--install", "-s", "/bin"]
COPY bin/ /bin/
COPY www/ /www/
ENV PATH=/bin
ENTRYPOINT ["/bin/stand-in"]
"""
PAGES = ("-/healthy", "api/health", "api/status", "health", "healthz", "wp-login.php", "index.html")


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    here = Path(__file__).resolve().parent
    parser.add_argument("--estate", type=Path, default=here, metavar="DIR", help="another copy of the estate")
    parser.add_argument("--down", action="store_true", help="remove its containers and stand-ins")
    given = parser.parse_args()
    compose = find_compose()
    projects = sorted(file.parent for file in given.estate.glob("*/docker-compose.yml"))
    if given.down:
        return down(compose, projects)
    build_base()
    with tempfile.TemporaryDirectory() as scratch:
        for project in projects:
            start(compose, project, Path(scratch))
    return wait(60)


def find_compose() -> list[str]:
    """The first of `docker compose` and `docker-compose` that is version 2 or later."""
    beside = str(Path(sys.executable).parent / "docker-compose")
    for argv in (["docker", "compose"], [beside], ["docker-compose"]):
        if shutil.which(argv[0]) is None:
            continue
        asked = subprocess.run([*argv, "version", "--short"], capture_output=True, text=True, check=False)
        version = asked.stdout.strip().removeprefix("v")
        if asked.returncode == 0 and version[:1].isdigit() and not version.startswith("1."):
            return argv
    sys.exit("Compose 2 is missing: install the docker compose plugin, or docker-compose 2")


def run(argv: list[str], **options: object) -> str:
    """What it said on stdout. Ends the script with what it said on stderr, when it fails."""
    environ = {**os.environ, "REGISTRY": PREFIX, "DOCKER_BUILDKIT": "0"}
    done = subprocess.run(argv, capture_output=True, check=False, env=environ, **options)  # type: ignore[call-overload]
    if done.returncode:
        sys.exit(f"{' '.join(argv)} failed:\n{done.stderr.decode(errors='replace')}")
    return str(done.stdout.decode())


def say(words: str) -> None:
    sys.stdout.write(words + "\n")
    sys.stdout.flush()


# ---- images ---------------------------------------------------------------------------------------------


def build_base() -> None:
    busybox = next((Path(path) for path in BUSYBOX if Path(path).exists()), None)
    if busybox is None:
        sys.exit("busybox is missing: apt-get install busybox-static")
    scripts = {
        "stand-in": STAND_IN,
        "curl": CURL,
        "late": LATE,
        "pg_isready": FINE,
        "mysqladmin": FINE,
        "traefik": FINE,
    }
    files = {
        "busybox": busybox.read_bytes(),
        **{f"bin/{name}": text.encode() for name, text in scripts.items()},
    }
    build(f"{PREFIX}base:1", BASE, {**files, **{f"www/{page}": b"fine\n" for page in PAGES}})


def build(tag: str, dockerfile: str, files: dict[str, bytes]) -> None:
    context = io.BytesIO()
    with tarfile.open(fileobj=context, mode="w") as tar:
        for name, content in {"Dockerfile": dockerfile.encode(), **files}.items():
            item = tarfile.TarInfo(name)
            item.size, item.mode = len(content), 0o755
            tar.addfile(item, io.BytesIO(content))
    run(["docker", "build", "--quiet", "--network", "none", "--tag", tag, "-"], input=context.getvalue())


# ---- containers -----------------------------------------------------------------------------------------


def start(compose: list[str], project: Path, scratch: Path) -> None:
    """Start what is not kept back by a profile."""
    services = json.loads(run([*compose, "config", "--format", "json"], cwd=project)).get("services", {})
    wanted = [name for name in services if (project.name, name) not in NEVER_STARTED]
    if not wanted:
        return
    for name in wanted:
        lines = [f"FROM {PREFIX}base:1", f'ENV PORTS="{PORTS.get(name, "")}"']
        lines += ['RUN ["/bin/rm", "/bin/wget", "/bin/curl"]'] if name in WITHOUT_WGET else []
        lines += ['RUN ["/bin/mv", "/bin/late", "/bin/wget"]'] if name in ANSWERS_LATE else []
        build(services[name]["image"], "\n".join(lines) + "\n", {})
    override = scratch / f"{project.name}.yml"
    override.write_text("services:\n" + "".join(apart(name, services[name]) for name in wanted))
    files = ["-f", "docker-compose.yml", "-f", str(override)]
    run([*compose, *files, "up", "--detach", "--pull", "never", "--no-deps", *wanted], cwd=project)
    say(f"{project.name}: {', '.join(wanted)}")


def apart(name: str, service: dict[str, object]) -> str:
    """An override that keeps a stand-in away from networks, ports and files, and its probe from idling."""
    said = f"  {name}:\n    network_mode: none\n    networks: !reset null\n"
    said += "    ports: !reset []\n    volumes: !reset []\n"
    if "healthcheck" in service:
        said += "    healthcheck: {interval: 2s, timeout: 1s, retries: 2, start_period: 1s}\n"
    return said


def wait(seconds: float) -> int:
    """Until everything is as well, or as ill, as it will be."""
    deadline = time.monotonic() + seconds
    while True:
        listed = run(["docker", "ps", "--all", "--format", "{{.Image}}\t{{.Status}}"])
        ours = [row.split("\t")[1] for row in listed.splitlines() if row.startswith(PREFIX)]
        running, ill = sum(row.startswith("Up") for row in ours), sum("(unhealthy)" in row for row in ours)
        if (running, ill) == (17, 3) and not any("starting" in row for row in ours):
            say("17 of 20 run, 3 of them are unhealthy: ask !unhealthy why")
            return 0
        if time.monotonic() > deadline:
            say(f"{running} run, {ill} are unhealthy; 17 and 3 were expected")
            return 1
        time.sleep(1)


def down(compose: list[str], projects: list[Path]) -> int:
    for project in projects:
        run([*compose, "--profile", "*", "down", "--timeout", "2"], cwd=project)
    images = [
        name
        for name in run(["docker", "images", "--format", "{{.Repository}}:{{.Tag}}"]).split()
        if name.startswith(PREFIX)
    ]
    if images:
        run(["docker", "rmi", "--force", *images])
    return 0


if __name__ == "__main__":
    sys.exit(main())
