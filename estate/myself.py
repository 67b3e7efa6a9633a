"""What Tocsin must never stop: its own container, and the proxy through which it reaches the Engine. Pure."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from estate.model import Container

_ID = re.compile(r"(?<![0-9a-f])[0-9a-f]{64}(?![0-9a-f])")
_OWN_MOUNTS = {"/etc/hostname", "/etc/hosts", "/etc/resolv.conf"}


@dataclass(frozen=True, slots=True)
class Myself:
    """`ids`: our own container's id, whole or its first twelve digits; none outside of a container.
    `proxies`: host names in the Engines' addresses."""

    ids: frozenset[str] = field(default_factory=frozenset)
    proxies: frozenset[str] = field(default_factory=frozenset)

    def why_not(self, container: Container) -> str | None:
        """Why this container must not be touched from here, in words; None when it may be."""
        if any(container.id.startswith(own) for own in self.ids):
            return "that is the container I run in: do it on the machine itself, docker restart there"
        if self.proxies & {container.name, container.service}:
            return (
                "that is the proxy through which I speak to Docker: without it I could not start it again;"
                " do it on the machine itself"
            )
        return None


def myself(cgroup: str, mountinfo: str, hostname: str, addresses: Iterable[str]) -> Myself:
    """From /proc/self/cgroup, /proc/self/mountinfo, the host name, and the Engines' addresses.

    On the host itself mountinfo names every container's mounts, so only the files that Docker puts over a
    container's own /etc count.
    """
    ids = set(_ID.findall(cgroup))
    for row in mountinfo.splitlines():
        fields = row.split()
        if len(fields) > 4 and fields[4] in _OWN_MOUNTS:
            ids |= set(_ID.findall(fields[3]))
    if re.fullmatch(r"[0-9a-f]{12}", hostname):
        ids.add(hostname)
    hosts = (urlsplit(address).hostname for address in addresses if not address.startswith("unix:"))
    return Myself(frozenset(ids), frozenset(host for host in hosts if host))
