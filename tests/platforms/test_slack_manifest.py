"""examples/slack-manifest.yml asks for what the adapter needs, and for nothing else, in both modes."""

from pathlib import Path
from typing import Any

import yaml

from bot.platforms.slack import PRIVATE_SCOPES, SCOPES

PATH = Path(__file__).parents[2] / "examples" / "slack-manifest.yml"


def manifest(*opened: str) -> Any:
    """The manifest, with the sign taken away from the lines that start so."""
    lines = []
    for row in PATH.read_text().splitlines():
        bare = row.lstrip().removeprefix("# ")
        comment = row.lstrip().startswith("# ") and bare.startswith(opened or ("\0",))
        lines.append(row[: len(row) - len(row.lstrip())] + bare if comment else row)
    return yaml.safe_load("\n".join(lines))


def test_the_scopes_are_those_that_are_needed() -> None:
    assert set(manifest()["oauth_config"]["scopes"]["bot"]) == SCOPES
    private = manifest("- groups:", "- message.groups")
    assert set(private["oauth_config"]["scopes"]["bot"]) == SCOPES | PRIVATE_SCOPES
    assert "message.groups" in private["settings"]["event_subscriptions"]["bot_events"]


def test_the_events_the_command_and_the_buttons() -> None:
    found = manifest()
    events = found["settings"]["event_subscriptions"]["bot_events"]
    assert set(events) == {"app_mention", "message.channels", "reaction_added", "reaction_removed"}
    assert [one["command"] for one in found["features"]["slash_commands"]] == ["/tocsin"]
    assert found["settings"]["interactivity"] == {"is_enabled": True}
    assert found["settings"]["socket_mode_enabled"] is True


def test_http_mode_has_one_address_three_times() -> None:
    found = manifest("url:", "request_url:")
    command = found["features"]["slash_commands"][0]["url"]
    settings = found["settings"]
    urls = {command, settings["event_subscriptions"]["request_url"], settings["interactivity"]["request_url"]}
    assert urls == {"https://tocsin.example.org/slack/events"}
