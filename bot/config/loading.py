"""A file and an environment → Config, or all mistakes at once."""

from collections.abc import Collection, Mapping
from pathlib import Path

from bot.config import nodes
from bot.config.build import build
from bot.config.checks import check
from bot.config.model import Config
from bot.config.reading import Reader, faults
from bot.config.roles import CHANGING
from bot.config.schema import TOP
from bot.core.errors import ConfigError, Mistake
from bot.core.policy import READING

_LARGEST = 1 << 20
"""Bytes."""


def load(path: Path, env: Mapping[str, str], commands: Collection[str] = ()) -> Config:
    """Read the configuration and its secrets. Raises ConfigError with every mistake, in the file's order.

    commands: the names of all commands (`"pin"`, `"backup now"`); without them, policy and roles are not held
    against what exists.
    """
    reader = Reader(path, env)
    known = (*commands, *READING, *CHANGING) if commands else ()
    try:
        root, found = nodes.parse(_content(path))
    except nodes.Unreadable as error:
        fault = error.fault
        raise ConfigError(Mistake(f"{path}:{fault.line}", fault.what, fault.remedy)) from None
    faults(reader, found)
    if isinstance(root, nodes.Scalar) and root.empty:
        raise ConfigError(Mistake(f"{path}:1", "the file is empty", "start from config.example.yml"))
    top = reader.read(TOP, root, "", 1)
    if isinstance(root, nodes.Mapping):
        check(top, reader, known)
    if reader.mistakes:
        ordered = sorted(reader.mistakes, key=lambda noted: noted[0])
        raise ConfigError(*dict.fromkeys(mistake for _, mistake in ordered))
    warnings = tuple(warning for _, warning in sorted(reader.warnings, key=lambda noted: noted[0]))
    return build(top, path.parent, warnings, known)


def _content(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            content = file.read(_LARGEST + 1)
    except FileNotFoundError:
        raise ConfigError(Mistake(str(path), "there is no such file", "copy config.example.yml")) from None
    except IsADirectoryError:
        raise ConfigError(Mistake(str(path), "is a folder", "name the file in it")) from None
    except PermissionError:
        raise ConfigError(Mistake(str(path), "may not be read", "give it to this user")) from None
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or "bad path"
        raise ConfigError(Mistake(str(path), f"cannot be read: {why}", "check the path")) from None
    if len(content) > _LARGEST:
        raise ConfigError(Mistake(str(path), "is larger than 1 MiB", "name the configuration file"))
    return content
