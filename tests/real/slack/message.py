"""One message, its files, and what a person sees of it."""

from base64 import b64decode, b64encode
from dataclasses import asdict, dataclass, field
from typing import Any

from tests.real.slack import mrkdwn

Json = dict[str, Any]


@dataclass
class File:
    """A file, from the moment an upload URL was given out."""

    id: str
    name: str
    length: int
    title: str = ""
    content: bytes | None = None
    shared_in: list[str] = field(default_factory=list)

    @property
    def text(self) -> str:
        """The content as UTF-8."""
        return (self.content or b"").decode("utf-8", "replace")

    def to_json(self) -> Json:
        """The file object."""
        return {
            "id": self.id,
            "name": self.name,
            "title": self.title or self.name,
            "size": len(self.content or b""),
            "mode": "hosted",
            "filetype": self.name.rpartition(".")[2] or "text",
            "url_private": f"https://files.loopback.test/{self.id}/{self.name}",
            "channels": list(self.shared_in),
        }


@dataclass(eq=False)
class Message:
    """One message as the workspace keeps it; `replies` are the thread under a root."""

    ts: str
    user: str
    text: str
    blocks: list[Json] = field(default_factory=list)
    attachments: list[Json] = field(default_factory=list)
    thread_ts: str | None = None
    subtype: str | None = None
    bot_id: str | None = None
    metadata: Json | None = None
    files: list[File] = field(default_factory=list)
    reactions: dict[str, list[str]] = field(default_factory=dict)
    replies: list["Message"] = field(default_factory=list)
    history: list[Json] = field(default_factory=list)
    edited: Json | None = None
    broadcast: bool = False
    deleted: bool = False
    unfurled: bool = False
    ephemeral_to: str | None = None
    client_msg_id: str | None = None
    parent_user: str | None = None

    @property
    def edits(self) -> int:
        """How often it was edited."""
        return len(self.history)

    @property
    def pings(self) -> list[str]:
        """Everybody this message calls, from text, blocks and attachments (`@U1`, `!channel`, ...)."""
        found = mrkdwn.pings(self.text)
        for part in mrkdwn.mrkdwn_parts([self.blocks, self.attachments]):
            found += [ping for ping in mrkdwn.pings(part) if ping not in found]
        return found

    @property
    def links(self) -> list[tuple[str, str]]:
        """(url, label) of every link in text, blocks and attachments."""
        found = mrkdwn.links(self.text)
        for part in mrkdwn.mrkdwn_parts([self.blocks, self.attachments]):
            found += mrkdwn.links(part)
        return found

    @property
    def plain(self) -> str:
        """What a person reads: the words of the blocks when there are any, else those of the text."""
        if not self.blocks:
            return mrkdwn.plain(self.text)
        return "\n".join(_words(self.blocks))

    def action(self, action_id: str, value: str | None = None) -> tuple[Json, str] | None:
        """The interactive element of that action_id (and value) in the blocks, with its block_id."""
        return find_action(self.blocks, action_id, value)

    def to_json(self) -> Json:
        """Everything, for the control API; `from_json` is its inverse."""
        body = asdict(self)
        _encode_files(body)
        return body

    @classmethod
    def from_json(cls, body: Json) -> "Message":
        """A message from what the control API answered."""
        body = dict(body)
        body["replies"] = [cls.from_json(reply) for reply in body["replies"]]
        body["files"] = [
            File(**{**f, "content": None if f["content"] is None else b64decode(f["content"])})
            for f in body["files"]
        ]
        return cls(**body)


def _encode_files(body: Json) -> None:
    for file in body["files"]:
        if file["content"] is not None:
            file["content"] = b64encode(file["content"]).decode()
    for reply in body["replies"]:
        _encode_files(reply)


def _words(blocks: Any) -> list[str]:
    out: list[str] = []
    if isinstance(blocks, list):
        for block in blocks:
            out += _words(block)
    elif isinstance(blocks, dict):
        text = blocks.get("text")
        if isinstance(text, str):
            verbatim = blocks.get("type") in ("plain_text", "text")
            out.append(text if verbatim else mrkdwn.plain(text))
        for value in blocks.values():
            if isinstance(value, (list, dict)):
                out += _words(value)
    return out


def find_action(blocks: Any, action_id: str, value: str | None = None) -> tuple[Json, str] | None:
    """The element with that action_id (and value, if given) in blocks, with its block_id."""
    for block in blocks:
        elements = [*block.get("elements", []), block.get("accessory"), block.get("element")]
        for element in elements:
            if not isinstance(element, dict) or element.get("action_id") != action_id:
                continue
            if value is None or element.get("value") == value:
                return element, block.get("block_id", "")
    return None
