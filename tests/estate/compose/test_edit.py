"""One value changes, by one stretch of bytes, in the right place; what is not safe is refused."""

from pathlib import Path
from random import Random

import pytest

from estate.compose.edit import CannotEdit, Edit, plan_edit
from estate.compose.files import Files, no_more
from estate.compose.invocation import Invocation
from estate.compose.locus import Kind, image_locus, images, samples
from estate.compose.model import Model
from estate.compose.resolve import resolve_files
from estate.compose.source import BOM
from tests.estate.compose.cases import FIXTURES, NAMES, case
from tests.estate.compose.estates import PINNABLE, REFUSED, make

ROOT = Path("/p")


def model(files: dict[str, str | bytes], **call: object) -> Model:
    known = {ROOT / name: one if isinstance(one, bytes) else one.encode() for name, one in files.items()}
    return resolve_files(Invocation(ROOT, **call), Files(no_more, known))  # type: ignore[arg-type]


def plan(found: Model, service: str, new: str, *approved: str) -> Edit:
    value = found.services[service].image
    assert value is not None
    return plan_edit(found, value, new, service=service, approved=frozenset(approved))


def edited(found: Model, edit: Edit) -> tuple[bytes, bytes]:
    source = found.files.source(edit.file)
    assert source is not None
    return source.data, edit.on(source.data)


def after(found: Model, edit: Edit) -> dict[str, str | None]:
    _, data = edited(found, edit)
    again = resolve_files(found.invocation, found.files.replaced(edit.file, data))
    assert not again.problems
    return said(again)


def said(found: Model) -> dict[str, str | None]:
    return {name: one.image.text if one.image else None for name, one in found.services.items()}


@pytest.mark.parametrize("start", [b"", BOM])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("last", [True, False])
@pytest.mark.parametrize(
    ("written", "becomes"),
    [
        ("app:1", "app:2.0"),
        ("'app:1'", "'app:2.0'"),
        ('"app:1"', '"app:2.0"'),
        ("app:1  # é 🦊 app:1", "app:2.0  # é 🦊 app:1"),
        ("app:1\t# a tab", "app:2.0\t# a tab"),
        ("&i app:1", "&i app:2.0"),
        ('"\\u0061pp:1"', '"app:2.0"'),
        ("app:${T:-1}", "app:${T:-2.0}"),
        ("'app:${T:-1}'", "'app:${T:-2.0}'"),
        ('"${A:-${B-app:1}}"', '"${A:-${B-app:2.0}}"'),
        ("app:${T:-1}@x", None),
    ],
)
def test_only_the_value_changes(
    start: bytes, end: str, last: bool, written: str, becomes: str | None
) -> None:
    rows = ["# é 🦊\t", "services:", "  web:", "    tty: true", f"    image: {written}"]
    rows += [] if last else ["    # kept", "    restart: always", ""]
    data = start + end.join(rows).encode()
    found = model({"compose.yaml": data})
    if becomes is None:
        with pytest.raises(CannotEdit, match="several places"):
            plan(found, "web", "app:2.0")
        return
    edit = plan(found, "web", "app:2.0")
    assert edited(found, edit) == (data, data.replace(written.encode(), becomes.encode()))
    assert [one.path for one in edit.changes] == [("services", "web", "image")]


@pytest.mark.parametrize("start", [b"", BOM])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("last", [True, False])
@pytest.mark.parametrize(
    ("written", "becomes"),
    [
        ("T=1", "T=2.0"),
        ("export T = '1'   # é 🦊", "export T = '2.0'   # é 🦊"),
        ('T="1" # c', 'T="2.0" # c'),
        ("T=1 # 1", "T=2.0 # 1"),
        ("T=", "T=2.0"),
        ("T: 1", "T: 2.0"),
    ],
)
def test_a_setting_changes_where_it_stands(
    start: bytes, end: str, last: bool, written: str, becomes: str
) -> None:
    env = start + end.join(["# é 🦊", "", "O=1", written, *([] if last else ["P=1", ""])]).encode()
    found = model({"compose.yaml": "services: {web: {image: 'app:${T}'}}", ".env": env})
    edit = plan(found, "web", "app:2.0")
    assert (edit.file.name, edit.is_env) == (".env", True)
    assert edited(found, edit) == (env, env.replace(written.encode(), becomes.encode()))


APP = "services: {web: {image: 'app:${T}'}}"
TWO = "services: {web: {image: 'app:${T}'}, two: {image: 'b:${T}'}}"
ALIAS = "x: &i app:1\nservices: {web: {image: *i}, two: {image: *i}}"
LINES = 'services:\n  web:\n    image: "app:\\\n      2"\n'
PROJECT = "services: {web: {image: '${COMPOSE_PROJECT_NAME}'}}"


@pytest.mark.parametrize(
    ("text", "env", "shell", "words"),
    [
        (APP, "T=1", {"T": "2"}, "comes from the environment"),
        (APP, "", {}, "set nowhere"),
        (APP, "A=1\nT=${A}", {}, "itself made of variables"),
        ("services:\n  web:\n    image: |-\n      app:1\n", "", {}, "a block"),
        (LINES, "", {}, "several lines"),
        ("services: {web: {image: 'app:${A:-1}${B:-2}'}}", "", {}, "several places"),
        (PROJECT, "", {}, "the project's name"),
        ("services: {web: {image: 'app:${T:?x}'}}", "", {}, "resolve: /p/compose.yaml:1:25: T must be set"),
        (TWO, "T=1", {}, "T in .env also decides the image of two"),
        (ALIAS, "", {}, "&i in compose.yaml also decides the image of two"),
        ("services: {web: {image: app:1}, two: {extends: web}}", "", {}, "also decides the image of two"),
        (APP, "T=q\nCOMPOSE_PROJECT_NAME=${T}", {}, "which project this is"),
    ],
)
def test_what_is_not_safe_is_refused(text: str, env: str, shell: dict[str, str], words: str) -> None:
    with pytest.raises(CannotEdit) as refused:
        plan(model({"compose.yaml": text, ".env": env}, shell=shell), "web", "app:9.9")
    assert words in str(refused.value)


def test_what_is_shared_changes_when_all_are_approved() -> None:
    text = "services: {web: {image: 'a:${T}'}, two: {image: 'b:${T}', environment: {V: 'v${T}'}}}"
    found = model({"compose.yaml": text, ".env": "T=1"})
    edit = plan(found, "web", "a:2", "two")
    assert [str(one) for one in edit.changes] == [
        "services.web.image: a:1 → a:2",
        "services.two.image: b:1 → b:2",
        "services.two.environment.V: v1 → v2",
    ]
    assert edit.services == ("web", "two")


@pytest.mark.parametrize(
    ("written", "new", "becomes"),
    [
        ("a: b", "it's", "a: it's"),
        ("a: 'b'", "it's", "a: 'it''s'"),
        ('a: "b"', 'say "x" \\n', 'a: "say \\"x\\" \\\\n"'),
        ("a: b", "cost $5", "a: cost $$5"),
        ("a: b", "x # y", None),
        ("a: b", "x: y", None),
        ("a: b", "true", "a: true"),
        ("a: b", "", None),
        ("a: b", "0644", None),
        ("a: b", "- x", None),
        ("a: ${V:-b}", "x}y", None),
        ("a: ${V:-b}", "$x", None),
        ("a: b", "two\nlines", None),
        ("a: b", "\x1b[31m", None),
        ("a: b", "é🦊", "a: é🦊"),
    ],
)
def test_any_text_is_quoted_or_refused(written: str, new: str, becomes: str | None) -> None:
    text = f"services:\n  web:\n    image: x\n    labels:\n      {written}\n      z: end\n"
    found = model({"compose.yaml": text})
    labels = found.services["web"].tree["labels"]
    value = labels["a"]  # type: ignore[call-overload, index]
    if becomes is None:
        with pytest.raises(CannotEdit):
            plan_edit(found, value, new, service="web")
    else:
        edit = plan_edit(found, value, new, service="web")
        assert edited(found, edit)[1].decode() == text.replace(written, becomes)


@pytest.mark.parametrize("name", NAMES)
def test_every_image_of_every_fixture_is_pinned_or_refused(name: str) -> None:
    found = case(FIXTURES / name).model
    for service, locus in images(found).items():
        assert locus.pinnable != bool(locus.reason)
        if locus.pinnable:
            _pin(found, service)


EXPECTED = {
    "literal": {"web": Kind.LITERAL},
    "override": {"web": Kind.OVERRIDE, "only": Kind.LITERAL},
    "anchors": {"a": Kind.ANCHOR, "b": Kind.ANCHOR, "c": Kind.DEFAULT, "d": Kind.LITERAL},
    "build": {"built": Kind.BUILT, "both": Kind.BUILT, "plain": Kind.LITERAL},
    "block-image": {"a": Kind.MIXED, "b": Kind.MIXED, "c": Kind.LITERAL},
    "shell-wins": {"web": Kind.SHELL},
    "include": {"db": Kind.ENV, "cache": Kind.ENV, "web": Kind.DEFAULT},
    "include-override": {"db": Kind.OVERRIDE, "web": Kind.LITERAL},
    "extends-file": {"web": Kind.DEFAULT},
    "shared-variable": {"web": Kind.ENV, "worker": Kind.ENV, "alone": Kind.ENV, "noted": Kind.ENV},
    "required": {"web": Kind.UNRESOLVED},
    "nested-defaults": {"a": Kind.MIXED, "c": Kind.MIXED},
}


@pytest.mark.parametrize("name", EXPECTED)
def test_the_kind_of_place(name: str) -> None:
    found = images(case(FIXTURES / name).model)
    assert {service: found[service].kind for service in EXPECTED[name]} == EXPECTED[name]


def test_who_else_changes_is_said() -> None:
    found = images(case(FIXTURES / "anchor-in-service").model)
    assert found["c"].also == ("a", "b", "d")
    assert images(case(FIXTURES / "shared-variable").model)["worker"].also == ("web",)


def _pin(found: Model, service: str) -> Edit:
    """Pin it, and hold that this and nothing else happened."""
    value = found.services[service].image
    assert value is not None
    before = said(found)
    edit = None
    for new in samples(value.text):
        try:
            edit = plan_edit(found, value, new, service=service, approved=frozenset(found.services))
            break
        except CannotEdit:
            continue
    assert edit is not None
    old, data = edited(found, edit)
    start, end = edit.span.start, edit.span.end
    assert data == old[:start] + edit.new + old[end:] != old
    assert old.count(b"\n") == data.count(b"\n")
    now = after(found, edit)
    changed = {one.service for one in edit.changes if one.is_image}
    assert {name for name in now if now[name] != before[name]} == changed
    assert now[service] == new
    assert service in changed
    assert edit.reversed().on(data) == old
    return edit


def test_two_thousand_generated_edits_change_one_image_each() -> None:
    edits, refused, seed = 0, 0, 0
    while edits < 2000:
        made = make(Random(seed))
        seed += 1
        found = made.model()
        assert not found.problems
        for service, kind in made.kinds.items():
            locus = image_locus(found, found.services[service])
            assert locus.pinnable == (kind in PINNABLE), (seed, service, kind, locus.reason)
            if kind in REFUSED:
                refused += 1
                continue
            edit = _pin(found, service)
            edits += 1
            alone = [name for name, other in made.kinds.items() if other == kind]
            assert locus.also == (
                tuple(n for n in alone if n != service) if kind in ("shared", "anchor") else ()
            )
            if kind not in ("shared", "anchor"):
                assert [one.path for one in edit.changes] == [("services", service, "image")]
    assert refused > 500
