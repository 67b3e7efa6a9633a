"""A secret's value: from a file, from the environment, or (unwise) from the configuration itself.

No message made here ever holds the value.
"""

import re
import stat
from collections.abc import Mapping
from pathlib import Path

from bot.config.model import Secret
from bot.config.nodes import looks_secret, quoted
from bot.config.values import Wrong

_LARGEST = 65_536
_WHOLE_ENV = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")


def inline(text: str, env: Mapping[str, str], where: str) -> tuple[Secret, str]:
    """The secret of a key `x`, and a warning or "". Raises Wrong."""
    match = _WHOLE_ENV.fullmatch(text.strip())
    if match is not None:
        name = match[1]
        if name not in env:
            raise Wrong(f"the environment has no {name}", f"set {name} for this process, or use a file")
        return _checked(env[name], f"${{{name}}}", f"the environment's {name}")
    if "${" in text:
        raise Wrong("${…} must stand alone", "put the whole value into the variable")
    secret, _ = _checked(text, where, "it")
    return secret, "the secret is written in the configuration itself: move it to a file of its own"


def from_file(text: str, base: Path) -> tuple[Secret, str]:
    """The secret of a key `x_file`, relative to the configuration's folder. Raises Wrong."""
    shown = "(what looks like the secret itself)" if looks_secret(text) else quoted(text)
    path = base / text
    try:
        info = path.stat()
        if not stat.S_ISREG(info.st_mode):
            raise Wrong(f"{shown} is not a file", "name a file that holds only the secret")
        with path.open("rb") as file:
            content = file.read(_LARGEST + 1)
    except FileNotFoundError:
        raise Wrong(f"there is no file {shown}", _create(text, path)) from None
    except PermissionError:
        raise Wrong(f"the file {shown} may not be read", "give it to this user, mode 0600") from None
    except (OSError, ValueError):
        raise Wrong(f"the file {shown} cannot be read", _create(text, path)) from None
    if len(content) > _LARGEST:
        raise Wrong(f"the file {shown} is larger than 64 KiB", "it must hold only the secret")
    try:
        value = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise Wrong(f"the file {shown} is no text", "it must hold only the secret, in UTF-8") from None
    origin = "a file" if looks_secret(text) else text
    secret, warning = _checked(re.sub(r"\r?\n\Z", "", value), origin, f"the file {shown}")
    if info.st_mode & 0o044:
        who = "others" if info.st_mode & 0o004 else "its group"
        warning = f"{who} may read the file {shown}: chmod 600 it"
    return secret, warning


def _create(text: str, path: Path) -> str:
    if looks_secret(text):
        return "this key wants the name of a file; write the secret into that"
    return f"it was looked for at {quoted(str(path), 300)}"


def _checked(value: str, origin: str, what: str) -> tuple[Secret, str]:
    if not value.strip():
        raise Wrong(f"{what} is empty", "put the secret there")
    if any(ord(char) < 32 or ord(char) == 127 or 0xD800 <= ord(char) <= 0xDFFF for char in value):
        raise Wrong(f"{what} has several lines, or invisible characters", "keep only the secret")
    warning = f"{what} starts or ends with a blank, which counts" if value != value.strip() else ""
    return Secret(value, origin), warning
