"""What must never be said aloud is not said, in no part and no spelling; what is harmless stays."""

import base64
import json
from collections.abc import Callable
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import assume, given, settings
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
    Link,
    Mention,
    Paragraph,
    Pre,
    Strong,
    Table,
    Text,
    plain,
    plain_line,
    to_json,
)
from bot.core.redact import FREE_STANDING, MARK, Redactor, _first_pass, _replace, _shape
from bot.core.redact_doc import redact_doc
from bot.core.text import many_lines, one_line

# Values as people and generators make them; one that is blank or part of the mark itself is no secret.
SECRETS = st.one_of(
    st.text(alphabet=st.characters(min_codepoint=33, max_codepoint=126), min_size=FREE_STANDING, max_size=40),
    st.text(min_size=FREE_STANDING, max_size=40),
).filter(lambda value: len(value.strip()) >= FREE_STANDING and value.strip() not in MARK)
AROUND = st.text(alphabet=st.characters(exclude_categories=("Cs",)), max_size=30)


def _all_text(document: Doc) -> str:
    """Everything that any platform could show of a Doc."""
    files = "".join(file.name + file.content.decode("utf-8", "surrogateescape") for file in document.files)
    return plain(document) + json.dumps(to_json(document)["blocks"], ensure_ascii=False) + files


def _docs(text: str) -> list[Doc]:
    spans = (
        Text(text),
        Strong(text),
        Code(text),
        Link(text, "https://x/"),
        Link("x", "https://x/?q=" + text),
    )
    blocks: list[Block] = [Choices("id", "K7QF", text), Pre(text), Pre("x", text)]
    for span in (*spans, Mention(text)):
        one = (span,)
        table = Table((text, "b"), ((one, (Text("x"),)),))
        blocks += [Heading(one), Paragraph(one), Items((one,)), Fields(((text, one),)), table]
    file = File(text, "text/plain", text.encode("utf-8", "surrogatepass"))
    return [*(Doc((block,)) for block in blocks), Doc((), (file,))]


@settings(max_examples=60, deadline=None)
@given(secret=SECRETS, before=AROUND, after=AROUND)
def test_a_planted_value_leaves_in_no_form_of_a_doc(secret: str, before: str, after: str) -> None:
    # `paragraph` and the like are what a Doc is made of.
    assume(not any(secret.strip() in _all_text(document) for document in _docs("")))
    redactor = Redactor({secret})
    for document in _docs(before + secret + after):
        said = _all_text(redact_doc(document, redactor))
        for spelled in {secret.strip(), one_line(secret).strip(), many_lines(secret).strip()}:
            assert spelled not in said


@settings(max_examples=100, deadline=None)
@given(secret=SECRETS, cut=st.integers(1, 39), before=AROUND, after=AROUND)
def test_a_value_that_several_spans_share_does_not_leave(
    secret: str, cut: int, before: str, after: str
) -> None:
    secret = one_line(secret).strip()
    cut = min(cut, len(secret) - 1)
    spans = (Text(before + secret[:cut]), Code(secret[cut:]), Text(after))
    (block,) = redact_doc(Doc((Paragraph(spans),)), Redactor({secret})).blocks
    assert isinstance(block, Paragraph)
    assert secret not in plain_line(block.spans)


SPELLINGS: dict[str, Callable[[str], str]] = {
    "percent": lambda v: quote(v, safe=""),
    "percent with slashes": quote,
    "form": quote_plus,
    "json": lambda v: json.dumps(v)[1:-1],
    "json in json": lambda v: json.dumps(json.dumps(v))[3:-3],
    "base64": lambda v: base64.b64encode(v.encode()).decode(),
    "base64 urlsafe": lambda v: base64.urlsafe_b64encode(v.encode()).decode(),
    "basic auth": lambda v: base64.b64encode(f"admin:{v}".encode()).decode(),
    "base64 in the middle": lambda v: base64.b64encode(f"ab{v}xyz".encode()).decode(),
    "hex": lambda v: v.encode().hex(),
    "shell": lambda v: v.replace("'", "'\\''"),
    "yaml": lambda v: v.replace("'", "''"),
}


@pytest.mark.parametrize("spelling", SPELLINGS)
@settings(max_examples=60, deadline=None)
@given(
    secret=st.text(
        alphabet=st.characters(min_codepoint=33, max_codepoint=0x2FF, exclude_categories=("Cc", "Cf", "Zs")),
        min_size=FREE_STANDING,
        max_size=30,
    ).filter(lambda value: value not in MARK)
)
def test_a_value_leaves_in_no_other_spelling(spelling: str, secret: str) -> None:
    spelled = SPELLINGS[spelling](secret)
    said = Redactor({secret}).text(f"GET /x?key={spelled} done")
    assert spelled not in said
    assert said.endswith(" done")


def test_overlapping_values_leave_no_rest() -> None:
    assert Redactor({"abcdefgh", "efghijkl"}).text("x abcdefghijkl y") == f"x {MARK} y"


def test_each_line_of_a_long_value_counts() -> None:
    key = "first-line-of-a-key\nsecond-line-of-a-key"
    assert Redactor({key}).text("log: second-line-of-a-key!") == f"log: {MARK}!"


def test_a_short_value_counts_only_as_a_word() -> None:
    redactor = Redactor({"ab12"})
    assert redactor.text("is ab12, not xab12y") == f"is {MARK}, not xab12y"


@pytest.mark.parametrize("value", ["", " ", "a", "abc", "redacted"])
def test_what_is_too_short_blacks_out_nothing(value: str) -> None:
    assert Redactor({value}).text("a b c abc redacted") == "a b c abc redacted"


@pytest.mark.parametrize(
    ("text", "secret"),
    [
        ("password=hunter2", "hunter2"),
        ("POSTGRES_PASSWORD: 'two words'", "two words"),
        ("password: two words # why", "two words"),
        ("SECRET_KEY_BASE=two words", "words"),
        ("  password: |\n    first\n    second\n  user: x", "second"),
        ("password=ab,cd(e user=x", "cd(e"),
        ('{"api_key": "abc", "user": "bob"}', "abc"),
        ('{\\"token\\":\\"abc\\"}', "abc"),
        ("a=1&access_token=abc&user=bob", "abc"),
        ("GF_SECURITY_ADMIN_PASSWORD=${PW:-fallback}", "fallback"),
        ("password=$ecret123", "ecret123"),
        ("Authorization: Bearer abc.def-9 next", "abc.def-9"),
        ("curl -H 'Authorization: Basic dXNlcjpwYXNz' http://x", "dXNlcjpwYXNz"),
        ("Cookie: session=abc; other=def", "def"),
        ("X-Api-Key: abc", "abc"),
        ("sent bearer aGVsbG8gd29ybGQ1 to it", "aGVsbG8gd29ybGQ1"),
        ("postgres://wiki:s3cr3t@db:5432/wiki", "s3cr3t"),
        ("postgres://u:p@ss/w@db:5432/x", "ss/w"),
        ("redis://:abc@host:6379", "abc"),
        ("https://0123456789abcdef@sentry.example.org/1", "0123456789abcdef"),
        ("xoxb-123-abc", "123-abc"),
        ("xapp-1-A0-b", "A0-b"),
        ("id AKIAIOSFODNN7EXAMPLE", "IOSFODNN7"),
        ("token eyJhbGciOiJ.eyJzdWIiOiI.c2lnbmF0dXJl", "c2lnbmF0dXJl"),
        ("syt_YW5u_abcdefghij_123456", "abcdefghij"),
        ("users=admin:$apr1$H6uskkkW$IgXLP6ewTrSuBkTrqE8wj/", "IgXLP6ewTrSuBkTrqE8wj"),
        ("-----BEGIN RSA PRIVATE KEY-----\nMIIE\nabc\n-----END RSA PRIVATE KEY-----", "MIIE"),
        ("-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNz", "b3BlbnNz"),
        ("seed wJalrXUtnFEMI/K7MDENG/bPxRfiCY9Z8aKQ3", "bPxRfiCY9Z8aKQ3"),
    ],
)
def test_what_looks_like_a_secret_is_not_said(text: str, secret: str) -> None:
    said = Redactor().text(text)
    assert secret not in said
    assert MARK in said


@pytest.mark.parametrize(
    "text",
    [
        "grafana/grafana@sha256:" + "a1" * 32,
        "container 3f2a1b0c9d8e7f6a5b4c3d2e1f0a9b8c7d6e5f4a3f2a1b0c9d8e7f6a5b4c3d2e",
        "commit 3f2a1b0c9d8e7f6a5b4c3d2e1f0a9b8c7d6e5f4a",
        "request 8f14e45f-ceea-467f-a830-8f14e45fceea",
        "HighRequestLatencyFor95PercentileOfAllRequests",
        "/var/lib/docker/overlay2/merged/Some/Path",
        "the password is wrong: try again",
        "token expired, secretary: Anna, tokens: 500",
        "password_file: /run/secrets/db",
        "POSTGRES_PASSWORD=${POSTGRES_PASSWORD}",
        "http://localhost:8080/search?mail=a@b.example",
        "Up 3 hours (unhealthy), exit code 127: /bin/sh: curl: not found",
        "event $143gMGKrbcRPBhuRQgJPNfTgXVcbWfbWcDkpSkfWYlM",
        '2026-11-23T22:01:07.123456789Z level=info msg="bearer authentication failed"',
        "kubernetes-node-exporter-textfile-collector-v2",
    ],
)
def test_facts_stay(text: str) -> None:
    assert Redactor().text(text) == text


def test_a_name_in_a_field_decides_about_its_value() -> None:
    document = Doc((Fields((("password", (Code("hunter2"),)), ("image", (Code("nginx:1"),)))),))
    assert plain(redact_doc(document, Redactor())) == f"password: {MARK}\nimage: nginx:1"


def test_a_mention_and_a_code_that_are_ours_stay() -> None:
    document = Doc((Paragraph((Mention("ann"), Text(" password=x"))), Choices("id", "K7QF")))
    clean = redact_doc(document, Redactor({"K7QF"}))
    assert clean.mentions == ("ann",)
    assert plain(clean).endswith("!approve K7QF")


def test_a_link_whose_address_is_secret_is_a_link_no_more() -> None:
    document = Doc((Paragraph((Link("silence", "https://u:hunter22@am/#/silences"),)),))
    assert plain(redact_doc(document, Redactor())) == "silence"


def test_an_image_file_keeps_its_bytes() -> None:
    png = File("graph.png", "image/png", b"\x89PNG\r\npassword=abc")
    assert redact_doc(Doc((), (png,)), Redactor()).files == (png,)


@settings(max_examples=200, deadline=None)
@given(text=st.text(max_size=300))
def test_redacting_twice_changes_nothing_more(text: str) -> None:
    redactor = Redactor({"a-known-value"})
    once = redactor.text(text)
    assert redactor.text(once) == once


def test_more_values_make_a_new_one() -> None:
    base = Redactor({"first-value"})
    assert base.plus({"first-value"}) is base
    more = base.plus({"second-value"})
    assert more.text("first-value second-value") == f"{MARK} {MARK}"
    assert base.text("second-value") == "second-value"
    assert Redactor({"abcdefgh"}).plus({"efghijkl"}).text("x abcdefghijkl y") == f"x {MARK} y"


_FRAGMENTS = st.one_of(
    st.sampled_from(
        [
            *(
                "PASSWORD=",
                "db_pwd: ",
                "apiKey ",
                "Cookie: a=b",
                "authorization: Basic ",
                "Bearer ",
                "dsn=",
                "://",
            ),
            *(
                "-----BEGIN RSA PRIVATE KEY-----\nabc",
                "eyJhbGciOi.eyJzdWIi",
                "https://ann:x1@h/",
                "X-Api-Token: q",
            ),
            *(
                "xoxb-12345678",
                "AKIAABCDEFGHIJKLMNOP",
                "ghp_" + "a1" * 12,
                "s." + "aB3" * 8,
                "12345678:" + "x" * 35,
            ),
            *(
                "$2b$12$" + "a" * 22,
                "hooks.slack.com/T00/B00/abcdef",
                "AGE-SECRET-KEY-1" + "Q" * 20,
                "HTPASSWD",
                "Kookie",
                "ſecret=abcdefgh",
            ),
            *("app/compose.yml:3:12", "nginx:1.99.3", "\n", " ", "'", "=", "hunter2hunter2", "⏎"),
        ]
    ),
    st.text(max_size=6),
)


@given(st.lists(_FRAGMENTS, max_size=6).map("".join))
def test_the_short_way_finds_what_the_long_one_finds(text: str) -> None:
    assert _first_pass(text) == _shape().sub(_replace, text)
