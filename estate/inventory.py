"""What is configured and what exists, brought together. Pure."""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from estate.model import Container, Service, State


@dataclass(frozen=True, slots=True)
class Thing:
    """A service with its containers (none: configured only), or a container that no Compose made."""

    name: str
    project: str | None
    containers: tuple[Container, ...] = ()
    service: Service | None = None

    @property
    def full_name(self) -> str:
        return f"{self.project}/{self.name}" if self.project else self.name

    @property
    def names(self) -> tuple[str, ...]:
        """Every name that it answers to, each once."""
        containers = (container.name for container in self.containers)
        configured = self.service.container_name if self.service else None
        return tuple(dict.fromkeys(filter(None, (self.full_name, self.name, *containers, configured))))

    @property
    def running(self) -> bool:
        return any(container.state is State.RUNNING for container in self.containers)

    @property
    def expected(self) -> bool:
        """Whether it should run although it has no container: no inactive profile, at least one replica."""
        return self.service is not None and not self.service.profiles and self.service.replicas > 0


def inventory(containers: Iterable[Container], services: Iterable[Service]) -> tuple[Thing, ...]:
    """Everything, by project and name; what belongs to no project comes last.

    A container belongs to the service that its Compose labels name; where the project was started under
    another name, to the service of the same name whose folder it was started from; else to the one that
    fixes its container name.
    """
    configured = list(services)
    found: dict[tuple[str, str, str], tuple[Service | None, list[Container]]] = {
        (one.project, one.name, ""): (one, []) for one in configured
    }
    for container in containers:
        service = None if _is_one_off(container) else _owner(container, configured)
        found.setdefault(_key(container, service), (service, []))[1].append(container)
    things = [_thing(key, service, mine) for key, (service, mine) in found.items()]
    return tuple(sorted(things, key=lambda thing: (thing.project is None, thing.project or "", thing.name)))


def _key(container: Container, service: Service | None) -> tuple[str, str, str]:
    if service is not None:
        return service.project, service.name, ""
    if container.project and container.service and not _is_one_off(container):
        return container.project, container.service, ""
    return "", container.name, container.id


def _thing(key: tuple[str, str, str], service: Service | None, containers: Sequence[Container]) -> Thing:
    project, name, _ = key
    by_name = sorted(containers, key=lambda one: (one.host, _natural(one.name)))
    return Thing(name, project or None, tuple(by_name), service)


def _owner(container: Container, services: Sequence[Service]) -> Service | None:
    if container.project and container.service:
        same = [one for one in services if one.name == container.service]
        by_label = (one for one in same if one.project == container.project)
        by_folder = (one for one in same if _same_folder(container, one))
        return next(by_label, None) or next(by_folder, None)
    return next((one for one in services if one.container_name == container.name), None)


def _same_folder(container: Container, service: Service) -> bool:
    """The end of the path decides: the deploying host may see the tree elsewhere than we do."""
    started = PurePosixPath(container.labels.get("com.docker.compose.project.working_dir", "")).parts
    folder = PurePosixPath(service.file).parent.parts
    return len(folder) > 0 and started[-len(folder) :] == folder


def _is_one_off(container: Container) -> bool:
    return container.labels.get("com.docker.compose.oneoff", "").lower() == "true"


def _natural(name: str) -> list[tuple[int, str]]:
    return [(int(part), "") if part.isdigit() else (0, part) for part in re.split(r"(\d+)", name)]


def one_offs(things: Iterable[Thing]) -> Iterator[Thing]:
    """What `compose run` left: finished by design."""
    return (thing for thing in things if any(_is_one_off(container) for container in thing.containers))
