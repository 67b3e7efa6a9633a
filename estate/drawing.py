"""Pictures: Graphviz's `dot` makes one of a text. It is run as any program, bounded."""

import re
from enum import StrEnum

from bot.core.errors import Upstream
from estate.program import NoProgram, run

SECONDS = 60.0
LARGEST = 32 * 1024 * 1024
"""Bytes of a picture."""
HOW = "install Graphviz (Debian: apt-get install graphviz)"


class Form(StrEnum):
    """What a file's ending means."""

    SVG = "svg"
    PNG = "png"


async def draw(dot: str, form: Form, path: str) -> bytes:
    """The picture. `path`: the PATH that dot is looked for in. Raises Upstream: what is missing, or what dot
    says."""
    import tempfile
    from pathlib import Path

    with tempfile.TemporaryDirectory(prefix="tocsin-") as folder:
        into = Path(folder) / "picture"
        argv = ("dot", f"-T{form.value}", "-Gdpi=96" if form is Form.PNG else "-Gdpi=72")
        environment = {"PATH": path, "HOME": "/nonexistent", "LC_ALL": "C.UTF-8"}
        try:
            ended = await run(argv, environment=environment, seconds=SECONDS, given=dot.encode(), into=into)
        except NoProgram:
            raise Upstream(f"there is no dot here, which draws: {HOW}", permanent=True) from None
        if ended.code in {126, 127}:
            raise Upstream(f"there is no dot here, which draws: {HOW}", permanent=True)
        if ended.code is None:
            raise Upstream(
                f"dot did not end within {SECONDS:.0f} s: the picture is too large; name a service"
            )
        size = into.stat().st_size
        if not ended.ok or not 0 < size < LARGEST:
            raise Upstream(f"dot could not draw it: {ended.last}")
        return into.read_bytes()


def size_of(png: bytes) -> tuple[int, int]:
    """Width and height in pixels (PNG, ISO/IEC 15948, IHDR)."""
    return (int.from_bytes(png[16:20], "big"), int.from_bytes(png[20:24], "big")) if len(png) > 24 else (0, 0)


def form_of(name: str) -> Form | None:
    """By the file's ending; None for another one."""
    found = re.search(r"\.(svg|png)\Z", name, re.IGNORECASE)
    return Form(found.group(1).lower()) if found else None
