"""The reverse proxy: what a request from outside would meet."""

import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from urllib.parse import urlsplit

from audit.look import Look
from audit.model import Confidence, Failed, Fix, Kind, Passed, Result, Severity, Unknown
from audit.places import of_key, of_tree
from audit.rule import each_proxy, rule
from audit.subject import Subject
from audit.traefik import Effective, Middleware, Router, is_traefik
from estate.compose.value import Rows, is_open, texts_of


def _set(words: str) -> frozenset[str]:
    return frozenset(words.split())


AUTH = ("basicauth", "digestauth", "forwardauth", "ipallowlist", "ipwhitelist")
_ADMIN = _set(
    "prometheus alertmanager loki adminer adminerevo phpmyadmin portainer portainer-ce portainer-ee "
    "cadvisor pushgateway node-exporter redis-commander redisinsight mongo-express dozzle flower "
    "flaresolverr netdata glances node-red blackbox-exporter kafka-ui kafdrop elasticsearch-hq cerebro "
    "victoria-metrics vmalert karma docker-registry-ui swagger-ui phpredisadmin phpldapadmin "
    "rediscommander pgweb sqlite-web cloudbeaver yacht lazydocker"
)
"""Images of admin interfaces: who reaches them is taken for an admin, or may try."""
_ADMIN_NAMES = _set("jaegertracing/all-in-one jaegertracing/jaeger supabase/studio")
"""Those whose last word says too little."""


def _is_admin(one: Subject) -> bool:
    return one.app in _ADMIN or (one.image is not None and one.image.name in _ADMIN_NAMES)


_STRICT = {"stsseconds", "stsincludesubdomains", "contenttypenosniff", "framedeny", "customframeoptionsvalue"}
_STRICT |= {"contentsecuritypolicy", "referrerpolicy", "browserxssfilter", "permissionspolicy"}


def _routers(look: Look) -> Iterator[Router]:
    """What HTTP requests meet, of services that no profile keeps away."""
    for router in look.proxy.routers:
        if router.protocol == "http" and (router.subject is None or router.subject.is_active):
            yield router


def _name(router: Router) -> str:
    return router.subject.full_name if router.subject is not None else ""


def _disprove(router: Router) -> str:
    return f"Traefik's /api/http/routers/{router.name}@{router.provider} shows it otherwise"


# ---- labels ---------------------------------------------------------------------------------------------


@rule("TRF-01", Severity.MEDIUM, whole=True)
@each_proxy
def incomplete_labels(look: Look) -> Iterator[Result]:
    """A service is handed to Traefik with only half of what a route needs.

    Wrong: a router in a service's labels has no rule (and no `defaultRule` is set); no entry points although
    there are several (it answers on all of them, the unencrypted one too); an entry point for TLS and no
    `tls`; or no middleware at all, neither of its own nor of its entry points. Or the service shows several
    ports and no `loadbalancer.server.port` says which one is meant.
    Disprove: Traefik's dashboard shows the route complete.
    """
    for subject in look.subjects:
        if subject.full_name not in look.proxy.routed or not subject.is_active:
            continue
        mine = [one for one in look.proxy.routers if one.subject is subject and one.protocol == "http"]
        if not mine and any(one.subject is subject for one in look.proxy.routers):
            continue
        missing = {one.name: _missing(look, one) for one in mine}
        for one in mine:
            if missing[one.name]:
                yield Failed(
                    place=one.place,
                    message=f"the router {one.name} has {', '.join(missing[one.name])}",
                    service=subject.full_name,
                    key=one.name,
                    evidence=(f"rule: {one.rule or 'none'}",),
                    disprove=_disprove(one),
                    remedy=f"complete the labels of {subject.name} in {subject.file}",
                )
        if not mine and not look.proxy.subject:
            continue
        if not mine and not _default_rule(look):
            yield _without_rule(look, subject)
        elif _needs_port(subject):
            yield _without_port(subject, mine)
        elif not any(missing.values()):
            yield Passed(subject.full_name)


def _missing(look: Look, one: Router) -> list[str]:
    proxy = look.proxy
    found = [] if one.rule or _default_rule(look) else ["no rule"]
    points = proxy.entry_points()
    if not one.entry_points and len(points) > 1 and not _has_default_point(look):
        found.append("no entry points: it answers on all of them")
    if not one.has_tls and any(_wants_tls(look, name) for name in one.entry_points):
        found.append("no tls on an entry point for it")
    blind = "static" in proxy.blind or proxy.subject is None
    effective = proxy.effective(one)
    if not blind and not effective.middlewares and not effective.unsure and not one.middlewares:
        found.append("no middleware")
    return found


def _default_rule(look: Look) -> bool:
    return (
        look.proxy.subject is not None
        and look.proxy.setting("providers", "docker", "defaultRule") is not None
    )


def _has_default_point(look: Look) -> bool:
    proxy = look.proxy
    return any(proxy.is_on("entryPoints", name, "asDefault") for name in proxy.entry_points())


def _wants_tls(look: Look, name: str) -> bool:
    """By its port; and nothing on the entry point itself gives TLS to all of its routers."""
    proxy = look.proxy
    if proxy.subject is None:
        return False
    address = proxy.setting("entryPoints", name, "address")
    has_own = proxy.setting("entryPoints", name, "http", "tls") is not None or any(
        key.startswith(f"entrypoints.{name.lower()}.http.tls") for key in proxy.flags
    )
    return address is not None and re.search(r":443(?:/tcp)?\Z", address[0]) is not None and not has_own


def _needs_port(subject: Subject) -> bool:
    expose = subject.service.tree.get("expose")
    inside = {port.inside for port in subject.ports if port.protocol == "tcp"}
    inside |= {text.partition("/")[0] for text in texts_of(expose)} if isinstance(expose, Rows) else set()
    has_port = any(
        re.search(r"\.loadbalancer\.server\.(?:port|url)\Z", key, re.I) for key in subject.service.labels
    )
    return len(inside) > 1 and not has_port and not is_traefik(subject)


def _without_port(subject: Subject, mine: list[Router]) -> Failed:
    return Failed(
        place=mine[0].place if mine else subject.place,
        message="it shows several ports, and no label says which one is meant",
        service=subject.full_name,
        key="port",
        evidence=tuple(f"port {port.inside}" for port in subject.ports),
        disprove="Traefik's /api/http/services shows the right port",
        remedy=f"add traefik.http.services.{subject.name}.loadbalancer.server.port to {subject.name}",
    )


def _without_rule(look: Look, subject: Subject) -> Failed:
    return Failed(
        place=subject.place,
        message="Traefik is to route it and no rule says when: it gets one by its name",
        service=subject.full_name,
        key="rule",
        evidence=("traefik.enable is true, and no label names a router",),
        disprove="a file of the file provider routes to it",
        remedy=f"add traefik.http.routers.{subject.name}.rule to {subject.name}, or traefik.enable=false",
        confidence=Confidence.MEDIUM,
    )


@rule("TRF-02", Severity.HIGH, whole=True)
@each_proxy
def undefined_reference(look: Look) -> Iterator[Result]:
    """A router names what does not exist, so Traefik drops it and says so only in its log.

    Wrong: the middleware, entry point, service or certificate resolver that it names is neither in labels,
    nor in the file provider's files, nor in the static configuration. Where a part of these could not be
    read, it is unknown. Other providers' names are believed.
    Of several Traefiks each is judged by what it reaches: networks first, then folders.
    Disprove: Traefik's dashboard shows the router without an error.
    """
    proxy = look.proxy
    points = proxy.entry_points()
    for one in _routers(look):
        found = [("middleware", name) for name in proxy.effective(one).missing]
        if points and "static" not in proxy.blind:
            known = {name.lower() for name in points}  # as a flag they are read in lower case
            found += [("entry point", name) for name in one.entry_points if name.lower() not in known]
            found += (
                [("resolver", one.resolver)] if one.resolver and not _has_resolver(look, one.resolver) else []
            )
        if _is_unknown_service(look, one):
            found.append(("service", one.service))
        open_names = [name for name in (*one.middlewares, *(name for _, name in found)) if is_open(name)]
        found = [(kind, name) for kind, name in found if not is_open(name)]
        for kind, name in found:
            yield Failed(
                place=one.place,
                message=f"the router {one.name} names the {kind} {name}, which does not exist",
                service=_name(one),
                key=f"{one.name} {kind} {name}",
                evidence=(
                    f"known: {', '.join(sorted(_known(look, kind))[:8]) or 'none'}",
                    *_lost(look, name),
                ),
                disprove=_disprove(one),
                remedy=f"define {name}, or mend the name",
            )
        unsure = proxy.effective(one).unsure
        who = f"{_name(one) or one.place.file} {one.name}"
        if open_names:
            yield Unknown(who, f"{open_names[0]}: nothing in this tree sets it", one.place)
        elif unsure and not found:
            why = next((why for part, why in proxy.blind.items() if f"@{part}" in " ".join(unsure)), "")
            if why:
                yield Unknown(who, f"{', '.join(unsure)}: {why}", one.place)
        elif not found:
            yield Passed(f"{_name(one)} {one.name}")


def _lost(look: Look, name: str) -> tuple[str, ...]:
    """Why nothing of a file is known to Traefik, if that is why."""
    where = look.proxy.unmounted if name.endswith("@file") else ""
    return (f"the file provider looks into {where}, where nothing is mounted",) if where else ()


def _has_resolver(look: Look, name: str) -> bool:
    prefix = f"certificatesresolvers.{name.lower()}."
    tree = look.proxy.setting("certificatesResolvers", name)
    return tree is not None or any(key.startswith(prefix) for key in look.proxy.flags)


def _is_unknown_service(look: Look, one: Router) -> bool:
    name = one.service
    if not name or name.endswith("@internal") or "docker" in look.proxy.blind:
        return False
    full = name if "@" in name else f"{name}@{one.provider}"
    provider = full.rpartition("@")[2]
    if provider == "docker":
        # A service without labels of its own is called by its own name.
        own = {f"{subject.name}@docker" for subject in look.subjects}
        own |= {f"{subject.name}-{subject.model.name}@docker" for subject in look.subjects}
        return full not in look.proxy.services | own
    return provider == "file" and "file" not in look.proxy.blind and full not in look.proxy.services


def _known(look: Look, kind: str) -> set[str]:
    match kind:
        case "middleware":
            return set(look.proxy.middlewares)
        case "entry point":
            return set(look.proxy.entry_points())
        case "service":
            return look.proxy.services
        case _:
            return set()


# ---- middlewares that nobody uses -----------------------------------------------------------------------


@rule("TRF-03", Severity.HIGH, fix=Fix.CONSENT)
@each_proxy
def rate_limit_unused(look: Look) -> Iterator[Result]:
    """A rate limit is defined, and requests do not pass it.

    Wrong: there is a middleware `rateLimit` and no router passes it (one finding, at the middleware), or some
    routers of services pass one and others do not (one finding each). Chains and the middlewares of entry
    points are followed.
    Not looked at: routers that only send on to https; those that Traefik drops (TRF-02); those that an
    ipAllowList opens to private addresses alone.
    Disprove: Traefik's `/api/http/routers` shows it among the router's middlewares.
    Mend: name it in the router's `middlewares`, or in those of the entry point for all routers at once.
    """
    yield from _unused(look, "ratelimit", lambda one: "ratelimit" in one.kinds, "a rate limit", outside=True)


@rule("TRF-04", Severity.MEDIUM, fix=Fix.CONSENT)
@each_proxy
def headers_unused(look: Look) -> Iterator[Result]:
    """Security headers are defined, and answers do not get them.

    Wrong: there is a middleware `headers` with strict transport, nosniff or frame options, and no router
    passes it, or some do and others do not. Chains and the middlewares of entry points are followed.
    Disprove: `curl -sI https://HOST` shows Strict-Transport-Security.
    """
    yield from _unused(look, "headers", is_strict, "security headers")


def is_strict(one: Middleware) -> bool:
    names = {key.partition(".")[2].partition(".")[0] for key in one.keys if key.startswith("headers.")}
    return bool(names & _STRICT)


def _unused(
    look: Look, kind: str, fits: Callable[[Middleware], bool], words: str, *, outside: bool = False
) -> Iterator[Result]:
    """outside: only of what strangers reach."""
    defined = [one for one in look.proxy.middlewares.values() if fits(one)]
    routers = [
        one
        for one in _routers(look)
        if not one.service.endswith("@internal")
        and _serves(effective := look.proxy.effective(one))
        and not (outside and effective.is_fenced)
    ]
    if not defined or not routers:
        return
    for one in _routers(look):
        # Traefik's own pages need none; where they have it, that is well, too.
        if one.service.endswith("@internal") and any(map(fits, look.proxy.effective(one).middlewares)):
            yield Passed(f"{_name(one)} {one.name}")
    passes = {id(one): any(fits(m) for m in look.proxy.effective(one).middlewares) for one in routers}
    first = defined[0]
    if not any(passes.values()):
        shown = ", ".join(one.name for one in routers[:6]) + (" …" if len(routers) > 6 else "")
        yield Failed(
            place=first.place,
            message=f"{first.full_name} is passed by none of {len(routers)} routers: {shown}",
            service=look.proxy.subject.full_name if look.proxy.subject else "",
            key=first.full_name,
            evidence=("neither their own middlewares, nor chains, nor their entry points name it",),
            disprove="Traefik's /api/http/routers shows it",
            remedy=f"name {first.full_name} in http.middlewares of the entry point, for all routers at once",
        )
        return
    for one in routers:
        effective = look.proxy.effective(one)
        if passes[id(one)]:
            yield Passed(f"{_name(one)} {one.name}")
        elif effective.unsure:
            yield Unknown(
                f"{_name(one)} {one.name}", f"what {effective.unsure[0]} does could not be read", one.place
            )
        else:
            yield Failed(
                place=one.place,
                message=f"the router {one.name} passes no {kind} middleware, and others do",
                service=_name(one),
                key=one.name,
                evidence=(f"passes: {_words(effective)}", f"defined: {first.full_name}"),
                disprove=_disprove(one),
                remedy=f"add {first.full_name} to the middlewares of {one.name}: {words}",
                confidence=Confidence.MEDIUM,
            )


def _serves(effective: Effective) -> bool:
    """Not one that Traefik drops, since it names what does not exist (TRF-02), nor one that only sends on to
    https."""
    return not effective.missing and not any("redirectscheme" in one.kinds for one in effective.middlewares)


def _words(effective: Effective) -> str:
    return ", ".join(one.full_name for one in effective.middlewares) or "nothing"


# ---- doors ----------------------------------------------------------------------------------------------


@rule("TRF-05", Severity.HIGH, fix=Fix.CONSENT)
@each_proxy
def insecure_dashboard(look: Look) -> Iterator[Result]:
    """Traefik's dashboard and API are open to everybody who reaches port 8080.

    Wrong: `api.insecure` is true in the static file, a flag of the command, or the environment. Critical
    instead of high: port 8080 is published to other machines. Or, where it is asked (`estate.traefik`), its
    API answers at an address that is not this machine's own, and asks nobody for a password.
    Disprove: `curl http://HOST:8080/api/overview` is refused.
    Mend: take it away; route the dashboard to `api@internal` behind an authentication.
    """
    proxy = look.proxy
    if proxy.subject is None:
        return
    found = proxy.setting("api", "insecure")
    if found is not None and found[0].lower() in {"true", "1", ""}:
        is_open = any(port.inside == "8080" and port.is_public for port in proxy.subject.ports)
        is_open |= proxy.subject.network_mode == "host"
        yield Failed(
            place=found[1],
            message="api.insecure is on: the dashboard and the API ask nobody for a password",
            service=proxy.subject.full_name,
            evidence=(
                "port 8080 is published to other machines"
                if is_open
                else "port 8080 is open to its networks",
            ),
            disprove="curl http://HOST:8080/api/overview is refused",
            remedy="set api.insecure to false, and route the dashboard to api@internal behind basicAuth",
            severity=Severity.CRITICAL if is_open else Severity.HIGH,
        )
    elif (url := _answers_anybody(look)) is not None:
        yield Failed(
            place=proxy.subject.place,
            message=f"Traefik's API answers at {url} and asks nobody for a password",
            service=proxy.subject.full_name,
            key="live",
            evidence=("it was asked without one",),
            disprove=f"curl {url}/api/overview is refused",
            remedy="set api.insecure to false, and route the dashboard to api@internal behind basicAuth",
            kind=Kind.ENGINE,
        )
    elif "static" in proxy.blind:
        yield Unknown(proxy.subject.full_name, proxy.blind["static"], proxy.subject.place)
    else:
        yield Passed(proxy.subject.full_name)


def _answers_anybody(look: Look) -> str | None:
    """Where Traefik's API answered us; None for loopback, which may be meant for this machine alone."""
    live = look.snapshot.live.traefik if look.proxy is look.proxies[0] else None
    host = urlsplit(live.url).hostname if live is not None else None
    if live is None or host is None or host == "localhost" or host.startswith("127.") or host == "::1":
        return None
    return live.url


@rule("TRF-06", Severity.HIGH)
@each_proxy
def dashboard_router(look: Look) -> Iterator[Result]:
    """Traefik's dashboard is routed without a password, or to a port that does not answer.

    Wrong: a router leads to `api@internal` and its chain has no authentication; or a router of Traefik's own
    service leads to port 8080 while `api.insecure` is off, where nothing listens, or names neither service
    nor port. Low: no port of its entry points is published, so only other containers come there.
    Not looked at: routers that Traefik drops (TRF-02); those without a rule, which are there to get a
    certificate.
    Disprove: the address asks for a password, and then shows the dashboard.
    """
    proxy = look.proxy
    for one in _routers(look):
        is_api = one.service == "api@internal"
        is_own = proxy.subject is not None and one.subject is proxy.subject
        if not is_api and not is_own:
            continue
        effective = proxy.effective(one)
        if is_api and not _has_auth(effective):
            if effective.unsure or (effective.missing and "file" in proxy.blind):
                yield Unknown(
                    f"{_name(one)} {one.name}", "a part of its middlewares could not be read", one.place
                )
                continue
            if effective.missing:
                continue  # Traefik drops it
            words = "leads to the dashboard without asking for a password"
            found = _dashboard(one, words, "add a basicAuth middleware")
            yield replace(found, severity=Severity.LOW) if _is_inside(look, one) else found
        elif is_own and not is_api and "static" not in proxy.blind and (words := _nowhere(look, one)):
            yield _dashboard(one, words, f"add traefik.http.routers.{one.name}.service=api@internal")
        else:
            yield Passed(f"{_name(one)} {one.name}")


def _is_inside(look: Look, one: Router) -> bool:
    """Whether only other containers reach its entry points: no port of theirs is published."""
    proxy = look.proxy.subject
    if proxy is None or proxy.network_mode == "host" or not one.entry_points:
        return False
    addresses = (look.proxy.setting("entryPoints", name, "address") for name in one.entry_points)
    ports = {found[0].partition("/")[0].rpartition(":")[2] if found else "" for found in addresses}
    return not ports & {"", *(port.inside for port in proxy.ports)}


def _nowhere(look: Look, one: Router) -> str:
    """Where a router of Traefik's own service leads to without meaning it; empty where it means it."""
    assert one.subject is not None  # it is Traefik's own
    labels = one.subject.service.labels
    ports = {text for key, text in labels.items() if key.lower().endswith("loadbalancer.server.port")}
    if one.service or not one.rule or ports - {"8080"} or look.proxy.is_on("api", "insecure"):
        return ""
    if ports:
        return "leads to port 8080, where nothing listens while api.insecure is off"
    return "names no service, and no label says a port: it leads to Traefik itself, not to its dashboard"


def _dashboard(one: Router, words: str, remedy: str) -> Failed:
    return Failed(
        place=one.place,
        message=f"the router {one.name} {words}",
        service=_name(one),
        key=one.name,
        disprove=_disprove(one),
        remedy=remedy,
    )


def _has_auth(effective: Effective) -> bool:
    plugins = any("plugin" in one.kinds for one in effective.middlewares)
    return effective.has(*AUTH) or plugins


@rule("TRF-07", Severity.HIGH, fix=Fix.CONSENT)
@each_proxy
def admin_without_auth(look: Look) -> Iterator[Result]:
    """An admin interface is reached from outside and the proxy asks nobody who they are.

    Wrong: a router leads to an image that is an admin interface without, or before, a login of its own
    (Prometheus, Alertmanager, Loki, Adminer, Portainer, Node-RED, …), and its chain has no basicAuth,
    digestAuth, forwardAuth, ipAllowList or plugin. Known by the image's name only.
    Not looked at: routers that only send on to https; those that Traefik drops (TRF-02).
    Disprove: `curl -s -o /dev/null -w '%{http_code}' https://HOST/` answers 401, 403 or a redirect to a
    login.
    """
    for one in _routers(look):
        subject = one.subject
        if subject is None or not _is_admin(subject):
            continue
        effective = look.proxy.effective(one)
        if _has_auth(effective):
            yield Passed(f"{subject.full_name} {one.name}")
        elif not _serves(effective):
            continue
        elif effective.unsure:
            yield Unknown(
                f"{subject.full_name} {one.name}",
                f"what {effective.unsure[0]} does could not be read",
                one.place,
            )
        else:
            yield Failed(
                place=one.place,
                message=f"{subject.app} is routed by {one.name} without any authentication",
                service=subject.full_name,
                key=one.name,
                evidence=(f"rule: {one.rule}", f"passes: {_words(effective)}"),
                disprove="the address answers 401, 403 or a redirect to a login",
                remedy=f"add an authentication to the middlewares of {one.name}",
            )


@rule("TRF-08", Severity.HIGH, fix=Fix.CONSENT)
@each_proxy
def proxy_bypass(look: Look) -> Iterator[Result]:
    """A service is behind the proxy, and beside it: its port is open to other machines too.

    Wrong: Traefik routes to it, and the same port of the container is published on an address that is not
    loopback. Another port than the routed one (SSH beside a web interface) is not meant.
    Disprove: `docker port CONTAINER` shows 127.0.0.1 only.
    Mend: take `ports:` away, or write `127.0.0.1:` in front.
    """
    for one in look.subjects:
        if one.full_name not in look.proxy.routed or is_traefik(one) or not one.is_active:
            continue
        routed = {t for k, t in one.service.labels.items() if k.lower().endswith(".loadbalancer.server.port")}
        open_ports = [
            p for p in one.ports if p.is_public and p.protocol == "tcp" and (not routed or p.inside in routed)
        ]
        if not open_ports:
            yield Passed(one.full_name)
            continue
        port = open_ports[0]
        yield Failed(
            place=of_tree(look.snapshot, port.tree, one.file),
            message=f"port {port.host or port.inside} is open to other machines, past the proxy",
            service=one.full_name,
            key=port.inside,
            evidence=("Traefik routes to it", f"published: {port.address or 'every address'}:{port.host}"),
            disprove="docker port of its container shows 127.0.0.1 only",
            remedy=f"take the port away, or publish 127.0.0.1:{port.host or port.inside}:{port.inside}",
        )


@rule("TRF-14", Severity.MEDIUM, fix=Fix.CONSENT)
@each_proxy
def exposed_by_default(look: Look) -> Iterator[Result]:
    """Traefik routes to every container, unless a label says no.

    Wrong: the Docker provider is on and `exposedByDefault` is not false: a new container is reached by its
    name from wherever Traefik is.
    Disprove: Traefik's dashboard shows no router that nobody wrote.
    Mend: `exposedByDefault: false`.
    """
    proxy = look.proxy
    if proxy.subject is None:
        return
    flagged = any(key.startswith("providers.docker") for key in proxy.flags)
    if proxy.setting("providers", "docker") is None and not flagged:
        if "static" in proxy.blind:
            yield Unknown(proxy.subject.full_name, proxy.blind["static"], proxy.subject.place)
        return
    said = proxy.setting("providers", "docker", "exposedByDefault")
    if said is not None and said[0].lower() == "false":
        yield Passed(proxy.subject.full_name)
        return
    yield Failed(
        place=said[1] if said is not None else proxy.subject.place,
        message="exposedByDefault is on: every container is routed unless a label says no",
        service=proxy.subject.full_name,
        evidence=("it is on where nothing is said",) if said is None else (),
        disprove="Traefik's dashboard shows no router that nobody wrote",
        remedy="set providers.docker.exposedByDefault to false",
    )


@rule("TRF-11", Severity.HIGH, whole=True)
@each_proxy
def not_on_the_network(look: Look) -> Iterator[Result]:
    """Traefik routes to a service that it cannot reach, or may choose the wrong network to it.

    Wrong: the service shares no network with Traefik; or it is on several and neither
    `traefik.docker.network` nor the provider's `network` says which one. Networks are compared by the names
    that Docker knows.
    Disprove: `docker inspect` of both containers shows a common network.
    """
    proxy = look.proxy
    if proxy.subject is None or proxy.subject.network_mode:
        return
    reachable = set(proxy.subject.networks.values())
    default = proxy.setting("providers", "docker", "network")
    for one in look.subjects:
        if one.full_name not in proxy.routed or one is proxy.subject or not one.is_active or one.network_mode:
            continue
        networks = set(one.networks.values())
        said = one.service.labels.get("traefik.docker.network") or (default[0] if default else "")
        open_names = [name for name in (*networks, *reachable) if is_open(name)]
        if not networks & reachable and open_names:
            yield Unknown(
                one.full_name, f"the network {open_names[0]}: nothing in this tree sets it", one.place
            )
        elif not networks & reachable:
            yield _apart(look, one, f"shares no network with {proxy.subject.full_name}", networks, reachable)
        elif len(networks) > 1 and not said and not networks <= reachable and "static" in proxy.blind:
            why = f"it is on several networks, and the provider may say which one: {proxy.blind['static']}"
            yield Unknown(one.full_name, why, one.place)
        elif len(networks) > 1 and not said and not networks <= reachable:
            yield _apart(
                look,
                one,
                "is on several networks, and no label says which one Traefik is on",
                networks,
                reachable,
            )
        else:
            yield Passed(one.full_name)


def _apart(look: Look, one: Subject, words: str, networks: set[str], reachable: set[str]) -> Failed:
    common = sorted(networks & reachable or reachable)[0]
    return Failed(
        place=of_key(look.snapshot, one.service.tree, "networks", one.file)
        if "networks" in one.service.tree
        else one.place,
        message=f"it {words}",
        service=one.full_name,
        evidence=(
            f"its networks: {', '.join(sorted(networks))}",
            f"Traefik's: {', '.join(sorted(reachable))}",
        ),
        disprove="docker inspect of both shows a common network",
        remedy=f"put {one.name} on the network {common}, or set traefik.docker.network={common}",
    )
