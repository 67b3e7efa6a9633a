"""The same cards on every platform. Matrix's are in test_matrix_html.py; here: Slack's and the terminal's."""

import json
from pathlib import Path

import pytest

from bot.core.doc import plain
from bot.platforms import slack_blocks
from bot.platforms.console_text import coloured
from tests.platforms.golden_cards import CARDS

GOLDEN = Path(__file__).parents[1] / "golden"


def hold(path: Path, found: str) -> None:
    """To write a file again after a change on purpose: delete it, run, look, run again."""
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(found, "utf-8")
        pytest.fail(f"{path.name} was missing and is written: look at it")
    assert found == path.read_text("utf-8")


@pytest.mark.parametrize("name", CARDS)
def test_on_slack(name: str) -> None:
    rendered = slack_blocks.render(CARDS[name], {"ann": "U0ANN"}.get)
    files = [{"name": file.name, "bytes": len(file.content)} for file in rendered.files]
    found = {"text": rendered.text, "blocks": rendered.blocks, "files": files}
    hold(GOLDEN / "slack" / f"card-{name}.json", json.dumps(found, indent=1, ensure_ascii=True) + "\n")


@pytest.mark.parametrize("name", CARDS)
def test_in_a_pipe(name: str) -> None:
    hold(GOLDEN / "console" / f"{name}.txt", plain(CARDS[name]) + "\n")


@pytest.mark.parametrize("name", CARDS)
def test_on_a_terminal(name: str) -> None:
    # Escape sequences as \x1b, so that the file can be read without being coloured by it.
    shown = coloured(CARDS[name], 100).replace("\x1b", "\\x1b")
    hold(GOLDEN / "console" / f"{name}-in-colour.txt", shown)
