#!/usr/bin/env python3
"""Bring a copy of the sample estate up on a local Docker Engine, with stand-ins instead of the real images.

Nothing is pulled, and no image of yours is touched: the stand-ins are built from this machine's static
busybox (Debian: apt-get install busybox-static), pushed to a registry on loopback, so that their digests are
real, and run without network. Needs git, the docker command, Compose 2 and docker-registry (Debian: apt-get
install docker-registry), or --registry HOST:PORT of one that runs; DOCKER_HOST is honoured.

    python examples/estate/up.py DIR          copies the sample to DIR: 17 of 20 run, three of them unhealthy
    python examples/estate/up.py DIR --down   takes its containers, stand-ins and registry away; DIR stays
"""

import argparse
import contextlib
import io
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tarfile
import time
import urllib.request
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parents[1]))

from estate.sample import copy_sample, keep_in_git  # noqa: E402 - found beside this script

BUSYBOX = ("/bin/busybox", "/usr/bin/busybox")
STATE = ".sample"
"""In DIR, not in git: the registry's files and process id, and what keeps stand-ins apart."""

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
# What a floating tag points at today: these are in the registry, too.
VERSIONS = {
    "grafana/grafana": ["11", "11.2", "11.2.0"],
    "grafana/promtail": ["3", "3.1", "3.1.1"],
    "linkstackorg/linkstack": ["4", "4.8", "4.8.2"],
    "n8nio/n8n": ["1.61.0"],
    "nodered/node-red": ["4.0", "4.0.3", "4.0.3-22"],
    "wordpress": ["6", "6.6", "6.6.2", "6.6.2-apache"],
    "adminer": ["4", "4.8", "4.8.1"],
    "requarks/wiki": ["2.5", "2.5.303"],
}

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
STORAGE = """\
version: 0.1
storage: {{filesystem: {{rootdirectory: {root}}}, delete: {{enabled: true}}}}
http: {{addr: "{address}"}}
log: {{level: error}}
"""


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path, metavar="DIR", help="where the copy is, or will be")
    parser.add_argument(
        "--registry", metavar="HOST:PORT", help="one that runs already and takes what is pushed"
    )
    parser.add_argument("--down", action="store_true", help="remove its containers, stand-ins and registry")
    given = parser.parse_args()
    folder = given.folder.absolute()
    compose = find_compose()
    if given.down:
        return down(compose, folder)
    registry = prepare(folder, given.registry)
    build_base(registry)
    for project in projects(folder):
        start(compose, project, registry)
    keep(folder)
    say(f"the estate is in {folder}; look at it with: tocsin console --estate {folder}")
    return wait(registry, 60)


def projects(folder: Path) -> list[Path]:
    return sorted(file.parent for file in folder.glob("*/docker-compose.yml"))


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
    environ = {**os.environ, "DOCKER_BUILDKIT": "0"}
    done = subprocess.run(argv, capture_output=True, check=False, env=environ, **options)  # type: ignore[call-overload]
    if done.returncode:
        sys.exit(f"{' '.join(argv)} failed:\n{done.stderr.decode(errors='replace')}")
    return str(done.stdout.decode())


def say(words: str) -> None:
    sys.stdout.write(words + "\n")
    sys.stdout.flush()


# ---- the copy and its registry --------------------------------------------------------------------------


def prepare(folder: Path, registry: str | None) -> str:
    """The copy, when there is none yet, and the registry that its images come from: `HOST:PORT/`."""
    if not (folder / STATE).is_dir():
        if folder.exists() and any(folder.iterdir()):
            sys.exit(f"{folder} is not empty, and no copy of the sample: name another folder")
        if folder.exists():
            folder.rmdir()
        copy_sample(HERE, folder)
        (folder / STATE).mkdir()
        (folder / STATE / ".gitignore").write_text("*\n")
    address = registry or serve(folder / STATE)
    for project in projects(folder):
        kept = [row for row in (project / ".env").read_text().splitlines() if not row.startswith("REGISTRY=")]
        (project / ".env").write_text("\n".join([*kept, f"REGISTRY={address}/", ""]))
    return f"{address}/"


def serve(state: Path) -> str:
    """Start a registry of our own, unless ours still runs."""
    known = state / "registry.address"
    if known.exists() and answers(known.read_text()):
        return known.read_text()
    if shutil.which("docker-registry") is None:
        sys.exit(
            "docker-registry is missing: apt-get install docker-registry, or run one in Docker\n"
            "  docker run -d -p 127.0.0.1:5000:5000 registry:2\nand say --registry 127.0.0.1:5000"
        )
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{probe.getsockname()[1]}"
    config = state / "registry.yml"
    config.write_text(STORAGE.format(root=state / "registry", address=address))
    with (state / "registry.log").open("wb") as log:
        process = subprocess.Popen(
            ["docker-registry", "serve", str(config)], stdin=subprocess.DEVNULL, stdout=log, stderr=log,
            start_new_session=True,
        )  # fmt: skip
    (state / "registry.pid").write_text(str(process.pid))
    known.write_text(address)
    deadline = time.monotonic() + 20
    while not answers(address):
        if process.poll() is not None or time.monotonic() > deadline:
            sys.exit(f"the registry does not start:\n{(state / 'registry.log').read_text()}")
        time.sleep(0.1)
    return address


def answers(address: str) -> bool:
    try:
        with urllib.request.urlopen(f"http://{address}/v2/", timeout=2) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


def keep(folder: Path) -> None:
    if not (folder / ".git").exists() and not keep_in_git(folder):
        say("git does not work here, so the copy is in no repository: changes will not be committed")


# ---- images ---------------------------------------------------------------------------------------------


def build_base(registry: str) -> None:
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
    build(f"{registry}stand-in:1", BASE, {**files, **{f"www/{page}": b"fine\n" for page in PAGES}})


def build(tag: str, dockerfile: str, files: dict[str, bytes]) -> None:
    context = io.BytesIO()
    with tarfile.open(fileobj=context, mode="w") as tar:
        for name, content in {"Dockerfile": dockerfile.encode(), **files}.items():
            item = tarfile.TarInfo(name)
            item.size, item.mode = len(content), 0o755
            tar.addfile(item, io.BytesIO(content))
    run(["docker", "build", "--quiet", "--network", "none", "--tag", tag, "-"], input=context.getvalue())


def push(image: str, registry: str) -> None:
    """The image, and the exact versions that its floating tag means today."""
    run(["docker", "push", "--quiet", image])
    name, _, tag = image.removeprefix(registry).partition(":")
    for version in VERSIONS.get(name, ()) if tag in {"", "latest", "2"} else ():
        run(["docker", "tag", image, f"{registry}{name}:{version}"])
        run(["docker", "push", "--quiet", f"{registry}{name}:{version}"])
        run(["docker", "rmi", f"{registry}{name}:{version}"])


# ---- containers -----------------------------------------------------------------------------------------


def start(compose: list[str], project: Path, registry: str) -> None:
    """Start what is not kept back by a profile."""
    services = json.loads(run([*compose, "config", "--format", "json"], cwd=project)).get("services", {})
    wanted = [name for name in services if (project.name, name) not in NEVER_STARTED]
    if not wanted:
        return
    for image in dict.fromkeys(services[name]["image"] for name in wanted):
        users = [name for name in wanted if services[name]["image"] == image]
        lines = [f"FROM {registry}stand-in:1", f'ENV PORTS="{PORTS.get(users[-1], "")}"', f"LABEL of={image}"]
        lines += ['RUN ["/bin/rm", "/bin/wget", "/bin/curl"]'] if WITHOUT_WGET & set(users) else []
        lines += ['RUN ["/bin/mv", "/bin/late", "/bin/wget"]'] if ANSWERS_LATE & set(users) else []
        build(image, "\n".join(lines) + "\n", {})
        push(image, registry)
    # Not called like a compose file, and not beside one: what an audit reads are the sample's own.
    over = project.parent / STATE / f"{project.name}.stand-ins"
    over.write_text("services:\n" + "".join(apart(name, services[name]) for name in wanted))
    both = ["-f", "docker-compose.yml", "-f", str(over)]
    run([*compose, *both, "up", "--detach", "--pull", "never", "--no-deps", *wanted], cwd=project)
    say(f"{project.name}: {', '.join(wanted)}")


def apart(name: str, service: dict[str, object]) -> str:
    """An override that keeps a stand-in away from networks, ports and files, and its probe from idling."""
    said = f"  {name}:\n    network_mode: none\n    networks: !reset null\n"
    said += "    ports: !reset []\n    volumes: !reset []\n"
    if "healthcheck" in service:
        said += "    healthcheck: {interval: 2s, timeout: 3s, retries: 2, start_period: 1s}\n"
    return said


def wait(registry: str, seconds: float) -> int:
    """Until everything is as well, or as ill, as it will be."""
    deadline = time.monotonic() + seconds
    while True:
        listed = run(["docker", "ps", "--all", "--format", "{{.Image}}\t{{.Status}}"])
        ours = [row.split("\t")[1] for row in listed.splitlines() if row.startswith(registry)]
        running, ill = sum(row.startswith("Up") for row in ours), sum("(unhealthy)" in row for row in ours)
        if (running, ill) == (17, 3) and not any("starting" in row for row in ours):
            say("17 of 20 run, 3 of them are unhealthy: ask !unhealthy why")
            return 0
        if time.monotonic() > deadline:
            say(f"{running} run, {ill} are unhealthy; 17 and 3 were expected")
            return 1
        time.sleep(1)


def down(compose: list[str], folder: Path) -> int:
    state = folder / STATE
    if not state.is_dir():
        sys.exit(f"{folder} is no copy of the sample")
    for project in projects(folder):
        both = ["-f", "docker-compose.yml"]
        over = state / f"{project.name}.stand-ins"
        both += ["-f", str(over)] if over.exists() else []
        run([*compose, *both, "--profile", "*", "down", "--timeout", "2"], cwd=project)
    address = state / "registry.address"
    if address.exists():
        names = run(["docker", "images", "--format", "{{.Repository}}:{{.Tag}}"]).split()
        ours = [name for name in names if name.startswith(f"{address.read_text()}/")]
        if ours:
            run(["docker", "rmi", "--force", *ours])
    pid = state / "registry.pid"
    if pid.exists():
        end(int(pid.read_text()), str(state / "registry.yml"))
        pid.unlink()
    return 0


def end(process: int, config: str) -> None:
    """Only the registry that was started with this file: a process id may be somebody else's by now."""
    with contextlib.suppress(OSError):
        if config.encode() in Path(f"/proc/{process}/cmdline").read_bytes():
            os.kill(process, signal.SIGTERM)


if __name__ == "__main__":
    sys.exit(main())
