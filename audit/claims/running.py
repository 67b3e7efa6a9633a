"""Questions about what runs: only the Engine can tell. Pure."""

from collections.abc import Callable
from dataclasses import dataclass

from audit.claims.amount import Amount
from audit.claims.claim import Answer, listed
from audit.claims.world import World
from estate.inventory import Thing, one_offs
from estate.model import Health, State

_STATES: dict[str, Callable[[Thing], bool]] = {
    "running": lambda thing: thing.running,
    "up": lambda thing: thing.running,
    "not running": lambda thing: not thing.running,
    "down": lambda thing: not thing.running,
    "stopped": lambda thing: not thing.running,
    "healthy": lambda thing: _has(thing, Health.HEALTHY),
    "unhealthy": lambda thing: _has(thing, Health.UNHEALTHY),
    "starting": lambda thing: _has(thing, Health.STARTING),
    "restarting": lambda thing: any(one.state is State.RESTARTING for one in thing.containers),
    "exited": lambda thing: any(one.state is State.EXITED for one in thing.containers),
}
STATES = tuple(sorted(_STATES, key=len, reverse=True))


def _has(thing: Thing, health: Health) -> bool:
    return any(one.health is health and one.state is State.RUNNING for one in thing.containers)


def _things(world: World) -> list[Thing]:
    """Without what `compose run` left behind, and what no Compose made."""
    left = {id(one) for one in one_offs(world.look.things)}
    return [one for one in world.look.things if one.project and id(one) not in left]


@dataclass(frozen=True, slots=True)
class InState:
    """These services are so."""

    names: tuple[str, ...]
    state: str

    def ask(self, world: World) -> Answer:
        if not world.has_engine:
            return Answer(
                None, f"whether {listed(self.names)} {_is(self.names)} {self.state}: {world.no_engine}"
            )
        for name in self.names:
            things = world.things(name)
            if not things:
                return Answer(None, f"nothing here is called {name}")
            if not any(_STATES[self.state](one) for one in things):
                return Answer(False, f"{things[0].full_name}: {_state(things[0])}")
        return Answer(True, f"{listed(self.names)}: {self.state}")


@dataclass(frozen=True, slots=True)
class ManyInState:
    """So many services are so. `of`: how many there are in all."""

    amount: Amount
    state: str
    of: Amount | None = None

    def ask(self, world: World) -> Answer:
        if not world.has_engine:
            return Answer(None, f"how many are {self.state}: {world.no_engine}")
        things = _things(world)
        found = [one.full_name for one in things if _STATES[self.state](one)]
        words = f"{len(found)} of {len(things)} are {self.state}"
        if self.state not in {"running", "up"} and found:
            words += f": {listed(found)}"
        fits = self.amount.holds(len(found)) and (self.of is None or self.of.holds(len(things)))
        return Answer(fits, words)


def _is(names: tuple[str, ...]) -> str:
    return "is" if len(names) == 1 else "are"


def _state(thing: Thing) -> str:
    return ", ".join(one.status for one in thing.containers) or "it has no container"
