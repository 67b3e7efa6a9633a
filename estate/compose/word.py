"""What a scalar means to Compose: its data, and how its characters stand in the file. Pure."""

import math
import re

from estate.compose.node import Scalar

Data = None | bool | int | float | str

_NULL = {"", "~", "null", "Null", "NULL"}
_TRUE = {"true", "True", "TRUE"}
_FALSE = {"false", "False", "FALSE"}
_INTEGER = re.compile(r"[-+]?(?:0b[01_]+|0o?[0-7_]+|0x[0-9a-fA-F_]+|[0-9][0-9_]*)\Z")
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?\Z")
_NUMBERS = frozenset("-+.0123456789")
_ESCAPES = {"x": 2, "u": 4, "U": 8}


def meaning(node: Scalar) -> Data:
    """As the YAML parser of Compose reads it: 1.2, but octal is also `0644`, and `yes` is a word."""
    text = node.text
    if node.style or node.tag == "!" or node.tag == "tag:yaml.org,2002:str":
        return text
    if text in _NULL:
        return None
    if text in _TRUE or text in _FALSE:
        return text in _TRUE
    if text[0] not in _NUMBERS:
        return text
    return _number(text)


def _number(text: str) -> Data:
    if _INTEGER.match(text) and len(text) <= 64:
        bare = text.replace("_", "").lower()
        sign, digits = (-1, bare[1:]) if bare.startswith("-") else (1, bare.removeprefix("+"))
        whole = _whole(digits)
        if whole is not None:
            return sign * whole if -(2**63) <= sign * whole < 2**64 else float(sign * whole)
    if _FLOAT.match(text.replace("_", "")) and len(text) <= 64:
        return float(text.replace("_", ""))
    if text.lower().lstrip("+-") == ".inf":
        return -math.inf if text.startswith("-") else math.inf
    return math.nan if text in {".nan", ".NaN", ".NAN"} else text


def _whole(digits: str) -> int | None:
    base = {"0b": 2, "0o": 8, "0x": 16}.get(digits[:2], 8 if digits[:1] == "0" and len(digits) > 1 else 10)
    try:
        return int(digits, base)
    except ValueError:
        return None


def spoken(data: Data) -> str:
    """The text that a container gets: Go's `%v`."""
    if data is None:
        return ""
    if isinstance(data, bool):
        return "true" if data else "false"
    if not isinstance(data, float):
        return str(data)
    if math.isinf(data) or math.isnan(data):
        return "NaN" if math.isnan(data) else "+Inf" if data > 0 else "-Inf"
    return _go_float(data)


def _go_float(data: float) -> str:
    if data == 0:
        return "-0" if math.copysign(1, data) < 0 else "0"
    exponent = int(f"{data:e}".partition("e")[2])
    digits = repr(data)
    if -4 <= exponent < 6:
        if "e" in digits:
            digits = f"{data:f}" if exponent >= 0 else f"{data:.30f}".rstrip("0")
        return digits.rstrip("0").rstrip(".") if "." in digits else digits
    mantissa = digits.partition("e")[0] if "e" in digits else _mantissa(data)
    mantissa = mantissa.rstrip("0").rstrip(".") if "." in mantissa else mantissa
    return f"{mantissa}e{'-' if exponent < 0 else '+'}{abs(exponent):02d}"


def _mantissa(data: float) -> str:
    return next(m for p in range(18) if float(m := f"{data:.{p}e}") == data).partition("e")[0]


def characters(text: str, node: Scalar) -> list[int] | None:
    """For each character of the scalar where in `text` it is written, and where the last one ends.

    None when it is written over several lines or as a block: then no part of it can be told from the rest.
    """
    written = text[node.start : node.end]
    if "\n" in written or "\r" in written or node.style in ("|", ">"):
        return None
    if node.style == "":
        return list(range(node.start, node.end + 1)) if written == node.text else None
    places = _single(written) if node.style == "'" else _double(written)
    found = [node.start + at for at in places]
    return found if len(found) == len(node.text) + 1 else None


def _single(written: str) -> list[int]:
    places, at, end = [], 1, len(written) - 1
    while at < end:
        places.append(at)
        at += 2 if written.startswith("''", at) else 1
    return [*places, end]


def _double(written: str) -> list[int]:
    places, at, end = [], 1, len(written) - 1
    while at < end:
        places.append(at)
        if written[at] == "\\":
            at += 2 + _ESCAPES.get(written[at + 1], 0)
        else:
            at += 1
    return [*places, end]
