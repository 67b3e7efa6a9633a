"""A release: one service goes from one image to another. Pure."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Release:
    """What ran and what shall run, by name and by what cannot lie.

    service:       its full name, `monitoring/grafana`.
    before, after: the references as the files say them.
    *_id:          the image's id on the Engine; of `after` empty when it is not there yet.
    *_digest:      `repository@sha256:…`, by which a registry gives exactly that image; empty when unknown.
    """

    service: str
    before: str
    before_id: str
    before_digest: str
    after: str
    after_id: str
    after_digest: str

    @property
    def content(self) -> dict[str, str]:
        """For the plan's digest, and the journal: plain JSON values."""
        return {
            "before": self.before,
            "before_id": self.before_id,
            "before_digest": self.before_digest,
            "after": self.after,
            "after_id": self.after_id,
            "after_digest": self.after_digest,
        }

    @property
    def is_neutral(self) -> bool:
        """Nothing but the name changes: the same image runs before and after."""
        return bool(self.after_id) and self.before_id == self.after_id

    def is_after(self, image_id: str, digests: tuple[str, ...]) -> bool:
        """Whether this is the image that the release brought."""
        return image_id == self.after_id or (bool(self.after_digest) and self.after_digest in digests)


def read_release(service: str, content: dict[str, str]) -> Release:
    """From what `content` wrote. Raises KeyError."""
    names = ("before", "before_id", "before_digest", "after", "after_id", "after_digest")
    return Release(service, *(str(content[name]) for name in names))
