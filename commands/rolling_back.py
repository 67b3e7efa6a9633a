"""How a rollback is planned: what the journal says ran before, and whether it is still to be had."""

from bot.context import Context
from bot.core.command import ServiceRef
from bot.core.errors import Refused, Upstream
from bot.core.plan import Plan
from bot.core.release import Release
from commands.look import look_running
from commands.pinning import what_is_there
from commands.release import Wanted, Words, plan_release
from commands.site import Running, Site, running, site_of


async def plan(ctx: Context, service: ServiceRef) -> Plan:
    view = await look_running(ctx.services)
    thing = view.find(service)
    site = await site_of(ctx, view, thing)
    was = await running(ctx, site, site.deployment.service)
    release = await _last(ctx, was)
    image_id, first = await _image(site, release)
    wanted = Wanted(was, release.before, image_id, release.before_digest)
    short = release.before_id.removeprefix("sha256:")[:12]
    notes = [f"the journal: {release.before} ({short}) ran before {release.after}"]
    return await plan_release(ctx, site, [wanted], Words("rollback", {}, first=first, notes=notes))


async def _last(ctx: Context, was: Running) -> Release:
    """The newest change of this service that brought what runs now. Raises Refused."""
    journal = await ctx.services.journal.releases(was.full_name)
    if not journal:
        raise Refused(f"the journal knows no change of {was.full_name} that I made, so nothing to go back to")
    for release in journal:
        if not release.is_after(was.image.id, was.image.digests):
            raise Refused(
                f"{was.full_name} does not run what I last put there ({release.after}): somebody changed it"
                " since, and what ran before that I do not know"
            )
        if not release.is_neutral:
            return release
    raise Refused(f"{was.full_name} was only pinned: the image before was the same")


async def _image(site: Site, release: Release) -> tuple[str, list[str]]:
    """Its id when it is here, and the calls that give it its name. Raises Refused, Upstream."""
    try:
        await site.engine.image(release.before_id)
    except Upstream as gone:
        if not gone.permanent:
            raise
        if not release.before_digest:
            raise Refused(
                f"the image {release.before_id[:19]} is gone, and the journal has no digest of it"
            ) from None
        return "", [f"POST /images/create {release.before_digest}", f"POST /images/…/tag {release.before}"]
    named = [] if "@" in release.before else [f"POST /images/{release.before_id[:19]}/tag {release.before}"]
    return release.before_id, named


async def found(ctx: Context, service: ServiceRef) -> str:
    return await what_is_there(ctx, service)
