"""Questions about what is set in compose files and in Traefik's. Pure."""

import re
from dataclasses import dataclass

from audit.claims.claim import Answer, listed
from audit.claims.world import World
from audit.subject import Subject
from estate.compose.value import child, text_of

_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}


@dataclass(frozen=True, slots=True)
class ProbeSays:
    """The healthcheck of a service has this number: `start_period`, `20s`. `name`: of a service, or its
    compose file."""

    name: str
    key: str
    value: str

    def ask(self, world: World) -> Answer:
        found = _services(world, self.name)
        if not found:
            return Answer(None, f"no service here is called {self.name}")
        said = {one.full_name: text_of(child(one.service.tree, "healthcheck", self.key)) for one in found}
        if any(text is not None and _number(text) == _number(self.value) for text in said.values()):
            return Answer(True, f"{self.key} is {self.value}")
        shown = listed([f"{name}: {text or 'not said'}" for name, text in said.items()])
        return Answer(False, f"{self.key}: {shown}")


@dataclass(frozen=True, slots=True)
class HasHealthcheck:
    """These services have a healthcheck in their compose files. No name: all have."""

    names: tuple[str, ...] = ()
    is_so: bool = True

    def ask(self, world: World) -> Answer:
        for name in self.names:
            found = world.named(name)
            if not found:
                return Answer(None, f"no service here is called {name}")
            checked = [one for one in found if _is_checked(one)]
            if bool(checked) is not self.is_so:
                words = "has a healthcheck" if checked else "has none in its compose file"
                return Answer(False, f"{found[0].full_name} {words}")
        if not self.names:
            without = [one.full_name for one in world.look.subjects if not _is_checked(one)]
            return Answer(not without, f"without: {listed(without) or 'none'}")
        return Answer(True, f"{listed(self.names)}: as it says")


@dataclass(frozen=True, slots=True)
class Publishes:
    """A service publishes this port of the host."""

    name: str
    port: int

    def ask(self, world: World) -> Answer:
        found = world.named(self.name)
        if not found:
            return Answer(None, f"no service here is called {self.name}")
        ports = sorted({str(port.host) for one in found for port in one.ports if port.host})
        return Answer(str(self.port) in ports, f"{found[0].full_name} publishes {listed(ports) or 'no port'}")


def _services(world: World, name: str) -> tuple[Subject, ...]:
    inside = tuple(one for one in world.look.subjects if one.file == name or one.file.endswith(f"/{name}"))
    return inside or world.named(name)


def _is_checked(one: Subject) -> bool:
    test = one.service.healthcheck
    is_off = text_of(child(one.service.tree, "healthcheck", "disable")) == "true"
    return test is not None and test[:1] != ["NONE"] and not is_off


def _number(text: str) -> float | str:
    """Seconds of a duration as Compose writes it, else the text."""
    parts = re.findall(r"(\d+(?:\.\d+)?)(ms|s|m|h)", text)
    if not parts or "".join(f"{number}{unit}" for number, unit in parts) != text.strip():
        return text.strip()
    return sum(float(number) * _UNITS[unit] for number, unit in parts)
