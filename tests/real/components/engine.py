"""A Docker Engine of its own: data, socket and containers below one folder."""

import contextlib
import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import docker

from tests.real.components.process import Process

COMPOSE = Path(__file__).resolve().parents[3] / ".venv" / "bin" / "docker-compose"
# A Unix socket's path is at most 107 bytes, and containerd's is the longest one below our folder.
LONGEST_FOLDER = 107 - len("/exec/containerd/containerd.sock.ttrpc")


class Engine:
    """A real dockerd in `root`. Needs root rights.

    It has no default bridge and touches no iptables rule, so it runs where the kernel has no nat and beside
    another Engine. Containers without a `networks:` entry of their own have loopback only.
    """

    def __init__(self, root: Path, *, insecure_registries: tuple[str, ...] = ()) -> None:
        if os.geteuid() != 0:
            raise PermissionError("the Docker Engine needs root: run the tests with sudo make test")
        if len(str(root)) > LONGEST_FOLDER:
            raise ValueError(f"{root} is too long for the Engine's sockets: at most {LONGEST_FOLDER} bytes")
        self.root = root
        self.socket = root / "docker.sock"
        self.host = f"unix://{self.socket}"
        self.insecure_registries = insecure_registries
        self.process: Process | None = None
        self._client: docker.DockerClient | None = None
        root.mkdir(parents=True, exist_ok=True)

    @property
    def env(self) -> dict[str, str]:
        """The environment in which the docker and Compose tools speak to this Engine."""
        return {
            "DOCKER_HOST": self.host,
            "DOCKER_CONFIG": str(self.root / "client"),
            "HOME": str(self.root),
            "PATH": os.environ["PATH"],
        }

    @property
    def client(self) -> docker.DockerClient:
        """The SDK's client. Its first use needs the Engine up."""
        if self._client is None:
            self._client = docker.DockerClient(base_url=self.host, timeout=60)
        return self._client

    def start(self) -> "Engine":
        argv: list[str | Path] = ["dockerd", "--bridge=none", "--iptables=false", "--ip6tables=false"]
        argv += ["--data-root", self.root / "data", "--exec-root", self.root / "exec"]
        argv += ["--host", self.host, "--pidfile", self.root / "pid", "--shutdown-timeout", "2"]
        argv += [f"--insecure-registry={name}" for name in self.insecure_registries]
        path = os.pathsep.join((os.environ.get("PATH", ""), "/usr/sbin", "/sbin"))
        self._forget_the_dead()
        self.process = Process(
            argv,
            log=self.root / "dockerd.log",
            env={**os.environ, "PATH": path},
            # Killed, it would leave containers and mounts behind; told to end, it takes them down.
            death_signal=signal.SIGTERM,
        )
        self.process.wait_until(self._answers, 60)
        return self

    def _forget_the_dead(self) -> None:
        """Remove process id files of a crash: to dockerd a zombie containerd lives."""
        (self.root / "pid").unlink(missing_ok=True)
        file = self.root / "exec" / "containerd" / "containerd.pid"
        if file.exists() and int(file.read_text()) not in self.leftovers():
            file.unlink()

    def _answers(self) -> bool:
        if not self.socket.exists():
            return False
        try:
            return bool(self.client.ping())
        except (docker.errors.DockerException, OSError):
            return False

    def stop(self) -> None:
        """End the containers, then the Engine. The data stays until `remove`."""
        if self.process is not None and self.process.alive():
            with contextlib.suppress(docker.errors.DockerException, OSError):
                for container in self.client.containers.list():
                    with contextlib.suppress(docker.errors.APIError):
                        container.kill()
            self.process.stop(20)
        self._sweep()

    def kill(self) -> None:
        """SIGKILL to dockerd alone: as on a crash, its containers live on."""
        if self.process is not None:
            self.process.popen.send_signal(signal.SIGKILL)
            self.process.popen.wait()

    def remove(self) -> None:
        """Stop, and delete everything it stored."""
        self.stop()
        if self._client is not None:
            self._client.close()
        shutil.rmtree(self.root / "data", ignore_errors=True)
        shutil.rmtree(self.root / "exec", ignore_errors=True)

    def compose(self, folder: Path, *words: str, seconds: float = 120) -> str:
        """Run the Compose tool in `folder` and return what it said. Raises RuntimeError when it fails."""
        done = subprocess.run(
            [COMPOSE, "--ansi", "never", *words],
            cwd=folder,
            env=self.env,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=seconds,
            check=False,
        )
        if done.returncode:
            said = f"docker-compose {' '.join(words)} ended with {done.returncode}"
            raise RuntimeError(f"{said}: {done.stderr}")
        return done.stdout + done.stderr

    def leftovers(self) -> list[int]:
        """The ids of processes that belong to this Engine and still live: containerd and shims."""
        mark = str(self.root / "exec").encode()
        return [pid for pid, line in _command_lines() if mark in line]

    def _sweep(self) -> None:
        for pid in self.leftovers():
            for victim in (*_children(pid), pid):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(victim, signal.SIGKILL)
        for mount in sorted(_mounts_below(self.root), reverse=True):
            subprocess.run(["umount", "--lazy", mount], check=False, capture_output=True)


def _command_lines() -> Iterator[tuple[int, bytes]]:
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError):
                line = (entry / "cmdline").read_bytes()
                if line:
                    yield int(entry.name), line


def _children(pid: int) -> list[int]:
    with contextlib.suppress(OSError):
        tasks = Path(f"/proc/{pid}/task").glob("*/children")
        return [int(child) for task in tasks for child in task.read_text().split()]
    return []


def _mounts_below(root: Path) -> list[str]:
    lines = Path("/proc/self/mounts").read_text().splitlines()
    return [path for path in (line.split()[1] for line in lines) if path.startswith(f"{root}/")]
