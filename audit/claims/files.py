"""Questions about files. Pure."""

import fnmatch
from dataclasses import dataclass
from pathlib import PurePosixPath

from audit.claims.amount import Amount
from audit.claims.claim import Answer, listed
from audit.claims.world import World
from estate.snapshot.entry import Entry


@dataclass(frozen=True, slots=True)
class Exists:
    """There is such a file or folder. `is_so` False: there is none."""

    path: str
    is_so: bool = True

    def ask(self, world: World) -> Answer:
        found = find(world, self.path)
        if isinstance(found, str):
            return Answer(None, found)
        words = f"{found[0].path} is there" if found else f"there is no {self.path}"
        return Answer(bool(found) is self.is_so, words)


@dataclass(frozen=True, slots=True)
class HasMode:
    """A file has this mode, `0644`."""

    path: str
    mode: str

    def ask(self, world: World) -> Answer:
        if world.is_past:
            return Answer(None, "git keeps no modes")
        found = find(world, self.path)
        if isinstance(found, str) or not found:
            return Answer(None, found if isinstance(found, str) else f"there is no {self.path}")
        fits = [one for one in found if one.octal == self.mode]
        shown = listed([f"{one.path}: {one.octal}" for one in (fits or found)])
        return Answer(bool(fits), shown)


def find(world: World, path: str) -> tuple[Entry, ...] | str:
    """What a report means by a path; in words why that cannot be told."""
    snapshot = world.look.snapshot
    name = path.strip().rstrip("/").removeprefix("./")
    root = f"{snapshot.root}/"
    if name.startswith(root):
        name = name.removeprefix(root)
    elif name.startswith("/"):
        # The estate may have been somewhere else: the longest end that is a path here.
        parts = PurePosixPath(name).parts[1:]
        ends = ["/".join(parts[at:]) for at in range(1, len(parts))]
        found = next((one for one in ends if one in snapshot.entries and "/" in one), None)
        if found is None:
            return f"{path} is outside of the estate, or was somewhere else then"
        name = found
    if name in snapshot.entries:
        return (snapshot.entries[name],)
    if any(one in name for one in "*?["):
        return tuple(one for key, one in snapshot.entries.items() if fnmatch.fnmatch(key, name))
    return tuple(one for key, one in snapshot.entries.items() if key.endswith(f"/{name}"))


_COUNTED = {
    "service": lambda world: [one.full_name for one in world.look.subjects],
    "container": None,
    "project": lambda world: [one.name for one in world.look.snapshot.models],
    "service directory": lambda world: sorted({one.folder for one in world.look.subjects if one.folder}),
    "compose file": lambda world: sorted(
        {world.look.snapshot.relative(path) for one in world.look.snapshot.models for path in one.paths}
    ),
    "markdown file": lambda world: [
        path for path in world.look.snapshot.entries if path.lower().endswith(".md")
    ],
    "runbook": lambda world: [
        one.path
        for one in world.look.snapshot.under(world.look.snapshot.where.runbooks)
        if one.is_file and one.path.lower().endswith(".md")
    ],
    "finding": lambda world: [one.id for one in world.report.findings],
    "public router": lambda world: sorted(world.look.routed),
}
COUNTED = tuple(_COUNTED)


@dataclass(frozen=True, slots=True)
class HowMany:
    """There are so many of them."""

    what: str
    amount: Amount

    def ask(self, world: World) -> Answer:
        count = _COUNTED[self.what]
        if count is None:
            if not world.has_engine:
                return Answer(None, f"how many containers there are: {world.no_engine}")
            number = sum(len(view.containers) for view in world.look.snapshot.engines)
        else:
            number = len(count(world))
        return Answer(self.amount.holds(number), f"there {'is' if number == 1 else 'are'} {number}")


@dataclass(frozen=True, slots=True)
class HowBad:
    """So many findings have this severity, or are of this rule."""

    word: str
    amount: Amount

    def ask(self, world: World) -> Answer:
        found = [one for one in world.report.findings if self.word in {one.severity.value, one.rule}]
        return Answer(self.amount.holds(len(found)), f"there are {len(found)} of {self.word}")
