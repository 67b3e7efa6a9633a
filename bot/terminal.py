"""`tocsin console`: the embedded default. Chat in the terminal, with no config, no account and no network."""

import asyncio
import contextlib
import logging
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bot.app import App, docker_engines
from bot.config import console as setting
from bot.core.authority import describe
from bot.core.errors import ConfigError, Mistake
from bot.core.steps import OnStep, no_step
from bot.platforms.console import Console, PipeLines
from bot.platforms.console_text import Known
from estate.model import Tree
from estate.sample import copy_sample, keep_in_git

PROMPT_FIRST = 0.5
"""Seconds."""
SAMPLE = Path(__file__).resolve().parent.parent / "examples" / "estate"


async def console(estate: Path | None, state: Path | None, *, on_step: OnStep = no_step) -> int:
    """Until the end of input; 0."""
    logging.getLogger().addHandler(logging.NullHandler())
    if estate is not None and not estate.is_dir():
        raise ConfigError(
            Mistake(f"--estate {estate}", "is no directory", "name the folder that holds your compose files")
        )
    with _place(state) as (kept, scratch):
        root = estate.absolute() if estate is not None else _sample(scratch)
        config = setting.config(kept, estate=root)
        tty = sys.stdin.isatty() and sys.stdout.isatty()
        talk = Console(people=lambda: config.people, files=kept / "files", colour=tty, width=_width)
        # The sample's repository is made while the first lines are typed: git takes longer than a prompt.
        ready = asyncio.to_thread(keep_in_git, root) if estate is None and root is not None else None
        engines = docker_engines(config)
        app = App(config, lambda _: [talk], engines=engines, ready=ready, on_step=on_step)
        await app.open()
        try:
            await app.begin(serve=False)
            webhook = asyncio.create_task(_listen(app, talk))
            try:
                if tty:
                    talk.note(_welcome(talk, estate))
                await _chat(app, talk, tty, kept)
            finally:
                webhook.cancel()
                await asyncio.gather(webhook, return_exceptions=True)
        finally:
            await app.close()
    return 0


async def _chat(app: App, talk: Console, tty: bool, kept: Path) -> None:
    if not tty:
        await talk.chat(app.engine.handle, app.journal, app.clock, PipeLines())
        return
    # Loaded only for a terminal: 110 ms that a pipe has no use for.
    from bot.platforms.console_prompt import Prompt, above_the_prompt

    with above_the_prompt():
        prompt = Prompt(talk, lambda: _known(app, talk), history=kept / "history")
        await talk.chat(app.engine.handle, app.journal, app.clock, prompt)


async def _known(app: App, talk: Console) -> Known:
    """What completion may offer now."""
    services = app.services()
    tree = await services.compose.tree() if services.compose is not None else Tree()
    return Known(
        commands=services.commands,
        prefix=services.prefix,
        seats=talk.seats,
        rooms=list(services.rooms),
        services=sorted({service.name for service in tree.services}),
    )


def _welcome(talk: Console, estate: Path | None) -> str:
    where = f"the estate in {estate}" if estate is not None else "a copy of the sample estate"
    start = (
        ""
        if estate is not None
        else "\nTo have it run on your Docker Engine: python3 examples/estate/up.py DIR"
    )
    return (
        f"Tocsin, with {where}. You are {talk.seat} ({describe(talk.person)}), in {talk.room.name}.\n"
        f"Try !status, !unhealthy, !test alert. !help lists the rest.{start}"
    )


async def _listen(app: App, talk: Console) -> None:
    """The webhook starts after the prompt: its library takes longer to load than the first answer, and both
    share one interpreter."""
    await asyncio.sleep(PROMPT_FIRST)
    await asyncio.to_thread(__import__, "bot.web")
    try:
        port = await app.listen()
    except ConfigError:
        port = await app.listen(port=0)
    talk.note(f"webhook: http://127.0.0.1:{port}/alerts/default — to try it:\n  {_curl(port)}")


def _curl(port: int) -> str:
    alert = '{"status":"firing","labels":{"alertname":"Try","severity":"warning"}}'
    body = f'{{"status":"firing","groupKey":"try","alerts":[{alert}]}}'
    return f"curl -d '{body}' http://127.0.0.1:{port}/alerts/default"


@contextmanager
def _place(state: Path | None) -> Iterator[tuple[Path, Path]]:
    """The state directory, and a scratch directory that goes at the end."""
    scratch = Path(tempfile.mkdtemp(prefix="tocsin-"))
    try:
        yield (state.absolute() if state is not None else scratch / "state"), scratch
    finally:
        with contextlib.suppress(OSError):
            shutil.rmtree(scratch)


def _sample(scratch: Path) -> Path | None:
    """A copy of the sample estate, so that nothing done here touches the clone it was started from."""
    if not SAMPLE.is_dir():
        return None
    copy = scratch / "estate"
    copy_sample(SAMPLE, copy)
    return copy


def _width() -> int:
    return shutil.get_terminal_size().columns
