"""What a command changes in the estate's files, so that it can be put back."""

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path

from bot.context import Context
from bot.core.errors import NotDone, RolledBack
from bot.core.plan import Plan
from bot.core.steps import OnStep, Step, no_step


class Deed:
    """What was changed so far, so that it can be put back."""

    def __init__(self, root: Path, tell: Callable[[str], Awaitable[None]], step: OnStep = no_step) -> None:
        self._root = root
        self._tell = tell
        self._step = step
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
        self._step(Step.DEED_DONE)

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


async def kept(ctx: Context, root: Path, plan: Plan, done: str) -> str:
    """What was written, committed; `; commit 1a2b…`, or nothing. Raises NotDone, which says what was done."""
    from bot.core.errors import Upstream
    from commands.commit import commit
    from estate.git import GitFailed

    paths = [root / change.path for change in plan.files]
    try:
        made = await commit(ctx, ctx.services.hands, paths, f"{plan.command} {plan.subject}")
    except (GitFailed, Upstream) as trouble:
        raise NotDone(f"{done}. It is not committed: {trouble}") from trouble
    return f"; commit {made}" if made else ""
