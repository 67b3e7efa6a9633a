"""YAML's own traps, and bytes that are no YAML at all."""

# ruff: noqa: E501 - exact messages in a table
import random
import re
import time as clock
import unicodedata
from datetime import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.config import load, nodes
from bot.config.schema import walk
from bot.core.errors import ConfigError
from tests.config.conftest import MINIMAL, Mistakes, Read


def test_words_that_yaml_1_1_turns_into_something_else_stay_what_they_are(read: Read) -> None:
    config = read(
        MINIMAL.replace("encryption: off", "encryption: off\n  device: 0644")
        + "name: 3.10\nrooms: {on: {matrix: '#on:x.org'}, no: {matrix: '#no:x.org'}}\nfallback: no\n"
        + "estate: {audit: {schedule: 22:22}, services: 1_000}\n"
        + "people: {yes: {matrix: '@y:x.org', roles: [viewer]}}\n"
    )
    assert config.name == "3.10"
    assert list(config.rooms) == ["on", "no"]
    assert config.fallback == "no"
    assert config.matrix is not None
    assert (config.matrix.encryption, config.matrix.device) == ("off", "0644")
    assert config.estate.audit is not None
    assert config.estate.audit.schedule == time(22, 22)
    assert config.estate.services == "1_000"
    assert config.people.named("yes") is not None


@pytest.mark.parametrize("word", ["true", "True", "yes", "on", '"true"'])
def test_true_in_any_spelling(word: str, read: Read) -> None:
    config = read(MINIMAL + f"policy: {{pin: {{self: {word}}}}}")
    assert config.policy.rules[0].self_approval is True


def test_anchors_and_merge_keys(read: Read) -> None:
    config = read(
        MINIMAL + "policy:\n  pin: &strict {ask: approve, votes: 2}\n  update: *strict\n"
        "  fix:\n    <<: *strict\n    votes: 3\n  waive:\n    <<: [*strict, {by: operator, votes: 9}]\n"
    )
    assert [rule.votes for rule in config.policy.rules] == [2, 2, 3, 2]
    assert config.policy.rules[3].by == "operator"


def test_a_byte_order_mark_and_windows_line_ends_are_fine(mistakes: Mistakes) -> None:
    assert mistakes(b"\xef\xbb\xbf" + MINIMAL.replace("\n", "\r\n").encode()) == []
    # And lines are still counted right behind them.
    assert mistakes(b"\xef\xbb\xbf" + (MINIMAL + "é: 🔔\nnme: x\n").replace("\n", "\r\n").encode())[
        1
    ].startswith("config.yml:8: nme: unknown key")


CASES = [
    ("", "config.yml:1: the file is empty — start from config.example.yml"),
    ("# nothing\n", "config.yml:1: the file is empty — start from config.example.yml"),
    ("---\n...\n", "config.yml:1: the file is empty — start from config.example.yml"),
    ("- a\n", 'config.yml:1: the file: a list stands here — write "key: value" lines'),
    ("hello", 'config.yml:1: the file: a single value stands here — write "key: value" lines'),
    ("http:\n\tlisten: x\n", "config.yml:2: not readable as YAML: found character '\\t' that cannot start any token "
     "— indent with spaces, not with tabs"),
    ("name: @x\n", "config.yml:1: not readable as YAML: found character '@' that cannot start any token "
     "— a value that starts with @, ` or % needs quotes"),
    ("name: a: b\n", "config.yml:1: not readable as YAML: mapping values are not allowed here "
     '— text that holds ": " needs quotes; else look at the indentation'),
    ('name: "x\n', "config.yml:2: not readable as YAML: found unexpected end of stream — a quote is not closed"),
    ("name: *x\n", "config.yml:1: this alias has no anchor (&name) before it "
     "— a value that starts with * needs quotes; an alias stands after its anchor, not in it"),
    ("a: &a [*a]\n", "config.yml:1: this alias has no anchor (&name) before it "
     "— a value that starts with * needs quotes; an alias stands after its anchor, not in it"),
    ("name: a\n---\nname: b\n", "config.yml:2: a second document starts here — keep one, without ---"),
    (b"name: \xff\n", "config.yml:1: the file is not written in UTF-8 — save it as UTF-8"),
    ("name: x\n".encode("utf-16"), "config.yml:1: the file is written in UTF-16 — save it as UTF-8"),
    (b"a: b\nname: \x00\n", "config.yml:2: the character U+0000 may not stand in YAML "
     "— remove it, or write it with an escape in double quotes"),
    (b"a: " * 400_000, "config.yml: is larger than 1 MiB — name the configuration file"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "said"), CASES, ids=[str(text)[:40] for text, _ in CASES])
def test_what_cannot_be_read_at_all(text: str | bytes, said: str, mistakes: Mistakes) -> None:
    assert mistakes(text) == [said]


@pytest.mark.parametrize("text", ["[" * 100_000, "{a: " * 100_000, "- " * 100_000, "a:\n" + " - " * 100_000])
def test_a_depth_bomb_is_refused_at_once(text: str, mistakes: Mistakes) -> None:
    started = clock.process_time()
    [said] = mistakes(text)
    assert "more than 32 levels are nested in each other here" in said
    assert clock.process_time() - started < 1


def test_a_billion_laughs_are_refused_at_once(mistakes: Mistakes) -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 12)]
    [said] = mistakes("\n".join(lines))
    assert "the aliases here stand for more than 50000 values" in said


def test_a_chain_of_anchors_cannot_nest_without_end(mistakes: Mistakes) -> None:
    text = "a0: &a0 [x]\n" + "".join(f"a{n}: &a{n} [*a{n - 1}]\n" for n in range(1, 5000))
    [said] = mistakes(text)
    assert "more than 32 levels" in said


# ---- nothing but ConfigError, whatever comes --------------------------------------------------------------


def only_config_errors(folder: Path, content: bytes) -> None:
    path = folder / "any.yml"
    path.write_bytes(content)
    said = ["good"]
    try:
        load(path, {"A": "x"}, ("pin", "backup now"))
    except ConfigError as error:
        said = [str(mistake) for mistake in error.mistakes]
    assert said
    assert all(harmless(line) for line in said), said


def harmless(line: str) -> bool:
    return (
        not {unicodedata.category(char) for char in line} & {"Cc", "Cs", "Zl", "Zp"} and "\u202e" not in line
    )


_WORDS = sorted({part.strip("[]") for path, _ in walk() for part in path.split(".")} - {"*"})
_PLAIN = (
    "ops ann on no ~ !x *a &a 90d 22:22 0644 3.10 ${A} ${B} @a:b << !abc:example.org 127.0.0.1:80 http://["
)
_SCALARS = st.sampled_from([*_PLAIN.split(), "", "#x", "\\", "'", "\x00", "\ud800", "\u202e", "\u2028"])
_TREES = st.recursive(
    _SCALARS | st.text(max_size=8) | st.integers() | st.none() | st.booleans(),
    lambda below: (
        st.lists(below, max_size=3)
        | st.dictionaries(st.sampled_from(_WORDS) | st.text(max_size=4), below, max_size=5)
    ),
    max_leaves=25,
)


def flow(tree: object, quote: random.Random) -> str:
    """As a person might write it: with and without quotes, right and wrong."""
    if isinstance(tree, dict):
        return (
            "{" + ", ".join(f"{flow(key, quote)}: {flow(value, quote)}" for key, value in tree.items()) + "}"
        )
    if isinstance(tree, list):
        return "[" + ", ".join(flow(item, quote) for item in tree) + "]"
    text = "" if tree is None else str(tree)
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"' if quote.random() < 0.4 else text


@settings(max_examples=300, deadline=None)
@given(content=st.binary(max_size=300))
def test_arbitrary_bytes(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    only_config_errors(tmp_path_factory.getbasetemp(), content)


@settings(max_examples=300, deadline=None)
@given(content=st.text(alphabet="ab:-[]{}&*!|>#\"'\n \t%@,?~<$\\", max_size=120))
def test_arbitrary_signs(tmp_path_factory: pytest.TempPathFactory, content: str) -> None:
    only_config_errors(tmp_path_factory.getbasetemp(), content.encode())


@settings(max_examples=400, deadline=None)
@given(tree=_TREES, seed=st.integers(0, 1000))
def test_arbitrary_trees_of_our_own_words(
    tmp_path_factory: pytest.TempPathFactory, tree: object, seed: int
) -> None:
    content = flow(tree, random.Random(seed)).encode("utf-8", "surrogatepass")
    only_config_errors(tmp_path_factory.getbasetemp(), content)


@settings(max_examples=300, deadline=None)
@given(data=st.data())
def test_a_good_file_with_one_place_broken(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    lines = (Path(__file__).parents[2] / "config.example.yml").read_text().splitlines(keepends=True)
    at = data.draw(st.integers(0, len(lines) - 1))
    key = re.match(r"[^:#]*: ?", lines[at])
    value = flow(data.draw(_TREES), random.Random(at))
    lines[at] = (key[0] if key else "") + value + "\n"
    only_config_errors(tmp_path_factory.getbasetemp(), "".join(lines).encode("utf-8", "surrogatepass"))


@given(text=st.text(max_size=80))
def test_a_value_in_a_message_is_one_harmless_line(text: str) -> None:
    assert harmless(nodes.quoted(text))
