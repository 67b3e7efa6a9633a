"""From a name that somebody typed to what it names. Pure. A near miss is suggested, never taken."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from difflib import get_close_matches

from bot.core.errors import Unknown
from bot.core.text import one_line
from estate.inventory import Thing

_SHOWN = 8


def resolve(typed: str, things: Sequence[Thing]) -> Thing:
    """The one thing that is called `typed`: a service, `project/service`, or a container (also `/name`).

    A container's own name gives the thing with that container only. Raises Unknown: with all matches when
    several have the name, with what is near when none has it.
    """
    name = typed.strip().removeprefix("/")
    found = [thing for thing in things if name in thing.names]
    if len(found) > 1:
        # `a/web` is said in full, and is not also the name of a service called `a/web` elsewhere.
        found = [thing for thing in found if thing.full_name == name] or found
    if not found:
        raise Unknown(f"{one_line(typed, 60)}{_near(name, things)}")
    if len(found) > 1:
        raise Unknown(f"{name} is {len(found)} services: {_listed(sorted(one.full_name for one in found))}")
    thing = found[0]
    own = tuple(one for one in thing.containers if one.name == name)
    return replace(thing, containers=own) if own and name not in (thing.name, thing.full_name) else thing


def _near(name: str, things: Sequence[Thing]) -> str:
    names = {known.lower(): known for thing in things for known in reversed(thing.names)}
    close = get_close_matches(name.lower(), names, n=3, cutoff=0.6)
    inside = [known for known in names if len(name) > 2 and name.lower() in known and known not in close]
    # One thing is suggested once, by its first fitting name.
    owner = {known: thing.full_name for thing in things for known in thing.names}
    near = list({owner[names[one]]: names[one] for one in reversed((*close, *inside))}.values())[::-1][:3]
    if near:
        return f" — did you mean {' or '.join(near)}?"
    return " — nothing runs and nothing is configured" if not things else " — status lists what there is"


def _listed(names: Iterable[str]) -> str:
    each = list(names)
    shown = ", ".join(each[:_SHOWN])
    return shown if len(each) <= _SHOWN else f"{shown} and {len(each) - _SHOWN} more"
