"""views.open, bound to a fresh trigger_id."""

import time
from typing import Any

from tests.real.slack import arguments, blocks
from tests.real.slack.errors import SlackError
from tests.real.slack.methods.base import Api, Method

Json = dict[str, Any]
MODAL_BLOCKS = 100


def open_(api: Api, args: Json) -> Json:
    """views.open: the trigger_id lives 3 s and serves once."""
    trigger = arguments.need(args, "trigger_id")
    view = arguments.obj(args, "view", "invalid_arguments")
    if trigger not in api.triggers:
        raise SlackError("invalid_trigger_id")
    if trigger in api.used_triggers:
        raise SlackError("exchanged_trigger_id")
    if api.triggers[trigger] < time.monotonic():
        raise SlackError("expired_trigger_id")
    if not isinstance(view, dict) or view.get("type") != "modal" or not isinstance(view.get("blocks"), list):
        raise SlackError("invalid_arguments")
    blocks.check(view["blocks"], MODAL_BLOCKS)
    api.used_triggers.add(trigger)
    view_id = api.workspace.new_id("V")
    bare = {"private_metadata": "", "callback_id": "", "state": {"values": {}}, "hash": f"1.{view_id}"}
    body = {**bare, **view, "id": view_id, "team_id": api.workspace.team, "root_view_id": view_id}
    api.views[view_id] = body | {"bot_id": api.bot.bot_id, "app_id": api.workspace.app_id}
    return {"view": api.views[view_id]}


METHODS = {"views.open": Method(open_)}
