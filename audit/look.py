"""What rules look at: a snapshot, and what several of them make of it. Pure; each thing is made once."""

import re
from collections import defaultdict
from collections.abc import Mapping
from copy import copy
from datetime import datetime
from functools import cached_property

from audit.registry import Registry, read_registry
from audit.subject import Subject
from audit.traefik import Proxy, Router, read_proxies
from audit.unset import missing_in
from audit.waivers import Waivers, read_waivers
from estate.compose.model import Model
from estate.inventory import Thing, inventory
from estate.model import Detail
from estate.snapshot.env_file import EnvFile
from estate.snapshot.model import Snapshot

SEVERAL = 3
"""Projects that cannot all have been forgotten."""


class Look:
    """One audit. `now` is aware, UTC."""

    def __init__(self, snapshot: Snapshot, now: datetime) -> None:
        self.snapshot = snapshot
        self.now = now
        self._chosen: Proxy | None = None

    @cached_property
    def subjects(self) -> tuple[Subject, ...]:
        """Every service that is configured, in the order of the tree."""
        return tuple(
            Subject(self.snapshot, model, service)
            for model in self.snapshot.models
            for service in model.services.values()
        )

    @cached_property
    def by_project(self) -> Mapping[int, tuple[Subject, ...]]:
        """The identity of a model → its services."""
        found: dict[int, list[Subject]] = defaultdict(list)
        for one in self.subjects:
            found[id(one.model)].append(one)
        return {key: tuple(each) for key, each in found.items()}

    @cached_property
    def files_in(self) -> Mapping[str, tuple[str, ...]]:
        """Folder → what stands right in it."""
        found: dict[str, list[str]] = defaultdict(list)
        for path, entry in self.snapshot.entries.items():
            found[entry.folder].append(path)
        return {folder: tuple(each) for folder, each in found.items()}

    @cached_property
    def env_in(self) -> Mapping[str, tuple[EnvFile, ...]]:
        """Folder → the environment files right in it."""
        found: dict[str, list[EnvFile]] = defaultdict(list)
        for one in self.snapshot.env_files:
            found[one.path.rpartition("/")[0]].append(one)
        return {folder: tuple(each) for folder, each in found.items()}

    @cached_property
    def by_name(self) -> Mapping[str, Subject]:
        return {one.full_name: one for one in self.subjects}

    @cached_property
    def waivers(self) -> Waivers:
        return read_waivers(self.snapshot)

    @cached_property
    def registry(self) -> Registry | None:
        """SERVICES.yml; None where there is none."""
        return read_registry(self.snapshot)

    @cached_property
    def proxies(self) -> tuple[Proxy, ...]:
        """Each Traefik, with what it routes; at least one."""
        return read_proxies(self.snapshot, self.subjects)

    @property
    def proxy(self) -> Proxy:
        """The Traefik that is looked at: the first, unless `at` chose another."""
        return self._chosen or self.proxies[0]

    def at(self, proxy: Proxy) -> "Look":
        """The same with another Traefik before the eyes. What was worked out is shared."""
        other = copy(self)
        other._chosen = proxy
        return other

    @cached_property
    def routers(self) -> tuple[Router, ...]:
        """Of every Traefik."""
        return tuple(router for proxy in self.proxies for router in proxy.routers)

    @cached_property
    def routed(self) -> frozenset[str]:
        """The services that people reach through any Traefik, by their full names."""
        return frozenset(name for proxy in self.proxies for name in proxy.routed)

    @cached_property
    def is_bare(self) -> bool:
        """Whether no project has a `.env`, and several hang on variables that nothing sets: what sets them is
        where they are deployed."""
        if any(one.path.rpartition("/")[2] == ".env" for one in self.snapshot.env_files):
            return False
        return sum(1 for model in self.snapshot.models if missing_in(model)) >= SEVERAL

    @cached_property
    def partial(self) -> Mapping[str, str]:
        """Service → the file with what it extends, which could not be read."""
        return {
            f"{model.name}/{name}": str(self.snapshot.relative(path))
            for model in self.snapshot.models
            for name, path in model.partial.items()
        }

    @cached_property
    def fragments(self) -> Mapping[str, str]:
        """Service → its file, which is put over another one that is not known: alone, Compose takes it not,
        since one of its services has neither image nor build."""
        return {
            f"{model.name}/{name}": self.snapshot.relative(model.paths[0])
            for model in self.snapshot.models
            if unfinished(model)
            for name in model.services
        }

    def proxy_of(self, subject: Subject) -> Proxy:
        """The Traefik that a service is reached through, if it is to be."""
        return next((one for one in self.proxies if subject.full_name in one.owns), self.proxy)

    @cached_property
    def things(self) -> tuple[Thing, ...]:
        """What is configured and what runs, brought together."""
        containers = [one for view in self.snapshot.engines for one in view.containers]
        return inventory(containers, self.snapshot.tree.services)

    @cached_property
    def details(self) -> Mapping[str, Detail]:
        """Container id → what a closer look told."""
        return {one.container.id: one for one in self.snapshot.details}

    @cached_property
    def running(self) -> Mapping[str, tuple[Detail, ...]]:
        """Service's full name → its containers, looked at closely."""
        return {
            thing.full_name: tuple(self.details[one.id] for one in thing.containers if one.id in self.details)
            for thing in self.things
            if thing.containers
        }

    @cached_property
    def dependents(self) -> Mapping[str, frozenset[str]]:
        """Service → those that say that they need it, or that name it as a host, or reach it as their
        proxy."""
        found: dict[str, set[str]] = defaultdict(set)
        for one in self.subjects:
            for other in self.needed_by(one):
                found[other].add(one.full_name)
        for proxy in self.proxies:
            if proxy.subject is not None:
                found[proxy.name] |= proxy.routed - {proxy.name}
        return {name: frozenset(names) for name, names in found.items()}

    def needed_by(self, subject: Subject) -> set[str]:
        """The services of its project that it depends on, as declared and as its environment names them."""
        inside = {other.name: other for other in self.by_project[id(subject.model)]}
        found = {name for name in subject.service.depends_on if name in inside}
        found |= {name for name in self.named_hosts(subject) if name in inside}
        return {inside[name].full_name for name in found if name != subject.name}

    def named_hosts(self, subject: Subject) -> dict[str, str]:
        """Services of its project that its environment names as hosts → the variable that does."""
        found: dict[str, str] = {}
        others = [one for one in self.by_project[id(subject.model)] if one is not subject]
        if not others:
            return found
        for variable, value in subject.service.environment.items():
            text = value.text or ""
            for other in others:
                if any(names_host(variable, text, host) for host in other.hosts):
                    found.setdefault(other.name, variable)
        return found

    def is_public(self, subject: Subject) -> bool:
        """Whether people outside reach it: by a route, or by a published port."""
        return subject.full_name in self.routed or subject.is_published


def unfinished(model: Model) -> list[str]:
    """Services that have neither an image nor a build of their own, and extend none; of a project that
    resolves."""
    if model.problems or not model.paths:
        return []
    return [
        name
        for name, one in model.services.items()
        if one.image is None and not one.is_built and name not in model.partial and "provider" not in one.tree
    ]


_HOST_NAMES = re.compile(
    r"(?:^|_)(?:HOST|HOSTNAME|SERVER|ADDR|ADDRESS|ENDPOINT|URL|URI|DSN|NODES?|BROKERS?)S?\Z", re.I
)


def names_host(variable: str, text: str, host: str) -> bool:
    """Whether a variable says that `host` is another machine: alone in a variable that is called so, with a
    port behind it, or inside an address."""
    if host not in text:
        return False
    name = re.escape(host)
    if re.search(rf"(?:://|@){name}(?=[:/?,]|\Z)", text) or re.fullmatch(rf"{name}:\d{{2,5}}", text):
        return True
    return text == host and bool(_HOST_NAMES.search(variable))
