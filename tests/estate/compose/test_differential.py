"""The model against the real Compose: every fixture, every fixture in hostile clothes, and generated ones."""

import json
import shutil
from pathlib import Path
from random import Random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from estate.compose.source import BOM
from estate.compose.template import Bound, Origin, fill
from tests.estate.compose.cases import FIXTURES, NAMES, Case, case, of_model, of_real
from tests.estate.compose.estates import ROOT, make


def _hold(one: Case) -> None:
    model, real = one.model, one.real
    if real is None:
        assert model.problems, "Compose stops here, and the reader did not see why"
    else:
        assert not model.problems
        assert of_model(model) == of_real(real)


def test_there_are_enough() -> None:
    assert len(NAMES) >= 40


@pytest.mark.parametrize("name", NAMES)
def test_the_model_is_what_compose_says(name: str) -> None:
    one = case(FIXTURES / name)
    assert (one.real is None) == one.fails
    _hold(one)


@pytest.mark.parametrize("name", NAMES)
def test_also_with_a_byte_order_mark_and_windows_line_ends(name: str, tmp_path: Path) -> None:
    folder = tmp_path / name
    shutil.copytree(FIXTURES / name, folder)
    for path in folder.rglob("*"):
        if path.is_file() and path.name != "case.json":
            data = path.read_bytes().replace(b"\n", b"\r\n")
            path.write_bytes(BOM + "# é 🦊\r\n".encode() + data.rstrip())
    _hold(case(folder))


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(rng=st.randoms(use_true_random=False))
def test_generated_projects(tmp_path_factory: pytest.TempPathFactory, rng: Random) -> None:
    made = make(rng)
    folder = tmp_path_factory.mktemp("made") / ROOT.name
    for path, data in made.files.items():
        file = folder / path.relative_to(ROOT)
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(data)
    one = Case(folder, shell=made.shell)
    assert one.real is not None
    _hold(one)


SHELL = {"S": "set", "E": "", "D": "a$b"}
PARTS = ["${", "}", "$", "$$", "S", "E", "A", "D", ":-", "-", ":?", "?", ":+", "+", "x", " ", "(", ":", "1"]
PARTS += ["${S", "${A:-", "${S:-", "${E:+", "${S:+", "$("]
"""No `{` alone: between `$$` and one of those Compose counts braces in a way of its own."""
TEMPLATES = st.lists(st.sampled_from(PARTS), min_size=1, max_size=9).map("".join)


def _bound(name: str) -> Bound | None:
    return Bound(SHELL[name], Origin.SHELL) if name in SHELL else None


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(templates=st.lists(TEMPLATES, min_size=40, max_size=40))
def test_generated_templates(tmp_path_factory: pytest.TempPathFactory, templates: list[str]) -> None:
    """All that can be filled in at once; and the first that Compose stops at alone."""
    good = [one for one in templates if not fill(one, _bound).wrong]
    bad = [one for one in templates if fill(one, _bound).wrong][:1]
    for group in filter(None, (good, bad)):
        folder = tmp_path_factory.mktemp("made")
        labels = "".join(f"      l{at}: {json.dumps(one)}\n" for at, one in enumerate(group))
        (folder / "compose.yml").write_text(f"services:\n  a:\n    image: x\n    labels:\n{labels}")
        one = Case(folder, shell=SHELL)
        assert (one.real is None) == (group is bad), group
        _hold(one)
