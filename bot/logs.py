"""The log: to stderr, one line an event, without a secret in it."""

import logging
import sys
from collections.abc import Iterable

from bot.core.redact import Redactor

QUIET = (
    "aiohttp",
    "aiosqlite",
    "asyncio",
    "docker",
    "httpx",
    "httpcore",
    "nio",
    "peewee",
    "slack_bolt",
    "slack_sdk",
    "urllib3",
)
"""Other people's loggers: at DEBUG and INFO some of them print bodies and addresses with tokens."""


class _Redacting(logging.Formatter):
    """Cleans the finished line, traceback included: whatever a secret came in by, it goes no further."""

    def __init__(self, redactor: Redactor) -> None:
        super().__init__("%(asctime)s %(levelname)s %(name)s: %(message)s", "%Y-%m-%dT%H:%M:%SZ")
        self._redactor = redactor

    def format(self, record: logging.LogRecord) -> str:
        return self._redactor.text(super().format(record))


def configure(secrets: Iterable[str], level: int = logging.INFO) -> None:
    """Set up the process's log. Called once, by the command line."""
    import time

    handler = logging.StreamHandler(sys.stderr)
    formatter = _Redacting(Redactor(frozenset(secrets)))
    formatter.converter = time.gmtime
    handler.setFormatter(formatter)
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    for name in QUIET:
        logging.getLogger(name).setLevel(logging.WARNING)
