"""Several images of one project change together: each where it stands, a shared place once."""

from hashlib import sha256
from pathlib import Path

import pytest

from estate.compose.apply import Drifted, replace_bytes
from estate.compose.edit import CannotEdit
from estate.compose.edits import plan_edits, written
from estate.compose.files import Files, no_more
from estate.compose.invocation import Invocation
from estate.compose.model import Model
from estate.compose.models import Models
from estate.compose.resolve import resolve_files

ROOT = Path("/p")


def model(**files: str) -> Model:
    known = {ROOT / name.replace("_", "."): text.encode() for name, text in files.items()}
    return resolve_files(Invocation(ROOT), Files(no_more, known))


def test_two_in_one_file_are_planned_on_each_other() -> None:
    text = "services:\n  a: {image: a:1}  # a:1\n  b: {image: b:1}\n"
    found = model(compose_yaml=text)
    edits = plan_edits(found, {"a": "a:1.2.3", "b": "b:4.5"})
    [(path, (before, after))] = written(found, edits).items()
    assert (path.name, before) == ("compose.yaml", text.encode())
    assert after == text.replace("{image: a:1}", "{image: a:1.2.3}").replace("b:1", "b:4.5").encode()


def test_what_stands_in_two_files_is_two_edits() -> None:
    found = model(compose_yaml="services: {a: {image: 'a:${A}'}, b: {image: b:1}}", _env="A=1\n")
    files = written(found, plan_edits(found, {"a": "a:2", "b": "b:2"}))
    assert {path.name: after for path, (_, after) in files.items()} == {
        ".env": b"A=2\n",
        "compose.yaml": b"services: {a: {image: 'a:${A}'}, b: {image: b:2}}",
    }


SHARED = "x: &i app:1\nservices: {web: {image: *i}, two: {image: *i}}"


def test_a_shared_place_is_written_once() -> None:
    found = model(compose_yaml=SHARED)
    edits = plan_edits(found, {"web": "app:2", "two": "app:2"})
    assert len(edits) == 1
    assert [after for _, after in written(found, edits).values()] == [
        SHARED.replace("app:1", "app:2").encode()
    ]


@pytest.mark.parametrize(
    ("wanted", "words"),
    [
        ({"web": "app:2"}, "also decides the image of two"),
        ({"web": "app:2", "two": "app:3"}, "also decides|shares its place"),
    ],
)
def test_whoever_shares_a_place_must_want_the_same(wanted: dict[str, str], words: str) -> None:
    with pytest.raises(CannotEdit, match=words):
        plan_edits(model(compose_yaml=SHARED), wanted)


def test_bytes_are_written_over_exactly_what_was_planned_on(tmp_path: Path) -> None:
    file = tmp_path / "compose.yml"
    file.write_bytes(b"old")
    file.chmod(0o640)
    assert replace_bytes(file, sha256(b"old").hexdigest(), b"new") == b"old"
    assert (file.read_bytes(), file.stat().st_mode & 0o777) == (b"new", 0o640)
    with pytest.raises(Drifted, match="changed since the plan"):
        replace_bytes(file, sha256(b"old").hexdigest(), b"newer")
    assert file.read_bytes() == b"new"


def test_a_model_is_read_again_when_a_file_changes_or_comes(tmp_path: Path) -> None:
    file = tmp_path / "compose.yaml"
    file.write_text("services: {a: {image: 'a:${T:-1}'}}")
    models, call = Models(), Invocation(tmp_path)
    first = models.get(call)
    assert models.get(call) is first
    (tmp_path / ".env").write_text("T=22")
    second = models.get(call)
    image = second.services["a"].image
    assert image is not None
    assert image.text == "a:22"
    shell = models.get(Invocation(tmp_path, shell={"T": "3"})).services["a"].image
    assert shell is not None
    assert shell.text == "a:3"
