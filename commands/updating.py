"""How an update is planned: which image it is, by digest, and what may not be crossed."""

from collections.abc import Sequence
from difflib import get_close_matches

from bot.context import Context
from bot.core.command import ServiceRef
from bot.core.errors import Refused
from bot.core.plan import Plan
from commands.look import look_running
from commands.pinning import hold_tag, what_is_there
from commands.release import Wanted, Words, plan_release
from commands.site import Running, Site, running, site_of
from estate.budget import Budget
from estate.proof import Unproved, prove
from estate.reference import Reference
from estate.registry import OutOfBudget, Platform
from estate.verdict import condition
from estate.versions import crosses_major, is_database


async def plan(ctx: Context, service: ServiceRef, version: str, *, major: bool = False) -> Plan:
    hold_tag(version)
    view = await look_running(ctx.services)
    thing = view.find(service)
    site = await site_of(ctx, view, thing)
    was = await running(ctx, site, site.deployment.service)
    if version == was.reference.tag:
        raise Refused(
            f"{was.full_name} says {was.reference} already; pin {was.service} fixes what that means"
        )
    budget = Budget()
    try:
        digest = await site.hands.registry.digest(was.reference, version, budget)
        if digest is None:
            raise Refused(await _no_such(site, was, version, budget))
        await _hold_major(site, was, version, major, budget)
        wanted = Platform(was.image.os, was.image.architecture, was.image.variant)
        manifest = await site.hands.registry.for_platform(was.reference, digest, wanted, budget)
    except OutOfBudget:
        raise Refused(f"{was.full_name}: the registry was asked as often as one command may") from None
    if manifest.config == was.image.id:
        raise Refused(
            f"{was.full_name} runs exactly that already; pin {was.service} {version} writes it down"
        )
    tag = Reference(was.reference.repository, version, digest if was.reference.digest else None)
    by_digest = f"{was.reference.repository}@{digest}"
    details = await view.details(was.containers)
    before = [
        f"{one.container.name} is {condition(one)} now" for one in details if not isinstance(one, Exception)
    ]
    words = Words(
        "update",
        {"version": version, **({"major": True} if major else {})},
        first=[f"POST /images/create {by_digest}", f"POST /images/…/tag {tag}"],
        notes=[f"to be pulled: {manifest.size / 1e6:.1f} MB, less what is here already", *before],
    )
    return await plan_release(ctx, site, [Wanted(was, str(tag), "", by_digest)], words)


async def _no_such(site: Site, was: Running, version: str, budget: Budget) -> str:
    tags: Sequence[str] = await site.hands.registry.tags(was.reference, budget)
    near = get_close_matches(version, tags, n=3, cutoff=0.5)
    hint = f"; near it are {', '.join(near)}" if near else ""
    return f"{was.reference.repository} has no version {version}{hint}"


async def _hold_major(site: Site, was: Running, version: str, major: bool, budget: Budget) -> None:
    """Raises Refused for a database whose major version would change, or may."""
    if major or not is_database(was.reference.repository):
        return
    crosses = crosses_major(was.reference.tag, version, was.reference.repository)
    if crosses is None:
        try:
            proof = await prove(site.hands.registry, was.image, was.reference, budget)
            crosses = crosses_major(proof.tag, version, was.reference.repository)
        except Unproved:
            crosses = None
    if crosses is not False:
        word = "crosses" if crosses else "may cross (what runs now cannot be told)"
        raise Refused(
            f"{was.full_name} is a database, and {was.reference.tag or 'latest'} → {version} {word} a major"
            " version: its data may not survive it, nor the way back. Take a backup, then"
            f" update {was.service} {version} --major"
        )


async def found(ctx: Context, service: ServiceRef, version: str, *, major: bool = False) -> str:
    return await what_is_there(ctx, service)
