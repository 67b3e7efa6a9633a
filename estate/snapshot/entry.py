"""One file, folder or link of the tree, as `lstat` shows it. Pure."""

import stat
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Entry:
    """`path` is relative to the estate's root, with `/`; what lies outside of it is absolute."""

    path: str
    mode: int
    """With the type, as `st_mode`."""
    uid: int
    gid: int
    size: int
    """Bytes."""
    device: int
    inode: int
    target: str = ""
    """Of a symlink: where it leads, as written."""

    @property
    def name(self) -> str:
        return self.path.rpartition("/")[2]

    @property
    def folder(self) -> str:
        """Empty for what stands in the root."""
        return self.path.rpartition("/")[0]

    @property
    def permissions(self) -> int:
        """`0o644`, with sticky and set-id bits."""
        return stat.S_IMODE(self.mode)

    @property
    def octal(self) -> str:
        """`0644`, as `chmod` takes it."""
        return f"{self.permissions:04o}"

    @property
    def is_file(self) -> bool:
        return stat.S_ISREG(self.mode)

    @property
    def is_folder(self) -> bool:
        return stat.S_ISDIR(self.mode)

    @property
    def is_link(self) -> bool:
        return stat.S_ISLNK(self.mode)

    @property
    def identity(self) -> str:
        """The same as long as it is the same file: device, inode and owner."""
        return f"{self.device}:{self.inode}:{self.uid}:{self.gid}"
