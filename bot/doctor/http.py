"""Asking over HTTP: an answer as JSON, or why there is none, in words."""

import re
from dataclasses import dataclass, field
from typing import Any

import httpx

from bot.doctor.finding import PATIENCE

_REFUSED = "All connection attempts failed"
"""httpx for: no address of this name took the connection."""

JSON = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Answer:
    """status 0: nobody answered, and `trouble` says why. `body`: {} when it was no JSON object."""

    status: int
    body: JSON = field(default_factory=dict)
    text: str = ""
    trouble: str = ""
    retry_after: str = ""

    @property
    def good(self) -> bool:
        return 200 <= self.status < 300


def client(base: str, token: str = "", patience: float = PATIENCE) -> httpx.AsyncClient:
    """Bounded in time, follows no redirect (a token must not travel on)."""
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    limits = httpx.Limits(max_connections=8)
    return httpx.AsyncClient(base_url=base, headers=headers, timeout=patience, limits=limits, trust_env=False)


async def ask(http: httpx.AsyncClient, method: str, path: str, **options: Any) -> Answer:
    """One question. Never raises for what may happen on a network."""
    try:
        response = await http.request(method, path, **options)
    except httpx.ConnectTimeout:
        return Answer(0, trouble="no connection in time")
    except httpx.TimeoutException:
        return Answer(0, trouble="no answer in time")
    except (httpx.HTTPError, httpx.InvalidURL, UnicodeError) as error:
        said = re.sub(r"^\[Errno -?\d+\] ", "", str(error)) or type(error).__name__
        return Answer(0, trouble="nobody listens there" if said == _REFUSED else said)
    try:
        body = response.json()
    except (ValueError, RecursionError):
        body = None
    return Answer(
        response.status_code,
        body if isinstance(body, dict) else {},
        response.text[:200],
        retry_after=response.headers.get("Retry-After", ""),
    )
