"""Matrix, over the Client-Server API (v3): the homeserver, the token, each room, each person's devices."""

import asyncio
import json
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote

import httpx

from bot.config.model import Config, Matrix
from bot.core.model import People, Person, Room
from bot.doctor.finding import Finding, bad, bounded, ok, unknown
from bot.doctor.http import JSON, Answer, ask, client

_V3 = "/_matrix/client/v3"
_FILTER = json.dumps(
    {"presence": {"not_types": ["*"]}, "room": {"timeline": {"limit": 0}, "state": {"types": []}}}
)


async def examine(config: Config) -> list[Finding]:
    if config.matrix is None:
        return []
    return await bounded("matrix", _examine(config, config.matrix))


async def _examine(config: Config, matrix: Matrix) -> list[Finding]:
    token = matrix.access_token.value if matrix.access_token else _kept_token(config, matrix)
    async with client(matrix.homeserver) as anybody:
        # Without the token: with a bad one, even this is refused.
        homeserver = _homeserver(matrix, await ask(anybody, "GET", "/_matrix/client/versions"))
    async with client(matrix.homeserver, token) as http:
        if homeserver.verdict != "ok":
            return [homeserver]
        if not token:
            return [homeserver, _password(await ask(http, "GET", f"{_V3}/login"))]
        account = _account(matrix, await ask(http, "GET", f"{_V3}/account/whoami"))
        if account.verdict != "ok":
            return [homeserver, account]
        rooms = [room for places in config.rooms.values() for room in places if room.platform == "matrix"]
        about = await asyncio.gather(
            _rooms(http, matrix, rooms, config.people), _devices(http, matrix, config.people)
        )
        return [homeserver, account, *about[0], *about[1]]


def _kept_token(config: Config, matrix: Matrix) -> str:
    """What a login by password has left in `state`; empty before the first one."""
    try:
        kept = json.loads((config.state / "matrix" / "login.json").read_text("utf-8"))
    except (OSError, ValueError):
        return ""
    same = isinstance(kept, dict) and kept.get("user") == matrix.user
    return str(kept.get("token", "")) if same else ""


def _homeserver(matrix: Matrix, answer: Answer) -> Finding:
    what = f"matrix.homeserver {matrix.homeserver}"
    if answer.good and isinstance(answer.body.get("versions"), list):
        return ok(f"{what}: answers")
    if not answer.status:
        return bad(f"{what}: {answer.trouble}", "is the address right, and reachable from this machine?")
    where = 'the address in /.well-known/matrix/client under "m.homeserver" is the right one'
    return bad(f"{what}: answers {answer.status}, but not as a homeserver", where)


def _password(answer: Answer) -> Finding:
    flows = answer.body.get("flows")
    types = [flow.get("type") for flow in flows if isinstance(flow, dict)] if isinstance(flows, list) else []
    if "m.login.password" not in types:
        return bad("matrix.password: the homeserver takes no passwords", "give access_token_file instead")
    return unknown(
        "matrix.password: not tried, each login makes a device", "it is tried once, at the first start"
    )


def _account(matrix: Matrix, answer: Answer) -> Finding:
    if answer.status == 401:
        return bad(
            "matrix.access_token: is refused", "make a new one: log in once as the bot, and do not log out"
        )
    if not answer.good:
        return unknown(f"matrix.access_token: {_said(answer)}")
    user, device = answer.body.get("user_id"), answer.body.get("device_id")
    if user != matrix.user:
        return bad(
            f"matrix.user: the token is {user}'s, not {matrix.user}'s",
            "name the account that the token is for",
        )
    if device != matrix.device:
        return bad(
            f"matrix.device: the token's device is {device}, not {matrix.device}", f"write device: {device}"
        )
    return ok(f"matrix.access_token: is {user}'s, device {device}")


# ---- rooms ----------------------------------------------------------------------------------------------


async def _rooms(
    http: httpx.AsyncClient, matrix: Matrix, rooms: Sequence[Room], people: People
) -> list[Finding]:
    joined_answer, sync = await asyncio.gather(
        ask(http, "GET", f"{_V3}/joined_rooms"),
        # Without `since` nothing is taken from the running bot's queue.
        ask(http, "GET", f"{_V3}/sync", params={"filter": _FILTER, "timeout": 0, "set_presence": "offline"}),
    )
    joined = joined_answer.body.get("joined_rooms")
    invites = _dict(_dict(sync.body.get("rooms")).get("invite"))
    if not joined_answer.good or not isinstance(joined, list):
        return [unknown(f"matrix rooms: {_said(joined_answer)}")]
    found = await asyncio.gather(*(_room(http, matrix, room, joined, invites, people) for room in rooms))
    return [finding for part in found for finding in part]


async def _room(
    http: httpx.AsyncClient,
    matrix: Matrix,
    room: Room,
    joined: Sequence[str],
    invites: Mapping[str, Any],
    people: People,
) -> list[Finding]:
    what = f"rooms.{room.name}.matrix {room.address}"
    room_id = room.address
    if room_id.startswith("#"):
        answer = await ask(http, "GET", f"{_V3}/directory/room/{quote(room_id, safe='')}")
        room_id = str(answer.body.get("room_id", ""))
        if answer.status == 404:
            return [
                bad(f"{what}: the homeserver knows no such alias", "write the room's id, from its settings")
            ]
        if not answer.good:
            return [unknown(f"{what}: {_said(answer)}")]
    if room_id in invites:
        return [_invited(what, invites[room_id], matrix, people)]
    if room_id not in joined:
        return [bad(f"{what}: the bot is not in it", f"let a listed person invite {matrix.user}")]
    return await _inside(http, matrix, what, room_id)


def _invited(what: str, invite: Any, matrix: Matrix, people: People) -> Finding:
    events = _dict(_dict(invite).get("invite_state")).get("events")
    by = next(
        (
            str(event.get("sender"))
            for event in (events if isinstance(events, list) else [])
            if isinstance(event, dict) and event.get("state_key") == matrix.user
        ),
        "somebody",
    )
    if any(identity.user_id == by for person in people.everyone for identity in person.identities):
        return ok(f"{what}: invited by {by}, accepted at the start")
    return bad(f"{what}: invited by {by}, who is not listed", f"let a listed person invite {matrix.user}")


async def _inside(http: httpx.AsyncClient, matrix: Matrix, what: str, room_id: str) -> list[Finding]:
    path = f"{_V3}/rooms/{quote(room_id, safe='')}/state"
    encryption, levels, create = await asyncio.gather(
        ask(http, "GET", f"{path}/m.room.encryption"),
        ask(http, "GET", f"{path}/m.room.power_levels"),
        ask(http, "GET", f"{path}/m.room.create", params={"format": "event"}),
    )
    return [_encryption(matrix, what, encryption), _power(matrix, what, encryption.good, levels, create)]


def _encryption(matrix: Matrix, what: str, answer: Answer) -> Finding:
    if not answer.good and answer.status != 404:
        return unknown(f"{what}: {_said(answer)}")
    if answer.good and matrix.encryption == "off":
        return bad(
            f"{what}: is encrypted, and encryption is off", "say encryption: optional, and give a pickle key"
        )
    if not answer.good and matrix.encryption == "required":
        return bad(
            f"{what}: is not encrypted, and encryption is required", "switch it on in the room's settings"
        )
    return ok(f"{what}: the bot is in it, {'encrypted' if answer.good else 'not encrypted'}")


def _power(matrix: Matrix, what: str, encrypted: bool, levels: Answer, create: Answer) -> Finding:
    """Room versions from 12 keep their creators out of the power levels, above everybody."""
    event = create.body
    content = _dict(event.get("content")) or event
    version = str(content.get("room_version", "1"))
    creators = [event.get("sender"), *(content.get("additional_creators") or [])]
    if version.isdecimal() and int(version) >= 12 and matrix.user in creators:
        return ok(f"{what}: the bot made it and may speak")
    if not levels.good:
        return unknown(f"{what}: its power levels: {_said(levels)}")
    default = levels.body.get("users_default", 0)
    has = _dict(levels.body.get("users")).get(matrix.user, default)
    kind = "m.room.encrypted" if encrypted else "m.room.message"
    needs = _dict(levels.body.get("events")).get(kind, levels.body.get("events_default", 0))
    if isinstance(has, int) and isinstance(needs, int) and has < needs:
        return bad(
            f"{what}: the bot may not speak: it has power {has}, {needs} is needed", "raise its power level"
        )
    return ok(f"{what}: the bot may speak (power {has})")


# ---- devices --------------------------------------------------------------------------------------------


async def _devices(http: httpx.AsyncClient, matrix: Matrix, people: People) -> list[Finding]:
    accounts = {
        identity.user_id: person
        for person in people.everyone
        for identity in person.identities
        if identity.platform == "matrix"
    }
    if not accounts or matrix.encryption == "off":
        return []
    query = {"device_keys": {user: [] for user in accounts}, "timeout": 5000}
    answer = await ask(http, "POST", f"{_V3}/keys/query", json=query)
    if not answer.good:
        return [unknown(f"devices of people: {_said(answer)}")]
    findings: list[Finding] = []
    for user, person in accounts.items():
        devices = _dict(_dict(answer.body.get("device_keys")).get(user))
        master = _dict(_dict(answer.body.get("master_keys")).get(user))
        findings += _person(matrix, person, user, devices, master)
    return findings


def _person(matrix: Matrix, person: Person, user: str, devices: JSON, master: JSON) -> list[Finding]:
    what = f"people.{person.name}"
    seen = {key: f"device {name}" for name, device in devices.items() if (key := _ed25519(_dict(device)))}
    named = {
        name: _dict(_dict(device).get("unsigned")).get("device_display_name")
        for name, device in devices.items()
    }
    if key := _ed25519(master):
        seen[key] = "the cross-signing key of all devices"
    findings = []
    for key, thing in seen.items():
        label = named.get(thing.removeprefix("device "))
        shown = f"{what}: {thing}{f' ({label})' if label else ''}: {key}"
        if key in person.matrix_keys:
            findings.append(ok(shown, "in matrix_keys"))
        else:
            findings.append(
                unknown(shown, "put this into matrix_keys, after comparing it with what the person sees")
            )
    if matrix.device in devices:
        # nio leaves every device out that is called like its own, whoever it belongs to.
        twin = f"{what}: a device is called {matrix.device} as the bot's is, and cannot read what it encrypts"
        findings.append(bad(twin, "log that device in anew with another id, or the bot"))
    lost = [key for key in person.matrix_keys if key not in seen]
    findings += [
        bad(f"{what}: no device of {user} has the key {key}", "take it out of matrix_keys") for key in lost
    ]
    if matrix.encryption == "required" and not set(seen) & set(person.matrix_keys):
        findings.append(
            bad(f"{what}: vouches for no device, so only reading works", "list a device in matrix_keys")
        )
    elif not seen:
        findings.append(
            unknown(f"{what}: no device of {user} is known", "it appears after a login with encryption")
        )
    return findings


def _ed25519(keys: JSON) -> str:
    """The key of a device, or of a cross-signing identity."""
    found = _dict(keys.get("keys"))
    return next((str(value) for name, value in found.items() if str(name).startswith("ed25519:")), "")


def _dict(value: Any) -> JSON:
    return value if isinstance(value, dict) else {}


def _said(answer: Answer) -> str:
    if not answer.status:
        return answer.trouble
    return f"the homeserver answers {answer.status} {answer.body.get('errcode', '')}".strip()
