"""A loopback Slack for tests: Web API, Socket Mode and HTTP delivery on 127.0.0.1, with fault switches.

    async with LoopbackSlack() as slack:
        ann = slack.add_user("ann")
        ops = slack.add_channel("ops", ["ann"])
        client = AsyncWebClient(token=slack.bot_token, base_url=slack.api_url)
        ts = await slack.say("ops", "ann", f"<@{slack.bot_user}> status")

`python -m tests.real.slack --port P --state-out FILE` is the same in a process of its own; `RemoteSlack`
and `spawn` drive it from synchronous tests. It is a model after Slack's documentation, never compared
with the real Slack.
"""

from tests.real.slack.accounts import User, UserGroup
from tests.real.slack.channel import Channel
from tests.real.slack.errors import SlackError
from tests.real.slack.faults import Fault, Faults
from tests.real.slack.interactions import Outcome
from tests.real.slack.message import File, Message
from tests.real.slack.remote import RemoteSlack, spawn
from tests.real.slack.server import LoopbackSlack
from tests.real.slack.settings import MANIFEST_SCOPES, PRIVATE_SCOPES, Settings
from tests.real.slack.state import Workspace
from tests.real.slack.webapi import Call

__all__ = [
    "MANIFEST_SCOPES",
    "PRIVATE_SCOPES",
    "Call",
    "Channel",
    "Fault",
    "Faults",
    "File",
    "LoopbackSlack",
    "Message",
    "Outcome",
    "RemoteSlack",
    "Settings",
    "SlackError",
    "User",
    "UserGroup",
    "Workspace",
    "spawn",
]
