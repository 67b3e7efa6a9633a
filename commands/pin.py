"""Pin: a floating tag becomes the exact version that runs now."""

from collections.abc import Sequence

from bot.context import Context
from bot.core.command import ServiceRef, command
from bot.core.doc import Doc
from bot.core.errors import Refused
from bot.core.model import Risk
from bot.core.plan import Plan
from commands.look import look_running
from commands.release import Wanted, Words, plan_release
from commands.rollout import carry_out
from commands.site import Running, Site, running, site_of
from estate.budget import Budget
from estate.compose.locus import image_locus
from estate.proof import By, Proof, Unproved, prove
from estate.reference import Reference


@command(risk=Risk.CHANGE)
async def pin(
    ctx: Context,
    service: ServiceRef,
    version: str | None = None,
    *,
    digest: bool = False,
    shared: bool = False,
) -> Doc:
    """Replace a floating tag by the exact version that runs now.

    Which version that is, is proved by digest against the registry; with VERSION only that one is tried. The
    file changes in that one value, wherever it comes from, and the service is made anew from the very same
    image. `--digest` pins what runs by its digest where no version can be proved. `--shared` also pins the
    services whose image is written in the same place.
    """
    return await carry_out(ctx, "pinned")


@pin.preview
async def _(
    ctx: Context,
    service: ServiceRef,
    version: str | None = None,
    *,
    digest: bool = False,
    shared: bool = False,
) -> Plan:
    view = await look_running(ctx.services)
    thing = view.find(service)
    site = await site_of(ctx, view, thing)
    first = await running(ctx, site, site.deployment.service)
    together = [first, *[await running(ctx, site, name) for name in _sharing(site, first, shared)]]
    _hold_floats(first, version, digest)
    _hold_same(together)
    reference, by, named = await _proved(site, first, version, digest)
    wanted = [Wanted(one, str(reference), one.image.id, named) for one in together]
    image = first.image.id
    notes = [f"proved by {by}: {image.removeprefix('sha256:')[:12]} is {reference}"]
    notes += ["a digest holds still and says no version"] if reference.digest else []
    words = Words(
        "pin",
        {**({"version": version} if version else {}), **({"digest": True} if digest else {})},
        first=[] if reference.digest else [f"POST /images/{image[:19]}/tag {reference}"],
        notes=notes,
    )
    return await plan_release(ctx, site, wanted, words)


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


async def _proved(site: Site, first: Running, version: str | None, digest: bool) -> tuple[Reference, By, str]:
    """What is written, what proved it, and the digest by which it can be had again. Raises Refused."""
    reference = first.reference
    if digest:
        if not first.digest:
            raise Refused(f"{first.full_name} has no digest: its image never was in a registry")
        found = first.digest.rpartition("@")[2]
        return Reference(reference.repository, reference.tag, found), By.DIGEST, first.digest
    try:
        proof: Proof = await prove(site.hands.registry, first.image, reference, Budget(), version)
    except Unproved as why:
        offer = f". By its digest it can be pinned: pin {first.service} --digest" if why.opaque else ""
        raise Refused(f"{first.full_name}: {why}{offer}") from None
    if proof.reference == reference:
        raise Refused(
            f"{first.full_name}: {reference} is the most exact name that its registry has for what runs."
            f" By its digest it can be pinned: pin {first.service} --digest"
        )
    return proof.reference, proof.by, f"{reference.repository}@{proof.digest}"


@pin.finds
async def found(
    ctx: Context,
    service: ServiceRef,
    version: str | None = None,
    *,
    digest: bool = False,
    shared: bool = False,
) -> str:
    return await what_is_there(ctx, service)


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
