"""approvals.txt, played to a console over the real plans and a fake Engine."""

from pathlib import Path

from bot.platforms.console import Console
from tests.plans import codes, detail, plans
from tests.scenarios.test_transcripts import HERE, exchanges, fits


async def test_transcript(tmp_path: Path) -> None:
    said: list[str] = []
    pick = codes("ACDE", "FGHJ", "KMNP", "QRTU")
    async with plans(tmp_path, detail("web"), pick=pick) as talk:
        console = Console(write=said.append)
        for typed, expected in exchanges((HERE / "approvals.txt").read_text("utf-8")):
            said.clear()
            await console.line(typed[2:], talk.engine.handle, talk.journal, talk.clock)
            lines = "".join(said).splitlines()
            assert fits(expected, lines), f"{typed}\nexpected {expected}\nsaid     {lines}"
