"""Registries, by their HTTP API version 2 (distribution.github.io/distribution/spec/api, and the OCI
distribution spec). Asks only: nothing is ever pushed or deleted.

A digest is believed for ever, a tag for minutes. HEAD where it does, since it is not counted by Docker Hub.
"""

import asyncio
import hashlib
import json
import re
import time
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any
from urllib.parse import urljoin, urlsplit

from bot.core.errors import Upstream
from estate.budget import Budget
from estate.credentials import Credentials, Login
from estate.reference import HUB, Reference

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
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}\Z")
_PARAMETER = re.compile(r'(\w+)="([^"]*)"')


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

    @property
    def is_index(self) -> bool:
        return bool(self.children)


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
        self._client: httpx.AsyncClient | None = None
        self._tokens: dict[tuple[str, str], tuple[float, str]] = {}
        self._tags: dict[tuple[str, str], tuple[float, tuple[str, ...]]] = {}
        self._digests: OrderedDict[tuple[str, str, str], tuple[float, str]] = OrderedDict()
        self._single: set[str] = set()
        """Digests that were said to be one image and no index."""
        self._manifests: OrderedDict[str, Manifest] = OrderedDict()
        self._pause: dict[str, tuple[float, str]] = {}

    # ---- what is asked ----------------------------------------------------------------------------------

    async def tags(self, repository: Reference, budget: Budget) -> tuple[str, ...]:
        """All of them, in no order that means anything. Raises Upstream, OutOfBudget."""
        key = (repository.host, repository.name)
        known = self._tags.get(key)
        if known is not None and known[0] > time.monotonic():
            return known[1]
        found: list[str] = []
        url: str | None = f"{_base(repository.host)}/v2/{repository.name}/tags/list?n={PAGE}"
        for _ in range(PAGES):
            answer = await self._get("GET", url, repository, budget, "application/json")
            assert answer is not None  # only where it was asked with maybe=True
            listed = _json(answer).get("tags")
            found += [one for one in listed if isinstance(one, str)] if isinstance(listed, list) else []
            url = _next(answer)
            if url is None or urlsplit(url).netloc != urlsplit(_base(repository.host)).netloc:
                break
        made = tuple(dict.fromkeys(found))
        self._tags[key] = (time.monotonic() + TAG_SECONDS, made)
        return made

    async def digest(self, repository: Reference, tag: str, budget: Budget) -> str | None:
        """The digest that a tag names now; None when there is no such tag. Raises Upstream, OutOfBudget."""
        if _DIGEST.match(tag):
            return tag
        key = (repository.host, repository.name, tag)
        known = self._digests.get(key)
        if known is not None and known[0] > time.monotonic():
            return known[1]
        answer = await self._get(
            "HEAD", _manifest_url(repository, tag), repository, budget, ACCEPT, maybe=True
        )
        if answer is None:
            return None
        found = str(answer.headers.get("docker-content-digest", ""))
        if not _DIGEST.match(found):
            manifest = await self.manifest(repository, tag, budget)  # the header is optional by the spec
            found = manifest.digest
        elif answer.headers.get("content-type", "").partition(";")[0] in MANIFESTS:
            self._single.add(found)
        self._keep(self._digests, key, (time.monotonic() + TAG_SECONDS, found))
        return found

    def is_single(self, digest: str) -> bool:
        """Whether it is known already to be one image and no index."""
        known = self._manifests.get(digest)
        return digest in self._single or (known is not None and not known.is_index)

    async def manifest(self, repository: Reference, tag: str, budget: Budget) -> Manifest:
        """What it names, read. Raises Upstream (permanent when there is none), OutOfBudget."""
        if tag in self._manifests:
            return self._manifests[tag]
        answer = await self._get("GET", _manifest_url(repository, tag), repository, budget, ACCEPT)
        assert answer is not None  # only where it was asked with maybe=True
        digest = f"sha256:{hashlib.sha256(answer.content).hexdigest()}"
        said = answer.headers.get("docker-content-digest", digest)
        if said != digest or (_DIGEST.match(tag) and tag != digest):
            raise Upstream(
                f"{repository.host} gave {repository.name}:{tag} with a digest that its bytes do not have"
            )
        made = _read_manifest(digest, _json(answer))
        self._keep(self._manifests, digest, made)
        return made

    async def for_platform(
        self, repository: Reference, digest: str, wanted: Platform, budget: Budget
    ) -> Manifest:
        """The image itself: of an index, the child for this platform. Raises Upstream, OutOfBudget."""
        found = await self.manifest(repository, digest, budget)
        if not found.is_index:
            return found
        for child, platform in found.children.items():
            if _suits(platform, wanted):
                return await self.manifest(repository, child, budget)
        raise Upstream(
            f"{repository.host}/{repository.name} has no image for {wanted.os}/{wanted.architecture}",
            permanent=True,
        )

    async def login(self, host: str) -> Login | None:
        """For the Engine's own pull."""
        return await self._credentials.login(host)

    async def close(self) -> None:
        if self._client is not None:
            await self._client.aclose()

    def _keep(self, cache: "OrderedDict[Any, Any]", key: object, value: object) -> None:
        cache[key] = value
        while len(cache) > KEPT:
            cache.popitem(last=False)

    # ---- asking -----------------------------------------------------------------------------------------

    async def _get(
        self,
        method: str,
        url: str | None,
        repository: Reference,
        budget: Budget,
        accept: str,
        *,
        maybe: bool = False,
    ) -> Any:
        """One request, with a token where one is wanted. None for a 404 when `maybe`."""
        host = repository.host
        self._mind_pause(host)
        if not budget.take():
            raise OutOfBudget
        scope = f"repository:{repository.name}:pull"
        headers = {"Accept": accept, **self._authorization(host, scope)}
        answer = await self._send(method, str(url), headers, host)
        if answer.status == 401:
            headers = {"Accept": accept, **await self._answer_challenge(answer, host, scope)}
            answer = await self._send(method, str(url), headers, host)
        self._mind_limit(answer, host)
        if answer.status == 404 and maybe:
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
        if answer.status in {301, 302, 303, 307, 308} and "location" in answer.headers:
            target = urljoin(url, answer.headers["location"])
            if urlsplit(target).scheme in {"https", urlsplit(url).scheme}:
                kept = {name: value for name, value in headers.items() if name != "Authorization"}
                return await self._exchange(method, target, kept, host, None)
        return answer

    async def _exchange(
        self, method: str, url: str, headers: Mapping[str, str], host: str, data: Mapping[str, str] | None
    ) -> "_Answer":
        import httpx

        content = bytearray()
        try:
            async with (
                asyncio.timeout(SECONDS),
                self._open().stream(method, url, headers=dict(headers), data=data) as answer,
            ):
                async for piece in answer.aiter_bytes():
                    content += piece
                    if len(content) > LARGEST:
                        raise Upstream(f"{host} answered with more than {LARGEST // 1024 // 1024} MiB")
        except (httpx.HTTPError, httpx.InvalidURL, OSError) as trouble:
            raise Upstream(f"the registry {host} does not answer: {_words(trouble)}") from None
        except TimeoutError:
            raise Upstream(f"the registry {host} gave no answer within {SECONDS:g} s") from None
        return _Answer(answer.status_code, answer.headers, bytes(content), str(answer.url))

    def _open(self) -> "httpx.AsyncClient":
        if self._client is None:
            import httpx

            self._client = httpx.AsyncClient(timeout=SECONDS, headers={"User-Agent": "tocsin"})
        return self._client

    # ---- tokens -----------------------------------------------------------------------------------------

    def _authorization(self, host: str, scope: str) -> dict[str, str]:
        until, value = self._tokens.get((host, scope), (0.0, ""))
        return {"Authorization": value} if until > time.monotonic() else {}

    async def _answer_challenge(self, answer: _Answer, host: str, scope: str) -> dict[str, str]:
        """`WWW-Authenticate: Bearer realm=…,service=…,scope=…`, or Basic."""
        challenge = answer.headers.get("www-authenticate", "")
        login = await self._credentials.login(host)
        kind = challenge.partition(" ")[0].lower()
        if kind == "basic" and login is not None and login.password:
            value, lasts = f"Basic {login.basic}", 300.0
        elif kind == "bearer":
            value, lasts = await self._token(dict(_PARAMETER.findall(challenge)), login, host, scope)
        else:
            raise Upstream(f"the registry {host} wants a login: docker login {host}", permanent=True)
        self._tokens[host, scope] = (time.monotonic() + lasts, value)
        return {"Authorization": value}

    async def _token(
        self, given: Mapping[str, str], login: Login | None, host: str, scope: str
    ) -> tuple[str, float]:
        realm = given.get("realm", "")
        if urlsplit(realm).scheme != "https" and not _is_loopback(urlsplit(realm).hostname or ""):
            raise Upstream(
                f"the registry {host} sends to {realm[:80]!r} for a token, which is not https", permanent=True
            )
        wanted = {"service": given.get("service", ""), "scope": given.get("scope") or scope}
        headers = {"Accept": "application/json"}
        if login is not None and login.token:
            form = {
                **wanted,
                "grant_type": "refresh_token",
                "refresh_token": login.token,
                "client_id": "tocsin",
            }
            answer = await self._send("POST", realm, headers, host, form)
        else:
            if login is not None:
                headers["Authorization"] = f"Basic {login.basic}"
            import httpx

            answer = await self._send("GET", str(httpx.URL(realm).copy_merge_params(wanted)), headers, host)
        if answer.status >= 300:
            how = "refuses my login" if login is not None else "gives no token without a login"
            raise Upstream(f"the registry {host} {how}: docker login {host}", permanent=True)
        found = _json(answer)
        token = str(found.get("token") or found.get("access_token") or "")
        if not token:
            raise Upstream(f"the registry {host} gave no token")
        lasts = found.get("expires_in")
        return f"Bearer {token}", max(float(lasts) if isinstance(lasts, int) else 60.0, 60.0) - 10

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
        if rest and int(rest[1]) == 0:
            wait = max(wait, _seconds(answer.headers.get("ratelimit-reset", "")), 60.0 if window else 0.0)
        if wait > 0:
            limit = answer.headers.get("ratelimit-limit", "")
            why = f"the registry {host} takes no more questions for now{f' (limit {limit})' if limit else ''}"
            self._pause[host] = (time.monotonic() + wait, why)
        if answer.status == 429:
            self._mind_pause(host)


# ---- reading (pure) -------------------------------------------------------------------------------------


def _base(host: str) -> str:
    """http for what Docker takes for insecure by itself: 127.0.0.0/8 and localhost."""
    address = HUB_ADDRESS if host == HUB else host
    return f"{'http' if _is_loopback(urlsplit(f'//{address}').hostname or '') else 'https'}://{address}"


def _is_loopback(name: str) -> bool:
    try:
        return name == "localhost" or ip_address(name).is_loopback
    except ValueError:
        return False


def _manifest_url(repository: Reference, tag: str) -> str:
    return f"{_base(repository.host)}/v2/{repository.name}/manifests/{tag}"


def _next(answer: _Answer) -> str | None:
    """RFC 5988: `Link: </v2/x/tags/list?last=a&n=100>; rel="next"`."""
    found = re.search(r'<([^>]*)>\s*;\s*rel="?next"?', answer.headers.get("link", ""))
    return urljoin(answer.url, found[1]) if found else None


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
        pairs = [(str(row.get("digest")), row.get("platform") or {}) for row in rows if isinstance(row, dict)]
        children = {
            child: Platform(
                str(of.get("os") or ""), str(of.get("architecture") or ""), str(of.get("variant") or "")
            )
            for child, of in pairs
            if _DIGEST.match(child)
        }
        return Manifest(digest, children)
    config = content.get("config") if isinstance(content.get("config"), dict) else {}
    layers = content.get("layers")
    rows = [one for one in layers if isinstance(one, dict)] if isinstance(layers, list) else []
    size = sum(int(one["size"]) for one in rows if isinstance(one.get("size"), int))
    return Manifest(digest, {}, str((config or {}).get("digest") or ""), size)


def _suits(one: Platform, wanted: Platform) -> bool:
    same = (one.os, one.architecture) == (wanted.os, wanted.architecture)
    return same and (not wanted.variant or not one.variant or one.variant == wanted.variant)


def _seconds(text: str) -> float:
    return float(text) if re.fullmatch(r"\d{1,6}", text.strip()) else 0.0


def _refused(answer: _Answer, repository: Reference) -> Upstream:
    where = f"{repository.host}/{repository.name}"
    match answer.status:
        case 401 | 403:
            return Upstream(
                f"the registry does not let me read {where}: docker login {repository.host}", permanent=True
            )
        case 404:
            return Upstream(f"the registry knows no {where}, or not that version of it", permanent=True)
        case code:
            return Upstream(f"the registry {repository.host} answered {code} about {repository.name}")


def _words(trouble: BaseException) -> str:
    chain = [trouble]
    while (cause := chain[-1].__cause__ or chain[-1].__context__) is not None and cause not in chain:
        chain.append(cause)
    named = next((one.strerror for one in chain if isinstance(one, OSError) and one.strerror), None)
    return str(named or trouble or type(trouble).__name__).lower()
