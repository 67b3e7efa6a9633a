"""Our matchers against Alertmanager's own: one question, both answers.

Debian's amtool (0.25) knows the classic grammar only; what it refuses, ours may read by the UTF-8 grammar.
"""

import json
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest

from bot.core.matcher import MatcherError, matches, parse_all

AMTOOL = shutil.which("amtool")

MATCHERS = (
    *(
        'a="b"',
        "a=b",
        "a!=b",
        "a=~b|c",
        'a=~"b.*"',
        'a!~"b.*"',
        "a = b ",
        '{a="b",}',
        'a="b",c="d"',
        "a=b,c=d",
    ),
    *(
        "a=",
        'a=""',
        'a!=""',
        "a=~",
        "a=~|b",
        "a=~.+",
        "a!~.+",
        "a=b=c",
        "a==b",
        "a='b'",
        "a=b c",
        "a=b{",
        "{a=b",
    ),
    *(
        r'a="x\y"',
        r'a="b\nc"',
        r'a="b\"c"',
        r'a="b\\c"',
        r"a=b\c",
        r"a=b\"c",
        "a=b!",
        'a="b,c"',
        'a="b" ',
        "a=b}",
    ),
    *(
        r'a=~"\\d+"',
        r"a=~\d+",
        "a=~(?i)B",
        "a=~[[:alpha:]]+",
        r"a=~b\.c",
        r'a=~"\\Qb.c\\E"',
        "a=~b$",
        "a=~^b$",
    ),
    *("a=~(?s).*", "a=~.*", "a=~(b", "a=~*", "a=~(?=b)", r"a=~(b)\1", "a=~b++", 'a="b', 'a=b"', "=b", ",a=b"),
    *(
        "a=b,,c=d",
        "a",
        "a b",
        "a=~b{2}",
        "a=~b{1,2}?",
        "a=~(?P<x>b)",
        r"a=~\x62",
        "a=~é",
        "a=~(?i)É",
        r"a=~\bb\b",
    ),
)
VALUES = (
    "",
    "b",
    "bb",
    "c",
    "bc",
    "b c",
    "=b",
    "'b'",
    'b"c',
    "b\\c",
    "b,c",
    "b\nc",
    "b.c",
    "12",
    "١٢",
    "é",
    "x\\y",
    "B",
)


def _amtool(config: Path, *labels: str) -> subprocess.CompletedProcess[str]:
    assert AMTOOL, "amtool is missing: install Debian's package prometheus-alertmanager"
    argv = [AMTOOL, "config", "routes", "test", f"--config.file={config}", *labels]
    return subprocess.run(argv, capture_output=True, text=True, timeout=20, check=False)


def _config(place: Path, matchers: Sequence[str]) -> Path:
    """A route for each matcher; a label set comes out at every receiver whose matcher it satisfies."""
    names = [f"r{number}" for number in range(len(matchers))]
    routes = [
        {"receiver": name, "matchers": [matcher], "continue": True}
        for name, matcher in zip(names, matchers, strict=True)
    ]
    receivers = [{"name": name} for name in ("none", *names)]
    place.write_text(json.dumps({"route": {"receiver": "none", "routes": routes}, "receivers": receivers}))
    return place


@pytest.fixture(scope="module")
def accepted(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, ...]:
    """The matchers that amtool takes."""
    place = tmp_path_factory.mktemp("amtool")
    return tuple(m for m in MATCHERS if _amtool(_config(place / "one.yml", [m]), "z=z").returncode == 0)


def test_what_amtool_refuses_is_refused(accepted: tuple[str, ...]) -> None:
    refused = [matcher for matcher in MATCHERS if matcher not in accepted]
    assert len(refused) >= 10
    for matcher in refused:
        with pytest.raises(MatcherError):
            parse_all(matcher)


@pytest.mark.parametrize("value", VALUES)
def test_the_same_answer(value: str, accepted: tuple[str, ...], tmp_path: Path) -> None:
    # amtool reads its labels as matchers too, so the value goes there quoted.
    escaped = value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    told = _amtool(_config(tmp_path / "all.yml", accepted), f'a="{escaped}"', 'c="d"')
    assert told.returncode == 0, told.stderr
    hits = {accepted[int(name[1:])] for name in told.stdout.strip().split(",") if name != "none"}
    ours = {matcher for matcher in accepted if matches(parse_all(matcher), {"a": value, "c": "d"})}
    assert ours == hits
    assert "a=~.*" in hits or "\n" in value
