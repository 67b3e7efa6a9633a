"""From a path inside a container to the file of the tree that is mounted there. Pure."""

import posixpath
from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase
from pathlib import PurePosixPath

from audit.subject import Subject


def on_host(subject: Subject, inside: str) -> str | None:
    """Relative to the estate's root where it lies in it; None where nothing of the host is mounted."""
    mounts = sorted((one for one in subject.mounts if one.is_bind), key=lambda one: -len(one.target))
    for mount in mounts:
        target = mount.target.rstrip("/")
        if inside == target or inside.startswith(f"{target}/"):
            path = posixpath.normpath(mount.source + inside[len(target) :])
            return subject.snapshot.relative(PurePosixPath(path))
    return None


def in_container(subject: Subject, path: str) -> str | None:
    """The other way round: where a file of the tree lies inside; None where it is not mounted."""
    for mount in subject.mounts:
        source = subject.snapshot.relative(PurePosixPath(mount.source)) if mount.is_bind else ""
        if source and (path == source or path.startswith(f"{source}/")):
            return mount.target.rstrip("/") + path[len(source) :]
    return None


def files_matching(files: Mapping[str, Sequence[str]], subject: Subject, pattern: str) -> list[str] | None:
    """The files of the tree that a glob in the container finds (`*` in the last part only, as in Prometheus);
    `files`: folder → what is in it. None where its folder is not of this tree."""
    host = on_host(subject, pattern)
    if host is None or host.startswith("/"):
        return None
    folder, _, name = host.rpartition("/")
    return [path for path in files.get(folder, ()) if fnmatchcase(path.rpartition("/")[2], name)]


def flag_of(subject: Subject, name: str) -> str | None:
    """`--name=value` or `--name value` of the service's command or entrypoint."""
    words = [*(subject.service.entrypoint or ()), *(subject.service.command or ())]
    for at, word in enumerate(words):
        bare, equals, text = word.lstrip("-").partition("=")
        if word.startswith("-") and bare == name:
            return text if equals else next(iter(words[at + 1 : at + 2]), "")
    return None
