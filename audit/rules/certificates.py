"""Certificates that nobody will get."""

import ipaddress
import re
from collections.abc import Iterator

from audit.look import Look
from audit.model import Confidence, Failed, Passed, Place, Result, Severity
from audit.rule import rule
from audit.traefik import Proxy, hosts_of
from estate.compose.value import is_open

_PRIVATE = re.compile(
    r"(?:.+\.)?(?:localhost|local|lan|internal|intranet|home|home\.arpa|corp|localdomain|private|test|invalid)\Z",
    re.I,
)


@rule("TRF-13", Severity.MEDIUM)
def impossible_certificate(look: Look) -> Iterator[Result]:
    """A certificate is asked for that no public authority can give, or its private keys may be read.

    Wrong: a router with a `certResolver` has only hosts that are private (`.localhost`, `.local`, `.lan`,
    `.internal`, `.home.arpa`, a bare name, an address): Let's Encrypt refuses them, and Traefik asks again
    for ever. Not when the resolver has a `caServer` of its own, which may be a private one. Or `acme.json`,
    which holds private keys, may be read by others: Traefik then refuses to use it.
    Disprove: the resolver asks a private authority (step-ca); the host is in public DNS.
    Mend: `tls: {}` with a certificate of your own, or a public name.
    """
    for proxy, one in [(each, router) for each in look.proxies for router in each.routers]:
        if not one.resolver or one.protocol == "udp" or (one.subject and not one.subject.is_active):
            continue
        hosts = hosts_of(one.rule)
        name = one.subject.full_name if one.subject else ""
        if not hosts or not all(map(_is_private, hosts)) or _has_own_authority(proxy, one.resolver):
            yield Passed(name or one.name)
            continue
        yield Failed(
            place=one.place,
            message=f"the resolver {one.resolver} is to get a certificate for {hosts[0]}: no public one can",
            service=name,
            key=one.name,
            evidence=(f"rule: {one.rule}",),
            disprove="the resolver asks an authority of your own",
            remedy="take the resolver away and bring a certificate of your own, or use a public name",
            confidence=Confidence.HIGH if proxy.subject is not None else Confidence.MEDIUM,
        )
    for path in sorted(look.snapshot.entries):
        entry = look.snapshot.entries[path]
        if entry.name != "acme.json" or not entry.is_file:
            continue
        if not entry.permissions & 0o077:
            yield Passed(path)
            continue
        yield Failed(
            place=Place(path),
            message=f"it holds private keys, and its mode is {entry.octal}: Traefik refuses it",
            key=path,
            disprove=f"stat -c %a {path} says 600",
            remedy=f"chmod 600 {path}",
            severity=Severity.HIGH,
        )


def _is_private(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return not is_open(host) and ("." not in host or bool(_PRIVATE.match(host)))
    return True


def _has_own_authority(proxy: Proxy, resolver: str) -> bool:
    """Whether it is set to ask somebody else, or cannot be seen."""
    if proxy.subject is None:
        return False
    if "static" in proxy.blind:
        return True
    return proxy.setting("certificatesResolvers", resolver, "acme", "caServer") is not None or (
        proxy.setting("certificatesResolvers", resolver, "tailscale") is not None
    )
