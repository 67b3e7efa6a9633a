"""What a command changes in the estate's files, so that it can be put back."""

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path

from bot.core.errors import NotDone, RolledBack
from bot.core.plan import Plan


class Deed:
    """What was changed so far, so that it can be put back."""

    def __init__(self, root: Path, tell: Callable[[str], Awaitable[None]]) -> None:
        self._root = root
        self._tell = tell
        self._undo: list[tuple[str, Callable[[], None]]] = []

    async def carry_out(self, plan: Plan) -> None:
        """The plan's modes and files, and nothing else. Raises NotDone."""
        from estate.modes import change_mode, undo_mode
        from estate.rewrite import restore, rewrite

        for mode in plan.modes:
            await self._tell(f"{mode.path}: mode {mode.before} → {mode.after}")
            await asyncio.to_thread(change_mode, self._root, mode)
            self._undo.append((mode.path, partial(undo_mode, self._root, mode)))
        for file in plan.files:
            await self._tell(f"writing {file.path}")
            had = await asyncio.to_thread(rewrite, self._root, file)
            self._undo.append((file.path, partial(restore, self._root, file, had)))

    async def put_back(self, why: str) -> NotDone:
        """Everything, the last first; what is to be raised."""
        left = []
        for path, undo in reversed(self._undo):
            try:
                await asyncio.to_thread(undo)
            except NotDone as trouble:
                left.append(f"{path} could not be put back: {trouble}")
        if left:
            return NotDone(f"{why}; {'; '.join(left)}")
        if not self._undo:
            return NotDone(why)
        return RolledBack(f"{why}; {', '.join(path for path, _ in self._undo)} is as it was before")
