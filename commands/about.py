"""What there is, who you are, and why you may or may not."""

import re
from typing import Annotated

from bot.context import Context
from bot.core.authority import (
    EVERYTHING,
    Allow,
    Deny,
    NeedsApproval,
    Verdict,
    authorize,
    describe,
    may_ask,
)
from bot.core.command import Command, Rest, command
from bot.core.doc import (
    Code,
    Doc,
    Fields,
    Heading,
    Items,
    Line,
    Paragraph,
    Span,
    Strong,
    Table,
    Text,
    doc,
    line,
)
from bot.core.errors import Refused, Unknown, UsageError
from bot.core.matching import match, near
from bot.core.model import Risk
from bot.ports import AlertView


@command(risk=Risk.READ, name="help")
async def help_(ctx: Context, name: Rest | None = None) -> Doc:
    """What you may do here, or how one command works.

    `!help` lists only the commands that your roles may ask for in this room. `!help logs` shows the whole
    help of one command, with every option.
    """
    if name:
        return _one_help(ctx, _named(ctx, name))
    mine = [one for one in ctx.services.commands if _may(ctx, one)]
    prefix = ctx.services.prefix
    rows = tuple((line(Code(one.usage(prefix))), _spans(one.summary, prefix)) for one in mine)
    return doc(
        Heading(line(f"What you may do here, as {describe(ctx.person)}")),
        Table(("command", "does"), rows),
        line("More about one: ", Code(f"{prefix}help {mine[-1].name if mine else 'NAME'}")),
    )


@command(risk=Risk.READ)
async def whoami(ctx: Context) -> Doc:
    """Who you are to me: your name, your account, your roles, and what I could prove about you."""
    asker = ctx.asker
    name = ctx.person.name if ctx.person else "nobody who is listed"
    accounts = sorted(str(one) for one in ctx.person.identities) if ctx.person else []
    pairs: list[tuple[str, Line]] = [
        ("account", line(Code(str(ctx.identity)))),
        ("room", line(Code(asker.room.name or ctx.message.room.place))),
    ]
    if len(accounts) > 1:
        pairs.append(("all your accounts", line(Code(", ".join(accounts)))))
    if ctx.identity.platform == "matrix":
        trusted = "trusted" if asker.trust.verified else "not trusted"
        pairs.append(("device", line(trusted, f" ({asker.trust.why})" if asker.trust.why else "")))
    return doc(Heading(line(f"you are {name} ({describe(ctx.person)})")), Fields(tuple(pairs)))


@command(risk=Risk.READ)
async def why(ctx: Context, about: Annotated[Rest, "COMMAND | alert NAME | approve CODE"]) -> Doc:
    """Why you may or may not use a command or say yes to a plan, or why an alert went where it went.

    `!why logs` or `!why pin grafana` says what your roles and the policy decide. `!why alert NAME` says by
    which route a firing alert came into its rooms. `!why approve CODE` says whose yes a plan wants.
    """
    first, _, rest = about.partition(" ")
    if first.lower().removeprefix(ctx.services.prefix) == "approve" and rest.strip():
        return await _why_approve(ctx, rest.strip())
    if first.lower() == "alert":
        return await _why_alert(ctx, rest.strip())
    prefix = ctx.services.prefix
    found = match(about.removeprefix(prefix), ctx.services.commands, prefix, addressed=True)
    assert found is not None  # addressed text always means a command, or raises Unknown
    verdict = _verdict(ctx, found.command, tuple(found.rest.split()[:1]))
    return doc(line(Code(prefix + found.command.name), Text(": " + _said(verdict))))


@command(risk=Risk.READ)
async def ping(ctx: Context) -> Doc:
    """Whether I am there: `pong`, and how long your message took to reach me."""
    took = (ctx.now - ctx.message.at).total_seconds() * 1000
    if ctx.message.room.platform == "console" or not 0 <= took < 60_000:
        return doc("pong")
    return doc(f"pong ({took:.0f} ms)")


# ---- help -----------------------------------------------------------------------------------------------


def _may(ctx: Context, one: Command) -> bool:
    return may_ask(ctx.asker, one, ctx.services.policy, ctx.services.people) is None


def _named(ctx: Context, text: str) -> Command:
    prefix, commands = ctx.services.prefix, ctx.services.commands
    name = " ".join(text.removeprefix(prefix).lower().split())
    found = next((one for one in commands if one.name == name), None)
    if found is None:
        known = [one.name for one in commands]
        close = [one for one in known if one.startswith(f"{name} ")] or near(name, known)
        hint = f"did you mean {prefix}help {close[0]}?" if close else f"{prefix}help lists what there is"
        raise Unknown(f"{name[:40]} — {hint}")
    return found


def _one_help(ctx: Context, one: Command) -> Doc:
    paragraphs, prefix = re.split(r"\n\s*\n", one.help), ctx.services.prefix
    verdict = _verdict(ctx, one, ())
    return doc(
        Heading((Code(one.usage(prefix)),)),
        *(Paragraph(_spans(" ".join(text.split()), prefix)) for text in paragraphs if text.strip()),
        line(_said(verdict)),
    )


def _spans(text: str, prefix: str) -> tuple[Span, ...]:
    """Our own help texts mark names with backticks, and write commands with a !."""
    parts = text.replace("`!", f"`{prefix}").split("`")
    return tuple(Code(part) if index % 2 else Text(part) for index, part in enumerate(parts) if part)


# ---- why ------------------------------------------------------------------------------------------------


def _verdict(ctx: Context, one: Command, typed: tuple[str, ...]) -> Verdict:
    services = ctx.services
    targets: tuple[str, ...] = ()
    if one.target is not None:
        targets = typed or (() if one.target.required else EVERYTHING)
    return authorize(ctx.asker, one, targets, services.policy, services.people)


def _said(verdict: Verdict) -> str:
    match verdict:
        case Allow(reason=reason):
            return f"you may: {reason}"
        case NeedsApproval(reason=reason):
            return f"you may ask: {reason}"
        case Deny(reason=reason):
            return f"you may not: {reason}"


async def _why_alert(ctx: Context, name: str) -> Doc:
    if not name:
        raise UsageError(f"{ctx.services.prefix}why alert NAME")
    firing = await ctx.services.alerts.firing()
    found = [one for one in firing if one.name.lower() == name.lower()]
    if not found:
        close = near(name, sorted({one.name for one in firing}))
        hint = f"did you mean {close[0]}?" if close else f"{ctx.services.prefix}alerts lists what fires now"
        raise Unknown(f"no alert {name[:60]} fires now — {hint}")
    groups = {one.group: one for one in found}
    return doc(
        Heading(line("Why ", Strong(found[0].name), Text(" went where it went"))),
        Items(tuple(_route(one) for one in groups.values())),
    )


async def _why_approve(ctx: Context, code: str) -> Doc:
    if ctx.services.approvals is None:
        raise Refused("there are no plans here")
    return doc(await ctx.services.approvals.why(ctx.asker, code))


def _route(one: AlertView) -> Line:
    rooms = ", ".join(one.rooms) or "no room"
    return line(Code(f"{one.endpoint}/{one.receiver}"), f" → {rooms}: {one.reason}")
