from datetime import timedelta
from enum import StrEnum
from typing import Annotated, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.core.command import Between, Command, Rest, ServiceRef, command
from bot.core.doc import Doc, say
from bot.core.errors import UsageError
from bot.core.model import Risk


class Colour(StrEnum):
    RED = "red"
    BLUE = "blue"


@command(risk=Risk.READ)
async def logs(
    ctx: object,
    service: ServiceRef,
    *,
    tail: Annotated[int, Between(1, 500)] = 50,
    since: timedelta | None = None,
    grep: str | None = None,
    dry_run: bool = False,
    form: Literal["json", "text"] | None = None,
    colour: Colour = Colour.RED,
) -> Doc:
    """The last lines of a service.

    More about it.
    """
    return say("")


@command(risk=Risk.DESTROY)
async def break_glass(ctx: object, code: str, reason: Rest) -> Doc:
    """Run it now."""
    return say("")


@command(name="Backup  Now")
async def backup_now(
    ctx: object, service: ServiceRef | None = None, keep: bool = True, count: int = 3
) -> Doc:
    """Save it."""
    return say("")


def test_what_is_declared() -> None:
    assert logs.words == ("logs",)
    assert break_glass.words == ("break-glass",)
    assert backup_now.words == ("backup", "now")
    assert (logs.risk, break_glass.risk) == (Risk.READ, Risk.DESTROY)
    assert logs.summary == "The last lines of a service."
    assert logs.help == "The last lines of a service.\n\nMore about it."
    assert logs.target is not None
    assert logs.target.name == "service"
    assert break_glass.target is None


def test_usage_is_made_from_the_signature() -> None:
    assert logs.usage() == (
        "!logs SERVICE [--tail N] [--since 10m] [--grep WORD] [--dry-run] [--form json|text]"
        " [--colour red|blue]"
    )
    assert break_glass.usage(".") == ".break-glass CODE REASON"
    assert backup_now.usage() == "!backup now [SERVICE] [yes|no] [N]"


@pytest.mark.parametrize(
    ("one", "text", "args"),
    [
        (logs, "grafana", {"service": "grafana"}),
        (logs, "  grafana   --tail 5", {"service": "grafana", "tail": 5}),
        (logs, "--tail=5 grafana", {"service": "grafana", "tail": 5}),
        (logs, "g --since 1h30m", {"service": "g", "since": timedelta(minutes=90)}),
        (logs, "g --grep 'two words'", {"service": "g", "grep": "two words"}),
        (logs, 'g --grep="two words"', {"service": "g", "grep": "two words"}),
        (logs, "g --grep “two words”", {"service": "g", "grep": "two words"}),
        (logs, "g —tail 5", {"service": "g", "tail": 5}),
        (logs, "g --grep don't", {"service": "g", "grep": "don't"}),
        (logs, r"g --grep \d+\s", {"service": "g", "grep": r"\d+\s"}),
        (logs, "g --grep $(reboot)`id`;rm", {"service": "g", "grep": "$(reboot)`id`;rm"}),
        (logs, "g --dry-run", {"service": "g", "dry_run": True}),
        (logs, "g --FORM JSON --colour Blue", {"service": "g", "form": "json", "colour": Colour.BLUE}),
        (logs, "-- --tail", {"service": "--tail"}),
        (logs, "'--tail'", {"service": "--tail"}),
        (logs, "g --grep '--x'", {"service": "g", "grep": "--x"}),
        (logs, "cafe\u0301", {"service": "caf\u00e9"}),
        (logs, "Überwachung", {"service": "Überwachung"}),
        (logs, "监控-grafana", {"service": "监控-grafana"}),
        (break_glass, "k7qf the \"disk\" is full, don't wait", {
            "code": "k7qf", "reason": "the \"disk\" is full, don't wait"}),
        (break_glass, "k7qf two\nlines 👩‍🚒", {"code": "k7qf", "reason": "two\nlines 👩‍🚒"}),
        (break_glass, "-- k7qf --now", {"code": "k7qf", "reason": "--now"}),
        (backup_now, "", {}),
        (backup_now, "wiki no 7", {"service": "wiki", "keep": False, "count": 7}),
        (backup_now, "--count 7", {"count": 7}),
    ],
)  # fmt: skip
def test_reads(one: Command, text: str, args: dict[str, object]) -> None:
    assert one.parse(text) == args


@pytest.mark.parametrize(
    ("one", "text", "said"),
    [
        (logs, "--dry-run", "SERVICE is missing"),
        (logs, "g h", "h is one word too many"),
        (logs, "g --tail many", "--tail: many is not a whole number"),
        (logs, "g --tail 0", "--tail: 0 is not between 1 and 500"),
        (logs, "g --tail ٣", "--tail: ٣ is not a whole number"),
        (logs, "g --tail " + "9" * 5000, "longer than 1000 characters"),
        (logs, "g --tail", "--tail needs a value: N"),
        (logs, "g --tail --dry-run", "--tail needs a value: N"),
        (logs, "g --tail 1 --tail 2", "--tail is given twice"),
        (logs, "g --tial 5", "no option --tial, did you mean --tail?"),
        (logs, "g --dry-run=yes", "--dry-run takes no value"),
        (logs, "g --since soon", "soon is not a duration like 90s, 10m, 1h30m, 2d"),
        (logs, "g --since 99999999w", "longer than a hundred years"),
        (logs, "g --form xml", "xml is none of json, text"),
        (logs, "g --colour green", "green is none of red, blue"),
        (logs, "g --grep ''", "--grep: it is empty"),
        (logs, 'g --grep "open', 'the quote " has no partner'),
        (logs, "'g", "the quote ' has no partner"),
        (logs, "gr\u0430fana", "U+0430 CYRILLIC SMALL LETTER A"),
        (logs, "gr\u202eanafa", "U+202E RIGHT-TO-LEFT OVERRIDE"),
        (logs, "gra\u200bfana", "U+200B ZERO WIDTH SPACE"),
        (logs, "gra\u200dfana", "U+200D ZERO WIDTH JOINER"),
        (logs, "gra\x1b[31mfana", "U+001B"),
        (logs, "g --grep a\u0000", "U+0000"),
        (logs, "ｇrafana", "mixes scripts"),
        (backup_now, "g maybe", "maybe is neither yes nor no"),
        (break_glass, "k7qf", "REASON is missing"),
        (break_glass, "k7qf look \u2067here", "U+2067 RIGHT-TO-LEFT ISOLATE"),
        (break_glass, "k7qf --force", "no option --force"),
    ],
)
def test_refuses_with_the_form_that_fits(one: Command, text: str, said: str) -> None:
    with pytest.raises(UsageError) as caught:
        one.parse(text)
    assert str(caught.value).startswith(f"usage: {one.usage()} — ")
    assert said in str(caught.value)


def test_nothing_at_all_gets_the_bare_usage() -> None:
    with pytest.raises(UsageError) as caught:
        logs.parse("", ".")
    assert str(caught.value) == f"usage: {logs.usage('.')}"


def test_the_message_never_carries_what_cannot_be_seen() -> None:
    with pytest.raises(UsageError) as caught:
        logs.parse("a\u202eb\u200bc")
    assert not set("\u202e\u200b") & set(str(caught.value))


CHARS = "ab -='\"“”—\n\t\u202e\u200b\u0430\0\ud800"
SPICE = st.sampled_from([*CHARS, "--tail", "--", "--grep", "5", "é"])


@given(st.one_of(st.text(), st.lists(SPICE, max_size=30).map("".join)))
def test_any_text_is_read_or_refused_in_words(text: str) -> None:
    for one in (logs, break_glass, backup_now):
        args: dict[str, object] | None
        said = ""
        try:
            args = one.parse(text)
        except UsageError as trouble:
            said = str(trouble)
            args = None
        if args is None:
            assert said.startswith(f"usage: {one.usage()}")
        else:
            assert set(args) <= {param.name for param in one.params}
            assert {param.name for param in one.params if param.required} <= set(args)


WORD = st.text(st.characters(categories=["Lu", "Ll", "Nd"], max_codepoint=127), min_size=1, max_size=12)


@given(WORD, st.integers(1, 500), WORD, st.booleans(), st.permutations([0, 1, 2]))
def test_what_was_written_is_what_is_read(
    service: str, tail: int, grep: str, dry: bool, order: list[int]
) -> None:
    parts = [service, f"--tail {tail}", f"--grep='{grep}'"]
    text = " ".join(parts[index] for index in order) + (" --dry-run" if dry else "")
    expected: dict[str, object] = {"service": service, "tail": tail, "grep": grep}
    assert logs.parse(text) == expected | ({"dry_run": True} if dry else {})


def test_a_signature_that_cannot_be_read_is_our_mistake() -> None:
    async def unknown_type(ctx: object, size: float) -> Doc:
        return say("")

    async def rest_first(ctx: object, reason: Rest, code: str) -> Doc:
        return say("")

    async def many(ctx: object, *names: str) -> Doc:
        return say("")

    async def odd_flag(ctx: object, *, fast: bool = True) -> Doc:
        return say("")

    for handler in (unknown_type, rest_first, many, odd_flag):
        with pytest.raises(TypeError):
            command()(handler)


def test_a_preview_is_declared_on_the_command() -> None:
    @command(risk=Risk.CHANGE)
    async def restart(ctx: object, service: ServiceRef) -> Doc:
        """Restart it."""
        return say("")

    assert restart.planner is None

    @restart.preview
    async def _(ctx: object, service: ServiceRef) -> object:
        return None

    assert restart.planner is not None
