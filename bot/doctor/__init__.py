"""`tocsin doctor` and `tocsin check --online`: tries each thing that the configuration names.

One line each: `ok`, `bad` or `unknown`, what was seen, and what mends it. Nothing is changed anywhere: no
login, no join, no message, nothing created.
"""

import asyncio
import os
from collections.abc import Mapping
from typing import TextIO

from bot.config.model import Config
from bot.doctor.finding import Finding, Verdict


def ask(config: Config, out: TextIO) -> bool:
    """Print what works from here and what does not; True when nothing is bad."""
    findings = asyncio.run(examine(config, os.environ))
    for finding in findings:
        out.write(f"{finding}\n")
    bad = sum(finding.verdict is Verdict.BAD for finding in findings)
    unknown = sum(finding.verdict is Verdict.UNKNOWN for finding in findings)
    out.write(f"{len(findings) - bad - unknown} ok, {bad} bad, {unknown} unknown\n")
    return not bad


async def examine(config: Config, env: Mapping[str, str]) -> list[Finding]:
    """Everything at the same time, told in the configuration's order. Takes half a minute at most."""
    from bot.doctor import estate, machine, matrix, slack, web

    parts = (
        machine.examine(config),
        matrix.examine(config),
        slack.examine(config),
        web.examine(config),
        estate.examine(config, env),
    )
    found = await asyncio.gather(*parts)
    return [finding for part in found for finding in part]
