"""Registries, by their HTTP API version 2 (distribution.github.io/distribution/spec/api, and the OCI
distribution spec). Asks only: nothing is ever pushed or deleted.

A digest is believed for ever, a tag for minutes. HEAD where it does, since it is not counted by Docker Hub.
What a registry says is bounded in time and size, and moves a login or a token to no other host than Docker's
own client would: never after a redirect, never from https to http.
"""

import asyncio
import hashlib
import json
import re
import time
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from bot.core.errors import Upstream
from estate.address import is_loopback, next_page, place, realm_trouble, redirected, with_query
from estate.budget import Budget
from estate.challenge import Challenge, read_challenge
from estate.credentials import Credentials, Login
from estate.reference import HUB, Reference
from estate.versions import is_tag

if TYPE_CHECKING:
    import httpx

INDEXES = (
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
)
MANIFESTS = (
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.docker.distribution.manifest.v2+json",
)
ACCEPT = ", ".join((*INDEXES, *MANIFESTS))
HUB_ADDRESS = "registry-1.docker.io"
SECONDS = 15.0
LARGEST = 4 * 1024 * 1024
"""Bytes of one answer."""
PAGES = 50
PAGE = 1000
TAG_SECONDS = 300.0
"""How long a tag's digest, and a list of tags, is believed."""
KEPT = 2000
"""Digests and manifests that are remembered."""
LISTS = 200
"""Lists of tags, tokens and pauses that are remembered."""
LONGEST_TOKEN_LIFE = 3600
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}\Z")
_HOST = re.compile(r"(?:[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?|\[[0-9A-Fa-f:.]+\])(?::\d{1,5})?\Z")
_NAME = re.compile(r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*(?:/[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*)*\Z")
_TOKEN = re.compile(r"[\x21-\x7e]+\Z")


class OutOfBudget(Exception):
    """This command has asked as often as it may."""


@dataclass(frozen=True, slots=True)
class Platform:
    os: str
    architecture: str
    variant: str = ""


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a tag or a digest names. `children` of an index: digest → platform; `config` of an image: its id.

    size: bytes to be pulled for it, compressed; 0 for an index.
    """

    digest: str
    children: Mapping[str, Platform] = field(default_factory=dict)
    config: str = ""
    size: int = 0
    is_index: bool = False

    def fitting(self, wanted: Platform) -> tuple[str, ...]:
        """The children for this platform. Where the variant is not known and several would do: none."""
        of = {
            child: one.variant
            for child, one in self.children.items()
            if (one.os, one.architecture) == (wanted.os, wanted.architecture)
        }
        exact = tuple(child for child, variant in of.items() if variant == wanted.variant)
        if exact:
            return exact
        loose = {child: variant for child, variant in of.items() if not variant or not wanted.variant}
        return tuple(loose) if len(set(loose.values())) == 1 else ()


@dataclass(slots=True)
class _Listing:
    """A list of tags, as far as it was read: `url` is the next page, None at the end."""

    until: float
    url: str | None
    tags: dict[str, None] = field(default_factory=dict)
    pages: set[str] = field(default_factory=set)


@dataclass(frozen=True, slots=True)
class _Answer:
    status: int
    headers: Mapping[str, str]
    """Names in any case."""
    content: bytes = field(repr=False)
    url: str


class Registry:
    """All registries that images come from; one connection pool, one cache."""

    def __init__(self, credentials: Credentials) -> None:
        self._credentials = credentials
        self._clients: dict[bool, httpx.AsyncClient] = {}
        """For loopback, and for all else."""
        self._tokens: OrderedDict[tuple[str, str], tuple[float, str]] = OrderedDict()
        self._lists: OrderedDict[tuple[str, str], _Listing] = OrderedDict()
        self._digests: OrderedDict[tuple[str, str, str], tuple[float, str]] = OrderedDict()
        self._single: OrderedDict[str, None] = OrderedDict()
        """Digests that were said to be one image and no index."""
        self._manifests: OrderedDict[str, Manifest] = OrderedDict()
        self._pause: OrderedDict[str, tuple[float, str]] = OrderedDict()

    # ---- what is asked ----------------------------------------------------------------------------------

    async def tags(self, repository: Reference, budget: Budget) -> tuple[str, ...]:
        """All of them, in no order that means anything; of a registry without end the first 50,000.

        Where the budget ends before the list does, the next call goes on. Raises Upstream, OutOfBudget.
        """
        key, base = (repository.host, repository.name), _base(repository)
        known = self._lists.get(key)
        if known is None or known.until <= time.monotonic():
            first = f"{base}/v2/{repository.name}/tags/list?n={PAGE}"
            known = _Listing(time.monotonic() + TAG_SECONDS, first)
            _keep(self._lists, key, known, LISTS)
        while known.url is not None and known.url not in known.pages and len(known.pages) < PAGES:
            answer = await self._ask("GET", known.url, repository, budget, "application/json")
            if answer is None:
                raise _unknown(repository)
            listed = _json(answer).get("tags")
            known.tags.update(dict.fromkeys(_tags_in(listed)))
            known.pages.add(known.url)
            known.url = next_page(known.url, answer.headers.get("link", ""))
        return tuple(known.tags)

    async def digest(self, repository: Reference, tag: str, budget: Budget) -> str | None:
        """The digest that a tag names now; None when there is no such tag. Raises Upstream, OutOfBudget."""
        if not is_tag(tag):
            return None  # `../x`, `sha256:…`: never a part of an address
        key = (repository.host, repository.name, tag)
        known = self._digests.get(key)
        if known is not None and known[0] > time.monotonic():
            return known[1]
        answer = await self._ask("HEAD", _manifest_url(repository, tag), repository, budget, ACCEPT)
        if answer is None:
            return None  # and not remembered: it may be pushed the next moment
        found = str(answer.headers.get("docker-content-digest", ""))
        if not _DIGEST.match(found):
            manifest = await self.manifest(repository, tag, budget)  # the header is optional by the spec
            found = manifest.digest
        elif answer.headers.get("content-type", "").partition(";")[0] in MANIFESTS:
            _keep(self._single, found, None)
        _keep(self._digests, key, (time.monotonic() + TAG_SECONDS, found))
        return found

    def is_single(self, digest: str) -> bool:
        """Whether it is known already to be one image and no index."""
        known = self._manifests.get(digest)
        return digest in self._single or (known is not None and not known.is_index)

    async def manifest(self, repository: Reference, tag: str, budget: Budget) -> Manifest:
        """What a tag or a digest names, read. Raises Upstream (permanent when there is none), OutOfBudget."""
        if tag in self._manifests:
            return self._manifests[tag]
        if not is_tag(tag) and not _DIGEST.match(tag):
            raise _unknown(repository)
        answer = await self._ask("GET", _manifest_url(repository, tag), repository, budget, ACCEPT)
        if answer is None:
            raise _unknown(repository)
        digest = f"sha256:{hashlib.sha256(answer.content).hexdigest()}"
        said = str(answer.headers.get("docker-content-digest", ""))
        if (_DIGEST.match(said) and said != digest) or (_DIGEST.match(tag) and tag != digest):
            raise Upstream(
                f"{repository.host} gave {repository.name}:{tag} with a digest that its bytes do not have"
            )
        made = _read_manifest(digest, _json(answer))
        _keep(self._manifests, digest, made)
        return made

    async def for_platform(
        self, repository: Reference, digest: str, wanted: Platform, budget: Budget
    ) -> Manifest:
        """The image itself: of an index, the child for this platform. Raises Upstream, OutOfBudget."""
        found = await self.manifest(repository, digest, budget)
        if not found.is_index:
            return found
        for child in found.fitting(wanted)[:1]:
            return await self.manifest(repository, child, budget)
        raise Upstream(
            f"{repository.host}/{repository.name} has no image for {wanted.os}/{wanted.architecture}",
            permanent=True,
        )

    async def login(self, host: str) -> Login | None:
        """For the Engine's own pull."""
        return await self._credentials.login(host)

    async def close(self) -> None:
        for client in self._clients.values():
            await client.aclose()

    # ---- asking -----------------------------------------------------------------------------------------

    async def _ask(
        self, method: str, url: str, repository: Reference, budget: Budget, accept: str
    ) -> "_Answer | None":
        """One request, with a token where one is wanted. None for a 404."""
        host = repository.host
        self._mind_pause(host)
        if not budget.take():
            raise OutOfBudget
        scope = f"repository:{repository.name}:pull"
        headers = {"Accept": accept, **self._authorization(host, scope)}
        answer = await self._send(method, url, headers, host)
        if answer.status == 401 and place(answer.url) == place(url):
            # A host that we were sent on to has no say in what is shown to whom.
            headers = {"Accept": accept, **await self._answer_challenge(answer, url, host, scope)}
            answer = await self._send(method, url, headers, host)
            if answer.status == 401:
                self._tokens.pop((host, scope), None)
        self._mind_limit(answer, host)
        if answer.status == 404:
            return None
        if answer.status >= 300:
            raise _refused(answer, repository)
        return answer

    async def _send(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str],
        host: str,
        data: Mapping[str, str] | None = None,
    ) -> "_Answer":
        """One request and its whole answer, bounded. Redirected once; what authorizes stays behind."""
        answer = await self._exchange(method, url, headers, host, data)
        location = str(answer.headers.get("location", ""))
        target = redirected(answer.url, location) if location and data is None else None
        if target is None or answer.status not in {301, 302, 303, 307, 308}:
            return answer
        kept = {name: value for name, value in headers.items() if name != "Authorization"}
        return await self._exchange(method, target, kept, host, None)

    async def _exchange(
        self, method: str, url: str, headers: Mapping[str, str], host: str, data: Mapping[str, str] | None
    ) -> "_Answer":
        import httpx

        content = bytearray()
        try:
            async with (
                asyncio.timeout(SECONDS),
                self._open(url).stream(method, url, headers=dict(headers), data=data) as answer,
            ):
                if answer.headers.get("content-encoding", "identity").lower() != "identity":
                    raise Upstream(f"the registry {host} packed its answer although it was asked not to")
                async for piece in answer.aiter_raw():
                    content += piece
                    if len(content) > LARGEST:
                        raise Upstream(f"{host} answered with more than {LARGEST // 1024 // 1024} MiB")
        except (TimeoutError, httpx.TimeoutException):
            raise Upstream(f"the registry {host} gave no answer within {SECONDS:g} s") from None
        except httpx.LocalProtocolError:
            # Its text quotes the header, which may be a token.
            raise Upstream(f"the registry {host} cannot be asked: it gave what no request can hold") from None
        except (httpx.HTTPError, httpx.InvalidURL, OSError, ValueError) as trouble:
            raise Upstream(f"the registry {host} does not answer: {_words(trouble)}") from None
        return _Answer(answer.status_code, answer.headers, bytes(content), str(answer.url))

    def _open(self, url: str) -> "httpx.AsyncClient":
        """A proxy of the environment is for what is elsewhere: loopback never goes through it."""
        loopback = is_loopback(url)
        if loopback not in self._clients:
            import httpx

            headers = {"User-Agent": "tocsin", "Accept-Encoding": "identity"}
            self._clients[loopback] = httpx.AsyncClient(
                timeout=SECONDS, headers=headers, trust_env=not loopback
            )
        return self._clients[loopback]

    # ---- tokens -----------------------------------------------------------------------------------------

    def _authorization(self, host: str, scope: str) -> dict[str, str]:
        until, value = self._tokens.get((host, scope), (0.0, ""))
        return {"Authorization": value} if until > time.monotonic() else {}

    async def _answer_challenge(self, answer: _Answer, url: str, host: str, scope: str) -> dict[str, str]:
        """`WWW-Authenticate: Bearer realm=…,service=…,scope=…`, or Basic."""
        challenge = read_challenge(answer.headers.get("www-authenticate", ""))
        login = await self._credentials.login(host)
        if challenge is not None and challenge.scheme == "bearer":
            if trouble := realm_trouble(challenge.realm, url):
                raise Upstream(
                    f"the registry {host} sends to {challenge.realm[:80]!r} for a token, {trouble}",
                    permanent=True,
                )
            value, lasts = await self._token(challenge, login, host, scope)
        elif challenge is not None and login is not None and login.password:
            value, lasts = f"Basic {login.basic}", TAG_SECONDS
        else:
            raise Upstream(f"the registry {host} wants a login: docker login {host}", permanent=True)
        _keep(self._tokens, (host, scope), (time.monotonic() + lasts, value), LISTS)
        return {"Authorization": value}

    async def _token(
        self, challenge: Challenge, login: Login | None, host: str, scope: str
    ) -> tuple[str, float]:
        wanted = {"service": challenge.service, "scope": challenge.scope or scope}
        headers = {"Accept": "application/json"}
        if login is not None and login.token:
            form = {"grant_type": "refresh_token", "refresh_token": login.token, "client_id": "tocsin"}
            answer = await self._send("POST", challenge.realm, headers, host, {**wanted, **form})
        else:
            if login is not None:
                headers["Authorization"] = f"Basic {login.basic}"
            answer = await self._send("GET", with_query(challenge.realm, wanted), headers, host)
        self._mind_limit(answer, host)
        if answer.status >= 500:
            raise Upstream(f"the registry {host} gives no token now: it answered {answer.status}")
        if answer.status >= 300:
            how = "refuses my login" if login is not None else "gives no token without a login"
            raise Upstream(f"the registry {host} {how}: docker login {host}", permanent=True)
        found = _json(answer)
        token = str(found.get("token") or found.get("access_token") or "")
        if not _TOKEN.match(token):
            raise Upstream(f"the registry {host} gave no token, or one that cannot be shown")
        lasts = found.get("expires_in")
        seconds = min(max(lasts, 60), LONGEST_TOKEN_LIFE) if isinstance(lasts, int) else 60
        return f"Bearer {token}", seconds - 10.0

    # ---- limits -----------------------------------------------------------------------------------------

    def _mind_pause(self, host: str) -> None:
        until, why = self._pause.get(host, (0.0, ""))
        left = until - time.monotonic()
        if left > 0:
            raise Upstream(f"{why}; it may be asked again in {left:.0f} s", retry_after=left)

    def _mind_limit(self, answer: _Answer, host: str) -> None:
        """`ratelimit-remaining: 76;w=21600`, and Retry-After. The next question waits for as long."""
        wait = 0.0
        if answer.status == 429:
            wait = _seconds(answer.headers.get("retry-after", "")) or 60.0
        rest = re.match(r"\s*(\d+)", answer.headers.get("ratelimit-remaining", ""))
        window = re.search(r"w=(\d+)", answer.headers.get("ratelimit-remaining", ""))
        if rest and int(rest[1][:9]) == 0:
            wait = max(wait, _seconds(answer.headers.get("ratelimit-reset", "")), 60.0 if window else 0.0)
        if wait > 0:
            limit = answer.headers.get("ratelimit-limit", "")[:40]
            why = f"the registry {host} takes no more questions for now{f' (limit {limit})' if limit else ''}"
            _keep(self._pause, host, (time.monotonic() + wait, why), LISTS)
        if answer.status == 429:
            self._mind_pause(host)


def _keep(cache: "OrderedDict[Any, Any]", key: object, value: object, kept: int = KEPT) -> None:
    cache[key] = value
    cache.move_to_end(key)
    while len(cache) > kept:
        cache.popitem(last=False)


# ---- reading (pure) -------------------------------------------------------------------------------------


def _base(repository: Reference) -> str:
    """http for what Docker takes for insecure by itself: 127.0.0.0/8 and localhost.

    Raises Upstream for what could never be one, so that no text of a file or a chat shapes an address.
    """
    address = HUB_ADDRESS if repository.host == HUB else repository.host
    if not _HOST.match(address) or not _NAME.match(repository.name):
        raise Upstream(f"{repository.repository[:200]} is no name of a repository", permanent=True)
    return f"{'http' if is_loopback(f'//{address}') else 'https'}://{address}"


def _manifest_url(repository: Reference, tag: str) -> str:
    return f"{_base(repository)}/v2/{repository.name}/manifests/{tag}"


def _tags_in(listed: object) -> list[str]:
    return [one for one in listed if isinstance(one, str) and is_tag(one)] if isinstance(listed, list) else []


def _json(answer: _Answer) -> dict[str, Any]:
    try:
        found = json.loads(answer.content)
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise Upstream(f"{urlsplit(answer.url).hostname} answered with what is no JSON: is that a registry?")
    return found


def _read_manifest(digest: str, content: Mapping[str, Any]) -> Manifest:
    rows = content.get("manifests")
    if isinstance(rows, list):
        children = {
            str(row.get("digest")): _read_platform(row.get("platform"))
            for row in rows
            if isinstance(row, dict) and _DIGEST.match(str(row.get("digest")))
        }
        return Manifest(digest, children, is_index=True)
    config = content.get("config")
    layers = content.get("layers")
    sizes = [one.get("size") for one in layers if isinstance(one, dict)] if isinstance(layers, list) else []
    return Manifest(
        digest,
        config=str(config.get("digest") or "") if isinstance(config, dict) else "",
        size=sum(max(size, 0) for size in sizes if isinstance(size, int)),
    )


def _read_platform(said: object) -> Platform:
    of = said if isinstance(said, dict) else {}
    return Platform(str(of.get("os") or ""), str(of.get("architecture") or ""), str(of.get("variant") or ""))


def _seconds(text: str) -> float:
    """Of Retry-After: seconds, or a date (RFC 9110). 0 for what is neither, or past; at most a day."""
    if re.fullmatch(r"\d{1,9}", text.strip()):
        return min(float(text), 86400.0)
    try:
        at = parsedate_to_datetime(text)
    except (ValueError, TypeError, IndexError, OverflowError):
        return 0.0
    at = at if at.tzinfo else at.replace(tzinfo=UTC)
    return min(max((at - datetime.now(UTC)).total_seconds(), 0.0), 86400.0)


def _unknown(repository: Reference) -> Upstream:
    return Upstream(
        f"the registry knows no {repository.host}/{repository.name}, or not that version of it",
        permanent=True,
    )


def _refused(answer: _Answer, repository: Reference) -> Upstream:
    where = f"{repository.host}/{repository.name}"
    match answer.status:
        case 401 | 403:
            return Upstream(
                f"the registry does not let me read {where}: docker login {repository.host}", permanent=True
            )
        case code:
            return Upstream(
                f"the registry {repository.host} answered {code} about {repository.name}",
                retry_after=_seconds(answer.headers.get("retry-after", "")) or None,
            )


def _words(trouble: BaseException) -> str:
    chain = [trouble]
    while (cause := chain[-1].__cause__ or chain[-1].__context__) is not None and cause not in chain:
        chain.append(cause)
    named = next((one.strerror for one in chain if isinstance(one, OSError) and one.strerror), None)
    return str(named or trouble or type(trouble).__name__).lower()
