"""Arguments of a Web API call, in every form the SDK sends: JSON, form, query, or none."""

import json
from typing import Any

from aiohttp import web

from tests.real.slack.errors import SlackError

Json = dict[str, Any]


async def read(request: web.Request) -> tuple[Json, list[str]]:
    """The arguments and the warnings (`missing_charset`)."""
    args: Json = dict(request.query)
    warnings: list[str] = []
    if request.method == "POST":
        kind = request.content_type
        if kind == "application/json":
            if not request.charset:
                warnings.append("missing_charset")
            try:
                body = json.loads(await request.text() or "{}")
            except ValueError:
                raise SlackError("invalid_json") from None
            if not isinstance(body, dict):
                raise SlackError("json_not_object")
            args |= body
        elif kind in ("application/x-www-form-urlencoded", "multipart/form-data"):
            args |= {key: value for key, value in (await request.post()).items() if isinstance(value, str)}
    return args, warnings


def token(request: web.Request, args: Json) -> str | None:
    """The token, from the header or the arguments."""
    scheme, _, value = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() == "bearer" and value:
        return value.strip()
    found = args.pop("token", None)
    return str(found) if found else None


def text(args: Json, key: str) -> str | None:
    """A string argument; None when absent or null."""
    value = args.get(key)
    return None if value is None else str(value)


def need(args: Json, key: str, error: str = "invalid_arguments") -> str:
    """A string argument that must be there."""
    value = text(args, key)
    if not value:
        message = f"[ERROR] missing required field: {key}"
        raise SlackError(error, response_metadata={"messages": [message]})
    return value


def flag(args: Json, key: str, default: bool = False) -> bool:
    """A boolean argument: true, "true", 1 and "1" are true."""
    value = args.get(key)
    return default if value is None else str(value).lower() in ("true", "1")


def number(args: Json, key: str, default: int, most: int) -> int:
    """A whole number from 1 to `most`."""
    value = args.get(key)
    if value is None or value == "":
        return default
    try:
        found = int(value)
    except (TypeError, ValueError):
        raise SlackError("invalid_limit") from None
    if not 1 <= found <= most:
        raise SlackError("invalid_limit")
    return found


def obj(args: Json, key: str, error: str) -> Any:
    """An argument that is JSON, or a JSON string; None when absent."""
    value = args.get(key)
    if isinstance(value, str):
        try:
            return json.loads(value)
        except ValueError:
            raise SlackError(error) from None
    return value
