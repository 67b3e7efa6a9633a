"""SIGHUP: what is taken over, what waits for a restart, and that a bad file changes nothing."""

from collections.abc import Callable
from pathlib import Path

import pytest

from bot.config import reload
from bot.config.model import Config
from bot.core.errors import ConfigError
from bot.core.model import Identity
from tests.config.conftest import COMMANDS, MINIMAL, Read

BEFORE = (
    MINIMAL
    + """\
rooms: {ops: {matrix: "!abc:example.org"}, dev: {matrix: "!def:example.org"}}
fallback: ops
people: {ann: {matrix: "@ann:example.org", roles: [operator]}, eve: {matrix: "@eve:example.org"}}
roles: {web: {may: [status]}}
policy: {pin: {by: operator}}
alerts: {endpoints: {default: {token_file: secrets/webhook, routes: [{rooms: [ops]}]}}}
"""
)

Again = Callable[..., tuple[Config, Config, list[str]]]


@pytest.fixture
def again(read: Read, folder: Path) -> Again:
    def again(*changes: tuple[str, str]) -> tuple[Config, Config, list[str]]:
        old = read(BEFORE)
        text = BEFORE
        for before, after in changes:
            assert before in text
            text = text.replace(before, after)
        (folder / "config.yml").write_text(text)
        return old, *reload(old, folder / "config.yml", {}, COMMANDS)

    return again


def test_nothing_changed(again: Again) -> None:
    old, new, said = again()
    assert new == old
    assert said == []


def test_people_roles_policy_and_routes_are_taken_over(again: Again) -> None:
    _, new, said = again(
        ("eve: {", "bob: {"),
        ("@eve", "@bob"),
        ("may: [status]", "may: [status, logs]"),
        ("pin: {by", "break-glass: {}, update: {}, pin: {by"),
        ("rooms: [ops]", "rooms: [dev], mention: [bob]"),
    )
    assert said == [
        "people: bob added, eve removed",
        "roles: web changed",
        "policy: changed, rules now: 2",
        "alerts.endpoints.default.routes: changed, routes now: 1",
    ]
    assert new.people.who(Identity("matrix", "@bob:example.org")) is not None
    assert new.people.who(Identity("matrix", "@eve:example.org")) is None
    assert new.policy.roles["web"].may == ("status", "logs")
    assert new.policy.break_glass is not None
    assert new.alerts.endpoints["default"].routes[0].rooms == ("dev",)


def test_everything_else_is_named_and_stays(again: Again) -> None:
    old, new, said = again(
        ("127.0.0.1:9099", "127.0.0.1:9100"),
        ("https://matrix.example.org", "https://other.example.org"),
        ("access_token_file: secrets/matrix_token", "access_token_file: secrets/matrix_password"),
        ("dev: {matrix", "new: {matrix"),
        ("token_file: secrets/webhook", "insecure: true"),
        ("fallback: ops", "fallback: ops\nlimits: {commands_per_person: 5/s}\nslack: {team: T0AAA, "
         "bot_token_file: secrets/slack_bot, app_token_file: secrets/slack_app}"),
    )  # fmt: skip
    assert new.http == old.http
    assert new == old.__class__(
        **{name: getattr(old, name) for name in old.__slots__} | {"warnings": new.warnings}
    )
    assert said == [
        "http changed: needs a restart",
        "commands_per_person changed: needs a restart",
        "matrix.homeserver changed: needs a restart",
        "matrix.access_token changed: needs a restart",
        "slack changed: needs a restart",
        "rooms: new added, dev removed: needs a restart",
        "alerts.endpoints: default changed: needs a restart",
    ]
    assert not [line for line in said if "syt_" in line or "password-value" in line]


def test_routes_to_a_room_that_is_not_there_yet_wait_whole(again: Again) -> None:
    old, new, said = again(
        ("dev: {matrix", 'new: {matrix: "!new:example.org"}, dev: {matrix'),
        ("rooms: [ops]", "rooms: [ops, new]"),
    )
    assert new.alerts == old.alerts
    assert said == [
        "alerts.endpoints.default.routes: not taken over, the room new is new and needs a restart",
        "rooms: new added: needs a restart",
    ]


def test_a_bad_file_is_refused_whole(again: Again) -> None:
    with pytest.raises(ConfigError, match="nobody-role"):
        again(("roles: [operator]", "roles: [nobody-role]"))
