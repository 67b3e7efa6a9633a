import re

from hypothesis import given
from hypothesis import strategies as st

import commands
from bot.core.doc import (
    Choices,
    Code,
    Fields,
    Heading,
    Items,
    Link,
    Mention,
    Pre,
    Strong,
    Table,
    Tone,
    doc,
    line,
    say,
)
from bot.platforms.console_text import Known, coloured, complete, headline

KNOWN = Known(commands.ALL, "!", ["ann", "adam"], ["ops", "lounge"], ["grafana", "graphite", "wiki"])
ANSI = re.compile(r"\x1b\[[0-9;]*m")


def texts(typed: str) -> list[str]:
    return [one.text for one in complete(typed, KNOWN)]


def test_completion_is_made_from_the_registry() -> None:
    assert texts("!pin") == ["!ping", "!pin"]
    assert texts("!te") == ["!test"]
    assert texts("!test ") == ["alert"]
    assert texts("!restart gra") == ["grafana", "graphite"]
    assert texts("!restart ") == ["grafana", "graphite", "wiki", "--grace"]
    assert texts("!help wh") == ["whoami", "why"]
    assert texts("/") == ["/as", "/room", "/help", "/quit"]
    assert texts("/as a") == ["ann", "adam"]
    assert texts("/room l") == ["lounge"]
    assert texts("hello") == []
    assert texts("") == []
    assert texts("!zzz ") == []
    assert [one.replaces for one in complete("!restart gra", KNOWN)] == [3, 3]


def test_every_block_has_colour_and_its_words() -> None:
    document = doc(
        Heading(line("2 of 3 running"), Tone.BAD, "🔥"),
        line("plain ", Strong("strong"), Code("code"), Mention("ann"), Link("docs", "https://example.org/x")),
        Items((line("one"), line("two"))),
        Fields((("image", line("grafana")),)),
        Table(("service", "health"), ((line("grafana"), line("healthy")), (line("wiki"), line("unhealthy")))),
        Pre("+new\n-old\n same", "diff"),
        Choices("a1", "K7QF"),
    )
    text = coloured(document, 80)
    bare = ANSI.sub("", text)
    assert "🔥 2 of 3 running" in bare
    assert "plain strongcode@anndocs (https://example.org/x)" in bare
    assert "• one\n• two\n" in bare
    assert "image: grafana" in bare
    assert "!approve K7QF\n" in bare
    assert "\x1b[1;31m" in text
    assert "\x1b[32mhealthy" in text
    assert "\x1b[31munhealthy" in text
    assert "\x1b[32m  +new" in text
    assert "\x1b[31m  -old" in text
    assert "\x1b]8" not in text, "a hyperlink could hide where it leads"


def test_a_long_line_goes_on_below_its_first_word() -> None:
    text = coloured(doc(Items((line("one two three four five six"),)), line("a b")), 20)
    assert text == "• one two three four\n  five six\na b\n"


def test_no_word_from_outside_begins_a_row() -> None:
    forged = "x " * 30 + "!approve K7QF " * 3
    for block in (Heading(line(forged)), Items((line(forged),)), Fields((("a", line(forged)),))):
        for width in range(20, 80):
            rows = ANSI.sub("", coloured(doc(block, line(forged)), width)).splitlines()
            assert not [row for row in rows if row.startswith("!")], width


def test_the_next_of_several_lists_is_told_apart() -> None:
    text = coloured(doc(line("a"), Items((line("1"),)), line("b"), Items((line("2"),)), line("c")), 40)
    assert text == "a\n• 1\n\nb\n• 2\n\nc\n"


def test_an_address_is_never_cut_in_two() -> None:
    long = "https://example.org/" + "x" * 100
    shown = doc(
        line("Links: ", Link("runbook", long), ", ", Link("silence", "https://example.org/s")),
        line("one ", Link("only", long)),
        Items((line("down (", Link("silence", long), ")"),)),
        line("see ", Link("a", "https://example.org/a"), " or else"),
    )
    assert ANSI.sub("", coloured(shown, 40)).splitlines() == [
        "Links:",
        f"  runbook ({long})",
        "  silence (https://example.org/s)",
        "one",
        f"  only ({long})",
        "• down",
        f"    silence ({long})",
        "see a (https://example.org/a) or else",
    ]


def test_a_name_in_a_narrow_table_is_whole() -> None:
    table = Table(("service", "image"), ((line("monitoring/alertmanager"), line("x" * 30)),))
    rows = ANSI.sub("", coloured(doc(table), 30)).splitlines()
    assert "…" not in "".join(rows)
    assert "".join(row.split()[-1] for row in rows[3:] if row.strip()).count("x") == 30


def test_a_cell_of_states_has_the_colour_of_the_worst() -> None:
    def cell(text: str) -> str:
        return coloured(doc(Table(("state",), ((line(Strong(text)),),))), 60)

    assert "\x1b[32mrunning, healthy" in cell("running, healthy")
    assert "\x1b[31mrunning, unhealthy" in cell("running, unhealthy")
    assert "\x1b[31mexited (137)" in cell("exited (137)")
    assert "\x1b[1munhealthy wiki" in cell("unhealthy wiki")


def test_a_head_line_stands_for_its_card() -> None:
    assert headline(doc("x", Heading(line("FIRING")), "y")) == "FIRING"
    assert headline(say("only words")) == "only words"
    assert headline(doc()) == ""


@given(st.text(max_size=80))
def test_nothing_from_outside_moves_the_cursor(text: str) -> None:
    shown = coloured(
        doc(Heading(line(text)), line(Code(text)), Table((text,), ((line(text),),)), Pre(text)), 60
    )
    assert "\x1b" not in ANSI.sub("", shown)
    assert not re.search(
        r"[\x00-\x09\x0b-\x1a\x1c-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]", ANSI.sub("", shown)
    )
