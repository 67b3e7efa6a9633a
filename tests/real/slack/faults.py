"""Switches that make the loopback Slack misbehave as the real one can.

API faults are queued: the first one that fits a call is used, once, `times` times or (`times=-1`)
until `clear()`. Event and socket faults are counters: how many of the next ones go wrong.
"""

from dataclasses import dataclass, field
from typing import Literal

FaultKind = Literal["ratelimited", "drop_before", "drop_after", "html_500", "slow", "error"]

ANY = "*"


@dataclass
class Fault:
    """One misbehaviour of one API method (`*`: any; `upload` and `response` name the two odd POST paths).

    - `ratelimited`: 429 with `Retry-After: retry_after` seconds; nothing is committed.
    - `drop_before`: the connection is cut, nothing is committed.
    - `drop_after`: it is committed, then the connection is cut.
    - `html_500`: an HTML page with status 500; committed only with `after_commit`.
    - `slow`: the answer comes `seconds` late; committed at once with `after_commit`, else at the end.
    - `error`: `{"ok": false, "error": error}`.
    """

    kind: FaultKind
    method: str = ANY
    channel: str | None = None
    times: int = 1
    retry_after: int = 1
    seconds: float = 1.0
    error: str = "internal_error"
    after_commit: bool = False

    def fits(self, method: str, channel: str | None) -> bool:
        """Whether this fault is meant for a call of `method` in `channel`."""
        return self.method in (ANY, method) and self.channel in (None, channel)


@dataclass
class Faults:
    """Everything that is set to go wrong.

    Counters, each used up by one:
    `dead_tickets` next wss tickets that will not open; `lost_envelopes` next frames never sent;
    `lost_acks` next acks Slack does not see (it redelivers); `duplicate_events` next events delivered
    twice under one event_id although the first was acked; `refresh_during` next envelopes right after
    which the socket is asked to go (`disconnect`, refresh_requested), before the ack can come.
    `refuse_sockets`: every websocket handshake is answered 503 until it is set back.
    """

    queue: list[Fault] = field(default_factory=list)
    dead_tickets: int = 0
    lost_envelopes: int = 0
    lost_acks: int = 0
    duplicate_events: int = 0
    refresh_during: int = 0
    refuse_sockets: bool = False

    def take(self, method: str, channel: str | None) -> Fault | None:
        """The fault for this call, used up by one; None when the call may go well."""
        for fault in self.queue:
            if fault.fits(method, channel):
                if fault.times > 0:
                    fault.times -= 1
                    if fault.times == 0:
                        self.queue.remove(fault)
                return fault
        return None

    def spend(self, counter: str) -> bool:
        """True, and one less, while the counter of that name is above zero."""
        left: int = getattr(self, counter)
        if left <= 0:
            return False
        setattr(self, counter, left - 1)
        return True

    def clear(self) -> None:
        """Everything goes well again."""
        self.__init__()  # type: ignore[misc]
