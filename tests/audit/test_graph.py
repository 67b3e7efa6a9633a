"""The estate as a graph, and as a picture."""

import os
import re
import subprocess
from pathlib import Path
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audit.graph import OUTSIDE, Condition, Graph, Node, Why, graph_of
from audit.graph_dot import as_dot, quoted
from audit.look import Look
from audit.traefik import hosts_of
from estate.drawing import Form, draw, form_of, size_of
from estate.model import Health, State
from tests.audit.estate import NOW, Runs, snapshot, write
from tests.audit.sample import picture
from tests.audit.test_command_line import ROOT, audit

COMPOSE = """\
services:
  web:
    image: shop/web:1
    depends_on: [db]
    environment: {DB_HOST: db, CACHE_URL: "redis://cache:6379/0"}
    ports: ["8080:80", "127.0.0.1:9000:9000"]
  cache:
    image: redis:7.2.4
  db:
    image: postgres:15.6
  probe:
    image: shop/probe:1
    network_mode: service:web
  later:
    image: shop/later:1
    profiles: [later]
"""


@pytest.fixture
def shop(tmp_path: Path) -> Graph:
    write(tmp_path, {"shop/compose.yml": COMPOSE})
    runs = [
        Runs("web", "shop", health=Health.UNHEALTHY),
        Runs("db", "shop", health=Health.HEALTHY),
        Runs("cache", "shop", state=State.EXITED),
    ]
    return graph_of(Look(snapshot(tmp_path, [one.detail for one in runs]), NOW))


def test_what_is_needed_and_why(shop: Graph) -> None:
    assert {(one.start, one.end, one.why) for one in shop.edges} == {
        ("shop/web", "shop/db", Why.BOTH),
        ("shop/web", "shop/cache", Why.NAMED),
        ("shop/probe", "shop/web", Why.NETWORK),
        (OUTSIDE, "shop/web", Why.PORT),
    }
    assert shop.all_needed("shop/probe") == ("shop/db", "shop/cache", "shop/web")
    assert shop.all_needing("shop/db") == ("shop/web", "shop/probe")
    assert set(shop.around("shop/cache").nodes) == {"shop/cache", "shop/web", "shop/probe"}


def test_how_each_one_is(shop: Graph, tmp_path: Path) -> None:
    assert {node.service: node.condition for node in shop.nodes.values()} == {
        "web": Condition.UNHEALTHY,
        "db": Condition.HEALTHY,
        "cache": Condition.DOWN,
        "probe": Condition.DOWN,
        "later": Condition.OFF,
    }
    assert shop.nodes["shop/web"].doors == (":8080",)
    unseen = graph_of(Look(snapshot(tmp_path), NOW))
    assert {node.condition for node in unseen.nodes.values()} == {Condition.UNSEEN}
    assert "what runs was not seen" in as_dot(unseen, "x")


def test_a_circle_ends(tmp_path: Path) -> None:
    circle = "services: {a: {image: x, depends_on: [b]}, b: {image: x, depends_on: [a]}}\n"
    write(tmp_path, {"c/compose.yml": circle})
    graph = graph_of(Look(snapshot(tmp_path), NOW))
    assert graph.all_needed("c/a") == ("c/b",)


def test_what_nobody_sets_is_an_ellipsis(tmp_path: Path) -> None:
    labels = "[traefik.enable=true, 'traefik.http.routers.a.rule=Host(`git.${D}`)']"
    write(tmp_path, {"c/compose.yml": f"services: {{a: {{image: x, labels: {labels}}}}}\n"})
    assert graph_of(Look(snapshot(tmp_path), NOW)).nodes["c/a"].doors == ("git.…",)


@pytest.mark.parametrize(
    ("rule", "hosts"),
    [
        ("Host(`a.example`)", ["a.example"]),
        ("Host(`a.example`, `b.example`) && PathPrefix(`/x`)", ["a.example", "b.example"]),
        ("Host(`a`) || Host('b')", ["a", "b"]),
        ("Host(`git.${D}`) || Host(`${D}.example`)", ["git.${D}", "${D}.example"]),
        ("PathPrefix(`/x`)", []),
        ("HostSNI(`*`)", []),
    ],
)
def test_the_hosts_of_a_rule(rule: str, hosts: list[str]) -> None:
    assert hosts_of(rule) == hosts


def drawn(dot: str) -> ElementTree.Element:
    done = subprocess.run(["dot", "-Tsvg"], input=dot.encode(), capture_output=True, check=True)
    return ElementTree.fromstring(done.stdout)


def titles(svg: ElementTree.Element, kind: str) -> set[str]:
    name = "{http://www.w3.org/2000/svg}"
    found = [one for one in svg.iter(f"{name}g") if one.get("class") == kind]
    return {str(one.findtext(f"{name}title")) for one in found}


@given(st.lists(st.text(max_size=30), min_size=1, max_size=3, unique=True))
def test_no_name_forges_a_line(names: list[str]) -> None:
    """A string of dot's ends only at a quotation mark, and has an escape only behind a backslash."""
    text = quoted(*names)
    assert text[0] == text[-1] == '"'
    assert '"' not in text[1:-1]
    assert text.count("\\") == text.count("\\n") == len(names) - 1
    assert "\n" not in text


def test_hostile_names_make_nodes_and_nothing_else() -> None:
    evil = ['a"]; b [label=x', "a\\", "<b>&amp;</b>", "x\ny", "\\N\\G", "a -> b", "subgraph {", "/*", "#"]
    nodes = {f"p/{one}": Node(f"p/{one}", one, one, one, Condition.HEALTHY, doors=(one,)) for one in evil}
    svg = drawn(as_dot(Graph(nodes, ()), 'title"]'))
    assert len(titles(svg, "node")) == len(evil) + 1  # and the legend
    assert len(titles(svg, "cluster")) == len(evil)
    assert titles(svg, "edge") == set()


@pytest.mark.parametrize("form", Form)
async def test_it_is_drawn(shop: Graph, form: Form) -> None:
    data = await draw(as_dot(shop, "shop"), form, os.environ["PATH"])
    if form is Form.SVG:
        assert titles(ElementTree.fromstring(data), "node") == {*shop.nodes, OUTSIDE, "legend"}
    else:
        assert min(size_of(data)) > 100
    assert [form_of(one) for one in ("x.svg", "X.PNG", "x.gif", "svg")] == [Form.SVG, Form.PNG, None, None]


async def test_without_dot_it_says_how_to_get_it(shop: Graph, tmp_path: Path) -> None:
    from bot.core.errors import Upstream

    with pytest.raises(Upstream, match="apt-get install graphviz"):
        await draw(as_dot(shop, "shop"), Form.SVG, str(tmp_path))


def test_on_the_command_line(tmp_path: Path) -> None:
    write(tmp_path / "e", {"shop/compose.yml": COMPOSE})
    file = tmp_path / "x.svg"
    done = audit(tmp_path / "e", "--no-docker", "--graph", file)
    assert (done.returncode, done.stdout) == (0, "")
    assert "x.svg: 5 services, 3 lines between them" in done.stderr
    assert b"</svg>" in file.read_bytes()
    assert audit(tmp_path / "e", "--no-docker", "--graph", tmp_path / "x.gif").returncode == 2
    assert os.listdir(tmp_path) == ["e", "x.svg"]


def test_the_picture_in_the_readme_is_of_the_sample_as_it_is(tmp_path: Path) -> None:
    """By content: `scripts/picture.py` draws it anew."""
    kept = ElementTree.fromstring((ROOT / "docs" / "img" / "estate.svg").read_bytes())
    fresh = drawn(picture(tmp_path / "estate"))
    for kind in ("node", "edge", "cluster"):
        assert titles(kept, kind) == titles(fresh, kind)

    def words(svg: ElementTree.Element) -> list[str]:
        return sorted(
            re.sub(r"\s+", " ", "".join(one.itertext()))
            for one in svg.iter("{http://www.w3.org/2000/svg}text")
        )

    assert words(kept) == words(fresh)
