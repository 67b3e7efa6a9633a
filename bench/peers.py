"""The programs we are measured against: where they are, and how they got there.

The Python ones have an environment each, made by `make bench` from requirements/bench-*.txt. hubot and dclint
come from npm into CACHE, from their lock files. Nothing of it is used by the tests or by Tocsin.
"""

import shutil
import subprocess
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
CACHE = ROOT / ".cache" / "bench"
BIN = ROOT / ".venv" / "bin"
ALERTBOT = ROOT / ".venv-bench-alertbot" / "bin"
ERRBOT = ROOT / ".venv-bench-errbot" / "bin"
COMPOSE_LINT = ROOT / ".venv-bench-composelint" / "bin"
RUAMEL = ROOT / ".venv-bench-ruamel" / "bin"


class NoPeer(Exception):
    """A peer is not installed. The text says how to get it."""


def need(path: Path) -> Path:
    """Raises NoPeer when it is not there."""
    if not path.exists():
        raise NoPeer(f"{path.relative_to(ROOT)} is missing: `make bench` installs it")
    return path


def version(python: Path, name: str) -> str:
    """Of an installed Python distribution, as "name 1.2.3"."""
    code = f"import importlib.metadata as m; print(m.version({name!r}))"
    done = subprocess.run([python, "-c", code], capture_output=True, text=True, timeout=30, check=False)
    return f"{name} {done.stdout.strip() or '?'}"


def hubot() -> Path:
    """The folder of an installed hubot with our script in it. Raises NoPeer."""
    folder = _from_npm("hubot")
    (folder / "scripts").mkdir(exist_ok=True)
    shutil.copy(HERE / "hubot" / "ping.mjs", folder / "scripts" / "ping.mjs")
    return folder


def dclint() -> Path:
    """The program. Raises NoPeer."""
    return need(_from_npm("dclint") / "node_modules" / ".bin" / "dclint")


def _from_npm(name: str) -> Path:
    """The folder in CACHE that holds what the lock file of that name says. Raises NoPeer."""
    folder = CACHE / name
    lock = HERE / name / "package-lock.json"
    copy = folder / "installed.json"
    if not copy.exists() or copy.read_text() != lock.read_text():
        npm = shutil.which("npm")
        if npm is None:
            raise NoPeer("npm is not installed; on Debian and Ubuntu: sudo apt-get install npm")
        folder.mkdir(parents=True, exist_ok=True)
        for file in ("package.json", "package-lock.json"):
            shutil.copy(HERE / name / file, folder / file)
        argv = [npm, "ci", "--no-audit", "--no-fund", "--ignore-scripts"]
        done = subprocess.run(argv, cwd=folder, capture_output=True, text=True, timeout=300, check=False)
        if done.returncode:
            raise NoPeer(f"npm ci did not work: {done.stderr.strip()[-300:]}")
        shutil.copy(lock, copy)
    return folder
