"""Run the loopback Slack as a process: `python -m tests.real.slack --port P --state-out FILE`.

Once it listens it writes FILE: api_url, tokens, ids, and control_url. The control API is on the same
port too, but `control_url` has a port of its own, so that it answers while Slack is `down`.
"""

import argparse
import asyncio
import json
import os
import signal
import sys
from pathlib import Path
from typing import Any

from aiohttp import web

from tests.real.slack import control
from tests.real.slack.server import LoopbackSlack

FLOATS = ("ack_seconds", "ticket_seconds", "ping_seconds", "socket_lifetime", "rate")


def arguments(argv: list[str]) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.real.slack")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--state-out", type=Path, help="where to write how to reach it (JSON)")
    parser.add_argument("--user", action="append", default=[], help="name, or name=U123, to begin with")
    parser.add_argument(
        "--channel", action="append", default=[], help="name, or name=C123, with all users in it"
    )
    parser.add_argument("--retry-delays", help="seconds, with commas")
    parser.add_argument("--scope", action="append", default=[], help="one more scope for the bot token")
    for name in FLOATS:
        parser.add_argument(f"--{name.replace('_', '-')}", type=float)
    return parser.parse_args(argv)


def settings(options: argparse.Namespace) -> dict[str, Any]:
    """The fields of `Settings` given on the command line."""
    given = {name: getattr(options, name) for name in FLOATS if getattr(options, name) is not None}
    if options.retry_delays is not None:
        given["retry_delays"] = tuple(float(part) for part in options.retry_delays.split(",") if part)
    return given


async def run(options: argparse.Namespace) -> None:
    """Serve until SIGTERM or SIGINT."""
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    async with LoopbackSlack(options.port, **settings(options)) as slack:
        slack.settings.scopes |= set(options.scope)
        people = [slack.add_user(*named(item)[:1], id=named(item)[1]) for item in options.user]
        for item in options.channel:
            name, channel_id = named(item)
            slack.add_channel(name, [person.id for person in people], id=channel_id)
        side = web.Application()
        control.add_routes(side, slack)
        runner = web.AppRunner(side, access_log=None, shutdown_timeout=0.5)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        facts = slack.describe() | {"control_url": f"http://127.0.0.1:{runner.addresses[0][1]}"}
        if options.state_out is not None:
            write(options.state_out, facts | {"pid": os.getpid()})
        await stop.wait()
        await runner.cleanup()


def named(item: str) -> tuple[str, str | None]:
    """`name=ID` in two; the id is None when it is not given."""
    name, _, found = item.partition("=")
    return name, found or None


def write(path: Path, facts: dict[str, Any]) -> None:
    """Write whole or not at all, so that nobody reads half of it."""
    beside = path.with_suffix(".part")
    beside.write_text(json.dumps(facts, indent=1))
    beside.replace(path)


if __name__ == "__main__":
    asyncio.run(run(arguments(sys.argv[1:])))
