"""What an alert sender (or something between) may do to a body: it is kept, and memory stays bounded."""

import asyncio
import contextlib
import gzip
import logging
import zlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import pytest

from alert_bridge.credential import Bearer
from alert_bridge.intake import LARGEST, Intake
from bot.core.model import Readiness
from bot.web import Web

BODY = b'{"alerts": []}'


@dataclass
class Kept:
    bodies: list[tuple[bytes, str]] = field(default_factory=list)

    async def accept(self, endpoint: str, body: bytes, note: str = "") -> None:
        self.bodies.append((body, note))


@dataclass
class Door:
    kept: Kept
    intake: Intake
    port: int

    async def send(self, body: bytes, *headers: str, token: str = "right-and-long", length: int = -1) -> str:
        """Post over a bare connection; the status line(s) and what follows, as text."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        lines = ("POST /alerts/default HTTP/1.1", "Host: x", f"Authorization: Bearer {token}", *headers)
        size = len(body) if length < 0 else length
        head = "".join(f"{line}\r\n" for line in (*lines, f"Content-Length: {size}", "Connection: close", ""))
        try:
            writer.write(head.encode() + body)
            if length > len(body):
                writer.write_eof()
            async with asyncio.timeout(30):
                return (await reader.read()).decode()
        finally:
            writer.close()


@pytest.fixture
async def door() -> AsyncIterator[Door]:
    async def ready() -> dict[str, Readiness]:
        return {}

    async def metrics() -> bytes:
        return b""

    kept = Kept()
    intake = Intake(kept, {"default": Bearer("right-and-long")})
    web = Web(intake, ready, metrics, silent=0.5)
    await web.start("127.0.0.1", 0)
    try:
        yield Door(kept, intake, web.port)
    finally:
        await web.close()


RAW = zlib.compressobj(wbits=-15)


@pytest.mark.parametrize(
    ("encoding", "body"),
    [
        ("gzip", gzip.compress(BODY, mtime=0)),
        ("GZIP", gzip.compress(BODY, mtime=0)),
        ("gzip", gzip.compress(BODY[:5], mtime=0) + gzip.compress(BODY[5:], mtime=0)),
        ("deflate", zlib.compress(BODY)),
        ("deflate", RAW.compress(BODY) + RAW.flush()),
        ("identity", BODY),
        ("gzip", BODY),
    ],
)
async def test_a_body_is_kept_as_it_was_before_it_was_packed(door: Door, encoding: str, body: bytes) -> None:
    assert (await door.send(body, f"Content-Encoding: {encoding}")).startswith("HTTP/1.1 200")
    assert door.kept.bodies == [(BODY, "")]


@pytest.mark.parametrize("encoding", ["br", "zstd", "gzip, br", "nonsense"])
async def test_a_packing_that_nobody_can_undo_is_kept_and_said(door: Door, encoding: str) -> None:
    assert (await door.send(b"\x0b\x02", f"Content-Encoding: {encoding}")).startswith("HTTP/1.1 200")
    assert [body for body, _ in door.kept.bodies] == [b"\x0b\x02"]


async def test_what_breaks_off_while_it_is_unpacked_is_kept_as_far_as_it_went(door: Door) -> None:
    packed = gzip.compress(BODY * 1000, mtime=0)
    assert (await door.send(packed[: len(packed) // 2] + b"\0" * 50, "Content-Encoding: gzip")).startswith(
        "HTTP/1.1 200"
    )
    assert len(door.kept.bodies) == 1


async def test_a_bomb_is_cut_and_not_unpacked_to_its_end(door: Door) -> None:
    """A megabyte that unpacks to a gigabyte costs no more than what is read of any body."""
    packer = zlib.compressobj(9, wbits=31)
    zeros = bytes(1 << 20)
    bomb = b"".join(packer.compress(zeros) for _ in range(1024)) + packer.flush()
    before = asyncio.get_running_loop().time()
    assert (await door.send(bomb, "Content-Encoding: gzip")).startswith("HTTP/1.1 200")
    took = asyncio.get_running_loop().time() - before
    [(body, note)] = door.kept.bodies
    assert len(body) <= 64 * 1024
    assert "too large" in note
    assert int(note.split("too large: ")[1].split()[0]) <= LARGEST + (2 << 20)
    assert took < 2


async def test_who_may_not_post_is_not_asked_for_the_body(door: Door) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", door.port)
    try:
        writer.write(
            b"POST /alerts/default HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n"
        )
        async with asyncio.timeout(5):
            assert (await reader.readline()).startswith(b"HTTP/1.1 401")
    finally:
        writer.close()
    assert door.intake.refused == 1


async def test_a_head_without_an_end_fills_no_memory_unseen(door: Door) -> None:
    """gzip's file name may be as long as one likes, and nothing comes out of it."""
    endless = b"\x1f\x8b\x08\x08\0\0\0\0\0\x03" + b"a" * (LARGEST + 5000)
    assert (await door.send(endless, "Content-Encoding: gzip")).startswith("HTTP/1.1 200")
    assert "too large" in door.kept.bodies[0][1]


async def test_who_may_post_is_asked_for_the_body(door: Door) -> None:
    answer = await door.send(BODY, "Expect: 100-continue")
    assert answer.startswith("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200")
    assert door.kept.bodies == [(BODY, "")]


async def test_a_sender_that_goes_away_leaves_no_trace_and_nothing_behind(
    door: Door, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    await door.send(b"{", length=100)
    _, writer = await asyncio.open_connection("127.0.0.1", door.port)
    writer.write(
        b"POST /alerts/default HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer right-and-long\r\n"
        b"Content-Length: 100\r\n\r\n{"
    )
    await writer.drain()
    await asyncio.sleep(0.05)
    writer.transport.abort()
    async with asyncio.timeout(5):
        while door.intake._waiting:
            await asyncio.sleep(0.01)
    assert door.intake._bytes == 0
    assert door.kept.bodies == []
    assert [record for record in caplog.records if record.exc_info] == []


@pytest.mark.parametrize("before", ["", "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"])
async def test_a_head_that_comes_letter_by_letter_is_not_waited_for(door: Door, before: str) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", door.port)
    try:
        writer.write(before.encode())
        if before:
            await reader.readuntil(b"alive\n")

        async def dribble() -> None:
            for letter in "POST /alerts/default HTTP/1.1\r\nX-Slow: " + "y" * 10_000:
                writer.write(letter.encode())
                await asyncio.sleep(0.05)

        dribbling = asyncio.create_task(dribble())
        try:
            async with asyncio.timeout(5):
                with contextlib.suppress(ConnectionError):
                    assert await reader.read() == b""
        finally:
            dribbling.cancel()
            await asyncio.gather(dribbling, return_exceptions=True)
    finally:
        writer.close()
