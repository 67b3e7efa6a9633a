"""What the commands about backups do. Loaded when the first of them is asked: the console answers before."""

from dataclasses import asdict, replace
from datetime import datetime

from bot.context import Context, Run, Services
from bot.core.command import ServiceRef
from bot.core.doc import Doc, Strong, line, say
from bot.core.duration import say_duration
from bot.core.errors import NotDone, Refused, Upstream
from bot.core.journal import Entry, Kind
from bot.core.plan import Plan
from bot.ports import Engine
from commands.backup_card import Standing, standing_card
from commands.backup_plan import (
    HOW_TO,
    backup_plan,
    by_name,
    drill_plan,
    engines_of,
    keeper_of,
    own_plan,
    place,
    prepared_of,
    same,
    seen,
    short,
    verify_plan,
)
from commands.look import look_running
from estate.backup import history
from estate.backup.drill import Evidence, say_database
from estate.backup.history import Ran, Result, Verified
from estate.backup.keeper import Keeper, Voice
from estate.backup.prepare import Prepared
from estate.backup.save import Outcome, say_bytes

NAMED = 30
"""Files that are named one by one when a run is partial; the journal has the first of them too."""
RESTIC_ONLY = "that needs a repository that I can read: estate.backup.repository and password_file"


async def standing(ctx: Context) -> Doc:
    """How backups stand."""
    keeper = keeper_of(ctx.services)
    found = await seen(ctx.services, keeper)
    covered, trouble = await keeper.covered(found.need.items)
    found_now = Standing(
        covered=covered,
        left_out=found.need.left_out,
        runs=await history.runs(keeper.notes),
        verified=await history.verified(keeper.notes),
        drills=await history.drills(keeper.notes),
        place=where(keeper),
        schedule=f"each day at {keeper.settings.schedule:%H:%M} UTC" if keeper.settings.schedule else "",
        how_to=HOW_TO if keeper.settings.trial else "",
        trouble=trouble,
        notes=[line(Strong("not seen: "), why) for why in found.away],
    )
    return standing_card(found_now, ctx.now)


def where(keeper: Keeper) -> str:
    """Where backups go, and by whom they are made, in words."""
    given = keeper.settings
    if given.engine == "restic":
        return place(keeper)
    own = " ".join(given.argv) if given.engine == "command" else f"the unit {given.unit}"
    seen_in = f", looked at in {place(keeper)}" if keeper.has_repository else ""
    return f"what your own backup does ({own}){seen_in}"


# ---- now ------------------------------------------------------------------------------------------------


async def now(ctx: Context, service: ServiceRef | None = None) -> Doc:
    """Carry a backup out. Raises NotDone when it is not whole."""
    keeper, run = keeper_of(ctx.services), _run(ctx)
    voice = Voice(_who(ctx), run.say, run.show)
    if keeper.settings.engine != "restic":
        return await _own(ctx, keeper, voice)
    prepared, found = await prepared_of(ctx.services, keeper, service)
    if not same(backup_plan(prepared, keeper, found.view), run.plan):
        raise NotDone("what there is to save has changed since the plan was made; nothing was run")
    ran, outcome = await keeper.backup(prepared, engines_of(found.view), voice)
    await _write_down(ctx, {"backup": asdict(ran), "manifest": _digest_of(outcome)})
    if ran.result is Result.OK:
        return say(f"{ran.scope} is saved whole: {say_saved(ran, outcome)}")
    for problem in outcome.problems[:NAMED]:
        await run.say(f"not whole: {problem}")
    raise NotDone(say_partial(ran, outcome))


async def plan_now(ctx: Context, service: ServiceRef | None = None) -> Plan:
    keeper = keeper_of(ctx.services)
    if keeper.settings.engine == "restic":
        prepared, found = await prepared_of(ctx.services, keeper, service)
        return backup_plan(prepared, keeper, found.view)
    if service is not None:
        raise Refused(
            f"your own backup ({keeper.settings.engine}) has no parts: backup now, without {service}"
        )
    return own_plan(keeper, keeper.settings.host)


async def find_now(ctx: Context, service: ServiceRef | None = None) -> str:
    return await found_after(keeper_of(ctx.services))


async def found_after(keeper: Keeper) -> str:
    """What a cut-off run leaves, in words."""
    left = "what was spooled and restored is removed, throw-away containers are being removed"
    if not keeper.has_repository:
        return f"what it saved is unknown; {left}"
    snapshots = await (await keeper.restic()).snapshots()
    known = {one.snapshot for one in await history.runs(keeper.notes)}
    new = [one for one in snapshots if one.id not in known and one.tagged("run")]
    if not new:
        return f"no snapshot of it; {left}"
    return f"the snapshot {new[-1].short}, which nobody checked: it counts for nothing; {left}"


def say_saved(ran: Ran, outcome: Outcome) -> str:
    """`snapshot 1a2b3c4d, 120 files, 3.4 MB (1.0 MB new); shop-db-1: 12 tables counted`"""
    words = f"snapshot {ran.snapshot[:8]}, {ran.files} files, {say_bytes(ran.size)}"
    words += f" ({say_bytes(outcome.added)} new)"
    dumped = [one.container for one in outcome.manifest.databases]
    words += f"; dumped and looked through: {short(dumped)}" if dumped else ""
    copied = len(outcome.manifest.sqlite)
    return words + (f"; SQLite files copied and checked: {copied}" if copied else "")


def say_partial(ran: Ran, outcome: Outcome) -> str:
    """Never green: how much of it is there, and what is not."""
    there = f"snapshot {ran.snapshot[:8]} holds the rest" if ran.snapshot else "there is no snapshot"
    count = len(outcome.problems)
    problems = f"{count} problem{'s' if count > 1 else ''}"
    named = short([str(one) for one in outcome.problems])
    return f"partial: {ran.scope} is not saved whole, {problems}: {named}; {there}"


async def _own(ctx: Context, keeper: Keeper, voice: Voice) -> Doc:
    if not same(own_plan(keeper, keeper.settings.host), _run(ctx).plan):
        raise NotDone("the configuration has changed since the plan was made; nothing was run")
    ran, words = await keeper.own(voice)
    await _write_down(ctx, {"backup": asdict(ran), "evidence": words})
    if ran.result is Result.FAILED:
        raise NotDone(words)
    return say(f"it ran, and that is all I can say: {words}")


# ---- verify ---------------------------------------------------------------------------------------------


async def verify(ctx: Context) -> Doc:
    """Read the next part back. Raises NotDone when it is not well."""
    keeper, run = keeper_of(ctx.services), _run(ctx)
    part = (await history.verified(keeper.notes)).next
    if not same(verify_plan(keeper, part, keeper.settings.host), run.plan):
        raise NotDone("another verify ran in between; nothing was read")
    try:
        found = await keeper.verify(Voice(_who(ctx), run.say, run.show))
    except NotDone as trouble:
        await _write_down(ctx, {"verify": part, "well": False, "why": str(trouble)})
        raise
    await _write_down(ctx, {"verify": part, "well": True, "full": str(found.full or "")})
    return say(f"part {part} of {history.PARTS} is well; {say_coverage(found, ctx.now)}")


async def plan_verify(ctx: Context) -> Plan:
    keeper = keeper_of(ctx.services)
    if not keeper.has_repository:
        raise Refused(RESTIC_ONLY)
    part = (await history.verified(keeper.notes)).next
    return verify_plan(keeper, part, keeper.settings.host)


async def find_verify(ctx: Context) -> str:
    return "nothing: it only reads; the repository may be locked by it for some time"


def say_coverage(found: Verified, now: datetime) -> str:
    """How much was read, and since when."""
    if found.full is None:
        return f"{len(found.done)} of {history.PARTS} parts were read so far, so not all of it yet"
    return f"all of it was read within the last {say_duration(now - found.full)}"


# ---- drill ----------------------------------------------------------------------------------------------


async def drill(ctx: Context, service: ServiceRef) -> Doc:
    """Restore and compare. Raises NotDone when something differs."""
    keeper, run = keeper_of(ctx.services), _run(ctx)
    view = await look_running(ctx.services)
    target = await keeper.find(view.find(service).full_name)
    running = by_name(view)
    if not same(drill_plan(keeper, target, running, ", ".join(sorted(view.engines))), run.plan):
        raise NotDone("there is another snapshot since the plan was made; nothing was restored")
    voice = Voice(_who(ctx), run.say, run.show)
    found = await keeper.drill(target, running, engines_of(view), voice)
    await _write_down(ctx, {"drill": asdict(found)})
    if found.differences:
        for what in found.differences:
            await run.say(f"differs: {what}")
        raise NotDone(f"{target.owner}: what was restored is not what was saved: {short(found.differences)}")
    return say(say_drilled(found, target.snapshot.short))


async def plan_drill(ctx: Context, service: ServiceRef) -> Plan:
    keeper = keeper_of(ctx.services)
    if keeper.settings.engine != "restic":
        raise Refused("I can only restore what I saved: a drill needs estate.backup.engine restic")
    view = await look_running(ctx.services)
    target = await keeper.find(view.find(service).full_name)
    return drill_plan(keeper, target, by_name(view), ", ".join(sorted(view.engines)))


async def find_drill(ctx: Context, service: ServiceRef) -> str:
    return "nothing that runs was touched; what was restored is removed"


def say_drilled(found: Evidence, short_id: str) -> str:
    """What was restored, and how it compares."""
    words = (
        f"{found.owner} was restored from snapshot {short_id}: {found.files} files, {say_bytes(found.size)}, "
    )
    words += f"{found.hashed} of them by hash, all as they were saved"
    words += f" ({found.moved} sampled files changed while they were saved: unknown)" if found.moved else ""
    return "; ".join([words, *(say_database(one) for one in found.databases)])


# ---- helpers --------------------------------------------------------------------------------------------


def _run(ctx: Context) -> Run:
    assert ctx.run is not None  # a risky command is only ever called to carry out its plan
    return ctx.run


def _who(ctx: Context) -> str:
    return ctx.person.name if ctx.person else str(ctx.identity)


def _digest_of(outcome: Outcome) -> dict[str, object]:
    """The manifest as evidence: the hashes of the dumps and the rows; samples are only counted."""
    found = asdict(replace(outcome.manifest, samples=()))
    return {**found, "samples": len(outcome.manifest.samples)}


async def _write_down(ctx: Context, about: dict[str, object]) -> None:
    """Into the journal, without what is secret. A full disk keeps the result from nobody."""
    entry = Entry(Kind.BACKUP, str(ctx.identity), _who(ctx), ctx.message.room.place, clean(ctx, about))
    try:
        await ctx.services.journal.write(entry)
    except Upstream as trouble:
        await _run(ctx).say(f"this could not be written into the journal: {trouble}")


def clean(ctx: Context, about: dict[str, object]) -> dict[str, object]:
    """Plain JSON with every text redacted."""

    def walk(value: object) -> object:
        match value:
            case str():
                return ctx.redactor.text(value)
            case dict():
                return {str(name): walk(one) for name, one in value.items()}
            case list() | tuple():
                return [walk(one) for one in value]
            case _:
                return value

    return {name: walk(value) for name, value in about.items()}


# ---- by itself ------------------------------------------------------------------------------------------


async def everything(services: Services, keeper: Keeper) -> tuple[Prepared, dict[str, Engine]]:
    """For the schedule: what a backup of everything would do now. Raises Refused, Upstream."""
    prepared, found = await prepared_of(services, keeper, None)
    return prepared, engines_of(found.view)
