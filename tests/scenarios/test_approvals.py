"""approvals.txt and break-glass.txt, played to a console over the real plans and a fake Engine."""

import asyncio
from pathlib import Path

import pytest

from bot.core.duration import read_duration
from bot.outbox import Outbox
from bot.platforms.console import Console
from tests.plans import Plans, codes, detail, plans
from tests.scenarios.test_transcripts import HERE, exchanges, fits


async def _passes(talk: Plans, seconds: float) -> None:
    """Time goes by, and what is due then is done and said."""
    talk.clock.forward(seconds)
    talk.plans._news.set()
    for _ in range(20):
        await asyncio.sleep(0.01)
    while talk.plans._running or await talk.outbox.waiting():
        await asyncio.sleep(0.01)


@pytest.mark.parametrize("name", ["approvals", "break-glass"])
async def test_transcript(tmp_path: Path, name: str) -> None:
    said: list[str] = []
    pick = codes("ACDE", "FGHJ", "KMNP", "QRTU")
    async with plans(tmp_path, detail("web"), pick=pick) as talk:
        console = Console(write=said.append)
        outbox = Outbox(talk.outbox, {"console": console}, list, talk.clock)
        serving = [asyncio.create_task(work()) for work in (talk.plans.serve, outbox.run)]
        for typed, expected in exchanges((HERE / f"{name}.txt").read_text("utf-8")):
            said.clear()
            if typed.startswith("+ "):
                await _passes(talk, read_duration(typed[2:].replace(" ", "")).total_seconds())
            else:
                await console.line(typed[2:], talk.engine.handle, talk.journal, talk.clock)
            lines = "".join(said).splitlines()
            assert fits(expected, lines), f"{typed}\nexpected {expected}\nsaid     {lines}"
        for task in serving:
            task.cancel()
        await asyncio.gather(*serving, return_exceptions=True)
