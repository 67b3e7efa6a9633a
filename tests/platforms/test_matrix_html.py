"""What a Doc becomes on Matrix: golden files, limits, and that no text can forge anything."""

import json
from html.parser import HTMLParser
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.core.doc import (
    Block,
    Choices,
    Code,
    Doc,
    Fields,
    File,
    Heading,
    Items,
    Line,
    Link,
    Mention,
    Paragraph,
    Pre,
    Strong,
    Table,
    Text,
    Tone,
    doc,
    from_json,
    line,
    to_json,
)
from bot.platforms import matrix_html as html
from bot.platforms.matrix_event import SEEDS
from tests.platforms.golden_cards import CARDS, HOSTILE

GOLDEN = Path(__file__).parents[1] / "golden" / "matrix"


def accounts(person: str) -> tuple[str, ...]:
    return {"ann": ("@ann:example.org",)}.get(person, ())


def shown(document: Doc, *, in_thread: bool = False) -> html.Rendered:
    return html.render(document, accounts=accounts, in_thread=in_thread)


@pytest.mark.parametrize("in_thread", [False, True], ids=["room", "thread"])
@pytest.mark.parametrize("name", CARDS)
def test_golden(name: str, in_thread: bool) -> None:
    """To write them again after a change on purpose: delete the file, run, look, run again."""
    rendered = shown(CARDS[name], in_thread=in_thread)
    files = [{"name": file.name, "bytes": len(file.content)} for file in rendered.files]
    found = {"content": rendered.content, "files": files, "choices": rendered.choices}
    text = json.dumps(found, indent=1, ensure_ascii=False) + "\n"
    path = GOLDEN / f"{name}{'-in-thread' if in_thread else ''}.json"
    if not path.exists():
        path.write_text(text, "utf-8")
        pytest.fail(f"{path.name} was missing and is written: look at it")
    assert text == path.read_text("utf-8")


# ---- nothing can be forged --------------------------------------------------------------------------------

OURS = {
    "p",
    "br",
    "strong",
    "span",
    "code",
    "pre",
    "ul",
    "li",
    "table",
    "thead",
    "tbody",
    "tr",
    "th",
    "td",
    "a",
}


class Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str, str]] = []
        self.text: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += [(tag, name, value or "") for name, value in attrs]

    def handle_data(self, data: str) -> None:
        self.text.append(data)

    def handle_comment(self, data: str) -> None:
        self.tags.append("!--")

    def handle_decl(self, decl: str) -> None:
        self.tags.append("!decl")

    def handle_pi(self, data: str) -> None:
        self.tags.append("?pi")


def parsed(text: str) -> Tags:
    parser = Tags()
    parser.feed(text)
    parser.close()
    return parser


words = st.one_of(
    st.text(max_size=60),
    st.sampled_from([HOSTILE, "</code></pre><a href='https://evil.example'>", "&lt;b&gt;", "<!--", "<?x"]),
)
spans = st.one_of(words.map(Text), words.map(Strong), words.map(Code), st.builds(Link, words, words))
lines: st.SearchStrategy[Line] = st.lists(spans, max_size=3).map(tuple)
blocks: st.SearchStrategy[Block] = st.one_of(
    st.builds(Heading, lines, st.sampled_from(Tone)),
    st.builds(Paragraph, lines),
    st.lists(lines, max_size=3).map(lambda found: Items(tuple(found))),
    st.lists(st.tuples(words, lines), max_size=3).map(lambda found: Fields(tuple(found))),
    st.tuples(words, words, lines, lines).map(lambda t: Table((t[0], t[1]), ((t[2], t[3]),))),
    st.builds(Pre, words, words),
)
documents = st.lists(blocks, max_size=4).map(lambda found: Doc(tuple(found)))


@given(documents, st.booleans())
def test_no_text_makes_a_tag_a_link_or_a_mention(document: Doc, in_thread: bool) -> None:
    content = shown(document, in_thread=in_thread).content
    found = parsed(content["formatted_body"])
    assert set(found.tags) <= OURS
    safe = {span.url for span in _links(document) if span.safe}
    for tag, name, value in found.attributes:
        match name:
            case "href":
                assert tag == "a"
                assert value in safe
            case "data-mx-color":
                assert value in html.COLOURS.values()
            case "class":
                assert value.startswith("language-")
                assert value.removeprefix("language-").isalnum()
            case _:
                raise AssertionError(name)
    assert content["m.mentions"] == {}
    assert content["msgtype"] == "m.notice"


def _links(document: Doc) -> list[Link]:
    found: list[Link] = []
    for block in document.blocks:
        match block:
            case Heading(spans=spans_) | Paragraph(spans=spans_):
                found += [span for span in spans_ if isinstance(span, Link)]
            case Items(lines=lines_):
                found += [span for one in lines_ for span in one if isinstance(span, Link)]
            case Fields(pairs=pairs):
                found += [span for _, one in pairs for span in one if isinstance(span, Link)]
            case Table(rows=rows):
                found += [span for row in rows for one in row for span in one if isinstance(span, Link)]
            case _:
                pass
    return found


@given(words)
def test_a_text_makes_no_line_of_its_own(text: str) -> None:
    assert "\n" not in shown(doc(line("said: ", text))).content["body"]


# ---- pinging ----------------------------------------------------------------------------------------------


def test_only_a_mention_pings_and_only_who_has_an_account() -> None:
    quiet = shown(doc("@room @ann")).content
    assert quiet["msgtype"] == "m.notice"
    assert quiet["m.mentions"] == {}
    loud = shown(doc(line(Mention("ann"), Mention("slack-only")))).content
    assert loud["msgtype"] == "m.text"
    assert loud["m.mentions"] == {"user_ids": ["@ann:example.org"]}
    assert shown(doc(line(Mention("slack-only")))).content["msgtype"] == "m.notice"


def test_an_edit_pings_nobody_again_and_stays_small() -> None:
    content = html.edited(shown(doc(line(Mention("ann"), "x" * 5000))).content, "$root")
    assert content["m.mentions"] == {}
    assert len(content["body"]) <= 202
    assert "formatted_body" not in content
    assert content["m.new_content"]["m.mentions"] == {"user_ids": ["@ann:example.org"]}
    assert content["m.relates_to"] == {"rel_type": "m.replace", "event_id": "$root"}


# ---- size -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "document",
    [
        doc("word " * 60_000),
        doc(Items(tuple(line(f"item {n} ", Code("x" * 200)) for n in range(2000)))),
        doc(*[Heading(line("h" * 1000)) for _ in range(200)]),
        doc(Table(("a", "b"), tuple((line("é" * 300), line(str(n))) for n in range(500)))),
        doc(*(["🔥" * 900] * 60), Choices("a", "K7QF")),
    ],
    ids=["long", "list", "headings", "table", "plan"],
)
@pytest.mark.parametrize("in_thread", [False, True])
def test_what_is_too_large_is_cut_and_attached_whole(document: Doc, in_thread: bool) -> None:
    rendered = shown(document, in_thread=in_thread)
    assert html.size(rendered.content) <= html.CONTENT_LIMIT
    # An edit holds the content beside its fallback, encryption adds a third: still an event.
    assert html.size(html.edited(rendered.content, "$" + "x" * 43)) * 4 / 3 < 60_000
    assert [file.name for file in rendered.files] == ["message.txt"]
    assert "message.txt" in rendered.content["body"]
    whole = rendered.files[0].content.decode()
    assert len(whole) > 30_000
    if rendered.choices:
        assert rendered.content["body"].endswith("!approve K7QF")


def test_a_long_log_becomes_a_file_with_its_first_lines_shown() -> None:
    text = "\n".join(f"line {n}" for n in range(40))
    for in_thread, kept in ((False, html.PRE_LINES), (True, html.PRE_LINES_IN_THREAD)):
        rendered = shown(doc(Pre(text)), in_thread=in_thread)
        assert f"line {kept - 1}" in rendered.content["body"]
        assert f"line {kept}\n" not in rendered.content["body"]
        assert [(f.name, f.content.decode()) for f in rendered.files] == [("output.txt", text + "\n")]


def test_a_log_keeps_its_newest_lines() -> None:
    text = "\n".join(f"line {n}" for n in range(40))
    alone = shown(doc(Pre(text, "log")))
    assert alone.content["body"].splitlines()[-2:] == ["  line 39", "… 28 earlier lines in output.txt"]
    assert [(f.name, f.content.decode()) for f in alone.files] == [("output.txt", text + "\n")]
    brought = shown(doc(Pre(text, "log"), "all in the file", files=[File("web.log", "text/plain", b"x")]))
    assert brought.content["body"].splitlines()[-2:] == ["  line 39", "all in the file"]
    assert [file.name for file in brought.files] == ["web.log"]


def test_a_wide_row_names_what_does_not_speak_for_itself() -> None:
    row = tuple(line(text) for text in ("web", "running", "–", "nginx:1"))
    body = shown(doc(Table(("service", "state", "since", "image"), (row,)))).content["body"]
    assert body == "- web · running · image nginx:1"


def test_two_long_logs_are_two_files() -> None:
    rendered = shown(doc(Pre("a\n" * 40), Pre("b\n" * 40, "diff")))
    assert [file.name for file in rendered.files] == ["output.txt", "output-2.diff"]


# ---- the rest ---------------------------------------------------------------------------------------------


def test_where_reactions_do_not_vote_the_card_does_not_offer_them() -> None:
    rendered = html.render(CARDS["plan"], accounts=accounts, reactions=False)
    assert "react" not in rendered.content["formatted_body"]
    assert "!approve K7QF" in rendered.content["formatted_body"]


def test_a_picture_is_shown_and_a_file_is_offered() -> None:
    head = b"\x89PNG\r\n\x1a\n" + b"\0\0\0\rIHDR" + (640).to_bytes(4, "big") + (480).to_bytes(4, "big")
    picture = html.attachment(File("p.png", "image/png", head), {"url": "mxc://x/y"})
    assert picture["msgtype"] == "m.image"
    assert (picture["info"]["w"], picture["info"]["h"]) == (640, 480)
    other = html.attachment(File("page.html", "text/html", b"<b>"), {"url": "mxc://x/y"})
    assert other["msgtype"] == "m.file"


def test_an_empty_doc_is_still_an_event() -> None:
    assert shown(Doc(())).content["body"]


def test_what_only_can_be_stopped_says_so_and_is_seeded_with_no() -> None:
    asks = doc("it runs soon", Choices("plan-7", "K7QF", stop=True))
    assert from_json(json.loads(json.dumps(to_json(asks)))) == asks
    rendered = shown(asks)
    assert (rendered.choices, rendered.stop) == (True, True)
    assert SEEDS[rendered.stop :] == ("❎",)
    assert "approve" not in rendered.content["formatted_body"]
    assert rendered.content["body"].endswith("!deny K7QF")
