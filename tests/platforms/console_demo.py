"""A console over fakes, for the tests that need a process: `python -m tests.platforms.console_demo`.

With ALERT=1 an alert comes in at once; with ALERT=signal when SIGUSR1 says so.
"""

import asyncio
import os
import shutil
import signal
import sys

from bot.core.doc import Heading, Tone, doc, line
from bot.platforms.console import Console, PipeLines
from bot.platforms.console_text import Known
from tests.talk import OPS, Talk


async def alert(console: Console) -> None:
    match os.environ.get("ALERT"):
        case None:
            return
        case "signal":
            rung = asyncio.Event()
            asyncio.get_running_loop().add_signal_handler(signal.SIGUSR1, rung.set)
            await rung.wait()
    card = doc(Heading(line("FIRING critical ProbeDown"), Tone.BAD, "🔥"))
    await console.send(OPS, card, key="k")


async def main() -> None:
    talk = Talk()
    terminal = sys.stdin.isatty()
    console = Console(colour=terminal, width=lambda: shutil.get_terminal_size().columns)
    ringing = asyncio.create_task(alert(console))
    if terminal:
        from bot.platforms.console_prompt import Prompt, above_the_prompt

        async def known() -> Known:
            return Known(talk.commands, "!", console.seats, ["ops", "lounge"], ["grafana"])

        with above_the_prompt():
            await console.chat(talk.engine.handle, talk.journal, talk.clock, Prompt(console, known))
    else:
        await console.chat(talk.engine.handle, talk.journal, talk.clock, PipeLines())
    ringing.cancel()


if __name__ == "__main__":
    asyncio.run(main())
