"""Waiting until a container is as well as one was before something was done."""

import asyncio
from datetime import timedelta

from bot.core.duration import say_duration
from bot.core.errors import NotDone
from bot.ports import Engine
from estate.model import Container, Detail, State
from estate.verdict import condition, judge, patience

EVERY = 0.5
"""Seconds between two looks."""


async def healthy_again(engine: Engine, before: Detail, container: Container | None = None) -> str:
    """Look until there is a verdict, within what the healthcheck may take by its own numbers; what was found,
    in words. container: the one that took the place of `before`, when it is another one. Raises NotDone when
    it is not as well as `before` was, Upstream."""
    one = container or before.container
    loop = asyncio.get_running_loop()
    began = steady = loop.time()
    now = await engine.detail(one)
    deadline = began + patience(now).total_seconds()
    while True:
        verdict = judge(before, now, timedelta(seconds=loop.time() - steady))
        took = say_duration(timedelta(seconds=loop.time() - began))
        if verdict.settled or loop.time() > deadline:
            if verdict.well:
                return f"{one.name} is {verdict.words}, after {took}"
            raise NotDone(f"{one.name} is {verdict.words}, after {took}; it was {condition(before)}")
        await asyncio.sleep(EVERY)
        later = await engine.detail(one)
        if later.started != now.started or later.container.state is not State.RUNNING:
            steady = loop.time()
        now = later
