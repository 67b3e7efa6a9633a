"""What no single key can know: references, pairs that exclude each other, two of what must be one."""

from collections.abc import Callable, Collection, Iterable
from fnmatch import fnmatchcase

from bot.config.nodes import quoted
from bot.config.reading import Item, Reader
from bot.config.roles import check_may, split_rule
from bot.config.values import Wrong, did_you_mean, near
from bot.core.matcher import MatcherError, parse
from bot.core.policy import BUILT_IN_ROLES

Check = Callable[[Item, Reader], None]


def check(top: Item, reader: Reader, commands: Collection[str]) -> None:
    """Note every mistake and warning that shows only in the whole."""
    for one in (_platforms, _matrix, _slack, _rooms, _people, _endpoints, _backup, _references):
        one(top, reader)
    _roles(top, reader, commands)
    _policy(top, reader, commands)


def names(top: Item, section: str) -> list[str]:
    """The names in one of the tables, also of entries that hold mistakes."""
    item = top.get(section)
    return list(item.parts()) if item else []


def role_names(top: Item) -> list[str]:
    return [*BUILT_IN_ROLES, *(name for name in names(top, "roles") if name not in BUILT_IN_ROLES)]


def _exists(item: Item | None, known: Iterable[str], what: str, reader: Reader) -> None:
    known = list(known)
    if item is not None and item.value is not None and item.value not in known:
        remedy = did_you_mean(item.value, known) or (f"add it under {what}s" if what == "room" else "")
        reader.mistake(item.line, f"{item.path}: there is no {what} {quoted(item.value)}", remedy)


# ---- platforms ------------------------------------------------------------------------------------------


def _platforms(top: Item, reader: Reader) -> None:
    if top.get("matrix") is None and top.get("slack") is None:
        reader.mistake(1, "matrix: is missing, and slack too", "configure one of the two")


def _matrix(top: Item, reader: Reader) -> None:
    matrix = top.get("matrix")
    if matrix is None or not isinstance(matrix.value, dict):
        return
    if matrix.get("access_token") is None and matrix.get("password") is None:
        remedy = "give access_token_file, or password_file to log in once"
        reader.mistake(matrix.line, "matrix: has neither access_token nor password", remedy)
    if matrix.get("pickle_key") is None and matrix.plain("encryption", "optional") != "off":
        remedy = "give pickle_key_file (any long random text), or say encryption: off"
        reader.mistake(matrix.line, "matrix.pickle_key: is missing", remedy)


def _slack(top: Item, reader: Reader) -> None:
    slack = top.get("slack")
    if slack is None or not isinstance(slack.value, dict):
        return
    app, signing = slack.get("app_token"), slack.get("signing_secret")
    if app is None and signing is None:
        remedy = "give app_token_file (Socket Mode) or signing_secret_file (HTTP mode)"
        reader.mistake(slack.line, "slack: has neither app_token nor signing_secret", remedy)
    if app is not None and signing is not None:
        remedy = "keep app_token for Socket Mode, or signing_secret for HTTP mode"
        reader.mistake(signing.line, "slack: has both app_token and signing_secret", remedy)


# ---- rooms and people -----------------------------------------------------------------------------------


def _rooms(top: Item, reader: Reader) -> None:
    taken: dict[tuple[str, str], Item] = {}
    for room in _entries(top, "rooms"):
        if isinstance(room.value, dict) and not room.value:
            remedy = 'give it a place: {matrix: "!abc:example.org"} or {slack: C0123}'
            reader.mistake(room.line, f"{room.path}: is nowhere", remedy)
        for platform, place in room.parts().items():
            if top.get(platform) is None:
                what = f"{place.path}: there is no {platform} section"
                reader.mistake(place.line, what, f"configure {platform}, or leave this place out")
            if place.value is not None:
                _once(taken, (platform, place.value), place, room, "the place", reader)


def _people(top: Item, reader: Reader) -> None:
    taken: dict[tuple[str, str], Item] = {}
    keys: dict[tuple[str, str], Item] = {}
    bot = top.get("matrix", "user")
    for person in _entries(top, "people"):
        matrix, slack = person.get("matrix"), person.get("slack")
        if isinstance(person.value, dict) and matrix is None and slack is None:
            remedy = 'give an account: matrix: "@name:example.org" or slack: U0BBB'
            reader.mistake(person.line, f"{person.path}: has no account", remedy)
        if matrix and matrix.value:
            _once(taken, ("matrix", matrix.value), matrix, person, "the account", reader)
            if bot and bot.value == matrix.value:
                reader.mistake(matrix.line, f"{matrix.path}: is the bot's own account", "name the person's")
        if slack and slack.value:
            _slack_account(top, slack, person, taken, reader)
        required = top.get("matrix", "encryption")
        acts = matrix is not None and _list(person, "roles") and not _list(person, "matrix_keys")
        if acts and required is not None and required.value == "required":
            what = "no matrix_keys, so with encryption: required only reading works"
            reader.warn(person.line, f"{person.path}: has {what}")
        for role in _list(person, "roles"):
            _exists(role, role_names(top), "role", reader)
        for key in _list(person, "matrix_keys"):
            if matrix is None:
                reader.mistake(key.line, f"{key.path}: the person has no Matrix account", "add matrix: …")
            if key.value:
                _once(keys, ("key", key.value), key, person, "the key", reader)


def _slack_account(
    top: Item, slack: Item, person: Item, taken: dict[tuple[str, str], Item], reader: Reader
) -> None:
    full = full_slack_id(top, slack.value)
    if full is None:
        if top.get("slack") is None:
            remedy = f"write T0AAA/{slack.value}, or configure slack"
            reader.mistake(slack.line, f"{slack.path}: there is no slack.team to belong to", remedy)
        return
    _once(taken, ("slack", full), slack, person, "the account", reader)


def full_slack_id(top: Item, user: str) -> str | None:
    """TEAM/USER; None when the team is not known."""
    if "/" in user:
        return user
    team = top.get("slack", "team")
    return f"{team.value}/{user}" if team and team.value else None


def _once(
    taken: dict[tuple[str, str], Item],
    key: tuple[str, str],
    item: Item,
    owner: Item,
    what: str,
    reader: Reader,
) -> None:
    first = taken.setdefault(key, owner)
    if first is not owner:
        said = f"{item.path}: {what} {quoted(key[1])} is also that of {first.path} (line {first.line})"
        reader.mistake(item.line, said, "one of the two is wrong")


# ---- roles and policy -----------------------------------------------------------------------------------


def _roles(top: Item, reader: Reader, commands: Collection[str]) -> None:
    for role in _entries(top, "roles"):
        for pattern in _list(role, "may"):
            try:
                if pattern.value is not None:
                    check_may(pattern.value, commands)
            except Wrong as wrong:
                reader.mistake(pattern.line, f"{pattern.path}: {wrong.what}", wrong.remedy)


def _policy(top: Item, reader: Reader, commands: Collection[str]) -> None:
    before: list[tuple[str, str, Item]] = []
    known = role_names(top)
    holders = _holders(top)
    for key, rule in (top.get("policy") or Item({}, "", 0)).parts().items():
        _exists(rule.get("by"), known, "role", reader)
        by = rule.plain("by", "admin")
        if key == "break-glass":
            continue
        try:
            command, target = split_rule(key, commands)
        except Wrong as wrong:
            reader.mistake(rule.line, f"{rule.path}: {wrong.what}", wrong.remedy)
            continue
        decided = next((e for c, t, e in before if covers(c, t, command, target)), None)
        if decided is not None:
            reader.warn(rule.line, f"{rule.path}: is never reached, line {decided.line} decides first")
        before.append((command, target, rule))
        meant = near(key, [name for name in commands if name.startswith(command + " ")])
        if " " in key and meant not in {None, key}:
            reader.warn(
                rule.line, f'{rule.path}: the target is "{target}"; did you mean the command "{meant}"?'
            )
        _enough_votes(rule, by, holders.get(by, 0), reader)


def covers(command: str, target: str, later: str, later_target: str) -> bool:
    """Whether the first rule matches everything that the later one would."""
    if later != command and not later.startswith(command + " "):
        return False
    if set(later_target) & set("*?["):
        return target in {"*", later_target}
    return fnmatchcase(later_target, target)


def _enough_votes(rule: Item, by: str, held: int, reader: Reader) -> None:
    votes = rule.plain("votes", 1)
    if rule.plain("ask", "approve") == "approve" and votes > held:
        said = f"needs {votes} of role {by}, which {held or 'nobody'} {'hold' if held > 1 else 'holds'}"
        reader.warn(rule.line, f"{rule.path}: {said}: it can never be approved")


def _holders(top: Item) -> dict[str, int]:
    held: dict[str, int] = {}
    for person in _entries(top, "people"):
        for role in {item.value for item in _list(person, "roles")}:
            held[role] = held.get(role, 0) + 1
    return held


# ---- alerts ---------------------------------------------------------------------------------------------


def _endpoints(top: Item, reader: Reader) -> None:
    endpoints = top.get("alerts", "endpoints")
    if endpoints is None:
        return
    secrets: dict[str, Item] = {}
    for endpoint in endpoints.parts().values():
        if isinstance(endpoint.value, dict):
            _credential(endpoint, reader, secrets)
        everything: Item | None = None
        for route in _list(endpoint, "routes"):
            if everything is not None:
                reader.warn(route.line, f"{route.path}: is never reached, line {everything.line} takes all")
            _route(top, route, reader)
            match = route.get("match")
            if everything is None and isinstance(route.value, dict) and (match is None or match.value == []):
                everything = route
    if endpoints.parts() and top.get("fallback") is None:
        first = next((f"in {quoted(name)}, the first room" for name in names(top, "rooms")), "nowhere")
        reader.warn(endpoints.line, f"fallback: is not set: what no route takes is shown {first}")


def _credential(endpoint: Item, reader: Reader, secrets: dict[str, Item]) -> None:
    shown = [kind for kind in ("token", "basic", "header") if endpoint.get(kind) is not None]
    insecure = endpoint.get("insecure")
    if insecure is not None and insecure.value is True:
        shown.append("insecure: true")
    if not shown and not (insecure is not None and insecure.value is None):
        remedy = "give token_file, basic or header; or say insecure: true"
        reader.mistake(endpoint.line, f"{endpoint.path}: anybody could post here", remedy)
    if len(shown) > 1:
        reader.mistake(endpoint.line, f"{endpoint.path}: has {' and '.join(shown)}", "keep one of them")
    if shown == ["insecure: true"]:
        reader.warn(endpoint.line, f"{endpoint.path}: whoever reaches the port may post alerts here")
    for path in (("token",), ("basic", "password"), ("header", "value")):
        secret = endpoint.get(*path)
        if secret is not None and secret.value is not None:
            first = secrets.setdefault(secret.value.value, endpoint)
            if first is not endpoint:
                reader.warn(secret.line, f"{secret.path}: is also the secret of {first.path}")


def _route(top: Item, route: Item, reader: Reader) -> None:
    for matcher in _list(route, "match"):
        try:
            if matcher.value is not None:
                parse(matcher.value)
        except MatcherError as error:
            said = str(error).removesuffix(f"; {error.remedy}")
            reader.mistake(matcher.line, f"{matcher.path}: {said}", error.remedy)
    for room in _list(route, "rooms"):
        _exists(room, names(top, "rooms"), "room", reader)
    for person in _list(route, "mention"):
        _exists(person, names(top, "people"), "person", reader)
        _can_be_mentioned(top, route, person, reader)


def _can_be_mentioned(top: Item, route: Item, person: Item, reader: Reader) -> None:
    accounts = top.get("people", str(person.value))
    rooms = [top.get("rooms", str(room.value)) for room in _list(route, "rooms")]
    places = {platform for room in rooms if room is not None for platform in room.parts()}
    if accounts is not None and not places & set(accounts.parts()):
        reader.warn(
            person.line, f"{person.path}: {quoted(person.value)} has no account where this route rings"
        )


# ---- the estate and the rest ----------------------------------------------------------------------------


def _backup(top: Item, reader: Reader) -> None:
    backup = top.get("estate", "backup")
    if backup is None or not isinstance(backup.value, dict):
        return
    engine = backup.get("engine")
    needs = {"restic": ("repository", "password"), "command": ("argv",), "systemd": ("unit",)}
    for key in needs.get(backup.plain("engine", "restic") if engine is None or engine.value else "", ()):
        if backup.get(key) is None:
            spelt = f"{key}_file" if key == "password" else key
            remedy = f"engine {backup.plain('engine', 'restic')} needs {spelt}"
            reader.mistake(backup.line, f"{backup.path}.{key}: is missing", remedy)


def _references(top: Item, reader: Reader) -> None:
    for item in (top.get("fallback"), top.get("estate", "audit", "room")):
        _exists(item, names(top, "rooms"), "room", reader)


def _entries(top: Item, section: str) -> list[Item]:
    item = top.get(section)
    return list(item.parts().values()) if item else []


def _list(item: Item, name: str) -> list[Item]:
    below = item.get(name)
    return below.items() if below else []
