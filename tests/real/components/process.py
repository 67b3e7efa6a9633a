"""A server process that ends with the tests, also when they are killed."""

import atexit
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

# Runs in the child: ask the kernel for a signal when the parent dies, then become the server.
# A few lines of Python instead of preexec_fn, which may deadlock when the tests have threads.
_BECOME = """
import ctypes, os, sys
parent, number = int(sys.argv[1]), int(sys.argv[2])
ctypes.CDLL(None, use_errno=True).prctl(1, number, 0, 0, 0)  # PR_SET_PDEATHSIG
if os.getppid() != parent:
    sys.exit(1)  # the parent died before the kernel knew of our wish
os.execvp(sys.argv[3], sys.argv[3:])
"""

_running: set["Process"] = set()


class NotAnswering(RuntimeError):
    """A component that did not come up. The text ends with the last lines of its log."""


class Process:
    """One server in a session of its own. Its output goes to `log`.

    `death_signal` is what the kernel sends it when the tests die: SIGKILL, or SIGTERM for what must clean up.
    """

    def __init__(
        self,
        argv: Sequence[str | Path],
        *,
        log: Path,
        cwd: Path | None = None,
        env: Mapping[str, str] | None = None,
        death_signal: signal.Signals = signal.SIGKILL,
    ) -> None:
        if threading.current_thread() is not threading.main_thread():
            # The kernel sends the death signal when the *thread* that started the child ends.
            raise RuntimeError(f"start {argv[0]} from the main thread, or it dies with this one")
        self.argv = [str(part) for part in argv]
        self.log = log
        become = [sys.executable, "-I", "-S", "-c", _BECOME, str(os.getpid()), str(int(death_signal))]
        with log.open("ab") as out:
            self.popen = subprocess.Popen(
                [*become, *self.argv],
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
                cwd=cwd,
                env=None if env is None else dict(env),
                start_new_session=True,
            )
        _running.add(self)

    @property
    def pid(self) -> int:
        return self.popen.pid

    def alive(self) -> bool:
        return self.popen.poll() is None

    def wait_until(self, answers: Callable[[], bool], seconds: float = 30.0) -> None:
        """Poll `answers` every 50 ms. Raises NotAnswering when the process ends or the time is over."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if not self.alive():
                raise NotAnswering(f"{self.argv[0]} ended with {self.popen.returncode}:\n{self.tail()}")
            if answers():
                return
            time.sleep(0.05)
        self.kill()
        raise NotAnswering(f"{self.argv[0]} did not answer within {seconds} s:\n{self.tail()}")

    def stop(self, seconds: float = 10.0) -> None:
        """SIGTERM; SIGKILL to its whole group when it takes longer than `seconds`."""
        if self.alive():
            self.popen.send_signal(signal.SIGTERM)
            try:
                self.popen.wait(seconds)
            except subprocess.TimeoutExpired:
                self.kill()
        _running.discard(self)

    def kill(self) -> None:
        """SIGKILL to its whole group, and reap it."""
        if self.alive():
            os.killpg(self.pid, signal.SIGKILL)
            self.popen.wait()
        _running.discard(self)

    def pause(self) -> None:
        """SIGSTOP: it holds its sockets open and answers nothing."""
        self.popen.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        self.popen.send_signal(signal.SIGCONT)

    def rss(self) -> int:
        """Resident memory in bytes."""
        for line in Path(f"/proc/{self.pid}/status").read_text().splitlines():
            if line.startswith("VmRSS:"):
                return int(line.split()[1]) * 1024
        return 0

    def tail(self, size: int = 3000) -> str:
        return self.log.read_text(errors="replace")[-size:]


@atexit.register
def stop_all() -> None:
    """End what a test left running."""
    for process in list(_running):
        process.stop(5)
