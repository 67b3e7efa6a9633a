"""SIGHUP: people, roles, policy and routes are taken over; what else changed waits for a restart."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import fields, is_dataclass, replace
from pathlib import Path
from typing import Any

from bot.config.loading import load
from bot.config.model import Config, Endpoint

_TAKEN = ("people", "policy", "warnings")
_RESTART = "changed: needs a restart"


def reload(
    old: Config, path: Path, env: Mapping[str, str], commands: Collection[str] = ()
) -> tuple[Config, list[str]]:
    """The configuration to go on with, and what changed, in words.

    Raises ConfigError when the file holds mistakes: then the old one stays as it is.
    """
    return merge(old, load(path, env, commands))


def merge(old: Config, new: Config) -> tuple[Config, list[str]]:
    """What of the new one can be taken over while running. Pure."""
    said = [*_people(old, new), *_policy(old, new)]
    endpoints = {}
    for name, endpoint in old.alerts.endpoints.items():
        endpoints[name], words = _routes(endpoint, new.alerts.endpoints.get(name), old)
        said += words
    said += _restart(old, new)
    alerts = replace(old.alerts, endpoints=endpoints)
    return replace(old, people=new.people, policy=new.policy, alerts=alerts, warnings=new.warnings), said


def _names(before: Mapping[str, Any], after: Mapping[str, Any]) -> str:
    """`ann changed, bob added, eve removed`, or "" when nothing differs."""
    changed = [f"{name} changed" for name in before if name in after and before[name] != after[name]]
    added = [f"{name} added" for name in after if name not in before]
    removed = [f"{name} removed" for name in before if name not in after]
    return ", ".join([*changed, *added, *removed])


def _people(old: Config, new: Config) -> Iterator[str]:
    words = _names({p.name: p for p in old.people.everyone}, {p.name: p for p in new.people.everyone})
    if words:
        yield f"people: {words}"


def _policy(old: Config, new: Config) -> Iterator[str]:
    words = _names(old.policy.roles, new.policy.roles)
    if words:
        yield f"roles: {words}"
    before, after = tuple(old.policy.rules), tuple(new.policy.rules)
    if before != after or old.policy.break_glass != new.policy.break_glass:
        yield f"policy: changed, rules now: {len(after)}"


def _routes(old: Endpoint, new: Endpoint | None, config: Config) -> tuple[Endpoint, list[str]]:
    if new is None or new.routes == old.routes:
        return old, []
    path = f"alerts.endpoints.{old.name}.routes"
    strange = sorted({room for route in new.routes for room in route.rooms if room not in config.rooms})
    if strange:
        # Half of the new routes could lose a ring: the old ones stay whole.
        return old, [f"{path}: not taken over, the room {', '.join(strange)} is new and needs a restart"]
    return replace(old, routes=new.routes), [f"{path}: changed, routes now: {len(new.routes)}"]


def _restart(old: Config, new: Config) -> Iterator[str]:
    for field in fields(Config):
        if field.name not in (*_TAKEN, "alerts"):
            yield from _differs(field.name, getattr(old, field.name), getattr(new, field.name))
    for name in ("alertmanager", "prometheus"):
        yield from _differs(f"alerts.{name}", getattr(old.alerts, name), getattr(new.alerts, name))
    words = _names(
        {name: one.credential for name, one in old.alerts.endpoints.items()},
        {name: one.credential for name, one in new.alerts.endpoints.items()},
    )
    if words:
        yield f"alerts.endpoints: {words}: needs a restart"


def _differs(path: str, old: Any, new: Any) -> Iterator[str]:
    """The deepest keys that differ; values are never shown, some are secret."""
    if old == new:
        return
    if is_dataclass(old) and type(old) is type(new) and _is_section(old):
        for field in fields(old):
            yield from _differs(f"{path}.{field.name}", getattr(old, field.name), getattr(new, field.name))
    elif isinstance(old, Mapping) and isinstance(new, Mapping):
        yield f"{path}: {_names(old, new)}: needs a restart"
    else:
        yield f"{path} {_RESTART}"


def _is_section(value: object) -> bool:
    return type(value).__name__ not in {"Secret", "Rate", "Http"}
