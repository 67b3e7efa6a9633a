"""Users, user groups, and who the token belongs to."""

from typing import Any

from tests.real.slack import arguments
from tests.real.slack.errors import SlackError
from tests.real.slack.methods.base import Api, Method, page

Json = dict[str, Any]


def api_test(api: Api, args: Json) -> Json:
    """api.test echoes its arguments, and fails with `error` when asked to."""
    if "error" in args:
        raise SlackError(str(args["error"]), args=args)
    return {"args": args}


def auth_test(api: Api, args: Json) -> Json:
    """auth.test of the bot token."""
    workspace = api.workspace
    return {
        "url": f"https://{workspace.domain}.slack.com/",
        "team": workspace.domain,
        "user": workspace.bot_name,
        "team_id": workspace.team,
        "user_id": workspace.bot_user,
        "bot_id": workspace.bot_id,
        "is_enterprise_install": False,
    }


def users_info(api: Api, args: Json) -> Json:
    """users.info, also of strangers the workspace shares a channel with."""
    user = api.workspace.users.get(arguments.need(args, "user", "user_not_found"))
    if user is None:
        raise SlackError("user_not_found")
    return {"user": user.to_json()}


def users_list(api: Api, args: Json) -> Json:
    """users.list of the own team."""
    own = [user for user in api.workspace.users.values() if user.team_id == api.workspace.team]
    items, cursor = page(own, args, 1000, 1000)
    return {
        "members": [user.to_json() for user in items],
        "cache_ts": 1700000000,
        "response_metadata": {"next_cursor": cursor},
    }


def lookup_by_email(api: Api, args: Json) -> Json:
    """users.lookupByEmail."""
    email = arguments.need(args, "email")
    for user in api.workspace.users.values():
        if user.email == email and not user.deleted:
            return {"user": user.to_json()}
    raise SlackError("users_not_found")


def usergroups_list(api: Api, args: Json) -> Json:
    """usergroups.list."""
    disabled = arguments.flag(args, "include_disabled")
    with_users = arguments.flag(args, "include_users")
    shown = []
    for group in api.workspace.usergroups.values():
        if group.disabled and not disabled:
            continue
        body = group.to_json(api.workspace.team)
        shown.append(body | ({"users": list(group.users)} if with_users else {}))
    return {"usergroups": shown}


def usergroups_users_list(api: Api, args: Json) -> Json:
    """usergroups.users.list."""
    group = api.workspace.usergroups.get(arguments.need(args, "usergroup"))
    if group is None or (group.disabled and not arguments.flag(args, "include_disabled")):
        raise SlackError("no_such_subteam")
    return {"users": list(group.users)}


METHODS = {
    "api.test": Method(api_test, no_token=True),
    "auth.test": Method(auth_test),
    "users.info": Method(users_info, ("users:read",)),
    "users.list": Method(users_list, ("users:read",)),
    "users.lookupByEmail": Method(lookup_by_email, ("users:read.email",)),
    "usergroups.list": Method(usergroups_list, ("usergroups:read",)),
    "usergroups.users.list": Method(usergroups_users_list, ("usergroups:read",)),
}
