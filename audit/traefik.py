"""Traefik as the tree configures it: entry points, middlewares, routers, and what a request would meet. Pure.

The static configuration is the file that its service mounts, its command's flags and its environment. Dynamic
configuration is what its file provider reads, and the labels of services.
"""

import ipaddress
import itertools
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from audit.inside import on_host
from audit.labels import label_place, open_labels
from audit.model import Place
from audit.places import of_key, of_tree
from audit.subject import Subject
from estate.compose.value import Rows, Section, Tree, Value, child, is_open, text_of, texts_of
from estate.snapshot.document import Document
from estate.snapshot.model import Snapshot

_STATIC = tuple(
    f"{folder}/traefik.{ending}" for folder in ("/etc/traefik", "") for ending in ("toml", "yaml", "yml")
)
"""Where Traefik looks, in its order, without the home of whoever it runs as; the last is the image's working
directory (doc.traefik.io/traefik/getting-started/configuration-overview)."""
_LABEL = re.compile(
    r"traefik\.(?P<protocol>http|tcp|udp)\.(?P<kind>routers|services|middlewares)\.(?P<name>[^.]+)\.(?P<rest>.+)\Z",
    re.I,
)
_TRUE = {"true", "1", "t", "yes", "on", ""}
_DEEPEST = 16


@dataclass(frozen=True, slots=True)
class Middleware:
    """`kinds`: what it does, in lower case: `ratelimit`, `basicauth`, `chain`. `keys`: its settings, in lower
    case with dots → text."""

    name: str
    provider: str
    kinds: frozenset[str]
    keys: Mapping[str, str]
    place: Place

    @property
    def full_name(self) -> str:
        return f"{self.name}@{self.provider}"


@dataclass(frozen=True, slots=True)
class Router:
    """`subject`: the service whose labels declare it; None in a file. Names without `@` are its
    provider's."""

    name: str
    provider: str
    protocol: str
    rule: str
    entry_points: tuple[str, ...]
    middlewares: tuple[str, ...]
    service: str
    has_tls: bool
    resolver: str
    place: Place
    subject: Subject | None = None
    keys: frozenset[str] = frozenset()
    """Which of its settings are written."""


@dataclass(frozen=True, slots=True)
class Effective:
    """What a request to a router would pass: middlewares in order, and names that lead nowhere."""

    middlewares: tuple[Middleware, ...]
    missing: tuple[str, ...]
    unsure: tuple[str, ...]
    """Names that may be defined where nothing could be read."""

    def has(self, *kinds: str) -> bool:
        return any(kind in one.kinds for one in self.middlewares for kind in kinds)

    @property
    def is_fenced(self) -> bool:
        """Whether it lets in only addresses that are nobody's on the internet: a VPN's, a home's."""
        return any(
            _only_private(one.keys.get(f"{kind}.sourcerange", ""))
            for one in self.middlewares
            for kind in ("ipallowlist", "ipwhitelist")
        )


@dataclass(slots=True)
class Proxy:
    """`subject`: Traefik's own service; None where the tree has none. `file`: the static file, if one was
    found. `blind`: why some of its configuration could not be read, by part: `static`, `file`, `docker`."""

    subject: Subject | None = None
    file: str = ""
    static: Tree | None = None
    flags: Mapping[str, tuple[str, Place]] = field(default_factory=dict)
    blind: dict[str, str] = field(default_factory=dict)
    middlewares: dict[str, Middleware] = field(default_factory=dict)
    services: set[str] = field(default_factory=set)
    routers: list[Router] = field(default_factory=list)
    unmounted: str = ""
    """Where the file provider looks, and nothing can be: no mount brings it, and the image has none."""
    beyond: dict[str, Middleware] = field(default_factory=dict)
    """What labels define on services of the tree's other Traefiks: if they share an Engine, all see it."""
    owns: frozenset[str] = frozenset()
    """The services that would be reached through it if they were to be, by their full names."""
    routed: frozenset[str] = frozenset()
    """Those that people reach through it."""

    @property
    def name(self) -> str:
        """Of its service, in full; empty without one."""
        return self.subject.full_name if self.subject is not None else ""

    def setting(self, *path: str) -> tuple[str, Place] | None:
        """A static setting: from the flags and the environment, else from the file. Names in any case."""
        flag = self.flags.get(".".join(path).lower())
        if flag is not None:
            return flag
        tree, above = self.static, None
        for key in path:
            above, key = tree, _cased(tree, key)
            tree = child(tree, key)
        if tree is None:
            return None
        # `ping: {}` and `ping:` turn a part on.
        text = text_of(tree) if isinstance(tree, Value) else ""
        return text or "", of_key(self._snapshot, above, _cased(above, path[-1]), self.file)

    def is_on(self, *path: str) -> bool:
        found = self.setting(*path)
        return found is not None and found[0].lower() in _TRUE

    @property
    def _snapshot(self) -> Snapshot:
        assert self.subject is not None  # without Traefik there are no settings
        return self.subject.snapshot

    def entry_points(self) -> dict[str, tuple[str, ...]]:
        """Name → the middlewares that every request through it passes."""
        names: dict[str, tuple[str, ...]] = {}
        tree = child(self.static, _cased(self.static, "entryPoints"))
        for name, one in tree.items() if isinstance(tree, Section) else ():
            names[name] = tuple(texts_of(child(one, "http", "middlewares")))
        for key, (text, _) in self.flags.items():
            if key.startswith("entrypoints."):
                name = key.split(".")[1]
                own = re.split(r"\s*,\s*", text) if key.endswith(".http.middlewares") else []
                names[name] = (*names.get(name, ()), *own)
        return names

    def effective(self, router: Router) -> Effective:
        found: list[Middleware] = []
        missing: list[str] = []
        unsure: list[str] = []
        points = self.entry_points()
        own = [_qualified(name, router.provider) for name in router.middlewares]
        above = [
            _qualified(n, "file") for p in (router.entry_points or tuple(points)) for n in points.get(p, ())
        ]
        waiting = [(name, 0) for name in (*above, *own)]
        while waiting:
            name, depth = waiting.pop(0)
            one = self.middlewares.get(name) or self.beyond.get(name)
            if one is None:
                (unsure if self._may_exist(name) else missing).append(name)
                continue
            found.append(one)
            if "chain" in one.kinds and depth < _DEEPEST:
                inner = re.split(r"\s*,\s*", one.keys.get("chain.middlewares", ""))
                waiting = [(_qualified(n, one.provider), depth + 1) for n in inner if n] + waiting
        return Effective(tuple(found), tuple(missing), tuple(unsure))

    def _may_exist(self, name: str) -> bool:
        provider = name.rpartition("@")[2]
        return is_open(name) or provider not in {"docker", "file"} or provider in self.blind


def _qualified(name: str, provider: str) -> str:
    return name if "@" in name else f"{name}@{provider}"


def _cased(tree: Tree | None, key: str) -> str:
    """The key as this file spells it."""
    names = tree if isinstance(tree, Section) else ()
    return next((name for name in names if name.lower() == key.lower()), key)


def is_traefik(subject: Subject) -> bool:
    return subject.app == "traefik"


def read_proxies(snapshot: Snapshot, subjects: Sequence[Subject]) -> tuple[Proxy, ...]:
    """Each Traefik of the tree (which may hold several machines), first the one that shares a network with
    the most services; one without a service where the tree has none. Each service is one Traefik's.

    Raises nothing: what cannot be read is in `blind`.
    """
    labelled = [one for one in subjects if any(name.startswith("traefik.") for name in one.service.labels)]

    def order(proxy: Subject) -> tuple[bool, int, bool]:
        reached = sum(_share(proxy, one) for one in labelled if one is not proxy)
        return not proxy.is_active, -reached, not proxy.holds_socket

    found = sorted((one for one in subjects if is_traefik(one)), key=order)
    found = [one for one in found if one.is_active] or found[:1]
    readers = [_Reader(snapshot, one) for one in found] or [_Reader(snapshot, None)]
    mine: list[list[Subject]] = [[] for _ in readers]
    for one in subjects:
        mine[_owner(found, one)].append(one)
    proxies = tuple(reader.read(theirs) for reader, theirs in zip(readers, mine, strict=True))
    for proxy in proxies:
        for other in proxies:
            if other is not proxy:
                by_label = {k: v for k, v in other.middlewares.items() if v.provider == "docker"}
                proxy.beyond |= by_label
                proxy.services |= {name for name in other.services if name.endswith("@docker")}
    return proxies


def _owner(proxies: Sequence[Subject], one: Subject) -> int:
    """Whose a service is: it is that Traefik; or they share a network; or that one is on its machine's own
    network; or their folders are nearest. Of equal ones the first."""

    def rank(proxy: Subject) -> tuple[bool, bool, bool, int]:
        parts = zip(proxy.folder.split("/"), one.folder.split("/"), strict=False)
        near = sum(1 for _ in itertools.takewhile(lambda pair: pair[0] == pair[1], parts))
        return proxy is one, _share(proxy, one), proxy.network_mode == "host", near

    return max(range(len(proxies)), key=lambda at: (*rank(proxies[at]), -at), default=0)


def _share(one: Subject, other: Subject) -> bool:
    """Whether they are on a common network, by the names that Docker knows."""
    return bool(set(one.networks.values()) & set(other.networks.values()))


class _Reader:
    def __init__(self, snapshot: Snapshot, subject: Subject | None) -> None:
        self._snapshot = snapshot
        self._proxy = Proxy(subject)

    def read(self, subjects: Sequence[Subject]) -> Proxy:
        proxy = self._proxy
        if proxy.subject is None:
            proxy.blind |= dict.fromkeys(("static", "file", "docker"), "Traefik is not in this tree")
        else:
            proxy.flags = dict(self._flags(proxy.subject))
            self._static(proxy.subject)
            self._files(proxy.subject)
        # Without a router of its own a service gets one by its name.
        routed = [one for one in subjects if self._is_enabled(one)]
        for subject in routed:
            self._labels(subject)
        proxy.owns = frozenset(one.full_name for one in subjects)
        proxy.routed = frozenset(one.full_name for one in routed)
        return proxy

    # ---- static -----------------------------------------------------------------------------------------

    def _flags(self, subject: Subject) -> Iterator[tuple[str, tuple[str, Place]]]:
        tree = subject.service.tree.get("command")
        rows: Sequence[Tree] = tree if isinstance(tree, Rows) else [tree] if tree is not None else []
        for row in rows:
            place = of_tree(self._snapshot, row, subject.file)
            for word in (text_of(row) or "").split() if not isinstance(tree, Rows) else [text_of(row) or ""]:
                name, equals, text = word.removeprefix("--").partition("=")
                if word.startswith("--"):
                    yield name.lower(), (text if equals else "true", place)
        for name, value in subject.service.environment.items():
            if name.startswith("TRAEFIK_"):
                at = of_tree(self._snapshot, value.value, subject.file)
                yield name.removeprefix("TRAEFIK_").lower().replace("_", "."), (value.text or "", at)

    def _static(self, subject: Subject) -> None:
        given = self._proxy.flags.get("configfile")
        for inside in (given[0],) if given else _STATIC:
            path = on_host(subject, inside)
            if path is None:
                continue
            document = self._snapshot.documents.get(path)
            if path.endswith(".toml") and path in self._snapshot.texts:
                self._proxy.blind["static"] = f"{path} is TOML, which is not read here"
                return
            if document is None:
                continue
            self._proxy.file = path
            if not document.wrong:
                # The first that there is counts, whole: file, then flags, then environment
                # (doc.traefik.io/traefik/getting-started/configuration-overview).
                self._proxy.flags = {}
            if document.wrong:
                self._proxy.blind["static"] = f"{path}: {document.wrong}"
            self._proxy.static = document.tree
            return
        if given or not self._proxy.flags:
            self._proxy.blind["static"] = "its static configuration is not in this tree"

    # ---- the file provider ------------------------------------------------------------------------------

    def _files(self, subject: Subject) -> None:
        folder, single = (self._proxy.setting("providers", "file", key) for key in ("directory", "filename"))
        if folder is None and single is None:
            if "static" in self._proxy.blind:
                self._proxy.blind["file"] = self._proxy.blind["static"]
            return
        for given, is_folder in ((folder, True), (single, False)):
            if given is not None and _is_absent(subject, given[0]):
                self._proxy.unmounted = given[0]
            elif given is not None:
                self._provided(on_host(subject, given[0].rstrip("/")), given[0], is_folder)

    def _provided(self, path: str | None, inside: str, is_folder: bool) -> None:
        documents = []
        if path is not None:
            wanted = f"{path}/" if is_folder else path
            documents = [
                one
                for name, one in self._snapshot.documents.items()
                if (name.startswith(wanted) if is_folder else name == wanted)
            ]
            toml = [name for name in self._snapshot.texts if name.startswith(path) and name.endswith(".toml")]
            if toml:
                self._proxy.blind["file"] = f"{toml[0]} is TOML, which is not read here"
        if path is None or (path not in self._snapshot.entries and not documents):
            self._proxy.blind["file"] = f"{inside} in the container is no path of this tree"
        for document in documents:
            if document.wrong:
                self._proxy.blind["file"] = f"{document.path}: {document.wrong}"
            self._dynamic(document)

    def _dynamic(self, document: Document) -> None:
        for protocol in ("http", "tcp", "udp"):
            part = child(document.tree, protocol)
            for name, tree in _items(child(part, "middlewares")):
                place = of_key(self._snapshot, child(part, "middlewares"), name, document.path)
                self._middleware(name, "file", dict(_flat(tree)), place)
            for name, _ in _items(child(part, "services")):
                self._proxy.services.add(f"{name}@file")
            for name, tree in _items(child(part, "routers")):
                place = of_key(self._snapshot, child(part, "routers"), name, document.path)
                self._router(name, "file", protocol, dict(_flat(tree)), place, None)

    # ---- labels -----------------------------------------------------------------------------------------

    def _is_enabled(self, subject: Subject) -> bool:
        said = next((t for k, t in subject.service.labels.items() if k.lower() == "traefik.enable"), None)
        if said is not None:
            return said.lower() in _TRUE and said != ""
        if self._proxy.subject is None or "static" in self._proxy.blind:
            return False
        docker = self._proxy.setting("providers", "docker") or any(
            key.startswith("providers.docker") for key in self._proxy.flags
        )
        by_default = self._proxy.setting("providers", "docker", "exposedByDefault")
        exposed = by_default is None or by_default[0].lower() in _TRUE
        return bool(docker) and exposed and self._has_labels(subject)

    def _has_labels(self, subject: Subject) -> bool:
        return any(_LABEL.match(key) for key in subject.service.labels)

    def _labels(self, subject: Subject) -> None:
        found: dict[tuple[str, str, str], dict[str, str]] = {}
        first: dict[tuple[str, str, str], str] = {}
        for key, text in open_labels(subject.service).items():
            label = _LABEL.match(key)
            if label is not None:
                what = (label["protocol"].lower(), label["kind"].lower(), label["name"])
                found.setdefault(what, {})[label["rest"].lower()] = text
                first.setdefault(what, key)
        for what, keys in found.items():
            protocol, kind, name = what
            place = label_place(self._snapshot, subject.service, first[what], subject.file)
            if kind == "middlewares":
                self._middleware(name, "docker", keys, place)
            elif kind == "services":
                self._proxy.services.add(f"{name}@docker")
            else:
                self._router(name, "docker", protocol, keys, place, subject)

    # ---- nouns ------------------------------------------------------------------------------------------

    def _middleware(self, name: str, provider: str, keys: dict[str, str], place: Place) -> None:
        kinds = frozenset(key.partition(".")[0] for key in keys)
        one = Middleware(name, provider, kinds, keys, place)
        known = self._proxy.middlewares.get(one.full_name)
        if known is not None:
            # Several services may each write a part of it.
            one = Middleware(name, provider, known.kinds | kinds, {**known.keys, **keys}, known.place)
        self._proxy.middlewares[one.full_name] = one

    def _router(
        self,
        name: str,
        provider: str,
        protocol: str,
        keys: dict[str, str],
        place: Place,
        subject: Subject | None,
    ) -> None:
        def listed(key: str) -> tuple[str, ...]:
            return tuple(one.strip() for one in keys.get(key, "").split(",") if one.strip())

        tls = [key for key in keys if key == "tls" or key.startswith("tls.")]
        has_tls = bool(tls) and keys.get("tls", "true").lower() != "false"
        self._proxy.routers.append(
            Router(
                name,
                provider,
                protocol,
                keys.get("rule", ""),
                listed("entrypoints"),
                listed("middlewares"),
                keys.get("service", ""),
                has_tls,
                keys.get("tls.certresolver", ""),
                place,
                subject,
                frozenset(keys),
            )
        )


def _items(tree: Tree | None) -> Iterator[tuple[str, Tree]]:
    return iter(tree.items() if isinstance(tree, Section) else ())


def _flat(tree: Tree, path: str = "", depth: int = 0) -> Iterator[tuple[str, str]]:
    """Settings as labels write them: lists joined by commas, names in lower case with dots."""
    if isinstance(tree, Section) and depth < _DEEPEST:
        if not tree and path:
            yield path, ""
        for key, one in tree.items():
            yield from _flat(one, f"{path}.{key}".lstrip(".").lower(), depth + 1)
    elif isinstance(tree, Rows):
        texts = [text for one in tree if (text := text_of(one)) is not None]
        yield path, ",".join(texts)
        for at, one in enumerate(tree):
            if isinstance(one, Section):
                yield from _flat(one, f"{path}[{at}]", depth + 1)
    elif isinstance(tree, Value):
        yield path, tree.text


def hosts_of(rule: str) -> list[str]:
    """The names in a router's rule: of ``Host(`a`) || HostSNI(`b`)``, both. `*` is none."""
    inside = re.findall(r"\bHost(?:SNI)?\s*\(([^)]*)\)", rule)
    return [host for one in inside for host in re.findall(r"[`'\"]([^`'\"]+)[`'\"]", one) if host != "*"]


def _only_private(ranges: str) -> bool:
    try:
        found = [ipaddress.ip_network(one.strip(), strict=False) for one in ranges.split(",") if one.strip()]
    except ValueError:
        return False
    return bool(found) and not any(one.is_global or one.prefixlen == 0 for one in found)


def _is_absent(subject: Subject, inside: str) -> bool:
    """Whether nothing can be at a path of the container: Traefik's own image has nothing in /etc/traefik.
    What is relative is not judged."""
    if not inside.startswith("/"):
        return False
    above = [mount.target.rstrip("/") for mount in subject.mounts]
    covered = any(inside == one or inside.startswith(f"{one}/") for one in above)
    brought = any(child(subject.service.tree, key) is not None for key in ("configs", "secrets"))
    return not (covered or brought or subject.service.is_built) and is_traefik(subject)
