"""Posts over kept-alive connections: as fast as they are answered, or at a given pace.

Written on bare sockets: a client library would cost as much of these two cores as the server under test.
"""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, field

Body = Callable[[int], bytes]


@dataclass(slots=True)
class Outcome:
    """`acks`: seconds from the post to its 2xx. `late`: how late the client itself was in sending."""

    acks: list[float] = field(default_factory=list)
    late: list[float] = field(default_factory=list)
    refused: int = 0
    silent: int = 0
    seconds: float = 0.0

    @property
    def per_second(self) -> float:
        return len(self.acks) / self.seconds if self.seconds else 0.0


@dataclass(frozen=True, slots=True)
class Target:
    """Where to post: `path` on a port of 127.0.0.1, with these header lines."""

    port: int
    path: str
    headers: tuple[str, ...] = ()

    def request(self, body: bytes) -> bytes:
        lines = (
            f"POST {self.path} HTTP/1.1",
            f"Host: 127.0.0.1:{self.port}",
            "Content-Type: application/json",
            f"Content-Length: {len(body)}",
            *self.headers,
        )
        return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


class Connection:
    """One kept-alive connection, opened at the first post and again when the server closes it."""

    def __init__(self, target: Target) -> None:
        self._target = target
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def post(self, body: bytes) -> int:
        """The status. Raises OSError or EOFError when the connection breaks."""
        if self._streams is None:
            self._streams = await asyncio.open_connection("127.0.0.1", self._target.port)
        reader, writer = self._streams
        try:
            writer.write(self._target.request(body))
            head = await reader.readuntil(b"\r\n\r\n")
            lines = head.decode("latin-1").lower().split("\r\n")
            length = next((int(x[15:]) for x in lines if x.startswith("content-length:")), 0)
            await reader.readexactly(length)
        except BaseException:
            self.close()
            raise
        return int(lines[0].split(" ")[1])

    def close(self) -> None:
        if self._streams is not None:
            self._streams[1].close()
            self._streams = None


async def flood(
    target: Target, body: Body, *, connections: int, seconds: float, patience: float = 2.0
) -> Outcome:
    """Each connection posts again as soon as it is answered. What is not answered `patience` seconds after
    the end is counted as silent."""
    outcome = Outcome()
    numbers = iter(range(10**9))
    began = time.monotonic()
    end = began + seconds
    last = began

    async def one() -> None:
        nonlocal last
        connection = Connection(target)
        try:
            while (now := time.monotonic()) < end:
                status = await connection.post(body(next(numbers)))
                last = time.monotonic()
                _count(outcome, status, last - now)
        except (OSError, EOFError):
            outcome.refused += 1
        except asyncio.CancelledError:
            outcome.silent += 1
            raise
        finally:
            connection.close()

    tasks = [asyncio.create_task(one()) for _ in range(connections)]
    _, waiting = await asyncio.wait(tasks, timeout=seconds + patience)
    for task in waiting:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    outcome.seconds = max(last - began, seconds)
    return outcome


async def pace(
    target: Target, body: Body, *, per_second: float, seconds: float, most: int = 256, patience: float = 5.0
) -> Outcome:
    """A post whenever one is due, whether or not earlier ones are answered, so a slow server cannot slow the
    measure. `most` bounds the connections; a post that finds none free waits, and that counts as ack time."""
    outcome = Outcome()
    free: list[Connection] = []
    slots = asyncio.Semaphore(most)
    began = time.monotonic()

    async def one(text: bytes, due: float) -> None:
        async with slots:
            connection = free.pop() if free else Connection(target)
            try:
                status = await connection.post(text)
                _count(outcome, status, time.monotonic() - due)
            except (OSError, EOFError):
                outcome.refused += 1
                return
            except asyncio.CancelledError:
                outcome.silent += 1
                connection.close()
                raise
            free.append(connection)

    tasks = []
    for number in range(int(per_second * seconds)):
        text = body(number)
        due = began + number / per_second
        while (wait := due - time.monotonic()) > 0:
            await asyncio.sleep(wait)
        now = time.monotonic()
        outcome.late.append(now - due)
        tasks.append(asyncio.create_task(one(text, now)))
    outcome.seconds = time.monotonic() - began
    _, waiting = await asyncio.wait(tasks, timeout=patience)
    for task in waiting:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    for connection in free:
        connection.close()
    return outcome


def _count(outcome: Outcome, status: int, took: float) -> None:
    if 200 <= status < 300:
        outcome.acks.append(took)
    else:
        outcome.refused += 1
