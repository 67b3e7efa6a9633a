"""The house rules that every command keeps."""

import subprocess
import sys

import pytest

import commands
from bot.core.command import Command
from bot.core.model import Risk
from bot.core.policy import READING


@pytest.mark.parametrize("one", commands.ALL, ids=lambda one: one.name)
def test_each_has_help_and_each_above_reading_has_a_preview(one: Command) -> None:
    assert one.summary, "the docstring is the help"
    assert one.summary[0].isupper()
    assert one.summary.endswith("."), "the first line is a sentence"
    assert len(one.summary) <= 100, "the first line stands in a list"
    assert one.risk is Risk.READ or one.planner is not None


def test_no_two_have_the_same_words() -> None:
    names = [one.name for one in commands.ALL]
    assert len(names) == len(set(names))


def test_a_viewer_may_read_and_nothing_else() -> None:
    for one in commands.ALL:
        if one.name in READING:
            assert one.risk is Risk.READ
    assert "test alert" not in READING


def test_importing_the_commands_loads_nothing_heavy() -> None:
    code = (
        "import sys, commands, bot.engine, bot.platforms.console; "
        "print(*sorted({name.split('.')[0] for name in sys.modules}))"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    heavy = {
        "nio",
        "slack_bolt",
        "slack_sdk",
        "docker",
        "pydantic",
        "aiohttp",
        "httpx",
        "prompt_toolkit",
        "rich",
    }
    assert not heavy & set(out.stdout.split())
