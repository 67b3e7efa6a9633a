"""An image reference: `[host[:port]/]path[:tag][@digest]`. Pure."""

import re
from dataclasses import dataclass

_EXACT = re.compile(
    r"v?\d+\.\d+\.\d+(?:[.\d]*)(?:[-+._].*)?\Z|(?:19|20)\d{6}\b.*|[0-9a-f]{7,40}\Z", re.IGNORECASE
)
_PARTIAL = re.compile(r"v?\d+(?:\.\d+)?(?:[-_].*)?\Z", re.IGNORECASE)


HUB = "docker.io"
_HUB_NAMES = {"docker.io", "index.docker.io", "registry-1.docker.io", "registry.hub.docker.com"}


@dataclass(frozen=True, slots=True)
class Reference:
    """`repository` with its host, as written."""

    repository: str
    tag: str | None = None
    digest: str | None = None

    @property
    def floats(self) -> str:
        """Why tomorrow's pull may bring another image, in words; empty when it cannot, as far as a tag holds.

        A digest holds. `1.2.3`, a date and a commit are taken for exact; `1.2`, `1` and names move.
        """
        if self.digest:
            return ""
        if self.tag is None:
            return "no tag: latest"
        if self.tag == "latest":
            return "latest"
        if _EXACT.match(self.tag):
            return ""
        return "partial version" if _PARTIAL.match(self.tag) else "moving tag"

    @property
    def host(self) -> str:
        """The registry: the first part, if it has a `.` or a `:`, or is `localhost`; else Docker Hub."""
        first, slash, _ = self.repository.partition("/")
        if not slash or not (set(first) & {".", ":"} or first == "localhost"):
            return HUB
        return HUB if first.lower() in _HUB_NAMES else first.lower()

    @property
    def name(self) -> str:
        """The repository as its registry calls it: `library/postgres`."""
        first, slash, rest = self.repository.partition("/")
        has_host = bool(slash) and bool(set(first) & {".", ":"} or first == "localhost")
        name = rest if has_host else self.repository
        return f"library/{name}" if self.host == HUB and "/" not in name else name

    def is_same_repository(self, other: "Reference") -> bool:
        """However the two are written: `postgres`, `docker.io/library/postgres`."""
        return (self.host, self.name) == (other.host, other.name)

    def with_tag(self, tag: str) -> "Reference":
        return Reference(self.repository, tag)

    def with_digest(self, digest: str) -> "Reference":
        """The tag stays, for people; the Engine goes by the digest."""
        return Reference(self.repository, self.tag, digest)

    def __str__(self) -> str:
        return (
            self.repository
            + (f":{self.tag}" if self.tag else "")
            + (f"@{self.digest}" if self.digest else "")
        )


def parse_reference(text: str) -> Reference:
    """Splits; judges nothing. A bare image id (`sha256:…`) is a digest without a repository."""
    if re.fullmatch(r"(?:sha256:)?[0-9a-f]{64}", text):
        return Reference("", digest=text if text.startswith("sha256:") else f"sha256:{text}")
    rest, _, digest = text.partition("@")
    at = rest.rfind(":")
    repository, tag = (rest, None) if at <= rest.rfind("/") else (rest[:at], rest[at + 1 :])
    return Reference(repository, tag or None, digest or None)


def short_reference(text: str) -> str:
    """For tables: a digest by its first twelve digits."""
    return re.sub(r"sha256:([0-9a-f]{12})[0-9a-f]{52}", r"\1", text)
