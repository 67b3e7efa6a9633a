"""Asks Prometheus, Alertmanager and Traefik what they do. Only reads; bounded in time and size."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from estate.alert_routes import spelled
from estate.snapshot.document import Document
from estate.snapshot.live import NOT_ASKED, Alertmanager, Live, Prometheus, Route, Traefik

if TYPE_CHECKING:
    import httpx

SECONDS = 5.0
"""For one answer."""
LARGEST = 16 * 1024 * 1024
"""Bytes of one answer."""
_T = TypeVar("_T")
_Ask = Callable[[str], Awaitable[Any]]


class Away(Exception):
    """It did not answer as it should. The text says where, and how it answered."""


async def read_live(
    prometheus: str | None = None,
    alertmanager: str | None = None,
    traefik: str | None = None,
    *,
    seconds: float = SECONDS,
    largest: int = LARGEST,
) -> Live:
    """Addresses; None is not asked. `largest`: bytes of one answer. Raises nothing: who does not answer is in
    it as such."""
    import httpx

    limits = httpx.Timeout(seconds)
    async with httpx.AsyncClient(timeout=limits, follow_redirects=False, trust_env=False) as client:
        (one, no_one), (two, no_two), (three, no_three) = await asyncio.gather(
            _tried(client, prometheus, "Prometheus", _prometheus, seconds, largest),
            _tried(client, alertmanager, "Alertmanager", _alertmanager, seconds, largest),
            _tried(client, traefik, "Traefik", _traefik, seconds, largest),
        )
    return Live(one, no_one, two, no_two, three, no_three)


async def _tried(
    client: "httpx.AsyncClient",
    url: str | None,
    who: str,
    read: Callable[[_Ask, str], Awaitable[_T]],
    seconds: float,
    largest: int,
) -> tuple[_T | None, str]:
    if url is None:
        return None, NOT_ASKED
    base = url.rstrip("/")

    async def ask(path: str) -> Any:
        return await _json(client, f"{base}{path}", who, largest)

    try:
        async with asyncio.timeout(4 * seconds):
            return await read(ask, base), ""
    except Away as away:
        return None, str(away)
    except TimeoutError:
        return None, f"{who} at {base} was not done with its answers within {4 * seconds:g} s"
    except (KeyError, TypeError, ValueError, AttributeError):
        return None, f"what answers at {base} does not speak as {who} does"


async def _json(client: "httpx.AsyncClient", url: str, who: str, largest: int) -> Any:
    import httpx

    try:
        async with client.stream("GET", url, headers={"Accept": "application/json"}) as answer:
            if answer.status_code != 200:
                raise Away(f"{who} answers {answer.status_code} at {url}")
            body = bytearray()
            async for piece in answer.aiter_bytes():
                body += piece
                if len(body) > largest:
                    raise Away(f"{who}'s answer at {url} is longer than {largest:,} bytes")
    except httpx.TimeoutException:
        raise Away(f"{who} gave no answer in time at {url}") from None
    except (httpx.HTTPError, httpx.InvalidURL, OSError) as trouble:
        raise Away(f"no {who} at {url}: {str(trouble) or type(trouble).__name__}") from None
    return json.loads(body)


# ---- each in its own words ------------------------------------------------------------------------------


async def _prometheus(ask: _Ask, base: str) -> Prometheus:
    rules, targets, names, managers = await asyncio.gather(
        ask("/api/v1/rules?type=alert"),
        ask("/api/v1/targets?state=active"),
        ask("/api/v1/label/__name__/values"),
        ask("/api/v1/alertmanagers"),
    )
    return Prometheus(
        frozenset(str(one["name"]) for group in rules["data"]["groups"] for one in group["rules"]),
        dict(_target(one) for one in targets["data"]["activeTargets"]),
        frozenset(str(name) for name in names["data"]),
        frozenset(str(one["url"]) for one in managers["data"]["activeAlertmanagers"]),
    )


def _target(one: Mapping[str, Any]) -> tuple[tuple[str, str], str]:
    found = one["discoveredLabels"]
    error = "" if one["health"] != "down" else str(one.get("lastError") or "it is down")
    return (str(one.get("scrapePool") or found.get("job", "")), str(found["__address__"])), error


async def _alertmanager(ask: _Ask, base: str) -> Alertmanager:
    receivers, status = await asyncio.gather(ask("/api/v2/receivers"), ask("/api/v2/status"))
    # Alertmanager leaves out what it knows to be secret; of the rest, too, only routes are kept.
    running = Document("config.original", str(status["config"]["original"]).encode())
    return Alertmanager(frozenset(str(one["name"]) for one in receivers), spelled(running.tree))


async def _traefik(ask: _Ask, base: str) -> Traefik:
    routers, middlewares = await asyncio.gather(
        ask("/api/http/routers?per_page=1000"), ask("/api/http/middlewares?per_page=1000")
    )
    return Traefik(
        base,
        {str(one["name"]): _route(one) for one in routers},
        frozenset(str(one["name"]) for one in middlewares),
    )


def _route(one: Mapping[str, Any]) -> Route:
    return Route(
        str(one.get("rule", "")),
        tuple(map(str, one.get("entryPoints") or ())),
        tuple(map(str, one.get("middlewares") or ())),
        tuple(map(str, one.get("error") or ())),
    )
