"""Pin: a floating tag becomes the exact version that runs now. What plans it is loaded when asked for."""

from bot.context import Context
from bot.core.command import Parts, ServiceRef, command
from bot.core.doc import Doc
from bot.core.model import Risk
from bot.core.plan import Plan


@command(risk=Risk.CHANGE)
async def pin(
    ctx: Context,
    service: ServiceRef | None = None,
    version: str | None = None,
    *,
    digest: bool = False,
    shared: bool = False,
    all_: bool = False,
) -> Doc:
    """Replace a floating tag by the exact version that runs now.

    Which version that is, is proved by digest against the registry; with VERSION only that one is tried. The
    file changes in that one value, wherever it comes from, and the service is made anew from the very same
    image. `--digest` pins what runs by its digest where no version can be proved. `--shared` also pins the
    services whose image is written in the same place. `--all` makes a plan for each project, and says what
    cannot be pinned, and why.
    """
    from commands.rollout import carry_out

    return await carry_out(ctx, "pinned")


@pin.preview
async def _(
    ctx: Context,
    service: ServiceRef | None = None,
    version: str | None = None,
    *,
    digest: bool = False,
    shared: bool = False,
    all_: bool = False,
    part: str = "",
) -> Plan:
    from commands import pinning

    return await pinning.plan(ctx, service, version, digest=digest, shared=shared, all_=all_, part=part)


@pin.parts
async def _(
    ctx: Context,
    service: ServiceRef | None = None,
    version: str | None = None,
    *,
    digest: bool = False,
    shared: bool = False,
    all_: bool = False,
) -> Parts | None:
    from commands import pinning

    return await pinning.parts(ctx, service, version, digest=digest, shared=shared, all_=all_)


@pin.finds
async def _(
    ctx: Context,
    service: ServiceRef | None = None,
    version: str | None = None,
    *,
    digest: bool = False,
    shared: bool = False,
    all_: bool = False,
    part: str = "",
) -> str:
    from commands import pinning

    return await pinning.found(ctx, service, version, digest=digest, shared=shared, all_=all_, part=part)
