"""Where what a registry answers may lead us: redirects, the next page, the place that gives tokens. Pure.

Whoever controls a registry, or stands before it, chooses these addresses. So none leads out of https, none
leads from elsewhere to this machine, and what does not read as an address leads nowhere.
"""

import re
from collections.abc import Mapping
from ipaddress import ip_address
from urllib.parse import urlencode, urljoin, urlsplit, urlunsplit

_LINK = re.compile(r'<([^<>]*)>\s*;[^,<]*?rel="?next"?(?=[\s,;]|$)', re.IGNORECASE)
LONGEST = 8192
"""Characters of a header that are looked at."""


def is_loopback(url: str) -> bool:
    """This machine, as Docker takes it: 127.0.0.0/8, ::1 and localhost. `url` needs its `//`."""
    try:
        name = urlsplit(url).hostname or ""
        return name == "localhost" or ip_address(name).is_loopback
    except ValueError:
        return False


def place(url: str) -> tuple[str, str]:
    """Scheme, and host with port; nothing at all for what is no address."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return "", ""
    return parts.scheme, parts.netloc


def redirected(url: str, location: str) -> str | None:
    """Where a redirect leads; None for one that is not followed."""
    try:
        target: str = urljoin(url, location[:LONGEST])
    except ValueError:
        return None
    scheme, host = place(target)
    if not host or scheme not in {"https", place(url)[0]} or (is_loopback(target) and not is_loopback(url)):
        return None
    return target


def next_page(url: str, link: str) -> str | None:
    """RFC 8288: `</v2/x/tags/list?last=a&n=100>; rel="next"`. None at the end, and for another host.

    Behind a proxy that ends TLS it may say http: only its path is taken.
    """
    found = _LINK.search(link[:LONGEST])
    scheme, host = place(url)
    try:
        target = urlsplit(urljoin(url, found[1])) if found else None
    except ValueError:
        return None
    if target is None or target.netloc != host or not target.path.startswith("/v2/"):
        return None
    return str(urlunsplit((scheme, host, target.path, target.query, "")))


def realm_trouble(realm: str, url: str) -> str:
    """Why a login is not taken to the place that the registry at `url` sends to for tokens; empty if it is.

    Docker's client takes it wherever the registry says. We do, over https; on loopback for a registry on
    loopback only.
    """
    scheme, host = place(realm)
    if not host or scheme not in {"http", "https"} or "@" in host:
        return "which is no address"
    if is_loopback(realm) and not is_loopback(url):
        return "which is this machine"
    return "" if scheme == "https" or is_loopback(realm) else "which is not https"


def with_query(url: str, more: Mapping[str, str]) -> str:
    """`url` may have a query of its own."""
    parts = urlsplit(url)
    query = "&".join(one for one in (parts.query, urlencode(dict(more))) if one)
    return urlunsplit((parts.scheme, parts.netloc, parts.path, query, ""))
