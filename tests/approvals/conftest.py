from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot.core.model import Room
from tests.approvals.chat import OPS, PEOPLE, POLICY
from tests.plans import Plans, detail, plans


@pytest.fixture
async def chat(tmp_path: Path) -> AsyncIterator[Plans]:
    """The room ops on two platforms."""
    async with plans(
        tmp_path, detail("web"), detail("db"), people=PEOPLE, policy=POLICY, direct=frozenset()
    ) as talk:
        talk.with_services(rooms={"ops": OPS, "lounge": (Room("matrix", "!lounge", "lounge"),)})
        yield talk
