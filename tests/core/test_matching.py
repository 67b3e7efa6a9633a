import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.core.command import Command, Rest, ServiceRef, command
from bot.core.doc import Doc, say
from bot.core.errors import Unknown, UserError
from bot.core.matching import match


def make(name: str) -> Command:
    async def handler(ctx: object, what: ServiceRef | None = None, rest: Rest | None = None) -> Doc:
        """Help."""
        return say("")

    return command(name=name)(handler)


ALL = [make(name) for name in ("help", "ping", "logs", "backup", "backup now", "backup verify", "test alert")]


@pytest.mark.parametrize(
    ("text", "name", "rest"),
    [
        ("!ping", "ping", ""),
        ("  !PING  ", "ping", ""),
        ("!logs grafana --tail 5", "logs", "grafana --tail 5"),
        ("!backup", "backup", ""),
        ("!backup  Now  wiki", "backup now", "wiki"),
        ("!backup nowhere", "backup", "nowhere"),
        ("!test alert", "test alert", ""),
        ("!logs\ngrafana", "logs", "grafana"),
    ],
)
def test_finds(text: str, name: str, rest: str) -> None:
    found = match(text, ALL)
    assert found is not None
    assert (found.command.name, found.rest.strip()) == (name, rest)


@pytest.mark.parametrize(
    "text", ["", "ping", "hello !ping", "!", "!!", "!!!", "! ping", "!?", "!1", "\u202e!ping"]
)
def test_what_is_not_for_us(text: str) -> None:
    assert match(text, ALL) is None


def test_addressed_text_needs_no_prefix_and_may_have_it() -> None:
    for text in ("ping", "!ping", " Ping "):
        found = match(text, ALL, addressed=True)
        assert found is not None
        assert found.command.name == "ping"
    bare = match("", ALL, addressed=True)
    assert bare is not None
    assert bare.command.name == "help"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("!pnig", "unknown: pnig — did you mean !ping?"),
        ("!log grafana", "unknown: log — did you mean !logs?"),
        ("!test", "unknown: test — did you mean !test alert?"),
        ("!test alret", "unknown: test alret — did you mean !test alert?"),
        ("!zzzzzz", "unknown: zzzzzz — !help lists what there is"),
        ("!pi\u200bng", "unknown: pi\\u{200b}ng — did you mean !ping?"),
    ],
)
def test_a_near_miss_is_offered_and_not_run(text: str, said: str) -> None:
    with pytest.raises(Unknown) as caught:
        match(text, ALL)
    assert str(caught.value) == said


def test_another_prefix() -> None:
    found = match(".ping", ALL, ".")
    assert found is not None
    assert match("!ping", ALL, ".") is None
    with pytest.raises(Unknown, match=r"did you mean \.ping\?"):
        match(".pnig", ALL, ".")


@given(st.text(), st.booleans(), st.sampled_from(["!", "", "!ping ", "!backup ", "!\u0430"]))
def test_no_text_raises_anything_but_words_for_the_user(text: str, addressed: bool, before: str) -> None:
    try:
        found = match(before + text, ALL, addressed=addressed)
        if found is not None:
            found.command.parse(found.rest)
    except UserError as trouble:
        said = str(trouble)
        assert said.startswith(("unknown: ", "usage: "))


@given(st.text(min_size=1))
def test_only_the_exact_words_run(text: str) -> None:
    try:
        found = match("!" + text, ALL)
    except UserError:
        return
    if found is not None:
        assert tuple(text.lower().split())[: len(found.command.words)] == found.command.words
