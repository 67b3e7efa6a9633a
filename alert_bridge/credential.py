"""What a webhook's sender must show. Compared in constant time; who shows nothing is refused."""

import base64
import binascii
import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Bearer:
    """`Authorization: Bearer TOKEN`."""

    token: str = field(repr=False)

    challenge = "Bearer"

    def admits(self, headers: Mapping[str, str]) -> bool:
        scheme, _, given = headers.get("Authorization", "").partition(" ")
        return _same(given.strip(), self.token) and scheme.lower() == "bearer"


@dataclass(frozen=True, slots=True)
class Basic:
    """`Authorization: Basic base64(user:password)`, RFC 7617."""

    user: str
    password: str = field(repr=False)

    challenge = 'Basic realm="tocsin"'

    def admits(self, headers: Mapping[str, str]) -> bool:
        scheme, _, given = headers.get("Authorization", "").partition(" ")
        try:
            shown = base64.b64decode(given.strip(), validate=True).decode()
        except (binascii.Error, UnicodeDecodeError, ValueError):
            shown = ""
        return _same(shown, f"{self.user}:{self.password}") and scheme.lower() == "basic"


@dataclass(frozen=True, slots=True)
class Header:
    """A header of the sender's own (Alertmanager's `http_headers`)."""

    name: str
    value: str = field(repr=False)

    challenge = "Bearer"

    def admits(self, headers: Mapping[str, str]) -> bool:
        return _same(headers.get(self.name, ""), self.value)


@dataclass(frozen=True, slots=True)
class Anybody:
    """`insecure: true`, said by the operator."""

    challenge = ""

    def admits(self, headers: Mapping[str, str]) -> bool:
        return True


Credential = Bearer | Basic | Header | Anybody


def _same(given: str, wanted: str) -> bool:
    # An empty secret admits nobody, whatever is shown.
    equal = hmac.compare_digest(given.encode("utf-8", "surrogateescape"), wanted.encode())
    return equal and bool(wanted)
