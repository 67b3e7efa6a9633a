"""Values without mistakes → the frozen Config."""

from pathlib import Path
from typing import Any

from alert_bridge.route import Route
from bot.config.checks import full_slack_id
from bot.config.model import (
    AlertsConfig,
    Audit,
    Backup,
    Config,
    Credential,
    Endpoint,
    Estate,
    Matrix,
    Retention,
    Slack,
)
from bot.config.model import Rate as RateLimit
from bot.config.reading import Item
from bot.config.roles import split_rule
from bot.core.matcher import parse
from bot.core.model import Identity, People, Person, Room
from bot.core.policy import BUILT_IN_ROLES, Ask, BreakGlass, Policy, Role, Rule

_EMPTY = Item({}, "", 0)


def build(top: Item, base: Path, warnings: tuple[str, ...], commands: "tuple[str, ...]") -> Config:
    """`base`: the folder that relative paths start from."""
    return Config(
        name=top.plain("name", "tocsin"),
        prefix=top.plain("prefix", "!"),
        state=base / top.plain("state", "/var/lib/tocsin"),
        http=_under(top, "http").plain("listen"),
        fallback=top.plain("fallback"),
        retention=Retention(**_given(_under(top, "retention"), "alerts", "journal", "payloads")),
        commands_per_person=_under(top, "limits").plain("commands_per_person", RateLimit()),
        matrix=_matrix(top.get("matrix")),
        slack=_slack(top.get("slack")),
        rooms=_rooms(_under(top, "rooms")),
        people=_people(top),
        policy=_policy(top, commands),
        alerts=_alerts(_under(top, "alerts")),
        estate=_estate(_under(top, "estate"), base),
        warnings=warnings,
    )


def _under(item: Item, name: str) -> Item:
    return item.get(name) or _EMPTY


def _given(item: Item, *names: str) -> dict[str, Any]:
    """Only what was written, so that the model's own defaults hold."""
    return {name: item.plain(name) for name in names if item.plain(name) is not None}


def _strings(item: Item, name: str, default: tuple[str, ...] = ()) -> tuple[str, ...]:
    below = item.get(name)
    return default if below is None else tuple(part.value for part in below.items())


def _matrix(item: Item | None) -> Matrix | None:
    if item is None:
        return None
    return Matrix(
        **_given(item, "homeserver", "user", "device", "access_token", "password", "pickle_key", "encryption")
    )


def _slack(item: Item | None) -> Slack | None:
    if item is None:
        return None
    return Slack(**_given(item, "team", "bot_token", "app_token", "signing_secret", "api_url"))


def _rooms(item: Item) -> dict[str, tuple[Room, ...]]:
    return {
        name: tuple(Room(platform, place.value, name) for platform, place in room.parts().items())
        for name, room in item.parts().items()
    }


def _people(top: Item) -> People:
    return People(tuple(_person(top, name, item) for name, item in _under(top, "people").parts().items()))


def _person(top: Item, name: str, item: Item) -> Person:
    accounts = set()
    if item.plain("matrix"):
        accounts.add(Identity("matrix", item.plain("matrix")))
    if item.plain("slack"):
        accounts.add(Identity("slack", full_slack_id(top, item.plain("slack")) or item.plain("slack")))
    return Person(name, frozenset(accounts), _strings(item, "roles"), _strings(item, "matrix_keys"))


def _policy(top: Item, commands: "tuple[str, ...]") -> Policy:
    written = {
        name: Role(name, _strings(item, "may"), _strings(item, "targets", ("*",)))
        for name, item in _under(top, "roles").parts().items()
    }
    rules = _under(top, "policy").parts()
    glass = rules.get("break-glass")
    return Policy(
        roles={**BUILT_IN_ROLES, **written},
        rules=tuple(_rule(key, item, commands) for key, item in rules.items() if item is not glass),
        break_glass=None if glass is None else BreakGlass(**_given(glass, "by", "countdown")),
    )


def _rule(key: str, item: Item, commands: "tuple[str, ...]") -> Rule:
    command, target = split_rule(key, commands)
    return Rule(
        command,
        target,
        ask=Ask(item.plain("ask", "approve")),
        self_approval=item.plain("self", False),
        **_given(item, "by", "votes", "expires"),
    )


def _alerts(item: Item) -> AlertsConfig:
    endpoints = {name: _endpoint(name, one) for name, one in _under(item, "endpoints").parts().items()}
    return AlertsConfig(endpoints, item.plain("alertmanager"), item.plain("prometheus"))


def _endpoint(name: str, item: Item) -> Endpoint:
    basic, header = item.get("basic"), item.get("header")
    credential = Credential(
        bearer=item.plain("token"),
        basic=(basic.plain("user"), basic.plain("password")) if basic else None,
        header=(header.plain("name"), header.plain("value")) if header else None,
        insecure=item.plain("insecure", False),
    )
    routes = item.get("routes")
    return Endpoint(name, credential, tuple(_route(route) for route in routes.items()) if routes else ())


def _route(item: Item) -> Route:
    matchers = tuple(parse(text) for text in _strings(item, "match"))
    return Route(matchers, _strings(item, "rooms"), _strings(item, "mention"))


def _estate(item: Item, base: Path) -> Estate:
    backup, audit = item.get("backup"), item.get("audit")
    return Estate(
        root=base / item.plain("root") if item.plain("root") else None,
        compose=_strings(item, "compose") or None,
        paths={path: part.value for path, part in _under(item, "paths").parts().items()},
        also=tuple(base / folder for folder in _strings(item, "also")),
        backup=None if backup is None else _backup(backup),
        audit=None if audit is None else Audit(**_given(audit, "schedule", "room", "waivers")),
        **_given(item, "docker", "services", "runbooks", "traefik", "git"),
    )


def _backup(item: Item) -> Backup:
    return Backup(
        argv=_strings(item, "argv"),
        **_given(item, "engine", "repository", "password", "unit", "max_age", "schedule"),
    )
