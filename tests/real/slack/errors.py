"""How a refusal of the Web API looks on the wire."""

from typing import Any


class SlackError(Exception):
    """A call that Slack answers with `{"ok": false, "error": code}` (HTTP 200).

    `extra` is merged into the body (`needed`, `provided`, `errors`, `response_metadata`).
    """

    def __init__(self, code: str, **extra: Any) -> None:
        super().__init__(code)
        self.code = code
        self.extra = extra

    def body(self) -> dict[str, Any]:
        """The JSON body of the answer."""
        return {"ok": False, "error": self.code, **self.extra}
