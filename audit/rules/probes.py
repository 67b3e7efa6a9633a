"""Healthchecks that ask for what the configuration does not serve."""

import re
from collections.abc import Iterator

from audit.look import Look
from audit.model import Confidence, Failed, Passed, Result, Severity, Unknown
from audit.places import of_tree
from audit.rule import rule
from audit.subject import Subject
from audit.traefik import Proxy
from estate.compose.value import child

_URL = re.compile(
    r"https?://(?:localhost|127\.0\.0\.1|\[::1\]|0\.0\.0\.0)(?::(?P<port>\d+))?(?P<path>/[^\s'\"|;&)]*)?"
)


@rule("HC-05", Severity.HIGH)
def contradicting_probe(look: Look) -> Iterator[Result]:
    """A healthcheck asks for what the service does not serve, so it can only fail.

    Wrong: Traefik is asked for `/ping` (or by `traefik healthcheck`) and has no `ping:`; or for `/api` while
    `api.insecure` is off, so that port 8080 has none; or the probe's port is neither the one that its `PORT`
    variable sets nor any that it shows, publishes or is routed to.
    Disprove: the container is healthy.
    Mend: turn on what is asked for, or ask for what is there.
    """
    for one in look.subjects:
        test = one.service.healthcheck
        if not test or test[0] == "NONE":
            continue
        details = look.running.get(one.full_name, ())
        if details and all(detail.container.health == "healthy" for detail in details):
            yield Passed(one.full_name)
            continue
        text = " ".join(test[1:])
        proxy = look.proxy_of(one)
        is_proxy = one is proxy.subject
        if is_proxy and "static" in proxy.blind and _asks_ping(text):
            yield Unknown(one.full_name, proxy.blind["static"], one.place)
            continue
        wrong = _proxy(proxy, text) if is_proxy else _port(one, text)
        if not wrong:
            yield Passed(one.full_name)
            continue
        yield Failed(
            place=of_tree(look.snapshot, child(one.service.tree, "healthcheck", "test"), one.file, text),
            message=wrong,
            service=one.full_name,
            disprove="its container is healthy",
            remedy="turn on what it asks for, or let it ask for what is there",
            confidence=Confidence.HIGH if is_proxy else Confidence.MEDIUM,
        )


def _asks_ping(text: str) -> bool:
    return "/ping" in text or "traefik healthcheck" in text


def _proxy(proxy: Proxy, text: str) -> str:
    has_ping = proxy.setting("ping") is not None or any(key.startswith("ping.") for key in proxy.flags)
    if _asks_ping(text) and not has_ping and "--ping" not in text.replace("healthcheck --ping", ""):
        return "it is asked for /ping, and nothing turns ping on"
    url = _URL.search(text)
    if url and (url["path"] or "").startswith("/api") and not proxy.is_on("api", "insecure"):
        return f"it is asked for {url['path']}, and api.insecure is off"
    return ""


def _port(one: Subject, text: str) -> str:
    """By the one variable that every framework takes for its port."""
    url, said = _URL.search(text), one.service.environment.get("PORT")
    if url is None or not url["port"] or said is None or not (said.text or "").isdigit():
        return ""
    known = {said.text or "", *(port.inside for port in one.ports), *(port.host for port in one.ports)}
    known |= {
        text
        for key, text in one.service.labels.items()
        if re.search(r"\.loadbalancer\.(?:server|healthcheck)\.port\Z", key, re.I)
    }
    if url["port"] in known:
        return ""
    return f"it is asked on port {url['port']}, and PORT says {said.text}"
