"""Which values of an environment are secret. Pure.

The name decides, or a password inside a URL, or the look of the value. What is also a public word of the
estate (a service called `grafana` whose password is `grafana`) is left out: blacking it out would hide half
of every answer, and beside its name (`password=grafana`) it is redacted anyway.
"""

import re
from collections.abc import Iterable, Iterator, Set
from urllib.parse import unquote

from estate.model import Service

SHORTEST = 4


def _set(words: str) -> frozenset[str]:
    return frozenset(words.split())


_PARTS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")
_SECRET_PARTS = _set(
    "pass password passwd passphrase passcode passkey pwd pw secret secrets token tokens key keys apikey "
    "apikeys dsn credential credentials cred creds salt pepper jwt otp totp cookie signature seed htpasswd "
    "auth basicauth private webhook"
)
_INSIDE = ("password", "passwd", "passphrase", "secret", "token", "apikey")
"""Also where a name runs its words together: `DBPASSWORD`."""
_POINTER_PARTS = _set(
    "file path dir url uri host hostname port name user username id type algorithm alg ttl expiry expires "
    "lifetime length size count enabled enable disable disabled mode method endpoint issuer audience realm "
    "domain email public header proxy"
)
_FACT_PARTS = _set("sha digest commit revision version tag image id uuid build checksum fingerprint")
_COMMON = _set(
    "true false yes no on off none null nil admin administrator root user guest test testing demo example "
    "changeme change_me password passwd secret postgres mysql mariadb redis mongo localhost production "
    "development staging default public private basic bearer token oauth2 oidc ldap internal disabled "
    "enabled required optional http https"
)
_USERINFO = re.compile(r"://[^\s/@:]*:([^\s/@]+(?:[^\s@]*[^\s/@])?)@")
_MIXED = re.compile(r"(?=.*[a-z])(?=.*[A-Z])(?=.*\d)[A-Za-z0-9+/=_-]{20,}\Z")
_HEX = re.compile(r"(?:[0-9a-f]{32,}|[0-9A-F]{32,})\Z")


def secret_values(pairs: Iterable[tuple[str, str]], public: Set[str] = frozenset()) -> frozenset[str]:
    """The values among these (name, value) pairs that must never be said aloud."""
    public = {word.lower() for word in public}
    found: set[str] = set()
    for name, value in pairs:
        value = value.strip()
        passwords = _USERINFO.findall(value)
        found.update(passwords)
        found.update(unquote(password) for password in passwords)
        if not passwords and is_secret(name, value):
            found.add(value)
    return frozenset(v for v in found if len(v) >= SHORTEST and v.lower() not in public | _COMMON)


def public_words(services: Iterable[Service]) -> Iterator[str]:
    """What answers are made of: the names of projects, services, containers, images and their parts."""
    for service in services:
        yield from (service.project, service.name, service.container_name or "")
        yield from re.split(r"[/:@]", service.image or "")


def is_secret(name: str, value: str) -> bool:
    """Whether this name says, or this value shows, that it is a secret."""
    parts = [part.lower() for part in _PARTS.findall(name)]
    if _plain(value):
        return False
    if parts and parts[-1] in _POINTER_PARTS:
        # A webhook's address is its password, once it has a path that nobody can guess.
        return "webhook" in parts and bool(re.match(r"\w+://[^/]+/\S{16,}\Z", value))
    named = _SECRET_PARTS & set(parts) or any(word in name.lower() for word in _INSIDE)
    if named and "public" not in parts:
        return True
    looks = _HEX.match(value) or (_MIXED.match(value) and not value.startswith("/"))
    return bool(looks) and not _FACT_PARTS & set(parts)


def _plain(value: str) -> bool:
    """What is never a secret: short numbers, references, paths."""
    return (
        len(value) < SHORTEST
        or (value.isdigit() and len(value) <= 5)
        or bool(re.fullmatch(r"\$\{?\w+\}?|(?:\.{0,2}/)[\w./ -]*", value) and not _MIXED.match(value))
    )
