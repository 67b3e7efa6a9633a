"""Restart, start and stop: by the containers' ids, as the plan shows them."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Annotated

from bot.context import Context
from bot.core.command import Between, ServiceRef, command
from bot.core.doc import Doc, say
from bot.core.errors import NotDone, Refused, Upstream
from bot.core.model import Risk
from bot.core.plan import Advice, Plan
from bot.ports import Engine
from commands.health import healthy_again
from commands.look import View, look_running
from commands.target import dependents, touched
from estate.inventory import Thing
from estate.model import Container, Detail, State
from estate.verdict import condition

Grace = Annotated[int, Between(0, 600)]


@command(risk=Risk.CHANGE)
async def restart(ctx: Context, service: ServiceRef, *, grace: Grace = 10) -> Doc:
    """Restart one service and wait until it is as well as it was before.

    `grace` is how many seconds it gets to stop by itself. The same containers start again from the same
    images: nothing is pulled or recreated. Several containers are restarted one after the other.
    """

    async def act(engine: Engine, container: Container) -> None:
        await engine.restart(container, grace=grace)

    return await _each(ctx, "restarting", act, healthy_again, "restarted")


@command(risk=Risk.CHANGE)
async def start(ctx: Context, service: ServiceRef) -> Doc:
    """Start a service that is stopped, and wait until it is well."""

    async def act(engine: Engine, container: Container) -> None:
        await engine.start(container)

    return await _each(ctx, "starting", act, healthy_again, "started")


@command(risk=Risk.CHANGE)
async def stop(ctx: Context, service: ServiceRef, *, grace: Grace = 10) -> Doc:
    """Stop a service; it stays stopped until it is started again.

    `grace` is how many seconds it gets to end by itself.
    """

    async def act(engine: Engine, container: Container) -> None:
        await engine.stop(container, grace=grace)

    return await _each(ctx, "stopping", act, _stopped, "stopped")


# ---- plans ----------------------------------------------------------------------------------------------


@restart.preview
async def _(ctx: Context, service: ServiceRef, *, grace: int = 10) -> Plan:
    view, thing = await _find(ctx, service)
    many = (
        f", its {len(thing.containers)} containers one after the other" if len(thing.containers) > 1 else ""
    )
    return _plan(
        view,
        thing,
        "restart",
        thing.containers,
        {"grace": grace},
        lambda one: f"POST /containers/{one.id[:12]}/restart?t={grace}",
        f"{thing.full_name}{many}, while it stops (at most {grace} s) and until it is up again",
        "nothing to undo: the same containers start again, their data stays",
    )


@start.preview
async def _(ctx: Context, service: ServiceRef) -> Plan:
    view, thing = await _find(ctx, service)
    down = [one for one in thing.containers if one.state not in {State.RUNNING, State.RESTARTING}]
    if not down:
        raise Refused(f"{thing.full_name} runs already; restart {thing.full_name} starts it anew")
    return _plan(
        view,
        thing,
        "start",
        down,
        {},
        lambda one: f"POST /containers/{one.id[:12]}/start",
        "nothing",
        f"stop {thing.full_name}",
    )


@stop.preview
async def _(ctx: Context, service: ServiceRef, *, grace: int = 10) -> Plan:
    view, thing = await _find(ctx, service)
    up = [one for one in thing.containers if one.state in {State.RUNNING, State.RESTARTING, State.PAUSED}]
    if not up:
        raise Refused(f"{thing.full_name} does not run")
    return _plan(
        view,
        thing,
        "stop",
        up,
        {"grace": grace},
        lambda one: f"POST /containers/{one.id[:12]}/stop?t={grace}",
        f"{thing.full_name}, until somebody starts it again, also after a reboot",
        f"start {thing.full_name}",
    )


async def _find(ctx: Context, service: ServiceRef) -> tuple[View, Thing]:
    view = await look_running(ctx.services)
    thing = view.find(service)
    if not thing.containers:
        raise Refused(
            f"{thing.full_name} is configured and has no container: "
            "create it with Compose on the machine, docker compose up -d"
        )
    if len({one.host for one in thing.containers}) > 1:
        names = ", ".join(one.name for one in thing.containers)
        raise Refused(f"{thing.full_name} runs on several Engines; name one container: {names}")
    for container in thing.containers:
        why = ctx.services.myself.why_not(container)
        if why is not None:
            raise Refused(f"{container.name}: {why}")
    return view, thing


def _plan(
    view: View,
    thing: Thing,
    verb: str,
    containers: Sequence[Container],
    arguments: dict[str, str | int | bool],
    call: Callable[[Container], str],
    interrupts: str,
    undo: str,
) -> Plan:
    return Plan(
        command=verb,
        subject=thing.full_name,
        host=thing.containers[0].host,
        project=thing.project or "",
        arguments=arguments,
        containers=tuple(touched(one) for one in containers),
        calls=tuple(call(one) for one in containers),
        advice=Advice(interrupts, undo, _notes(view, thing, containers)),
    )


def _notes(view: View, thing: Thing, containers: Sequence[Container]) -> tuple[str, ...]:
    notes = [f"{one.name} ({one.id[:12]}): {one.status.lower() or one.state.value}, {one.image}"
             for one in containers]  # fmt: skip
    others = dependents(view, thing)
    return (*notes, f"depend on it: {', '.join(others)}") if others else tuple(notes)


# ---- what is there now ----------------------------------------------------------------------------------


@restart.finds
@start.finds
@stop.finds
async def _found(ctx: Context, service: ServiceRef, *, grace: int = 10) -> str:
    view, thing = await _find(ctx, service)
    details = await view.details(thing.containers)
    return "; ".join(now(one) for one in details)


def now(detail: Detail | Upstream) -> str:
    """How one container is, in words."""
    if isinstance(detail, Upstream):
        return f"unknown: {detail}"
    started = f", started {detail.started:%Y-%m-%d %H:%M:%S} UTC" if detail.started else ""
    return f"{detail.container.name} is {condition(detail)}{started}"


# ---- doing ----------------------------------------------------------------------------------------------

Act = Callable[[Engine, Container], Awaitable[None]]
Proof = Callable[[Engine, Detail], Awaitable[str]]
"""From the state before to what was found after, in words. Raises NotDone."""


async def _each(ctx: Context, doing: str, act: Act, proof: Proof, done: str) -> Doc:
    """The plan's containers, one after the other; the first that does not end well ends it."""
    assert ctx.run is not None  # a risky command is only ever called to carry out its plan
    plan = ctx.run.plan
    engine = next((one for one in ctx.services.engines if one.host == plan.host), None)
    if engine is None:
        raise NotDone(f"the Engine {plan.host} is not in my configuration any more")
    there = {one.id: one for one in await engine.containers()}
    found: list[str] = []
    for one in plan.containers:
        container = there.get(one.id)
        if container is None:
            raise NotDone(f"{one.name} ({one.id[:12]}) is gone; {_so_far(found)}")
        before = await engine.detail(container)
        await ctx.run.say(f"{doing} {one.name} ({one.id[:12]}), which is {condition(before)}")
        try:
            await act(engine, container)
            found.append(await proof(engine, before))
        except (NotDone, Upstream) as trouble:
            raise NotDone(f"{plan.subject}: {trouble}; {_so_far(found)}") from trouble
    return say(f"{plan.subject} was {done}: {'; '.join(found)}")


def _so_far(found: Sequence[str]) -> str:
    return f"before that: {'; '.join(found)}" if found else "nothing else was touched"


async def _stopped(engine: Engine, before: Detail) -> str:
    now = await engine.detail(before.container)
    if now.container.state in {State.RUNNING, State.RESTARTING, State.PAUSED}:
        raise NotDone(f"{before.container.name} is {condition(now)}, although the Engine stopped it")
    return f"{before.container.name} is {condition(now)}"
