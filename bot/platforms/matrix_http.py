"""Matrix over HTTP: one request, one bounded answer, one kind of error. Knows nothing of rooms or keys."""

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote, urlencode

import aiohttp
from yarl import URL

from bot.core.errors import Scope, Upstream
from bot.core.text import one_line

JSON = dict[str, Any]
ANSWER_LIMIT = 256 * 1024 * 1024
"""Bytes. A first sync of many rooms is large; an endless answer is refused."""


class Answer(Upstream):
    """The homeserver answered, and the answer is no."""

    def __init__(
        self,
        what: str,
        *,
        status: int,
        request: str = "",
        errcode: str = "",
        body: JSON | None = None,
        permanent: bool = False,
        retry_after: float | None = None,
        ambiguous: bool = False,
        scope: Scope = Scope.MESSAGE,
    ) -> None:
        super().__init__(what, permanent=permanent, retry_after=retry_after, ambiguous=ambiguous, scope=scope)
        self.status = status
        self.request = request
        """The first part of the path that was asked."""
        self.errcode = errcode
        self.body = body or {}


_ACCOUNT = {
    "M_UNKNOWN_TOKEN",
    "M_MISSING_TOKEN",
    "M_USER_DEACTIVATED",
    "M_USER_LOCKED",
    "M_USER_SUSPENDED",
    "M_CONSENT_NOT_GIVEN",
    "M_RESOURCE_LIMIT_EXCEEDED",
}
"""Somebody has to mend the account; until then nothing goes, and nothing is lost."""

_ROOM = {
    "M_FORBIDDEN",
    "M_NOT_FOUND",
    "M_GUEST_ACCESS_FORBIDDEN",
    "M_UNSUPPORTED_ROOM_VERSION",
    "M_INCOMPATIBLE_ROOM_VERSION",
}

DENIED = {"M_UNKNOWN_TOKEN", "M_MISSING_TOKEN", "M_USER_DEACTIVATED"}
"""The token is worth nothing (any more)."""


def refusal(status: int, headers: Mapping[str, str], body: JSON, what: str) -> Answer:
    """The error for an answer that is not 2xx. `what` names the request, for the words."""
    errcode = body.get("errcode")
    code = errcode if isinstance(errcode, str) else ""
    said = body.get("error")
    words = one_line(said, 300) if isinstance(said, str) else ""
    text = f"{what}: the homeserver answers {' '.join(filter(None, [str(status), code, words]))}"
    if status == 429 or code == "M_LIMIT_EXCEEDED":
        wait = _seconds(body.get("retry_after_ms"), headers.get("Retry-After"))
        return Answer(text, status=status, errcode=code, body=body, retry_after=wait, scope=Scope.PLATFORM)
    if code in _ACCOUNT:
        return Answer(text, status=status, errcode=code, body=body, retry_after=60.0, scope=Scope.PLATFORM)
    if status >= 500 or status == 408:
        scope = Scope.MESSAGE if status == 500 else Scope.PLATFORM
        return Answer(text, status=status, errcode=code, body=body, ambiguous=True, scope=scope)
    if 300 <= status < 400:
        target = one_line(headers.get("Location", "?"), 200)
        text = f"{what}: the homeserver answers with a redirect to {target}"
        return Answer(text, status=status, scope=Scope.PLATFORM)
    if not code:
        # A proxy's page, not the homeserver's word: it may pass.
        return Answer(text, status=status, body=body, scope=Scope.PLATFORM)
    scope = Scope.ROOM if code in _ROOM else Scope.MESSAGE
    return Answer(text, status=status, errcode=code, body=body, permanent=True, scope=scope)


def _seconds(milliseconds: object, header: str | None) -> float:
    if isinstance(milliseconds, int) and not isinstance(milliseconds, bool):
        return min(max(milliseconds / 1000, 0.0), 3600.0)
    if header and header.strip().isdigit():
        return min(float(header), 3600.0)
    return 5.0


class Wire:
    """The way to one homeserver. Every call ends within its timeout, by an answer or by Upstream."""

    def __init__(self, homeserver: str) -> None:
        self.homeserver = homeserver.rstrip("/")
        self.token: str | None = None
        self._session: aiohttp.ClientSession | None = None

    async def call(
        self,
        method: str,
        *path: str,
        query: Mapping[str, str] | None = None,
        body: JSON | None = None,
        data: bytes | None = None,
        media_type: str = "application/json",
        timeout: float = 30.0,
        prefix: str = "/_matrix/client/v3/",
    ) -> JSON:
        """The answer's JSON object. `path` parts are quoted; `timeout` is in seconds, for the whole call.

        Raises Answer for a refusal, Upstream when there was no whole answer.
        """
        what = f"{method} {path[0] if path else '/'}"
        url = self.homeserver + prefix + "/".join(quote(part, safe="") for part in path)
        if query:
            url += "?" + urlencode(query)
        headers = {"Content-Type": media_type} if body is not None or data is not None else {}
        if self.token is not None:
            headers["Authorization"] = f"Bearer {self.token}"
        payload = json.dumps(body).encode() if body is not None else data
        try:
            async with self._open().request(
                method,
                URL(url, encoded=True),
                data=payload,
                headers=headers,
                timeout=aiohttp.ClientTimeout(total=timeout, sock_connect=min(timeout, 15.0)),
                allow_redirects=False,
            ) as response:
                raw = await _read(response)
                status, answered = response.status, dict(response.headers)
        except aiohttp.ClientConnectorError as trouble:
            raise Upstream(
                f"{what}: {self.homeserver} cannot be reached: {_words(trouble)}", scope=Scope.PLATFORM
            ) from trouble
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as trouble:
            raise Upstream(
                f"{what}: no whole answer from {self.homeserver}: {_words(trouble)}",
                ambiguous=True,
                scope=Scope.PLATFORM,
            ) from trouble
        found = _object(raw)
        if 200 <= status < 300 and found is not None:
            return found
        if 200 <= status < 300:
            raise Answer(
                f"{what}: {self.homeserver} answers {status} with something that is no JSON object; "
                "is this a Matrix homeserver?",
                status=status,
                ambiguous=True,
                scope=Scope.PLATFORM,
            )
        refused = refusal(status, answered, found or {}, what)
        refused.request = path[0] if path else ""
        raise refused

    async def close(self) -> None:
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    def _open(self) -> aiohttp.ClientSession:
        if self._session is None or self._session.closed:
            self._session = aiohttp.ClientSession()
        return self._session


async def _read(response: aiohttp.ClientResponse) -> bytes:
    parts: list[bytes] = []
    size = 0
    async for part in response.content.iter_chunked(1 << 16):
        size += len(part)
        if size > ANSWER_LIMIT:
            raise ValueError("the answer does not end")
        parts.append(part)
    return b"".join(parts)


def _object(raw: bytes) -> JSON | None:
    try:
        found = json.loads(raw)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def _words(trouble: BaseException) -> str:
    return one_line(str(trouble) or type(trouble).__name__, 200)
