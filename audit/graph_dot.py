"""A graph in Graphviz's language (graphviz.org/doc/info/lang.html). Pure.

What a service is like is said by words and by the shape of its frame, never by colour alone.
"""

import re
from collections.abc import Iterator

from audit.graph import OUTSIDE, Condition, Edge, Graph, Node, Why
from bot.core.text import one_line, shorten

LONGEST = 34
"""Characters of one line in a box."""
_INK, _GREY, _FAINT = "#1f2933", "#7b8794", "#cbd2d9"
_FILL = {
    Condition.HEALTHY: "#e3f9e5",
    Condition.RUNNING: "#f0f4f8",
    Condition.STARTING: "#fffbea",
    Condition.UNHEALTHY: "#ffe3e3",
    Condition.DOWN: "#ffffff",
    Condition.OFF: "#ffffff",
    Condition.UNSEEN: "#f5f7fa",
}
_FRAME = {
    Condition.HEALTHY: ("#207227", "solid", 1.2),
    Condition.RUNNING: ("#486581", "solid", 1.2),
    Condition.STARTING: ("#b44d12", "solid", 1.6),
    Condition.UNHEALTHY: ("#ab091e", "bold", 3.0),
    Condition.DOWN: ("#ab091e", "dashed", 1.6),
    Condition.OFF: (_GREY, "dotted", 1.2),
    Condition.UNSEEN: (_GREY, "solid", 1.0),
}
_SIGN = {
    Condition.HEALTHY: "✓ healthy",
    Condition.STARTING: "… starting",
    Condition.UNHEALTHY: "✗ UNHEALTHY",
    Condition.DOWN: "✗ NOT RUNNING",
    Condition.OFF: "off by its profile",
    Condition.RUNNING: "running, unchecked",
    Condition.UNSEEN: "",
}
_LINE = {
    Why.DECLARED: (_INK, "solid", "normal"),
    Why.BOTH: (_INK, "solid", "normal"),
    Why.NAMED: ("#b44d12", "dashed", "normal"),
    Why.NETWORK: (_INK, "dotted", "normal"),
    Why.ROUTE: ("#0b69a3", "solid", "vee"),
    Why.PORT: ("#0b69a3", "bold", "vee"),
}


def as_dot(graph: Graph, title: str) -> str:
    """All of it, the same for the same graph."""
    return "\n".join(_rows(graph, title)) + "\n"


_HEAD = f"""\
  graph [rankdir=LR, fontname=Helvetica, fontsize=20, labelloc=t, bgcolor=white, pad=0.4, nodesep=0.2,
         ranksep=1.0, splines=true];
  node [fontname=Helvetica, fontsize=11, shape=box, margin="0.12,0.07"];
  edge [fontname=Helvetica, fontsize=9, color="{_INK}", fontcolor="{_GREY}", arrowsize=0.7];"""


def _rows(graph: Graph, title: str) -> Iterator[str]:
    yield "digraph estate {"
    yield _HEAD
    yield f"  label={quoted(f'{title} — what runs was not seen' if graph.no_engine else title)};"
    if any(one.start == OUTSIDE for one in graph.edges):
        people = quoted("people outside")
        yield f'  {quoted(OUTSIDE)} [label={people}, shape=ellipse, style=filled, fillcolor="#dceefb"];'
    for number, project in enumerate(sorted({node.project for node in graph.nodes.values()})):
        yield from _cluster(graph, number, project)
    for one in graph.edges:
        if one.end in graph.nodes and (one.start == OUTSIDE or one.start in graph.nodes):
            yield _edge(one)
    yield from _together(graph)
    yield from _legend(graph)
    yield "}"


def _together(graph: Graph) -> Iterator[str]:
    """What nobody leads to stands beside what its project has at the proxy, not at the other end."""
    reached = {one.end for one in graph.edges}
    for proxy in (name for name, node in graph.nodes.items() if node.is_proxy):
        ends = [one.end for one in graph.edges if one.start == proxy and one.end in graph.nodes]
        routed = {graph.nodes[end].project for end in ends}
        for name, node in graph.nodes.items():
            if name not in reached and name != proxy and node.project in routed:
                yield f"  {quoted(proxy)} -> {quoted(name)} [style=invis];"


def _cluster(graph: Graph, number: int, project: str) -> Iterator[str]:
    yield f"  subgraph cluster_{number} {{"
    yield f'    label={quoted(project)}; fontsize=12; fontcolor="{_GREY}"; color="{_FAINT}"; style=rounded;'
    for name, node in graph.nodes.items():
        if node.project == project:
            yield f"    {quoted(name)} [{_box(node)}];"
    yield "  }"


def _box(node: Node) -> str:
    colour, style, width = _FRAME[node.condition]
    shape = "cylinder" if node.is_database else "house" if node.is_proxy else "box"
    round_ = "rounded," if shape == "box" and style != "bold" else ""
    hosts = [one for one in node.doors if not one.startswith(":")]
    rows = [node.service, node.image, _SIGN[node.condition], *hosts[:3]]
    rows += [f"and {len(hosts) - 3} more names"] if len(hosts) > 3 else []
    label = quoted(*(row for row in rows if row))
    return (
        f'label={label}, shape={shape}, style="{round_}filled,{style}", penwidth={width}, '
        f'color="{colour}", fillcolor="{_FILL[node.condition]}"'
    )


def _edge(one: Edge) -> str:
    colour, style, head = _LINE[one.why]
    # The proxy reaches nearly all: its lines bend before those of what belongs together.
    weight = 1 if one.why in {Why.ROUTE, Why.PORT} else 4
    label = f", label={quoted(one.words)}" if one.why is Why.PORT and one.words else ""
    how = f'color="{colour}", style={style}, arrowhead={head}, weight={weight}{label}'
    return f"  {quoted(one.start)} -> {quoted(one.end)} [{how}];"


def _legend(graph: Graph) -> Iterator[str]:
    whys = {one.why for one in graph.edges}
    words = {
        Why.PORT: "blue, bold: a port that is open to other machines",
        Why.ROUTE: "blue: routed by the proxy",
        Why.DECLARED: "black: depends_on",
        Why.NAMED: "orange, dashed: needed, and not declared",
        Why.NETWORK: "black, dotted: lives in its network",
    }
    rows = [text for why, text in words.items() if why in whys or (why is Why.DECLARED and Why.BOTH in whys)]
    rows += ["cylinder: a database"] if any(node.is_database for node in graph.nodes.values()) else []
    if not graph.no_engine:
        rows.append("thick frame: unhealthy; dashed frame: not running")
    if rows:
        label = "".join(f"{_escaped(row)}\\l" for row in rows)
        how = f'shape=note, style=filled, fillcolor="#fffdf5", color="{_FAINT}", fontsize=10'
        yield f'  legend [{how}, label="{label}"];'


def quoted(*rows: str) -> str:
    """Lines of text as one quoted string: nothing in it ends it, or is a command of a label."""
    return '"' + "\\n".join(_escaped(row) for row in rows) + '"'


def _escaped(row: str) -> str:
    # A backslash would begin one of dot's own escapes (\N, \G, \l), and & an HTML entity.
    text = shorten(one_line(row), LONGEST if len(row) > LONGEST and " " not in row else 120)
    text = text.replace("\\", "＼").replace("&", "＆")
    return re.sub(r'"', "'", text)
