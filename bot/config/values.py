"""From the text of one value to what it means. Each raises Wrong, which says what is allowed.

Grammars: Matrix ids as in the specification's appendix "Identifier Grammar" (room ids of room version 12 have
no server part); Slack ids as in Slack's API reference.
"""

import ipaddress
import re
from collections.abc import Callable
from datetime import time, timedelta
from difflib import get_close_matches
from urllib.parse import urlsplit

from bot.config.model import Http, Rate
from bot.config.nodes import quoted
from bot.core.duration import read_duration


class Wrong(Exception):
    """The text does not fit."""

    def __init__(self, what: str, remedy: str = "") -> None:
        super().__init__(what)
        self.what = what
        self.remedy = remedy


Convert = Callable[[str], object]


def near(word: str, known: "list[str] | tuple[str, ...]") -> str | None:
    """The known word that was probably meant."""
    folded = {name.lower(): name for name in known}
    found = get_close_matches(word.lower(), list(folded), n=1, cutoff=0.6)
    return folded[found[0]] if found else None


def did_you_mean(word: str, known: "list[str] | tuple[str, ...]") -> str:
    """A remedy: the near word, or all of them when they are few."""
    found = near(word, known)
    if found is not None:
        return f'did you mean "{found}"?'
    return f"it can be: {', '.join(known)}" if 0 < len(known) <= 12 else ""


# ---- plain things ---------------------------------------------------------------------------------------


def words(text: str) -> str:
    """Any text in one line."""
    if not text.strip():
        raise Wrong("is empty", "give it a value or leave the key out")
    return text


def name(text: str) -> str:
    """A name of the operator's own: a room, a person, a role, an endpoint."""
    if not re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,63}", text):
        raise Wrong(f"{quoted(text)} cannot be a name", "use letters, digits, - _ and . only, at most 64")
    return text


def prefix(text: str) -> str:
    """What stands before a command: one to three signs that start no ordinary word."""
    if not re.fullmatch(r"[!$%&*+,.:;=?^|~\\-]{1,3}", text):
        raise Wrong(f"{quoted(text)} cannot be the prefix", "one to three of ! $ % & * + , . : ; = ? ^ | ~ -")
    return text


def boolean(text: str) -> bool:
    known = {"true": True, "yes": True, "on": True, "false": False, "no": False, "off": False}
    if text.lower() not in known:
        raise Wrong(f"{quoted(text)} is neither true nor false", "write true or false")
    return known[text.lower()]


def positive(text: str) -> int:
    if re.fullmatch(r"0[0-9]+", text):
        raise Wrong(f"{quoted(text)} starts with 0, octal to some", f"write {text.lstrip('0') or '1'}")
    if not re.fullmatch(r"[1-9][0-9]{0,5}", text):
        raise Wrong(f"{quoted(text)} is not a whole number from 1", "write digits only, for example 1")
    return int(text)


def choice(*allowed: str) -> Convert:
    def convert(text: str) -> str:
        if text not in allowed:
            raise Wrong(f"{quoted(text)} is not allowed", did_you_mean(text, allowed) or _one_of(allowed))
        return text

    return convert


def _one_of(allowed: tuple[str, ...]) -> str:
    return f"it can be: {', '.join(allowed)}"


# ---- times ----------------------------------------------------------------------------------------------


def duration(text: str) -> timedelta:
    if re.fullmatch(r"[0-9.]+", text):
        raise Wrong(f"{quoted(text)} has no unit", "write 30s, 10m, 26h or 90d")
    try:
        read = read_duration(text)
    except ValueError:
        raise Wrong(f"{quoted(text)} is not a duration", "write 30s, 10m, 26h or 90d") from None
    if not read:
        raise Wrong("is no time at all", "write 30s, 10m, 26h or 90d")
    return read


_UNITS = {
    "s": 1,
    "sec": 1,
    "second": 1,
    "m": 60,
    "min": 60,
    "minute": 60,
    "h": 3600,
    "hour": 3600,
    "d": 86400,
}


def rate(text: str) -> Rate:
    match = re.fullmatch(r"([1-9][0-9]{0,5})\s*/\s*([a-z]+)", text)
    if match is None or match[2] not in _UNITS:
        raise Wrong(f"{quoted(text)} is not a rate", "write how many per time: 30/min, 1/s, 500/h")
    return Rate(int(match[1]), timedelta(seconds=_UNITS[match[2]]))


def clock(text: str) -> time:
    match = re.fullmatch(r"([01]?[0-9]|2[0-3]):([0-5][0-9])", text)
    if match is None:
        raise Wrong(f"{quoted(text)} is not a time of day", 'write "HH:MM", 00:00 to 23:59')
    return time(int(match[1]), int(match[2]))


# ---- places on the network ------------------------------------------------------------------------------


def listen(text: str) -> Http:
    match = re.fullmatch(r"(\[[0-9A-Fa-f:.]+\]|[^:\s]*):([0-9]{1,5})", text)
    if match is None:
        remedy = (
            f'write "127.0.0.1:{text}"' if text.isdecimal() else 'write address and port: "127.0.0.1:9099"'
        )
        what = "has no port" if ":" not in text else "is no address"
        raise Wrong(f"{quoted(text)} {what}", remedy)
    host, port = match[1].strip("[]"), int(match[2])
    if not host or host == "*":
        raise Wrong(f"{quoted(text)} names no address", f'write "127.0.0.1:{port}", or "0.0.0.0:{port}"')
    if port > 65535:
        raise Wrong(f"{port} is no port", "a port is at most 65535")
    if not _is_host(host):
        raise Wrong(f"{quoted(host)} is no address", 'write address and port: "127.0.0.1:9099"')
    return Http(host, port)


_LABEL = r"[A-Za-z0-9_][A-Za-z0-9_-]{0,62}"
_HOST_NAME = re.compile(rf"(?=.{{1,253}}\Z){_LABEL}(\.{_LABEL})*\.?")


def _is_host(host: str) -> bool:
    if ":" in host or re.fullmatch(r"[0-9.]+", host):
        try:
            ipaddress.ip_address(host)
        except ValueError:
            return False
        return True
    return _HOST_NAME.fullmatch(host) is not None


def url(text: str) -> str:
    """http or https; without a slash at its end."""
    return _url(text).rstrip("/")


def url_with_slash(text: str) -> str:
    return _url(text).rstrip("/") + "/"


def _url(text: str) -> str:
    if not re.match(r"https?://", text, re.IGNORECASE):
        raise Wrong(f"{quoted(text)} is not a URL", "it starts with http:// or https://")
    try:
        parts = urlsplit(text)
        host, _ = parts.hostname or "", parts.port
    except ValueError:
        raise Wrong(f"{quoted(text)} is not a URL", "write https://host or https://host:port") from None
    if not _is_host(host) or any(char.isspace() for char in text):
        raise Wrong(f"{quoted(text)} names no host", "write https://host or https://host:port")
    if parts.username or parts.password:
        raise Wrong("holds a user or a password", "a URL here is shown in messages: leave them out")
    if parts.query or parts.fragment:
        raise Wrong(f"{quoted(text)} has a ? or a # part", "write only the address")
    return text


def docker_host(text: str) -> str:
    if text.startswith("/"):
        raise Wrong(f"{quoted(text)} is a path", f"write unix://{text}")
    if not re.fullmatch(r"unix:///\S+|(tcp|https?|ssh)://[^\s/?#]+(/\S*)?", text):
        raise Wrong(
            f"{quoted(text)} is no Engine's address", "write unix:///var/run/docker.sock or tcp://host:port"
        )
    return text


# ---- paths ----------------------------------------------------------------------------------------------


def path(text: str) -> str:
    """Absolute, or relative to the configuration file."""
    words(text)
    if text.startswith("~"):
        raise Wrong(f"{quoted(text)} starts with ~, which only a shell reads", "write the whole path")
    return text


def absolute(text: str) -> str:
    if not path(text).startswith("/"):
        raise Wrong(f"{quoted(text)} is not absolute", "it starts with /")
    return "/" + text.strip("/")


# ---- ids, never names -----------------------------------------------------------------------------------

_SERVER = re.compile(r"(\[[0-9A-Fa-f:.]{2,45}\]|[A-Za-z0-9.-]{1,255})(:[0-9]{1,5})?")
_HASH = re.compile(r"[A-Za-z0-9_-]{43}")


def matrix_user(text: str) -> str:
    local, colon, server = text[1:].partition(":")
    if not text.startswith("@") or not colon:
        bare = text.lstrip("@").partition(":")[0]
        shown = f'"@{bare}:example.org"' if re.fullmatch(r"[a-z0-9._=/+-]+", bare) else '"@name:example.org"'
        raise Wrong(f"{quoted(text)} is not a Matrix user id", f"an id, never a name: {shown}")
    if not re.fullmatch(r"[!-9;-~]+", local) or not _SERVER.fullmatch(server) or len(text.encode()) > 255:
        raise Wrong(f"{quoted(text)} is not a Matrix user id", "it has the form @name:server")
    return text


def matrix_room(text: str) -> str:
    """`!opaque:server`, `!43characters` of room version 12, or `#alias:server`."""
    body, colon, server = text[1:].partition(":")
    if text[:1] not in {"!", "#"}:
        remedy = "an id (!abc:example.org) or an alias (#name:example.org), never a name"
        raise Wrong(f"{quoted(text)} is not a Matrix room", remedy)
    if not body or any(char.isspace() for char in body) or len(text.encode()) > 255:
        raise Wrong(f"{quoted(text)} is not a Matrix room", "write !abc:example.org or #name:example.org")
    if not colon:
        if text.startswith("!") and _HASH.fullmatch(body):
            return text
        what = "has no :server part" + (", and is no id of room version 12" if text.startswith("!") else "")
        raise Wrong(f"{quoted(text)} {what}", f"write the whole id, as in {text[0]}abc:example.org")
    if not _SERVER.fullmatch(server):
        raise Wrong(f"{quoted(text)} has no good server name after the :", "write !abc:example.org")
    return text


def matrix_key(text: str) -> str:
    """An ed25519 public key: 43 characters of base64. Clients show it with blanks between."""
    key = re.sub(r"\s", "", text).removesuffix("=")
    if not re.fullmatch(r"[A-Za-z0-9+/]{43}", key):
        what = f"{quoted(text)} is no ed25519 fingerprint"
        raise Wrong(what, "43 letters, digits, + and /, as `tocsin doctor` prints them")
    return key


def device(text: str) -> str:
    if not re.fullmatch(r"[!-~]{1,255}", text):
        raise Wrong(f"{quoted(text)} is no device id", "letters and digits, without blanks")
    return text


_COPY_ID = "an id, never a name: Slack shows it at the end of the {}"


def slack_channel(text: str) -> str:
    if not re.fullmatch(r"[CGD][A-Z0-9]{2,20}", text):
        remedy = _COPY_ID.format("channel's details") + "; it starts with C, G or D"
        raise Wrong(f"{quoted(text)} is not a Slack channel id", remedy)
    return text


def slack_user(text: str) -> str:
    if not re.fullmatch(r"([TE][A-Z0-9]{2,20}/)?[UW][A-Z0-9]{2,20}", text):
        remedy = 'an id, never a name: "Copy member ID" in the person\'s profile, U0BBB or T0AAA/U0BBB'
        raise Wrong(f"{quoted(text)} is not a Slack user id", remedy)
    return text


def slack_team(text: str) -> str:
    if not re.fullmatch(r"[TE][A-Z0-9]{2,20}", text):
        raise Wrong(f"{quoted(text)} is not a Slack team id", "an id, never a name: T0AAA, as auth.test says")
    return text


# ---- patterns -------------------------------------------------------------------------------------------


def glob(text: str) -> str:
    """`*`, `?` and `[…]` as in fnmatch."""
    words(text)
    if text != text.strip():
        raise Wrong(f"{quoted(text)} has a blank at its edge", "take it away")
    rest = re.sub(r"\[!?\]?[^\]]*\]", "", text)
    if "[" in rest:
        raise Wrong(f"{quoted(text)} has a [ without its ]", "close it, or write [[] for the sign itself")
    return text


def header_name(text: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+", text):
        raise Wrong(f"{quoted(text)} is no name of a header", "write it as in X-Webhook-Token")
    if text.lower() in {"host", "content-type", "content-length", "connection", "user-agent"}:
        raise Wrong(f"{quoted(text)} is set by every sender", "take a header of its own, as X-Webhook-Token")
    return text


def basic_user(text: str) -> str:
    if ":" in words(text):
        raise Wrong(f"{quoted(text)} holds a :", "a user of basic authentication cannot (RFC 7617)")
    return text
