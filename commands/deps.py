"""What depends on what, and the estate as a picture."""

import asyncio
import os
from typing import TYPE_CHECKING

from bot.context import Context
from bot.core.command import ServiceRef, command
from bot.core.doc import Block, Code, Doc, Fields, File, Heading, Line, Paragraph, doc, line
from bot.core.errors import Unknown, Upstream
from bot.core.model import Risk
from commands.findings import Audit, take_audit
from commands.look import look

if TYPE_CHECKING:
    from audit.graph import Edge, Graph

SHOWN = 12
"""Names in one line."""


@command(risk=Risk.READ)
async def deps(ctx: Context, service: ServiceRef | None = None) -> Doc:
    """The estate as a picture; with a service: what it needs, who needs it, and why.

    Needed is what `depends_on` says and what the environment names as a host. Blue leads in from outside.
    """
    found = await take_audit(ctx)
    graph = await asyncio.to_thread(_graph, found)
    if service is None:
        return await _all(ctx, found, graph)
    name = (await look(ctx.services)).find(service).full_name
    if name not in graph.nodes:
        raise Unknown(f"{name} — no compose file of this tree has it, so nothing tells what it needs")
    return await _one(ctx, name, graph)


def _graph(found: Audit) -> "Graph":
    from audit.graph import graph_of
    from audit.look import Look

    return graph_of(Look(found.snapshot, found.snapshot.taken))


async def _all(ctx: Context, found: Audit, graph: "Graph") -> Doc:
    from audit.graph import Why

    routed = sum(one.why is Why.ROUTE for one in graph.edges)
    projects = len({node.project for node in graph.nodes.values()})
    words = f"{_count(len(graph.nodes), 'service')} in {_count(projects, 'project')}, {routed} routed"
    most = sorted(graph.nodes, key=lambda name: (-len(graph.all_needing(name)), name))
    rows = [
        (name, line(f"needed by {len(graph.all_needing(name))}")) for name in most if graph.needed_by(name)
    ]
    blocks: list[Block] = [Heading(line(words))]
    blocks += [Fields(tuple((name, said) for name, said in rows[:SHOWN]))] if rows else []
    return await _with_picture(ctx, graph, found.snapshot.root.name or "estate", blocks)


async def _one(ctx: Context, name: str, graph: "Graph") -> Doc:
    needs = [_edge(one.end, one) for one in graph.needs(name)]
    needed = [_edge(one.start, one) for one in graph.needed_by(name)]
    pairs: list[tuple[str, Line]] = [
        ("needs", _joined(needs) if needs else line("nothing that the files tell of")),
        ("needed by", _joined(needed) if needed else line("nothing that the files tell of")),
    ]
    doors = graph.nodes[name].doors
    pairs += [("reached as", line(", ".join(doors[:SHOWN])))] if doors else []
    before, after = graph.all_needed(name), graph.all_needing(name)
    pairs += [("start before it", line(_names(before)))] if before else []
    pairs += [("stops with it", line(_names(after)))] if after else []
    around = graph.around(name)
    return await _with_picture(ctx, around, name, [Heading(line(Code(name))), Fields(tuple(pairs))])


def _count(number: int, what: str) -> str:
    return f"{number} {what}" + ("" if number == 1 else "s")


def _edge(other: str, one: "Edge") -> Line:
    words = f" ({one.why.value}: {one.words})" if one.words else f" ({one.why.value})"
    where = line(" ", Code(str(one.place))) if one.place else ()
    return (*line(Code(other), words), *where)


def _joined(rows: list[Line]) -> Line:
    shown: Line = ()
    for number, row in enumerate(rows[:SHOWN]):
        shown = (*shown, *line(", "), *row) if number else row
    return (*shown, *line(f" and {len(rows) - SHOWN} more")) if len(rows) > SHOWN else shown


def _names(names: tuple[str, ...]) -> str:
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return " → ".join(names[:SHOWN]) + more


async def _with_picture(ctx: Context, graph: "Graph", title: str, blocks: list[Block]) -> Doc:
    """The words come also where nothing can draw."""
    from audit.graph_dot import as_dot
    from estate.drawing import Form, draw

    dot = ctx.redactor.text(as_dot(graph, title))
    try:
        png = await draw(dot, Form.PNG, os.environ.get("PATH", "/usr/bin:/bin"))
    except Upstream as why:
        return doc(*blocks, Paragraph(line(f"no picture: {why}")))
    return doc(*blocks, files=[File("deps.png", "image/png", png)])
