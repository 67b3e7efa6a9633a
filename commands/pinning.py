"""How a pin is planned: what floats, what is proved to run, and what stands in the way."""

from collections.abc import Sequence
from dataclasses import dataclass

from bot.context import Context
from bot.core.authority import EVERYTHING, Deny, authorize
from bot.core.command import Parts, ServiceRef
from bot.core.doc import Block, Code, Items, Line, Paragraph, doc, line
from bot.core.errors import Refused, UsageError
from bot.core.plan import Plan
from bot.core.text import one_line
from commands.look import View, look_running
from commands.pin import pin
from commands.release import Wanted, Words, plan_release
from commands.site import Running, Site, running, site_of
from estate.budget import Budget
from estate.compose.locus import image_locus
from estate.inventory import Thing
from estate.proof import By, Proof, Unproved, prove
from estate.reference import Reference, parse_reference
from estate.versions import is_tag


async def plan(
    ctx: Context,
    service: ServiceRef | None = None,
    version: str | None = None,
    *,
    digest: bool = False,
    shared: bool = False,
    all_: bool = False,
    part: str = "",
) -> Plan:
    hold_tag(version)
    view = await look_running(ctx.services)
    if part:
        return await _plan_project(ctx, view, part)
    if service is None:
        raise UsageError(f"{pin.usage(ctx.services.prefix)} — say which service, or --all")
    thing = view.find(service)
    site = await site_of(ctx, view, thing)
    first = await running(ctx, site, site.deployment.service)
    _hold_floats(first, version, digest)
    chosen = await _chosen(ctx, site, first, version, digest=digest, shared=shared, budget=Budget())
    words = Words(
        "pin",
        {**({"version": version} if version else {}), **({"digest": True} if digest else {})},
        first=chosen.calls,
        notes=chosen.notes,
    )
    return await plan_release(ctx, site, chosen.wanted, words)


async def parts(
    ctx: Context,
    service: ServiceRef | None = None,
    version: str | None = None,
    *,
    digest: bool = False,
    shared: bool = False,
    all_: bool = False,
) -> Parts | None:
    if not all_:
        return None
    if service is not None or version is not None or digest or shared:
        raise UsageError(f"{ctx.services.prefix}pin --all — it takes nothing else")
    view = await look_running(ctx.services)
    projects = sorted({thing.project for thing in view.things if thing.project and thing.containers})
    surveys = [await survey(ctx, view, project) for project in projects]
    refused = [line(Code(name), f": {why}") for one in surveys for name, why in one.refused]
    plans = tuple(one.project for one in surveys if one.chosen)
    if not plans and not refused:
        raise Refused("nothing that runs has a floating tag")
    head = "1 plan" if len(plans) == 1 else f"{len(plans)} plans, one for each project"
    said = doc(Paragraph(line(head if plans else "nothing can be pinned")), *_listed(refused))
    return Parts(plans, said)


def _listed(refused: Sequence[Line]) -> list[Block]:
    return [Paragraph(line("not pinned:")), Items(tuple(refused))] if refused else []


@dataclass(frozen=True, slots=True)
class Chosen:
    """Services that are pinned together, what is called before, and what is said of it."""

    wanted: tuple[Wanted, ...]
    calls: tuple[str, ...]
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Survey:
    """One project: what of it is pinned, and what floats and is not, with the reason."""

    project: str
    site: Site | None
    chosen: tuple[Chosen, ...]
    refused: tuple[tuple[str, str], ...]


async def survey(ctx: Context, view: View, project: str) -> Survey:
    """Raises Upstream."""
    things = [one for one in view.things if one.project == project and one.containers]
    chosen: list[Chosen] = []
    refused: list[tuple[str, str]] = []
    done: set[str] = set()
    site: Site | None = None
    budget = Budget()
    for thing in things:
        try:
            _hold_policy(ctx, thing)
            site = site or await site_of(ctx, view, thing)
            name = thing.containers[0].service or ""
            if name in done or not parse_reference(site.said(name)).floats:
                continue
            first = await running(ctx, site, name)
            one = await _chosen(ctx, site, first, None, digest=False, shared=True, budget=budget)
        except Refused as why:
            said = str(why).removeprefix(Refused.prefix).removeprefix(f"{thing.full_name}: ")
            refused.append((thing.full_name, said))
            continue
        chosen.append(one)
        done |= {wanted.running.service for wanted in one.wanted}
    return Survey(project, site, tuple(chosen), tuple(refused))


def _hold_policy(ctx: Context, thing: Thing) -> None:
    """What has a line of its own in the policy is not pinned by the line for all. Raises Refused."""
    services = ctx.services
    whole = authorize(ctx.asker, pin, EVERYTHING, services.policy, services.people)
    mine = authorize(ctx.asker, pin, thing.names, services.policy, services.people)
    if isinstance(mine, Deny):
        raise Refused(mine.reason)
    if isinstance(whole, Deny) or mine.rule != whole.rule:
        raise Refused(f"the policy has a line of its own for it: pin {thing.full_name}")


async def _plan_project(ctx: Context, view: View, project: str) -> Plan:
    found = await survey(ctx, view, project)
    if found.site is None or not found.chosen:
        raise Refused(f"nothing of {project} can be pinned any more")
    wanted = [wanted for one in found.chosen for wanted in one.wanted]
    calls = [call for one in found.chosen for call in one.calls]
    notes = [note for one in found.chosen for note in one.notes]
    return await plan_release(ctx, found.site, wanted, Words("pin", {"all": True}, first=calls, notes=notes))


async def _chosen(
    ctx: Context,
    site: Site,
    first: Running,
    version: str | None,
    *,
    digest: bool,
    shared: bool,
    budget: Budget,
) -> Chosen:
    """This service, and those that share its place. Raises Refused."""
    together = [first, *[await running(ctx, site, name) for name in _sharing(site, first, shared)]]
    _hold_same(together)
    reference, by, named = await _proved(site, first, version, digest=digest, budget=budget)
    short = first.image.id.removeprefix("sha256:")[:12]
    notes = [f"proved by {by}: {short} is {reference}"]
    notes += ["a digest holds still and says no version"] if reference.digest else []
    call = () if reference.digest else (f"POST /images/{first.image.id[:19]}/tag {reference}",)
    wanted = tuple(Wanted(one, str(reference), one.image.id, named) for one in together)
    return Chosen(wanted, call, tuple(notes))


def _sharing(site: Site, first: Running, shared: bool) -> Sequence[str]:
    """The other services that would change with it. Raises Refused for what cannot be pinned."""
    locus = image_locus(site.model, site.model.services[first.service])
    if not locus.pinnable:
        raise Refused(f"{first.full_name} cannot be pinned ({locus.kind.value}): {locus.reason}")
    if locus.also and not shared:
        names = ", ".join(locus.also)
        raise Refused(
            f"the image of {first.full_name} stands where {names} take theirs from, too:"
            f" pin {first.service} --shared pins all of them"
        )
    return [name for name in locus.also if site.thing(name) is not None]


def hold_tag(version: str | None) -> None:
    """Raises UsageError for what no registry can have: it would become part of an address, and of a file."""
    if version is not None and not is_tag(version):
        raise UsageError(f"VERSION is a tag, like 11.2.0 — {one_line(version, 40)} cannot be one")


def _hold_floats(first: Running, version: str | None, digest: bool) -> None:
    """Raises Refused when there is nothing to pin."""
    reference = first.reference
    if reference.digest:
        raise Refused(f"{first.full_name} is pinned already, by its digest: {reference}")
    if not reference.floats and not digest and version in {None, reference.tag}:
        raise Refused(f"{first.full_name} is pinned already: {reference}")


def _hold_same(together: Sequence[Running]) -> None:
    """Raises Refused when what shares a place does not run the same."""
    first = together[0]
    for other in together[1:]:
        if not other.reference.is_same_repository(first.reference):
            raise Refused(
                f"{other.full_name} is another image ({other.reference}) whose version is written in the same"
                f" place: give each its own first"
            )
        if other.image.id != first.image.id:
            raise Refused(f"{other.full_name} shares the place and runs another image: recreate both first")


async def _proved(
    site: Site, first: Running, version: str | None, *, digest: bool, budget: Budget
) -> tuple[Reference, By, str]:
    """What is written, what proved it, and the digest by which it can be had again. Raises Refused."""
    reference = first.reference
    if digest:
        if not first.digest:
            raise Refused(f"{first.full_name} has no digest: its image never was in a registry")
        found = first.digest.rpartition("@")[2]
        return Reference(reference.repository, reference.tag, found), By.DIGEST, first.digest
    try:
        proof: Proof = await prove(site.hands.registry, first.image, reference, budget, version)
    except Unproved as why:
        offer = f". By its digest it can be pinned: pin {first.service} --digest" if why.opaque else ""
        raise Refused(f"{first.full_name}: {why}{offer}") from None
    if proof.reference == reference:
        raise Refused(
            f"{first.full_name}: {reference} is the most exact name that its registry has for what runs."
            f" By its digest it can be pinned: pin {first.service} --digest"
        )
    return proof.reference, proof.by, f"{reference.repository}@{proof.digest}"


async def found(
    ctx: Context,
    service: ServiceRef | None = None,
    version: str | None = None,
    *,
    digest: bool = False,
    shared: bool = False,
    all_: bool = False,
    part: str = "",
) -> str:
    if service is not None:
        return await what_is_there(ctx, service)
    view = await look_running(ctx.services)
    names = [thing.full_name for thing in view.things if thing.project == part and thing.containers]
    return "; ".join([f"{name}: {await what_is_there(ctx, ServiceRef(name))}" for name in names])


async def what_is_there(ctx: Context, service: ServiceRef) -> str:
    """What runs, and what the files say, in words."""
    from commands.lifecycle import now

    view = await look_running(ctx.services)
    thing = view.find(service)
    details = await view.details(thing.containers)
    said = [now(one) for one in details]
    said += [f"it runs {one.image} ({one.image_id.removeprefix('sha256:')[:12]})" for one in thing.containers]
    try:
        site = await site_of(ctx, view, thing)
        said.append(f"its files say {site.said(site.deployment.service)}")
    except Refused as why:
        said.append(f"what its files say is unknown: {why}")
    return "; ".join(dict.fromkeys(said))
