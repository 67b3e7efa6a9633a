"""An image made of this machine's own Debian files, since none can be pulled: BusyBox, some programs, and the
libraries that they are linked with."""

import io
import re
import subprocess
import tarfile
from collections.abc import Sequence
from pathlib import Path

import docker


class DebianImage:
    """What is added stands at the same path as here. `applets`: the words of BusyBox that it has."""

    def __init__(self, applets: Sequence[str], users: str = "") -> None:
        self._bytes = io.BytesIO()
        self._tar = tarfile.open(fileobj=self._bytes, mode="w")  # noqa: SIM115 - closed in build
        self._programs: list[Path] = []
        for folder in ("bin", "etc"):
            self.folder(folder)
        self.folder("tmp", 0o1777)
        self.file("etc/passwd", f"root:x:0:0::/:/bin/sh\n{users}")
        groups = [f"{one.partition(':')[0]}:x:999:\n" for one in users.splitlines()]
        self.file("etc/group", "root:x:0:\n" + "".join(groups))
        self._tar.add("/bin/busybox", "bin/busybox")
        for applet in applets:
            self.link(f"bin/{applet}", "busybox")

    def folder(self, name: str, mode: int = 0o755) -> None:
        item = tarfile.TarInfo(name)
        item.type, item.mode = tarfile.DIRTYPE, mode
        self._tar.addfile(item)

    def link(self, name: str, to: str) -> None:
        item = tarfile.TarInfo(name)
        item.type, item.linkname = tarfile.SYMTYPE, to
        self._tar.addfile(item)

    def file(self, name: str, text: str, mode: int = 0o644) -> None:
        data = text.encode()
        item = tarfile.TarInfo(name)
        item.size, item.mode = len(data), mode
        self._tar.addfile(item, io.BytesIO(data))

    def program(self, *paths: Path) -> None:
        """Executables and shared objects, with what they are linked with."""
        for path in paths:
            self._tar.add(path.resolve(), str(path).lstrip("/"))
        self._programs += paths

    def tree(self, path: Path, without: Sequence[str] = ()) -> None:
        """A folder; not what has one of these in its name."""
        self._tar.add(
            path,
            str(path).lstrip("/"),
            filter=lambda item: None if any(one in item.name for one in without) else item,
        )

    def build(self, client: docker.DockerClient, name: str, changes: Sequence[str]) -> str:
        """Make it and return its id. `changes`: as in a Dockerfile."""
        said = subprocess.run(["ldd", *self._programs], capture_output=True, text=True, check=True).stdout
        for library in sorted(set(re.findall(r"(/\S+\.so\S*) \(", said))):
            self._tar.add(Path(library).resolve(), library.lstrip("/"))
        self._tar.close()
        repository, _, tag = name.partition(":")
        client.api.import_image_from_data(
            self._bytes.getvalue(), repository=repository, tag=tag, changes=list(changes)
        )
        return str(client.images.get(name).id)
