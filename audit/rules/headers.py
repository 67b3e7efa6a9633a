"""Security headers that are written and do not do what was meant (doc.traefik.io/…/http/headers)."""

import re
from collections.abc import Iterator

from audit.look import Look
from audit.model import Confidence, Failed, Passed, Result, Severity
from audit.rule import each_proxy, rule
from audit.traefik import Middleware

_OF_ANSWERS = {
    *("strict-transport-security", "x-frame-options", "x-content-type-options", "content-security-policy"),
    *("referrer-policy", "permissions-policy", "x-xss-protection", "x-robots-tag"),
    *("access-control-allow-origin", "access-control-allow-methods", "access-control-allow-headers"),
    *("cross-origin-opener-policy", "cross-origin-resource-policy", "cross-origin-embedder-policy"),
}
_GONE = {
    "headers.sslredirect": "a redirection on the entry point",
    "headers.ssltemporaryredirect": "a redirection on the entry point",
    "headers.sslhost": "the middleware redirectRegex",
    "headers.sslforcehost": "the middleware redirectRegex",
    "headers.featurepolicy": "permissionsPolicy",
    "stripprefix.forceslash": "nothing: it is gone",
}
"""Taken out in Traefik 3 (doc.traefik.io/traefik/migrate/v2-to-v3-details)."""
YEAR = 31_536_000
"""Seconds that hstspreload.org asks for."""


@rule("TRF-09", Severity.MEDIUM)
@each_proxy
def wrong_headers(look: Look) -> Iterator[Result]:
    """A middleware's headers do something else than what they look like.

    Wrong: headers that browsers read in answers stand under `customRequestHeaders`, so the application gets
    them and the browser does not; `stsPreload` stands without `stsIncludeSubdomains` or with `stsSeconds`
    under a year, which the preload list refuses; or a key is there that Traefik 3 does not know any more,
    and Traefik's image is version 3.
    Disprove: `curl -sI` of the route shows the header.
    Mend: `customResponseHeaders`, or the key of its own.
    """
    for one in look.proxy.middlewares.values():
        wrong = [*_requests(one), *_preload(one), *(_gone(one) if _is_three(look) else ())]
        for key, words in wrong:
            yield Failed(
                place=one.place,
                message=f"{one.full_name}: {words}",
                key=f"{one.full_name} {key}",
                disprove="curl -sI of a route that passes it shows the header",
                remedy="write it where browsers get it: customResponseHeaders, or the header's own key"
                if key == "request"
                else "mend the key, and look at the answer's headers",
                confidence=Confidence.HIGH,
            )
        if not wrong and one.kinds & {"headers", "stripprefix"}:
            yield Passed(one.full_name)


def _requests(one: Middleware) -> Iterator[tuple[str, str]]:
    names = [key.rpartition(".")[2] for key in one.keys if key.startswith("headers.customrequestheaders.")]
    misplaced = sorted(set(names) & _OF_ANSWERS)
    if misplaced:
        yield "request", f"{', '.join(misplaced)} under customRequestHeaders: the browser never gets it"


def _preload(one: Middleware) -> Iterator[tuple[str, str]]:
    if one.keys.get("headers.stspreload", "").lower() != "true":
        return
    seconds = one.keys.get("headers.stsseconds", "0")
    if seconds.isdigit() and int(seconds) < YEAR:
        yield "preload", f"stsPreload with stsSeconds {seconds}: the preload list asks for {YEAR}"
    elif one.keys.get("headers.stsincludesubdomains", "").lower() != "true":
        yield "preload", "stsPreload without stsIncludeSubdomains: the preload list refuses it"


def _gone(one: Middleware) -> Iterator[tuple[str, str]]:
    for key, instead in _GONE.items():
        if key in one.keys:
            yield key, f"{key.rpartition('.')[2]} is not known to Traefik 3 any more; instead: {instead}"


def _is_three(look: Look) -> bool:
    image = look.proxy.subject.image if look.proxy.subject else None
    return image is not None and bool(re.match(r"v?3(?:\.|\Z|-)", image.tag or ""))
