"""The ports that a service publishes on its host. Pure."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from estate.compose.service import ResolvedService
from estate.compose.value import Rows, Section, Tree, Value, child, text_of

_SHORT = re.compile(
    r"(?:(?P<ip>\[[0-9a-fA-F:.]+\]|\d+\.\d+\.\d+\.\d+):)?(?:(?P<host>[\d-]*):)?"
    r"(?P<inside>[\d-]+)(?:/(?P<protocol>\w+))?\Z"
)
_LOOPBACK = re.compile(r"127\.|\[?::1\]?\Z|localhost\Z")


@dataclass(frozen=True, slots=True)
class Port:
    """`host`: the port on the host, or a range, or empty when Docker chooses one. `inside`: the
    container's."""

    address: str
    host: str
    inside: str
    protocol: str
    tree: Tree

    @property
    def is_public(self) -> bool:
        """Whether other machines reach it."""
        return not _LOOPBACK.match(self.address)


def published(service: ResolvedService) -> Iterator[Port]:
    """What cannot be read as a port is passed over."""
    rows = service.tree.get("ports")
    for one in rows if isinstance(rows, Rows) else ():
        port = _short(one) if isinstance(one, Value) else _long(one)
        if port is not None:
            yield port


def _short(value: Value) -> Port | None:
    found = _SHORT.match(value.text)
    if found is None:
        return None
    return Port(found["ip"] or "", found["host"] or "", found["inside"], (found["protocol"] or "tcp"), value)


def _long(tree: Tree) -> Port | None:
    target = text_of(child(tree, "target"))
    if not isinstance(tree, Section) or target is None:
        return None
    return Port(
        text_of(child(tree, "host_ip")) or "",
        text_of(child(tree, "published")) or "",
        target,
        text_of(child(tree, "protocol")) or "tcp",
        tree,
    )
