"""A Doc as Slack shows it: golden cards, every limit, and nothing forged, whatever the words are."""

import copy
import json
from pathlib import Path
from typing import Any

import pytest
import slackblocks
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot.core import doc
from bot.core.doc import (
    Block,
    Choices,
    Code,
    Doc,
    Fields,
    File,
    Heading,
    Items,
    Link,
    Mention,
    Paragraph,
    Pre,
    Strong,
    Table,
    Text,
    Tone,
    line,
)
from bot.platforms import slack_blocks as kit
from tests.real.slack import Message, blocks, mrkdwn

GOLDEN = Path(__file__).parents[1] / "golden" / "slack"
PEOPLE = {"ann": "U0ANN"}


def account(person: str) -> str | None:
    return PEOPLE.get(person)


def shown(rendered: kit.Rendered) -> Message:
    """As the loopback Slack keeps it. Raises SlackError when it would refuse it."""
    made = copy.deepcopy(list(rendered.blocks))
    blocks.check_message(made, [])
    return Message("1.1", "U0BOT", mrkdwn.stored(rendered.text), blocks=made)


CARDS: dict[str, Doc] = {
    "line": doc.say("17 of 20 running, ", Strong("3 unhealthy")),
    "alert": doc.doc(
        Heading(line(Strong("FIRING"), " critical: ", Code("DiskFull"), " (2 alerts)"), Tone.BAD, "🔥"),
        Fields(
            (
                ("Summary", line("/srv is at 97 % <of> 1 TB & growing")),
                ("Labels", line(Code("host=web-1"), " ", Code("team=infra"))),
            )
        ),
        Items((line(Code("web-1"), ": 97 %"), line(Code("web-2"), ": 91 %"))),
        line("Links: ", Link("runbook", "https://wiki.example.org/disk"), ", ", Link("odd", "javascript:1")),
        line("For: ", Mention("ann"), ", ", Mention("bob")),
    ),
    "status": doc.doc(
        Heading(line("17 of 20 running")),
        Table(
            ("service", "state", "since"),
            (
                (line(Code("grafana")), line("running"), line("2 h")),
                (line("loki"), line("exited"), line("5 m")),
            ),
        ),
    ),
    "wide": doc.doc(
        Table(
            ("service", "state", "image"),
            (
                (
                    line("grafana"),
                    line(Strong("unhealthy")),
                    line(Code("registry.example.org/grafana/" + "x" * 60)),
                ),
            ),
        )
    ),
    "logs": doc.doc("The last lines of grafana:", Pre("one\n<two> & `three`\n\tfour")),
    "plan": doc.doc(
        Heading(line("Plan: restart grafana")),
        Pre("docker compose up -d --no-deps grafana", "sh"),
        Choices("plan-7", "K7QF", "Restart grafana now? About 5 s without it."),
    ),
    "hostile": doc.doc(
        Heading(line("<!channel> :fire: *x*")),
        line(
            "<!here> <@U0ANN> @channel ", Code("`<!channel>`"), Link("https://good.test", "https://evil.test")
        ),
        Pre("```\n<!channel>\n```"),
    ),
}


@pytest.mark.parametrize("name", CARDS)
def test_golden(name: str) -> None:
    """The bytes that go to Slack. Delete a file to write it anew, and look at the difference."""
    rendered = kit.render(CARDS[name], account)
    shown(rendered)
    found = json.dumps({"text": rendered.text, "blocks": rendered.blocks}, indent=1, ensure_ascii=True) + "\n"
    path = GOLDEN / f"{name}.json"
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(found)
        pytest.fail(f"{path.name} was not there and is written now: read it, and run again")
    assert found == path.read_text()


def test_a_hostile_card_pings_nobody_and_leads_only_where_it_says() -> None:
    message = shown(kit.render(CARDS["hostile"], account))
    assert message.pings == []
    assert message.links == [("https://evil.test", "https://evil.test")] or message.links == [
        ("https://evil.test", "")
    ]
    assert "https://good.test" in message.plain


def test_only_listed_people_are_called() -> None:
    message = shown(kit.render(CARDS["alert"], account))
    assert message.pings == ["@U0ANN"]
    assert "@bob" in message.plain
    assert message.text.endswith("<@U0ANN>")


def test_choices_are_two_buttons_with_a_question() -> None:
    rendered = kit.render(CARDS["plan"], account)
    actions = next(block for block in rendered.blocks if block["type"] == "actions")
    approve, deny = actions["elements"]
    assert (approve["action_id"], approve["style"], approve["value"]) == (kit.APPROVE, "primary", "plan-7")
    assert (deny["action_id"], deny["style"], deny["value"]) == (kit.DENY, "danger", "plan-7")
    assert approve["confirm"]["text"]["text"] == "Restart grafana now? About 5 s without it."
    assert "!approve K7QF" in shown(rendered).plain


def test_what_does_not_fit_is_cut_and_attached() -> None:
    text = "\n".join(f"line {number}" for number in range(500))
    rendered = kit.render(doc.doc(Pre(text)), account)
    assert "cut here" in shown(rendered).plain
    [file] = rendered.files
    assert file.name == "full.txt"
    assert b"line 499" in file.content
    edited = kit.render(doc.doc(Pre(text)), account, attach=False)
    assert edited.files == ()
    assert "full.txt" not in shown(edited).plain


def test_a_whole_doc_is_cut_and_attached_too() -> None:
    rendered = kit.render(Doc(tuple(Paragraph(line("x" * 200)) for _ in range(200))), account)
    assert len(rendered.blocks) <= 50
    assert rendered.files[0].content.count(b"x" * 200) == 200


@pytest.mark.parametrize(
    "block",
    [
        Items(tuple(line(Code("a"), " ", Strong("b"), " ", "c") for _ in range(2_000))),
        Fields(tuple((f"n{number}", line("v")) for number in range(2_000))),
        Table(("a", "b"), tuple((line("x" * 50), line("y" * 50)) for _ in range(500))),
        Paragraph(tuple(Code("x") for _ in range(5_000))),
        Pre('"' * 20_000),
        Paragraph(line('"\\' * 10_000)),
    ],
    ids=lambda block: type(block).__name__,
)
def test_many_small_parts_fit_with_their_containers_and_the_buttons_stay(block: Block) -> None:
    rendered = kit.render(doc.doc(Heading(line("Plan")), block, block, Choices("p", "K7QF")), account)
    message = shown(rendered)
    size = blocks.length(json.dumps(rendered.blocks, ensure_ascii=False))
    assert size <= 13_000
    assert size > 1_000
    assert "cut here" in message.plain
    assert rendered.blocks[0]["type"] == "header"
    assert [b["type"] for b in rendered.blocks].count("actions") == 1
    assert "!approve K7QF" in message.plain


def test_surrogate_pairs_count_twice() -> None:
    assert kit.units("a😀") == 3
    assert kit.cut("😀😀😀", 5) == "😀😀…"
    assert kit.units(kit.cut("😀" * 10, 7)) <= 7
    shown(kit.render(doc.doc(Heading(line("😀" * 80)), "😀" * 5_000), account))


def test_the_limits_are_those_that_slackblocks_knows() -> None:
    """slackblocks refuses one more than each of these."""
    slackblocks.HeaderBlock("x" * kit.HEADER)
    with pytest.raises(slackblocks.errors.InvalidUsageError):
        slackblocks.HeaderBlock("x" * (kit.HEADER + 1))


# ---- whatever the words are -----------------------------------------------------------------------------

EVIL = st.sampled_from(
    [
        "<!channel>",
        "<!here|x>",
        "<@U0ANN>",
        "<@U0BOT|ann>",
        "<!subteam^S0X>",
        "<https://evil.test|good>",
        "https://evil.test/a?b=c&d",
        "evil.test",
        "&lt;!channel&gt;",
        "&amp;lt;",
        "@channel",
        "#ops",
        ":fire:",
        "*b*",
        "_i_",
        "~s~",
        "`c`",
        "```",
        "\u202e",
        "\u200b",
        "\u2028",
        "\x00",
        "\ud800",
        "😀",
        "\n",
        "<",
        ">",
        "&",
        "|",
        "mailto:a@evil.test",
        "<mailto:a@evil.test>",
        "x" * 3_500,
        "&" * 2_000,
    ]
)
WORDS = st.lists(EVIL | st.text(max_size=20), max_size=6).map("".join)
SPAN = st.one_of(
    st.builds(Text, WORDS),
    st.builds(Strong, WORDS),
    st.builds(Code, WORDS),
    st.builds(Link, WORDS, WORDS),
    st.builds(Mention, WORDS.filter(lambda name: name not in PEOPLE)),
)
LINE = st.lists(SPAN, max_size=5).map(tuple)
BLOCK: st.SearchStrategy[Block] = st.one_of(
    st.builds(Heading, LINE, st.sampled_from(Tone), st.sampled_from(["", "🔥", "✅"])),
    st.builds(Paragraph, LINE),
    st.builds(Items, st.lists(LINE, max_size=6).map(tuple)),
    st.builds(Fields, st.lists(st.tuples(WORDS, LINE), max_size=6).map(tuple)),
    st.integers(1, 4).flatmap(
        lambda width: st.builds(
            Table,
            st.tuples(*[WORDS] * width),
            st.lists(st.tuples(*[LINE] * width), max_size=4).map(tuple),
        )
    ),
    st.builds(Pre, WORDS),
    st.builds(Choices, st.just("approval-1"), st.just("K7QF"), WORDS),
)
DOC = st.builds(
    Doc,
    st.lists(BLOCK, max_size=8).map(tuple),
    st.lists(st.builds(File, WORDS, st.just("text/plain"), st.binary(max_size=9)), max_size=2).map(tuple),
)


@given(DOC)
@settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck))
def test_slack_takes_it_and_nothing_is_forged(document: Doc) -> None:
    rendered = kit.render(document, account)
    message = shown(rendered)
    assert message.pings == []
    assert blocks.length(rendered.text) <= 4_000
    assert rendered.text
    allowed = {span.url for span in _links(document) if span.safe}
    assert {url for url, _ in message.links} <= allowed
    assert blocks.length(json.dumps(rendered.blocks, ensure_ascii=False)) <= 13_000
    buttons = [block for block in rendered.blocks if block["type"] == "actions"]
    assert len(buttons) == sum(isinstance(block, Choices) for block in document.blocks)
    json.dumps(rendered.blocks).encode()
    rendered.text.encode()


@given(WORDS, st.sampled_from([0, 1]))
def test_a_mention_stays_though_the_words_are_long(words: str, where: int) -> None:
    spans: list[Any] = [Text(words * 3)]
    spans.insert(where, Mention("ann"))
    message = shown(kit.render(doc.doc(tuple(spans)), account))
    assert message.pings == ["@U0ANN"]


def test_titles_name_one_file_of_one_delivery() -> None:
    file = File("alerts.txt", "text/plain", b"x")
    titles = {kit.title(file, key, number) for key in ("a", "b") for number in (0, 1)}
    assert len(titles) == 4
    assert kit.metadata("a", 2) == {
        "event_type": "tocsin_delivery",
        "event_payload": {"id": "a", "files": 2},
    }


def _links(document: Doc) -> list[Link]:
    found: list[Link] = []

    def walk(value: object) -> None:
        if isinstance(value, Link):
            found.append(value)
        elif isinstance(value, tuple):
            for part in value:
                walk(part)
        elif hasattr(value, "__slots__") and not isinstance(value, str):
            for name in value.__slots__:
                walk(getattr(value, name))

    walk(document.blocks)
    return found


def test_the_status_of_forty_services_is_whole() -> None:
    rows = tuple(
        (
            line(f"monitoring/service-{n}"),
            line("running"),
            line("3 h ago"),
            line("ghcr.io/some/image-name:v1.2.3"),
        )
        for n in range(40)
    )
    rendered = kit.render(doc.doc(Table(("service", "state", "since", "image"), rows)))
    assert rendered.files == ()
    assert all(f"service-{n} " in shown(rendered).plain for n in range(40))


def test_what_only_can_be_stopped_has_one_button() -> None:
    rendered = kit.render(doc.doc("it runs soon", Choices("plan-7", "K7QF", stop=True)))
    [actions] = [block for block in rendered.blocks if block["type"] == "actions"]
    [button] = actions["elements"]
    assert (button["action_id"], button["value"], button["style"]) == (kit.DENY, "plan-7", "danger")
    assert "!deny K7QF" in json.dumps(rendered.blocks)
    assert "approve" not in json.dumps(rendered.blocks).lower()
