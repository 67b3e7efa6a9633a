"""Slack, over its Web API: the tokens, each channel, each person. Methods: auth.test, apps.connections.open,
conversations.info, users.info."""

import asyncio

import httpx

from bot.config.model import Config, Slack
from bot.core.model import Person, Room
from bot.doctor.finding import Finding, bad, bounded, ok, unknown
from bot.doctor.http import Answer, ask, client


async def examine(config: Config) -> list[Finding]:
    if config.slack is None:
        return []
    return await bounded("slack", _examine(config, config.slack))


async def _examine(config: Config, slack: Slack) -> list[Finding]:
    async with client(slack.api_url, slack.bot_token.value) as http:
        bot, mode = await asyncio.gather(_bot(http, slack), _mode(slack))
        if bot.verdict != "ok":
            return [bot, mode]
        rooms = [room for places in config.rooms.values() for room in places if room.platform == "slack"]
        people = [
            (person, identity.user_id)
            for person in config.people.everyone
            for identity in person.identities
            if identity.platform == "slack"
        ]
        channels = await asyncio.gather(*(_channel(http, room) for room in rooms))
        members = await asyncio.gather(*(_member(http, slack, person, user) for person, user in people))
        return [bot, mode, *channels, *members]


async def _bot(http: httpx.AsyncClient, slack: Slack) -> Finding:
    answer = await ask(http, "POST", "auth.test")
    if not answer.body.get("ok"):
        return _trouble(
            f"slack.bot_token at {slack.api_url}", answer, "copy the Bot User OAuth Token (xoxb-…) again"
        )
    team, name = answer.body.get("team_id"), answer.body.get("team")
    if team != slack.team:
        return bad(
            f"slack.team: the token is for {team} ({name}), not for {slack.team}", f"write team: {team}"
        )
    if not answer.body.get("bot_id"):
        return bad("slack.bot_token: is a person's, not a bot's", "copy the Bot User OAuth Token (xoxb-…)")
    return ok(
        f"slack.bot_token: is {answer.body.get('user')} ({answer.body.get('user_id')}) in {team} ({name})"
    )


async def _mode(slack: Slack) -> Finding:
    if slack.app_token is None:
        return unknown(
            "slack.signing_secret: only a request from Slack can prove it", "look for 401s in the log"
        )
    async with client(slack.api_url, slack.app_token.value) as http:
        answer = await ask(http, "POST", "apps.connections.open")
    if answer.body.get("ok"):
        return ok("slack.app_token: opens Socket Mode")
    return _trouble(
        "slack.app_token", answer, "make an app-level token with connections:write, and enable Socket Mode"
    )


async def _channel(http: httpx.AsyncClient, room: Room) -> Finding:
    what = f"rooms.{room.name}.slack {room.address}"
    answer = await ask(http, "GET", "conversations.info", params={"channel": room.address})
    if not answer.body.get("ok"):
        return _trouble(what, answer, "is the id right? in a private channel, invite the bot first")
    channel = answer.body.get("channel")
    channel = channel if isinstance(channel, dict) else {}
    name = f"#{channel['name']}" if channel.get("name") else "a direct message"
    if channel.get("is_archived"):
        return bad(f"{what}: {name} is archived", "unarchive it, or name another")
    if not channel.get("is_member") and not channel.get("is_im"):
        return bad(f"{what}: the bot is not in {name}", "invite it there: /invite @ and its name")
    if channel.get("is_ext_shared"):
        return bad(f"{what}: {name} is shared with another organisation", "use a channel of your own")
    return ok(f"{what}: the bot is in {name}")


async def _member(http: httpx.AsyncClient, slack: Slack, person: Person, user: str) -> Finding:
    team, _, user_id = user.partition("/")
    what = f"people.{person.name}.slack {user}"
    answer = await ask(http, "GET", "users.info", params={"user": user_id})
    if not answer.body.get("ok"):
        return _trouble(what, answer, "is the id right? Copy member ID in the person's profile")
    account = answer.body.get("user")
    account = account if isinstance(account, dict) else {}
    if account.get("deleted"):
        return bad(f"{what}: the account is deactivated", "take it out")
    if account.get("is_bot"):
        return bad(f"{what}: is a bot", "only people have roles")
    outside = [word for word in ("is_restricted", "is_ultra_restricted", "is_stranger") if account.get(word)]
    if outside or team != slack.team:
        who = "of another organisation" if "is_stranger" in outside or team != slack.team else "a guest"
        return unknown(
            f"{what}: is {account.get('name')}, {who}", "good if that is meant: listed by id, roles count"
        )
    return ok(f"{what}: is {account.get('name')}")


_REMEDIES = {
    "account_inactive": "the app was removed from the workspace: install it again",
    "token_revoked": "the token was revoked: install the app again",
    "token_expired": "switch token rotation off, and install the app again",
}


def _trouble(what: str, answer: Answer, remedy: str) -> Finding:
    error = str(answer.body.get("error", ""))
    if not answer.status:
        return bad(f"{what}: {answer.trouble}", "is the address right, and reachable from this machine?")
    if answer.status == 429 or error == "ratelimited":
        return unknown(f"{what}: Slack asks to wait", f"try again in {answer.retry_after or 'some'} seconds")
    if answer.status >= 500 or not answer.body:
        return unknown(f"{what}: Slack answers {answer.status}", "try again later; is api_url right?")
    if error == "missing_scope":
        needed = answer.body.get("needed", "")
        return bad(f"{what}: the scope {needed} is missing", "add it to the app and install it again")
    return bad(f"{what}: {error or 'refused'}", _REMEDIES.get(error, remedy))
