"""Nothing that anybody wrote makes the reader raise, hang or grow."""

import contextlib
import os
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from estate.compose.dotenv import read_dotenv
from estate.compose.edit import CannotEdit, plan_edit
from estate.compose.files import Files, Read, no_more, read_disk
from estate.compose.invocation import Invocation
from estate.compose.locus import images
from estate.compose.model import Model
from estate.compose.node import DEEPEST, MOST_TWICE
from estate.compose.parser import Parser
from estate.compose.resolve import resolve, resolve_files
from estate.compose.source import LONGEST, Source, Unreadable

ROOT = Path("/p")


def read(files: dict[str, bytes]) -> Model:
    known = {ROOT / name: one for name, one in files.items()}
    found = resolve_files(Invocation(ROOT), Files(no_more, known))
    images(found)
    return found


def _words(found: Model) -> str:
    return " ".join(map(str, found.problems))


@settings(max_examples=300, deadline=None)
@given(data=st.binary(max_size=200), env=st.binary(max_size=80))
def test_no_bytes(data: bytes, env: bytes) -> None:
    try:
        read({"compose.yaml": data, ".env": env})
        read({"compose.yaml": b"services:\n  web:\n    image: " + data, ".env": env})
        read_dotenv(Source(ROOT, env), lambda name: None)
    except Unreadable:
        pass  # bytes that are handed in, and are no text


BITS = r"""services: web: image: - { } [ ] &a *a <<: !reset !override !!binary ? | > ' " \0 extends: include:
file: profiles: a ${V:- $ } environment: labels: env_file: depends_on: service: path: name: --- # ~ ../ x é
build:"""
YAML_BITS = st.lists(
    st.sampled_from([*BITS.split(), "\n", "\n  ", "\n    ", "\n      ", " ", "\t"]), max_size=50
)


@settings(max_examples=400, deadline=None)
@given(one=YAML_BITS, two=YAML_BITS, env=YAML_BITS)
def test_no_yaml(one: list[str], two: list[str], env: list[str]) -> None:
    start = "services:\n  web:\n    image: x\n    "
    read(
        {
            "compose.yaml": (start + "".join(one)).encode(),
            "compose.override.yaml": (start + "".join(two)).encode(),
            "a": "".join(two).encode(),
            ".env": "".join(env).encode(),
        }
    )


@settings(max_examples=200, deadline=None)
@given(text=st.text(st.sampled_from("$V{}:-?+ a$'\"\\"), max_size=25), new=st.text(max_size=8))
def test_no_template_and_no_new_text(text: str, new: str) -> None:
    quoted = text.replace("'", "''")
    found = read({"compose.yaml": f"services: {{web: {{image: '{quoted}'}}}}".encode(), ".env": b"V=v"})
    value = found.services["web"].image
    if value is not None:
        with contextlib.suppress(CannotEdit):  # that is an answer, too
            plan_edit(found, value, new, service="web")


@pytest.mark.parametrize("opening", ["[", "{a: ", "- ", "? "])
def test_deep_nesting(opening: str) -> None:
    found = read({"compose.yaml": b"services: \n " + opening.encode() * 200_000})
    assert f"deeper than {DEEPEST}" in _words(found)


def test_a_billion_laughs() -> None:
    rows = ["a0: &a0 [lol, lol]"] + [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 40)]
    rows += ["services:", "  web:", "    image: x", "    labels: *a39", "    environment: {A: b}"]
    text = "\n".join(rows).encode()
    began = time.process_time()
    found = read({"compose.yaml": text, "compose.override.yaml": text})
    assert time.process_time() - began < 5
    assert found.services["web"].image is not None


def test_a_billion_merges() -> None:
    rows = ["a0: &a0 {k: v}"]
    rows += [f"a{n}: &a{n} {{<<: [{', '.join([f'*a{n - 1}'] * 10)}]}}" for n in range(1, 40)]
    wide = ", ".join(f"k{n}: v" for n in range(20_000))
    rows += [f"w: &w {{{wide}}}", f"x: {{<<: [{', '.join(['*w'] * 20)}]}}"]
    assert "merge keys bring in more" in _words(read({"compose.yaml": "\n".join(rows).encode()}))


def _only(data: bytes) -> Read:
    return lambda path: data if path.name == "compose.yaml" else no_more(path)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"services:\n  web:\n    image: a\n    image: b\n", "line 4: 'image' is there twice"),
        (b"services:\n\tweb: {}\n", "line 2"),
        (b"\x7fELF\x00\x01\xff\xfe", "byte 6 is not UTF-8"),
        (b"services: {web: &a {x: *a}}", "contains itself"),
        (b"services: {web: {image: *b}}", "names no anchor"),
        (b"services: [web]", "no mapping"),
        (b"- a", "no mapping"),
        (b"services: {web: {[a]: b}}", "a key must be a word"),
        (b"services: {web: {<<: x}}", "<< needs a mapping"),
        (b"a: b\n" * 90_000, "there twice"),
        (b"".join(b"a%d: b\n" % n for n in range(110_000)), "more than 200000 nodes"),
    ],
)
def test_what_is_refused_says_why(data: bytes, words: str) -> None:
    assert words in _words(resolve(Invocation(ROOT), _only(data)))


def test_a_key_that_is_there_twice_is_told_and_the_rest_is_read() -> None:
    """For whoever only looks; who changes a file has it refused."""
    text = (
        "services:\n  web: {image: a, labels: {x: '1'}}\nvolumes: {one: {}}\n"
        "services:\n  db: {image: b}\n  web: {image: c, labels: {y: '2'}}\nvolumes: {two: {}}\n"
    )
    files = {ROOT / "compose.yaml": text.encode()}
    found = resolve_files(Invocation(ROOT), Files(no_more, files, Parser().parse))
    assert [str(one) for one in found.problems] == [
        f"{ROOT}/compose.yaml:4:1: 'services' is there twice",
        f"{ROOT}/compose.yaml:7:1: 'volumes' is there twice",
    ]
    assert {name: one.image.text for name, one in found.services.items() if one.image} == {
        "web": "c",
        "db": "b",
    }
    assert found.services["web"].labels == {"x": "1", "y": "2"}
    assert resolve_files(Invocation(ROOT), Files(no_more, files)).services == {}


def test_many_keys_that_are_there_twice_are_told_a_few_times() -> None:
    files = {ROOT / "compose.yaml": b"a: b\n" * 90_000}
    found = resolve_files(Invocation(ROOT), Files(no_more, files, Parser().parse))
    assert len(found.problems) == MOST_TWICE


def test_fifty_megabytes_are_not_read(tmp_path: Path) -> None:
    file = tmp_path / "compose.yaml"
    with file.open("wb") as handle:
        handle.truncate(50 * 1024 * 1024)
    began = time.process_time()
    found = resolve(Invocation(tmp_path), read_disk)
    assert f"longer than {LONGEST // 1024 // 1024} MiB" in _words(found)
    assert time.process_time() - began < 1


def test_what_is_on_the_disk_and_is_no_file(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "compose.yaml")
    (tmp_path / "--help").mkdir()
    (tmp_path / "--help" / "compose.yml").symlink_to("compose.yml")
    (tmp_path / "folder" / "compose.yml").mkdir(parents=True)
    (tmp_path / "folder" / ".env").mkdir()
    assert "not a regular file" in _words(resolve(Invocation(tmp_path), read_disk))
    assert _words(resolve(Invocation(tmp_path / "--help"), read_disk))
    assert _words(resolve(Invocation(tmp_path / "folder"), read_disk))
    assert "no compose file" in _words(resolve(Invocation(tmp_path / "nowhere"), read_disk))
    assert _words(resolve(Invocation(tmp_path, files=("a\0b",)), read_disk))
