"""A console under test: started, talked to over a pipe or a terminal, measured, ended."""

import errno
import os
import pty
import select
import shutil
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

_WHERE_IS_THE_CURSOR = b"\x1b[6n"


class Talk:
    """`began` is when it was started (monotonic seconds)."""

    def __init__(
        self,
        argv: Sequence[str | Path],
        *,
        cwd: Path,
        env: Mapping[str, str] | None = None,
        terminal: bool = False,
    ) -> None:
        # The kernel ends it when we are killed. setpriv costs 1 ms, for each of them alike.
        setpriv = shutil.which("setpriv")
        before = [setpriv, "--pdeathsig", "KILL", "--"] if setpriv else []
        words = [*before, *(str(part) for part in argv)]
        self._heard = b""
        self._errors = (cwd / "stderr.log").open("ab")
        given = {**os.environ, **(env or {})}
        if terminal:
            own, theirs = pty.openpty()
            self.began = time.monotonic()
            self.process = subprocess.Popen(
                words,
                cwd=cwd,
                env={**given, "TERM": "xterm"},
                stdin=theirs,
                stdout=theirs,
                stderr=theirs,
                start_new_session=True,
            )
            os.close(theirs)
            self._in = self._out = own
        else:
            self.began = time.monotonic()
            self.process = subprocess.Popen(
                words, cwd=cwd, env=given, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._errors,
                start_new_session=True,
            )  # fmt: skip
            assert self.process.stdin is not None
            assert self.process.stdout is not None
            self._in, self._out = self.process.stdin.fileno(), self.process.stdout.fileno()
        self._cwd = cwd

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.process.poll() is None:
            with suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        self._errors.close()
        for stream in (self.process.stdin, self.process.stdout):
            if stream is not None:
                with suppress(OSError):
                    stream.close()
        if self.process.stdin is None:
            os.close(self._in)

    def say(self, text: str) -> float:
        """Write it; when (monotonic seconds)."""
        at = time.monotonic()
        os.write(self._in, text.encode())
        return at

    def until(self, words: str, seconds: float = 30.0) -> float:
        """Read until `words` are there, and forget all that was read up to them; when they came."""
        wanted = words.encode()
        deadline = time.monotonic() + seconds
        while wanted not in self._heard:
            wait = deadline - time.monotonic()
            if wait <= 0:
                raise TimeoutError(f"{words!r} did not come within {seconds} s: {self._heard[-500:]!r}")
            if select.select([self._out], [], [], wait)[0]:
                self._heard += self._read()
        at = time.monotonic()
        self._heard = self._heard[self._heard.index(wanted) + len(wanted) :]
        return at

    def _read(self) -> bytes:
        try:
            found = os.read(self._out, 65536)
        except OSError as trouble:
            found = b""
            if trouble.errno != errno.EIO:
                raise
        if _WHERE_IS_THE_CURSOR in found:
            # As a terminal does; without it the prompt would wait 2 s for one that does not.
            os.write(self._in, b"\x1b[1;1R")
        if not found:
            said = (self._cwd / "stderr.log").read_text(errors="replace")[-1500:]
            raise EOFError(f"it ended: {self._heard[-500:]!r} {said}")
        return found

    def until_error(self, words: str, seconds: float = 30.0) -> None:
        """Wait until it has written `words` to standard error."""
        deadline = time.monotonic() + seconds
        while words not in (self._cwd / "stderr.log").read_text(errors="replace"):
            if time.monotonic() > deadline:
                raise TimeoutError(f"{words!r} did not come within {seconds} s")
            time.sleep(0.02)

    def line(self, seconds: float = 30.0) -> str:
        """The rest of the next line that has something in it."""
        while True:
            before = self._heard.partition(b"\n")[0]
            if b"\n" in self._heard:
                self._heard = self._heard[len(before) + 1 :]
                if before.strip():
                    return before.decode(errors="replace")
            elif select.select([self._out], [], [], seconds)[0]:
                self._heard += self._read()
            else:
                raise TimeoutError("no line came")

    def memory(self) -> tuple[int, int]:
        """Bytes: at the most (VmHWM), and now (VmRSS)."""
        lines = Path(f"/proc/{self.process.pid}/status").read_text().splitlines()
        found = {line.split(":")[0]: line.split()[1] for line in lines if line.startswith(("VmHWM", "VmRSS"))}
        return int(found["VmHWM"]) * 1024, int(found["VmRSS"]) * 1024
