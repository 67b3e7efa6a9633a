"""The console's own configuration: product.md's seats and policy, and quick to import."""

import subprocess
import sys
from pathlib import Path

from bot.config.console import config
from bot.core.model import Identity
from bot.core.policy import Ask

CONSOLE = config(Path("/nowhere"))


def test_the_seats() -> None:
    roles = {person.name: person.roles for person in CONSOLE.people.everyone}
    assert roles == {"ann": ("operator",), "adam": ("admin",), "eve": (), "vic": ("viewer",)}
    assert CONSOLE.people.who(Identity("console", "adam")) is CONSOLE.people.named("adam")
    assert CONSOLE.commands_per_person is None


def test_the_policy() -> None:
    rules = {rule.command: rule for rule in CONSOLE.policy.rules}
    assert {name for name, rule in rules.items() if rule.ask is Ask.CONFIRM} == {
        "restart",
        "start",
        "stop",
        "backup",
    }
    approved = [rule for rule in rules.values() if rule.ask is Ask.APPROVE]
    assert {rule.command for rule in approved} == {"pin", "update", "rollback", "fix", "waive"}
    assert {(rule.by, rule.votes, rule.self_approval, rule.target) for rule in approved} == {
        ("admin", 1, False, "*")
    }
    glass = CONSOLE.policy.break_glass
    assert glass is not None
    assert glass.by == "admin"
    assert glass.countdown < min(rule.expires for rule in approved)


def test_the_viewer_reads_only() -> None:
    viewer = CONSOLE.policy.roles["viewer"].may
    assert "status" in viewer
    assert not set(viewer) & {
        "*",
        "restart",
        "start",
        "stop",
        "pin",
        "update",
        "rollback",
        "fix",
        "waive",
        "approve",
    }


def test_one_endpoint_rings_in_ops() -> None:
    endpoint = CONSOLE.alerts.endpoints["default"]
    assert endpoint.credential.insecure
    assert [(route.match, route.rooms) for route in endpoint.routes] == [((), ("ops",))]
    assert (CONSOLE.http.host, CONSOLE.http.port, CONSOLE.fallback) == ("127.0.0.1", 9099, "ops")
    assert list(CONSOLE.rooms) == ["ops", "lounge"]


def test_it_imports_nothing_slow() -> None:
    code = "import sys, bot.config.console; print(*sys.modules)"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    slow = {"nio", "slack_bolt", "slack_sdk", "docker", "pydantic", "aiohttp", "httpx", "asyncio"}
    assert not slow & {name.partition(".")[0] for name in ran.stdout.split()}
