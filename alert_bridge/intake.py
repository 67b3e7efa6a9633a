"""A posted payload → on disk, then 2xx.

Alertmanager's contract: any 5xx is tried again with back-off, any 4xx is not. So 4xx is only for who may not
post, 503 is for all trouble of ours, and whatever comes from who may post is stored, readable or not.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Protocol

from alert_bridge.credential import Credential
from bot.core.errors import Upstream
from bot.core.steps import OnStep, Step, no_step

log = logging.getLogger("tocsin.intake")

LARGEST = 32 * 1024 * 1024
"""Bytes of a body that are read; of a larger one the head is kept."""
HEAD = 64 * 1024
"""Bytes that are kept of a body that is too large."""
AT_ONCE = 128 * 1024 * 1024
"""Bytes of bodies in memory at one moment; more is an overload."""
QUEUE = 2_000
"""Posts that wait for the disk at one moment; more is an overload."""


class Payloads(Protocol):
    """Where payloads are kept."""

    async def accept(self, endpoint: str, body: bytes, note: str = "") -> None: ...


@dataclass(frozen=True, slots=True)
class Reply:
    """What the sender is answered."""

    status: int
    text: str
    challenge: str = ""


class Intake:
    """One for all endpoints. Never raises: every trouble is a reply."""

    def __init__(
        self, payloads: Payloads, endpoints: Mapping[str, Credential], on_step: OnStep = no_step
    ) -> None:
        self._payloads = payloads
        self._endpoints = endpoints
        self._step = on_step
        self._waiting = 0
        self._bytes = 0
        self.trouble = ""
        """Why nothing can be accepted now; empty while all is well."""
        self.recovered = asyncio.Event()
        """Set when a trouble has passed, so that the room can be told."""
        self.accepted = 0
        self.refused = 0
        self.failed = 0

    def admits(self, endpoint: str, headers: Mapping[str, str]) -> Reply | None:
        """None when the sender may post; looked at before the body is read."""
        credential = self._endpoints.get(endpoint)
        if credential is None:
            self.refused += 1
            return Reply(
                404, f"no endpoint is called {endpoint[:80]!r}: see alerts.endpoints in the configuration\n"
            )
        if not credential.admits(headers):
            self.refused += 1
            return Reply(401, f"not the credentials of endpoint {endpoint}\n", credential.challenge)
        if self._waiting >= QUEUE:
            self.failed += 1
            return Reply(503, "overloaded: too many posts wait for the disk; try again\n")
        return None

    async def post(self, endpoint: str, chunks: AsyncIterator[bytes]) -> Reply:
        """Store one body. The sender was admitted before."""
        self._waiting += 1
        taken = 0
        try:
            parts: list[bytes] = []
            size = 0
            async for chunk in chunks:
                size += len(chunk)
                if size <= LARGEST:
                    if self._bytes + len(chunk) > AT_ONCE:
                        self.failed += 1
                        return Reply(503, "overloaded: too many large bodies at once; try again\n")
                    parts.append(chunk)
                    taken += len(chunk)
                    self._bytes += len(chunk)
                elif sum(map(len, parts)) > HEAD:
                    parts = [b"".join(parts)[:HEAD]]
            self._step(Step.PAYLOAD_RECEIVED)
            note = f"too large: {size} bytes, of which the first {HEAD} are kept" if size > LARGEST else ""
            await self._payloads.accept(endpoint, b"".join(parts), note)
        except Upstream as trouble:
            self.failed += 1
            if not self.trouble:
                log.error("webhook: %s", trouble)
            self.trouble = str(trouble)
            return Reply(503, "the alert could not be written to disk; try again\n")
        finally:
            self._waiting -= 1
            self._bytes -= taken
        if self.trouble:
            self.trouble = ""
            self.recovered.set()
        self.accepted += 1
        return Reply(200, "kept\n")
