"""Questions about images. Pure."""

from dataclasses import dataclass

from audit.claims.amount import Amount
from audit.claims.claim import Answer, listed
from audit.claims.world import World
from audit.subject import Subject
from estate.reference import parse_reference

_FLOATING = ("latest", "")


def _floats(one: Subject) -> bool:
    return one.image is not None and not one.image.digest and (one.image.tag or "") in _FLOATING


def _shown(one: Subject) -> str:
    return str(one.service.image.text) if one.service.image is not None else "no image"


@dataclass(frozen=True, slots=True)
class Floating:
    """So many services follow `latest`, these among them."""

    amount: Amount | None = None
    names: tuple[str, ...] = ()
    is_so: bool = True

    def ask(self, world: World) -> Answer:
        floating = [one for one in world.look.subjects if _floats(one)]
        shown = [one.full_name for one in floating]
        if self.amount is not None and not self.amount.holds(len(floating)):
            return Answer(False, f"{len(floating)} follow latest: {listed(shown) or 'none'}")
        for name in self.names:
            found = world.named(name)
            if not found:
                return Answer(None, f"no service here is called {name}")
            if any(_floats(one) for one in found) is not self.is_so:
                return Answer(False, f"{found[0].full_name} has {_shown(found[0])}")
        count = f"{len(floating)} follow latest" + (f": {listed(shown)}" if shown else "")
        return Answer(True, count if self.amount is not None else f"{listed(self.names)}: as it says")


@dataclass(frozen=True, slots=True)
class HasVersion:
    """The image of a service has this tag; `v` before it does not matter, and `10` is said of `10.2` too."""

    name: str
    version: str

    def ask(self, world: World) -> Answer:
        found = [one for one in world.named(self.name) if one.image is not None]
        if not found:
            return Answer(None, f"no service with an image is called {self.name} here")
        tags = [one.image.tag or "latest" for one in found if one.image is not None]
        if any(_is_version(tag, self.version) for tag in tags):
            return Answer(True, f"{found[0].full_name} has {_shown(found[0])}")
        if all(tag == "latest" for tag in tags):
            return Answer(
                None, f"{found[0].full_name} has {_shown(found[0])}: which version that is, files do not say"
            )
        return Answer(False, f"{found[0].full_name} has {_shown(found[0])}")


@dataclass(frozen=True, slots=True)
class HasImage:
    """A service has exactly this image; without a name, any has."""

    image: str
    name: str = ""

    def ask(self, world: World) -> Answer:
        wanted = parse_reference(self.image)
        mine = world.named(self.name) if self.name else world.look.subjects
        if not mine:
            return Answer(None, f"no service here is called {self.name}")
        same = [one for one in mine if one.repository == wanted.repository]
        if any(one.image is not None and one.image.tag == wanted.tag for one in same):
            return Answer(True, f"{same[0].full_name} has {_shown(same[0])}")
        if not same and not self.name:
            return Answer(False, f"no service has an image {wanted.repository}")
        shown = (same or list(mine))[0]
        return Answer(False, f"{shown.full_name} has {_shown(shown)}")


_ENGINES = {
    "postgresql": ("postgres", "postgresql"),
    "postgres": ("postgres", "postgresql"),
    "mysql": ("mysql",),
    "mariadb": ("mariadb",),
    "redis": ("redis", "valkey"),
    "mongodb": ("mongo", "mongodb"),
}


@dataclass(frozen=True, slots=True)
class Repeats:
    """Each of these projects has a database of that kind of its own."""

    engine: str
    version: str
    names: tuple[str, ...]

    def ask(self, world: World) -> Answer:
        apps = _ENGINES[self.engine.lower()]
        for name in self.names:
            projects = {id(one.model) for one in world.named(name)}
            if not projects:
                return Answer(None, f"no service here is called {name}")
            mine = [one for one in world.look.subjects if id(one.model) in projects and one.app in apps]
            if not any(not self.version or _is_version(_tag(one), self.version) for one in mine):
                shown = ", ".join(_shown(one) for one in mine)
                return Answer(False, f"{name} has {shown or f'no {self.engine}'}")
        return Answer(True, f"{listed(self.names)}: each has its own")


def _tag(one: Subject) -> str:
    return (one.image.tag if one.image else None) or "latest"


def _is_version(tag: str, version: str) -> bool:
    have, want = tag.lower().removeprefix("v"), version.lower().removeprefix("v")
    return have == want or have.startswith((f"{want}.", f"{want}-"))
