"""An image reference: `[host[:port]/]path[:tag][@digest]`. Pure."""

import re
from dataclasses import dataclass

_EXACT = re.compile(
    r"v?\d+\.\d+\.\d+(?:[.\d]*)(?:[-+._].*)?\Z|(?:19|20)\d{6}\b.*|[0-9a-f]{7,40}\Z", re.IGNORECASE
)
_PARTIAL = re.compile(r"v?\d+(?:\.\d+)?(?:[-_].*)?\Z", re.IGNORECASE)


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
