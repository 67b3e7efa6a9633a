"""What a registry wants to be shown: `WWW-Authenticate` (RFC 9110, Docker's token specification). Pure."""

import re
from dataclasses import dataclass

_SCHEME = re.compile(r"(?:^|,)\s*(bearer|basic|negotiate|digest|ntlm)(?=\s|,|$)", re.IGNORECASE)
_PARAMETER = re.compile(r'([\w-]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,"]+))')


@dataclass(frozen=True, slots=True)
class Challenge:
    """`scheme` is bearer or basic; the rest stands only with bearer."""

    scheme: str
    realm: str = ""
    service: str = ""
    scope: str = ""


def read_challenge(text: str) -> Challenge | None:
    """A token before a password, where both would do. None for what is neither."""
    found: dict[str, Challenge] = {}
    for scheme, parameters in _split(text[:8192]):
        said = {
            one[1].lower(): one[3] if one[2] is None else re.sub(r"\\(.)", r"\1", one[2])
            for one in _PARAMETER.finditer(parameters)
        }
        made = Challenge(scheme, said.get("realm", ""), said.get("service", ""), said.get("scope", ""))
        found.setdefault(scheme, made)
    return found.get("bearer") or found.get("basic")


def _split(text: str) -> list[tuple[str, str]]:
    """Several may stand in one header, or several headers were joined: `Basic realm="x", Bearer realm=…`."""
    hidden = re.sub(r'"(?:[^"\\]|\\.)*"', lambda quoted: "_" * len(quoted[0]), text)
    starts = list(_SCHEME.finditer(hidden))
    ends = [*(one.start() for one in starts[1:]), len(text)]
    return [(one[1].lower(), text[one.end() : end]) for one, end in zip(starts, ends, strict=False)]
