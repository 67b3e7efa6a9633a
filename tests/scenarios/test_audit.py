"""audit.txt, played to a console over the real plans and a small estate on disk.

`@RULE` in what is typed stands for the id of that rule's first finding.
"""

import os
import re
import stat
import subprocess
import sys
from pathlib import Path

from audit.model import finding_id
from bot.config.model import Estate
from bot.platforms.console import Console
from bot.snapshots import LateSnapshots
from estate.compose.tree import ComposeTree
from tests.audit.estate import write
from tests.plans import codes, detail, plans
from tests.scenarios.test_transcripts import HERE, exchanges, fits

ROOT = Path(__file__).parents[2]
FILES = {
    "shop/compose.yml": (
        "services:\n  web:\n    image: nginx:1.99.3\n    mem_limit: 64m\n    env_file: .env\n"
        "    restart: always\n    depends_on: {db: {condition: service_healthy}}\n"
        "  db:\n    image: postgres\n"
        "    mem_limit: 64m\n    healthcheck: {test: [CMD, pg_isready]}\n    restart: always\n"
    ),
    "shop/.env": "DB_PASSWORD=s3cr3tEnough99\n",
    "shop/README.md": "# Shop\n\n## Set-up\n",
}
IDS = {
    "ENV-01": finding_id("ENV-01", "shop/web", "shop/.env", ""),
    "IMG-01": finding_id("IMG-01", "shop/db", "shop/compose.yml", ""),
}


async def test_transcript(tmp_path: Path) -> None:
    root = write(tmp_path / "estate", FILES, {"shop/.env": 0o644})
    (tmp_path / "state").mkdir()
    said: list[str] = []
    web = detail("web", image="nginx:1.99.3")
    async with plans(tmp_path / "state", web, pick=codes("ACDE", "FGHJ")) as talk:
        talk.with_services(snapshots=LateSnapshots(root, Estate(), [talk.docker]), compose=ComposeTree(root))
        console = Console(write=said.append, files=tmp_path / "files")
        for typed, expected in exchanges((HERE / "audit.txt").read_text("utf-8")):
            said.clear()
            line = re.sub(r"@([A-Z]+-\d\d)", lambda found: IDS[found[1]], typed[2:])
            await console.line(line, talk.engine.handle, talk.journal, talk.clock)
            lines = "".join(said).splitlines()
            assert fits(expected, lines), f"{typed}\nexpected {expected}\nsaid     {lines}"


def test_the_real_console_mends_and_waives_without_an_engine(tmp_path: Path) -> None:
    """ann asks, adam approves, through a pipe; nothing but the estate's own files is needed."""
    root = write(tmp_path / "estate", FILES, {"shop/.env": 0o644})
    env = {**os.environ, "PYTHONPATH": str(ROOT), "DOCKER_HOST": f"unix://{tmp_path}/none.sock"}
    argv = [sys.executable, "-m", "bot", "console", "--estate", str(root), "--state", str(tmp_path / "s")]
    process = subprocess.Popen(
        argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=env
    )
    assert process.stdin is not None
    assert process.stdout is not None
    said = ""
    try:
        for typed in (
            f"!fix {IDS['ENV-01']}", "/as adam", "!approve", "/as ann",
            f"!waive {IDS['IMG-01']} no versions", "/as adam", "!approve",
        ):  # fmt: skip
            code = re.findall(r"^!approve (\w+)$", said, re.MULTILINE)
            process.stdin.write(f"{typed} {code[-1]}\n" if typed == "!approve" else f"{typed}\n")
            process.stdin.write("/end\n")
            process.stdin.flush()
            while not (line := process.stdout.readline()).startswith("unknown: /end"):
                assert line, f"the console ended after {typed}: {said}"
                said += line
    finally:
        process.kill()
        process.wait()
        process.stdin.close()
        process.stdout.close()
    assert len(re.findall(r"(?m)^done: ", said)) == 2, said
    assert stat.S_IMODE((root / "shop" / ".env").stat().st_mode) == 0o600
    assert IDS["IMG-01"] in (root / "audit-waivers.yml").read_text()
