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
    assert texts("!pi") == ["!ping"]
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
    assert "• one\n• two" in bare
    assert "image: grafana" in bare
    assert "!approve K7QF\n" in bare
    assert "\x1b[1;31m" in text
    assert "\x1b[32mhealthy" in text
    assert "\x1b[31munhealthy" in text
    assert "\x1b[32m  +new" in text
    assert "\x1b[31m  -old" in text
    assert "\x1b]8" not in text, "a hyperlink could hide where it leads"


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
