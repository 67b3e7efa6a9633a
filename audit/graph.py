"""The estate as a graph: services, what they need, and how people reach them. Pure."""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from audit.look import Look, names_host
from audit.model import Place
from audit.subject import Subject
from audit.traefik import hosts_of
from estate.inventory import Thing
from estate.model import Health, State

OUTSIDE = "outside"
"""The node that stands for whoever is not in the estate."""


class Condition(StrEnum):
    """How a service is."""

    HEALTHY = "healthy"
    RUNNING = "running, unchecked"
    STARTING = "starting"
    UNHEALTHY = "unhealthy"
    DOWN = "not running"
    OFF = "off by its profile"
    UNSEEN = "not seen"


class Why(StrEnum):
    """What makes one service need another."""

    DECLARED = "depends_on"
    NAMED = "named in its environment"
    BOTH = "depends_on, and named in its environment"
    NETWORK = "lives in its network"
    ROUTE = "routed"
    PORT = "published port"


@dataclass(frozen=True, slots=True)
class Node:
    """One service. `doors`: what people type to reach it: host names, and ports of the host."""

    name: str
    project: str
    service: str
    image: str
    condition: Condition
    is_database: bool = False
    is_proxy: bool = False
    doors: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Edge:
    """`start` needs `end`, or leads to it. `place`: where that is written."""

    start: str
    end: str
    why: Why
    words: str = ""
    place: Place | None = None


@dataclass(frozen=True, slots=True)
class Graph:
    """`no_engine`: why conditions are not known; empty when they are."""

    nodes: Mapping[str, Node]
    edges: tuple[Edge, ...]
    no_engine: str = ""

    def needs(self, name: str) -> tuple[Edge, ...]:
        """What it needs itself."""
        mine = (one for one in self.edges if one.start == name and _is_need(one))
        return tuple(one for one in mine if one.end in self.nodes)

    def needed_by(self, name: str) -> tuple[Edge, ...]:
        """Who needs it."""
        mine = (one for one in self.edges if one.end == name and _is_need(one))
        return tuple(one for one in mine if one.start in self.nodes)

    def all_needed(self, name: str) -> tuple[str, ...]:
        """What must be there before it starts: the first first. Circles are cut."""
        return _closure(name, lambda one: [edge.end for edge in self.needs(one)])

    def all_needing(self, name: str) -> tuple[str, ...]:
        """What stops working when it stops: the nearest first."""
        found = _closure(name, lambda one: [edge.start for edge in self.needed_by(one)])
        return tuple(reversed(found))

    def around(self, name: str) -> "Graph":
        """It, what it needs, who needs it, and the doors of these."""
        kept = {name, *self.all_needed(name), *self.all_needing(name)}
        kept |= {edge.start for edge in self.edges if edge.end in kept and edge.why is Why.ROUTE}
        nodes = {one: node for one, node in self.nodes.items() if one in kept}
        edges = tuple(
            one for one in self.edges if one.end in kept and (one.start in kept or one.start == OUTSIDE)
        )
        return replace(self, nodes=nodes, edges=edges)


def _is_need(one: Edge) -> bool:
    return one.why not in {Why.ROUTE, Why.PORT}


def _closure(name: str, following: Callable[[str], Sequence[str]]) -> tuple[str, ...]:
    """Depth first, each once, what is farthest first."""
    found: list[str] = []
    seen = {name}

    def visit(one: str) -> None:
        for other in following(one):
            if other not in seen:
                seen.add(other)
                visit(other)
                found.append(other)

    visit(name)
    return tuple(found)


def graph_of(look: Look) -> Graph:
    """Every configured service."""
    things = {one.full_name: one for one in look.things}
    has_engine = bool(look.snapshot.engines)
    nodes = {one.full_name: _node(look, one, things.get(one.full_name), has_engine) for one in look.subjects}
    edges = [*_doors(look), *(edge for one in look.subjects for edge in _edges(look, one))]
    return Graph(nodes, tuple(edges), "" if has_engine else look.snapshot.no_engine or "no Engine was asked")


def _node(look: Look, one: Subject, thing: Thing | None, has_engine: bool) -> Node:
    image = one.image
    shown = f"{one.app}:{image.tag or 'latest'}" if image is not None else "built here"
    rules = [router.rule for router in look.routers if router.subject is one]
    # Where a variable that nobody sets is a part of one, an ellipsis stands for it: `git.…`.
    hosts = sorted({re.sub(r"\$\{\w+\}", "…", host) for rule in rules for host in hosts_of(rule)})
    ports = [f":{port.host}" for port in one.ports if port.is_public and port.host]
    return Node(
        one.full_name,
        one.model.name,
        one.name,
        shown,
        _condition(one, thing) if has_engine else Condition.UNSEEN,
        one.is_database,
        any(proxy.subject is one for proxy in look.proxies),
        (*hosts, *ports),
    )


def _condition(one: Subject, thing: Thing | None) -> Condition:
    containers = thing.containers if thing is not None else ()
    running = [each for each in containers if each.state is State.RUNNING]
    if not running:
        return Condition.DOWN if one.is_active else Condition.OFF
    health = {each.health for each in running}
    for bad, condition in (
        (Health.UNHEALTHY, Condition.UNHEALTHY),
        (Health.STARTING, Condition.STARTING),
        (Health.HEALTHY, Condition.HEALTHY),
    ):
        if bad in health:
            return condition
    return Condition.RUNNING


def _edges(look: Look, one: Subject) -> Iterable[Edge]:
    """What a service needs."""
    found: dict[str, Edge] = {}
    inside = {other.name: other for other in look.by_project[id(one.model)] if other is not one}
    for name in one.service.depends_on:
        if name in inside:
            end = inside[name].full_name
            found[end] = Edge(one.full_name, end, Why.DECLARED, place=one.place)
    for end, variable in _named(look, one).items():
        why = Why.BOTH if end in found else Why.NAMED
        found[end] = Edge(one.full_name, end, why, variable, one.place)
    mode = one.network_mode
    host = mode.partition(":")[2] if mode.startswith("service:") else ""
    if host in inside:
        end = inside[host].full_name
        found[end] = Edge(one.full_name, end, Why.NETWORK, mode, one.place)
    return found.values()


def _named(look: Look, one: Subject) -> dict[str, str]:
    """Services that its environment names as hosts, in its project or on a network that they share → the
    variable."""
    inside = {other.name: other for other in look.by_project[id(one.model)]}
    found = {inside[name].full_name: variable for name, variable in look.named_hosts(one).items()}
    networks = set(one.networks.values())
    for other in look.subjects:
        if other.model is one.model or not networks & set(other.networks.values()):
            continue
        for variable, value in one.service.environment.items():
            if any(names_host(variable, value.text or "", host) for host in other.hosts):
                found.setdefault(other.full_name, variable)
    return found


def _doors(look: Look) -> Iterable[Edge]:
    """How people come in: through the proxy, or past it."""
    for one in look.subjects:
        proxy = look.proxy_of(one).subject
        ports = sorted({port.host for port in one.ports if port.is_public and port.host})
        if ports or (proxy is one and look.proxy_of(one).routed):
            words = ", ".join(f":{port}" for port in ports)
            yield Edge(OUTSIDE, one.full_name, Why.PORT, words, one.place)
        if one.full_name in look.routed and proxy is not one:
            start = proxy.full_name if proxy is not None else OUTSIDE
            yield Edge(start, one.full_name, Why.ROUTE, place=one.place)
