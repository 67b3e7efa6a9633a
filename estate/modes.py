"""Changes the permissions of one file: exactly the one that was shown, by a handle. Blocks."""

import os
import stat
from pathlib import Path

from bot.core.errors import NotDone
from bot.core.plan import ModeChange


def change_mode(root: Path, change: ModeChange) -> None:
    """Raises NotDone when it is another file, has another mode, or may not be changed: nothing was done."""
    path = root / change.path
    try:
        # A symlink is not followed, a pipe is not waited for.
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as wrong:
        raise NotDone(f"{change.path} cannot be opened: {_words(wrong)}; nothing was done") from None
    try:
        _change(handle, change)
    except OSError as wrong:
        raise NotDone(f"the mode of {change.path} cannot be changed: {_words(wrong)}") from None
    finally:
        os.close(handle)


def undo_mode(root: Path, change: ModeChange) -> None:
    """Put it back as it was. Raises NotDone."""
    change_mode(root, ModeChange(change.path, change.identity, change.after, change.before))


def _change(handle: int, change: ModeChange) -> None:
    status = os.fstat(handle)
    identity = f"{status.st_dev}:{status.st_ino}:{status.st_uid}:{status.st_gid}"
    if not stat.S_ISREG(status.st_mode) or identity != change.identity:
        raise NotDone(f"{change.path} is another file than the one that was shown; nothing was done")
    mode = f"{stat.S_IMODE(status.st_mode):04o}"
    if mode != change.before:
        raise NotDone(f"{change.path} has mode {mode} now, not {change.before}; nothing was done")
    os.fchmod(handle, int(change.after, 8))
    os.fsync(handle)
    now = f"{stat.S_IMODE(os.fstat(handle).st_mode):04o}"
    if now != change.after:
        raise NotDone(f"{change.path} has mode {now}, although {change.after} was set")


def _words(wrong: OSError) -> str:
    return (wrong.strerror or str(wrong)).lower()
