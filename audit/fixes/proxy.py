"""The Traefik that a finding is about, of the several that a tree may have. Pure."""

from audit.look import Look
from audit.model import Finding
from audit.traefik import Proxy
from estate.snapshot.model import Snapshot


def look_at(finding: Finding, snapshot: Snapshot) -> Look:
    """With that one before the eyes; with the first, where the finding is about none."""
    look = Look(snapshot, snapshot.taken)

    def is_meant(proxy: Proxy) -> bool:
        places = {one.place for one in proxy.routers} | {one.place for one in proxy.middlewares.values()}
        return finding.place in places or (proxy.subject is not None and proxy.name == finding.service)

    return look.at(next((one for one in look.proxies if is_meant(one)), look.proxy))
