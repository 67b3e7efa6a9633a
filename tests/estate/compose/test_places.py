"""Every value knows its bytes: with what is wide, quoted, folded, aliased, tagged, and with variables."""

from pathlib import Path
from random import Random

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from estate.compose.dotenv import read_dotenv
from estate.compose.files import Files, no_more
from estate.compose.invocation import Invocation
from estate.compose.model import Model
from estate.compose.node import parse, scalars
from estate.compose.resolve import resolve_files
from estate.compose.source import BOM, Source, Span
from estate.compose.template import Origin
from estate.compose.value import Layer, Value, walk
from estate.compose.word import characters
from tests.estate.compose.estates import make

ROOT = Path("/p")


def model(files: dict[str, str | bytes], **call: object) -> Model:
    known = {ROOT / name: one if isinstance(one, bytes) else one.encode() for name, one in files.items()}
    return resolve_files(Invocation(ROOT, **call), Files(no_more, known))  # type: ignore[arg-type]


def image(found: Model, service: str = "web") -> Value:
    value = found.services[service].image
    assert value is not None
    return value


@pytest.mark.parametrize("start", [b"", BOM])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize(
    ("written", "text"),
    [
        ("nginx:1", "nginx:1"),
        ("'é🦊'", "é🦊"),
        ('"a\\u00e9\\tb"', "aé\tb"),
        ("&a nginx:1", "nginx:1"),
        ("!!str &a 'x'", "x"),
        ("&a !!str x", "x"),
        ("!override x:2", "x:2"),
        ("nginx:1   # a comment\t", "nginx:1"),
    ],
)
def test_a_span_is_exactly_its_bytes(start: bytes, end: str, written: str, text: str) -> None:
    rows = [
        "# é 🦊\t# tab",
        "services:",
        "  web:",
        "    labels: {é: '🦊'}",
        f"    image: {written}",
        "    tty: true",
    ]
    data = start + end.join(rows).encode()
    value = image(model({"compose.yaml": data}))
    assert value.text == text
    bare = written.partition("#")[0].rstrip()
    bare = bare[max(bare.rfind(" "), 0) :].strip() if bare[0] in "&!" else bare
    assert data[value.span.start : value.span.end].decode() == bare
    column = rows[4].index(bare, 10) + 1
    assert (value.span.line, value.span.column) == (5, column)


@settings(max_examples=200, deadline=None)
@given(text=st.text(st.sampled_from("ab é🦊:#'\"\\\t-&*!|>{}[],$\n"), max_size=30))
@example(text="&a:>")
def test_what_a_scalar_says_is_at_its_place(text: str) -> None:
    data = BOM + ("k: " + text).encode()
    source = Source(Path("x"), data)
    try:
        found = scalars(parse(source))
    except ValueError:
        return
    for one in found:
        span = source.span(one.start, one.end)
        written = data[span.start : span.end].decode()
        assert written == source.text[one.start : one.end]
        if one.style in ("'", '"'):
            assert written[0] == written[-1] == one.style
        elif one.style == "" and "\n" not in written:
            assert written == one.text
        places = characters(source.text, one)
        if places is not None and one.style == "":
            assert [source.text[at] for at in places[:-1]] == list(one.text)


def test_each_piece_knows_who_said_it_and_where() -> None:
    env = b"\xef\xbb\xbf# \xc3\xa9\r\nexport TAG='1.2' # by hand\r\n"
    text = 'services:\n  web: {image: "é/${REG:-docker.io}/\\u0061pp:${TAG}-${SH}${NO}$$"}\n'
    found = model({"compose.yaml": text, ".env": env}, shell={"SH": "s"})
    value = image(found)
    assert value.text == "é/docker.io/app:1.2-s$"
    said = []
    for one in value.written:
        setting = one.piece.setting
        at = setting.span if setting else one.span
        data = setting.source.data if setting else value.source.data
        assert at is not None
        said.append((one.piece.origin, one.piece.text, data[at.start : at.end].decode()))
    assert said == [
        (Origin.WRITTEN, "é/", "é/"),
        (Origin.DEFAULT, "docker.io", "docker.io"),
        (Origin.WRITTEN, "/app:", "/\\u0061pp:"),
        (Origin.ENV_FILE, "1.2", "1.2"),
        (Origin.WRITTEN, "-", "-"),
        (Origin.SHELL, "s", "${SH}"),
        (Origin.UNSET, "", "${NO}"),
        (Origin.WRITTEN, "$", "$$"),
    ]
    assert value.variables == ("REG", "TAG", "SH", "NO")


def test_the_layer_and_the_file_that_win_are_known() -> None:
    found = model(
        {
            "compose.yaml": "include: [inc/compose.yaml]\nservices:\n  web: {image: a}\n  kept: {image: k}\n"
            "  kid: {extends: {file: base.yml, service: b}}\n  merged: {<<: &m {image: m}}\n",
            "compose.override.yaml": "services: {web: {image: b}}",
            "inc/compose.yaml": "services: {far: {image: f}}",
            "base.yml": "services: {b: {image: base}}",
        }
    )
    assert not found.problems
    said = {name: (one.image.layer, one.image.file.name) for name, one in found.services.items() if one.image}
    assert said == {
        "web": (Layer.OVERRIDE, "compose.override.yaml"),
        "kept": (Layer.MAIN, "compose.yaml"),
        "kid": (Layer.EXTENDS, "base.yml"),
        "merged": (Layer.MAIN, "compose.yaml"),
        "far": (Layer.INCLUDE, "compose.yaml"),
    }
    assert (image(found, "merged").anchor, image(found, "kept").anchor) == ("m", None)


def test_an_alias_is_the_same_place_wherever_it_is_used() -> None:
    found = model(
        {"compose.yaml": "x: &i 'a:1'\nservices: {a: {image: *i}, b: {image: *i}, c: {image: a:1}}"}
    )
    places = {name: image(found, name).place for name in "abc"}
    assert places["a"] == places["b"] != places["c"]


def test_keys_have_places_too() -> None:
    found = model({"compose.yaml": "services:\n  é:\n    image: x\n"})
    at = found.services["é"].at
    assert at is not None
    assert at[1] == Span(12, 14, 2, 3)
    assert found.services["é"].tree.keys_at["image"][1].line == 3


def test_a_list_of_pairs_knows_where_each_value_is() -> None:
    found = model({"compose.yaml": "services: {web: {image: x, environment: [A=b=c, 'B=${V:-d}']}}"})
    variables = found.services["web"].environment
    assert {name: one.text for name, one in variables.items()} == {"A": "b=c", "B": "d"}
    value = variables["A"].value
    assert value is not None
    assert (value.raw, value.text, value.start) == ("A=b=c", "b=c", 2)


@pytest.mark.parametrize(
    ("row", "text", "at"),
    [
        ("A=1", "1", "1"),
        ("export  A = 1 # c", "1", "1"),
        ("A='it\\'s' # c", "it's", "it\\'s"),
        ('A="x\\n\\"y\\" é"', 'x\n"y" é', 'x\\n\\"y\\" é'),
        ('A="two\r\nlines" # c', "two\r\nlines", "two\r\nlines"),
        ("A=", "", ""),
        ("A: yaml", "yaml", "yaml"),
        ("A=a#b", "a#b", "a#b"),
    ],
)
@pytest.mark.parametrize("end", ["", "\n", "\r\n"])
def test_the_place_of_a_setting(row: str, text: str, at: str, end: str) -> None:
    data = BOM + f"# é🦊\r\n\r\n{row}{end}".encode()
    setting = read_dotenv(Source(Path(".env"), data), lambda name: None).settings["A"]
    assert (setting.text, data[setting.span.start : setting.span.end].decode()) == (text, at)


@settings(max_examples=60, deadline=None)
@given(rng=st.randoms(use_true_random=False))
def test_in_generated_projects_every_plain_value_stands_where_it_says(rng: Random) -> None:
    found = make(rng).model()
    seen = []

    def visit(path: tuple[str, ...], value: Value) -> None:
        data = value.source.data[value.span.start : value.span.end].decode()
        if value.style not in ("|", ">"):
            assert data.strip("'\"") == value.raw
        seen.append(path)

    walk(found.tree, (), visit, [10_000])
    assert seen
