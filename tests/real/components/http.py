"""Small blocking HTTP for the starters: JSON in, JSON out, to 127.0.0.1 and never through a proxy."""

import http.client
import json
from typing import Any
from urllib.parse import urlsplit

Json = Any


def request(
    method: str, url: str, body: Json = None, *, token: str = "", seconds: float = 30.0
) -> tuple[int, Json]:
    """Status and body. The body is parsed when it is JSON and a string when it is not. Raises OSError."""
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname or "127.0.0.1", parts.port, timeout=seconds)
    headers = {"Content-Type": "application/json"} | ({"Authorization": f"Bearer {token}"} if token else {})
    target = parts.path + (f"?{parts.query}" if parts.query else "")
    try:
        connection.request(method, target or "/", None if body is None else json.dumps(body), headers)
        response = connection.getresponse()
        text = response.read().decode(errors="replace")
    except http.client.HTTPException as broken:
        raise ConnectionError(f"{method} {url}: {broken!r}") from broken
    finally:
        connection.close()
    try:
        return response.status, json.loads(text) if text else {}
    except ValueError:
        return response.status, text


def answers(url: str) -> bool:
    """Whether GET gives 200 within a second."""
    try:
        return request("GET", url, seconds=1.0)[0] == 200
    except OSError:
        return False
