"""The driver over HTTP: POST /_control/NAME with a JSON object of keyword arguments.

Answers `{"ok": true, "result": ...}` or `{"ok": false, "error": code}` with status 400. The names are
the methods of `LoopbackSlack` in `NAMES`; `remote.py` is the client.
"""

import dataclasses
import inspect
import json
from typing import TYPE_CHECKING, Any

from aiohttp import web

from tests.real.slack.errors import SlackError
from tests.real.slack.events import Delivery
from tests.real.slack.message import Message

if TYPE_CHECKING:
    from tests.real.slack.server import LoopbackSlack

NAMES = frozenset(
    {"add_user", "add_channel", "add_usergroup", "set_user", "set_channel", "join", "leave"}
    | {"say", "dm", "edit", "delete", "react", "unfurl", "click", "slash", "submit", "emit"}
    | {"messages", "ephemerals", "called", "calls", "settled", "connected", "describe", "status"}
    | {"fault", "set_faults", "clear_faults", "set_settings", "cut", "half_open", "close_sockets"}
    | {"disconnect", "revoke", "use_http", "use_sockets", "down", "up"}
)


def add_routes(app: web.Application, slack: "LoopbackSlack") -> None:
    """Serve the driver of `slack` under /_control/."""

    async def serve(request: web.Request) -> web.Response:
        name = request.match_info["name"]
        if name not in NAMES:
            return web.json_response({"ok": False, "error": "unknown_control"}, status=404)
        kwargs = json.loads(await request.text() or "{}")
        try:
            result = await _call(slack, name, kwargs)
        except SlackError as error:
            return web.json_response(error.body(), status=400)
        except (TypeError, ValueError, TimeoutError, ConnectionError) as error:
            text = f"{type(error).__name__}: {error}"
            return web.json_response({"ok": False, "error": text}, status=400)
        return web.json_response({"ok": True, "result": _shown(result)})

    app.router.add_post("/_control/{name}", serve)


async def _call(slack: "LoopbackSlack", name: str, kwargs: dict[str, Any]) -> Any:
    if name == "calls":
        return list(slack.calls)
    if name == "clear_faults":
        slack.faults.clear()
        return None
    if name in ("set_faults", "set_settings"):
        target: Any = slack.faults if name == "set_faults" else slack.settings
        for key, value in kwargs.items():
            if not hasattr(target, key):
                raise TypeError(f"no such field: {key}")
            setattr(target, key, set(value) if isinstance(getattr(target, key), set) else value)
        return None
    result = getattr(slack, name)(**kwargs)
    return await result if inspect.isawaitable(result) else result


def _shown(value: Any) -> Any:
    if isinstance(value, list):
        return [_shown(item) for item in value]
    if isinstance(value, Message):
        return value.to_json()
    if isinstance(value, Delivery):
        return {"event_id": value.event_id}
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        fields = {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
        return {
            key: _shown(item)
            for key, item in fields.items()
            if key not in ("messages", "ephemerals", "by_ts")
        }
    return value
