"""`tocsin audit --graph FILE`: the estate as a picture."""

import asyncio
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from bot.core.errors import Upstream, UserError

if TYPE_CHECKING:
    from estate.snapshot.model import Snapshot


def graph(path: Path, snapshot: "Snapshot") -> int:
    """Write it, all at once. Raises UserError."""
    from audit.cleaning import secrets_of
    from audit.graph import graph_of
    from audit.graph_dot import as_dot
    from audit.look import Look
    from bot.core.redact import Redactor
    from estate.drawing import draw, form_of

    form = form_of(path.name)
    if form is None and path.suffix != ".dot":
        raise UserError(f"{path}: its ending says what to draw: .svg, .png, or .dot for Graphviz's own text")
    found = graph_of(Look(snapshot, snapshot.taken))
    dot = Redactor(secrets_of(snapshot)).text(as_dot(found, snapshot.root.resolve().name or "estate"))
    try:
        data = dot.encode() if form is None else asyncio.run(draw(dot, form, os.environ.get("PATH", "")))
    except Upstream as why:
        raise UserError(f"{path}: {why}") from None
    _write(path, data)
    needs = sum(one.start in found.nodes for one in found.edges)
    sys.stderr.write(f"{path}: {len(found.nodes)} services, {needs} lines between them\n")
    return 0


def _write(path: Path, data: bytes) -> None:
    new = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        new.write_bytes(data)
        new.replace(path)
    except OSError as wrong:
        new.unlink(missing_ok=True)
        raise UserError(f"{path}: cannot be written: {(wrong.strerror or str(wrong)).lower()}") from None
