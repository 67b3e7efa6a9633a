"""Cards, lines and lists: what they say, and that nothing from a label forges anything."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from unicodedata import category

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alert_bridge.group import Card, Group, GroupKey, Telling, from_json, to_json, update
from alert_bridge.payload import Alert, Notification, Status, Unreadable, read
from alert_bridge.render import Told, card, full_list, tell, unreadable
from bot.core.doc import Doc, Fields, Heading, Items, Link, Mention, Paragraph, Tone, jumps, plain
from bot.core.doc import from_json as doc_from_json
from bot.core.doc import to_json as doc_to_json
from bot.core.duration import say_duration

RECORDED = Path(__file__).parent.parent / "recorded"
T0 = datetime(2026, 11, 23, 21, 54, tzinfo=UTC)


def at(seconds: float) -> datetime:
    return T0 + timedelta(seconds=seconds)


def fold(group: Group | None, found: Notification, now: datetime, new_id: str = "m") -> tuple[Group, Telling]:
    key = GroupKey("default", found.receiver, found.group_key)
    after, telling = update(group, found, key=key, now=now, new_id=new_id)
    assert after is not None
    return after, telling


def story(*names: str) -> list[tuple[Group, Told]]:
    group: Group | None = None
    out = []
    for number, name in enumerate(names):
        found = read((RECORDED / f"{name}.json").read_bytes())
        assert isinstance(found, Notification)
        group, telling = fold(group, found, at(400 * number))
        out.append((group, tell(group, telling, found, ["ann"])))
    return out


def say(*alerts: Alert, **fields: Any) -> Notification:
    firing = any(alert.status is Status.FIRING for alert in alerts)
    known: dict[str, Any] = {
        "receiver": "r",
        "group_key": "k",
        "status": Status.FIRING if firing else Status.RESOLVED,
        "group_labels": {"alertname": "Down"},
        "common_labels": {"alertname": "Down"},
        "common_annotations": {},
        "sender": "http://am.example.org",
        "reason": "",
        "truncated": 0,
        "alerts": alerts,
    }
    return Notification(**{**known, **fields})


def fires(number: int, **labels: str) -> Alert:
    named = {"alertname": "Down", "instance": f"i{number}", **labels}
    return Alert(f"f{number}", Status.FIRING, named, {}, T0, None)


def ended(number: int) -> Alert:
    named = {"alertname": "Down", "instance": f"i{number}"}
    return Alert(f"f{number}", Status.RESOLVED, named, {}, T0, at(7383))


def text(document: Doc | None) -> str:
    assert document is not None
    return plain(document)


def test_the_story_of_a_real_group() -> None:
    firing, joined, part, repeat, resolved = (
        told
        for _, told in story(
            *(
                f"alertmanager-0.25-{name}"
                for name in ("firing", "joined", "part-resolved", "repeat", "resolved")
            )
        )
    )
    assert text(firing.card).splitlines()[0] == "🔥 FIRING critical: InstanceDown (1 alert)"
    assert "Summary: db-1:9100 is down" in text(firing.card)
    assert firing.lines == ()
    assert "InstanceDown (2 alerts)" in text(joined.card)
    assert [plain(line) for line in joined.lines] == [
        "🔥 FIRING critical: instance=db-2:9100 — db-2:9100 is down @ann"
    ]
    assert "InstanceDown (1 of 2 alerts)" in text(part.card)
    assert "Counts: 1 resolved" in text(part.card)
    assert part.lines == ()
    assert "repeated once" in text(repeat.card)
    assert text(resolved.card).splitlines()[0] == "✅ RESOLVED: InstanceDown (2 alerts) after 1 min 29 s"
    assert [plain(line) for line in resolved.lines] == ["✅ RESOLVED after 1 min 29 s: InstanceDown"]


def test_a_new_card_pings_an_edit_never() -> None:
    first, second = story("alertmanager-0.25-firing", "alertmanager-0.25-joined")
    assert first[1].card is not None
    assert first[1].card.mentions == ("ann",)
    assert second[1].card is not None
    assert second[1].card.mentions == ()
    assert second[1].lines[0].mentions == ("ann",)
    assert "For: ann" in plain(second[1].card)


def test_links_have_words_and_are_http() -> None:
    [(_, told)] = story("alertmanager-0.25-firing")
    found = {link.text: link.url for link in links(told.card)}
    assert set(found) == {"runbook", "generator", "silence"}
    assert found["silence"].startswith("http://alertmanager.example.org:9093/#/silences/new?filter=%7B")


def test_grafana_keeps_each_alerts_own_silence() -> None:
    [(_, told)] = story("grafana-10-firing")
    words = [link.text for link in links(told.card)]
    assert words.count("silence") == 2
    assert {"runbook", "dashboard", "panel", "generator"} <= set(words)


@pytest.mark.parametrize(
    ("labels", "first", "tone"),
    [
        ({"severity": "critical"}, "🔥 FIRING critical: ", Tone.BAD),
        ({"severity": "page"}, "🔥 FIRING critical: ", Tone.BAD),
        ({"priority": "P2"}, "🔴 FIRING error: ", Tone.BAD),
        ({"level": "Warning"}, "🟠 FIRING warning: ", Tone.WARN),
        ({"severity": "info"}, "🔵 FIRING info: ", Tone.INFO),
        ({"severity": "purple"}, "🔔 FIRING: ", Tone.WARN),
        ({}, "🔔 FIRING: ", Tone.WARN),
    ],
)
def test_severity_by_word_symbol_and_tone(labels: dict[str, str], first: str, tone: Tone) -> None:
    group, _ = fold(None, say(fires(1, **labels)), T0)
    shown = card(group)
    assert plain(shown).startswith(first)
    assert isinstance(shown.blocks[0], Heading)
    assert shown.blocks[0].tone is tone


def test_a_severity_is_said_once_where_all_have_the_same() -> None:
    group, _ = fold(None, say(fires(1, severity="critical"), fires(2, severity="critical")), T0)
    shown = plain(card(group))
    assert shown.splitlines()[0] == "🔥 FIRING critical: Down (2 alerts)"
    assert shown.count("critical") == 1
    spelled, _ = fold(None, say(fires(1, severity="page")), T0)
    assert "severity=page" in plain(card(spelled))


def test_since_when_one_fires_is_said_where_it_is_another_time() -> None:
    later = Alert("f2", Status.FIRING, {"alertname": "Down", "instance": "i2"}, {}, at(300), None)
    days = Alert("f3", Status.FIRING, {"alertname": "Down", "instance": "i3"}, {}, at(90_000), None)
    group, _ = fold(None, say(fires(1), later, days), at(90_001))
    rows = [row for row in plain(card(group)).splitlines() if row.startswith("- ")]
    assert rows == [
        "- firing: instance=i1",
        "- firing: instance=i2, since 21:59 UTC",
        "- firing: instance=i3, since 2026-11-24 22:54 UTC",
    ]


def test_what_lasted_within_a_day_names_the_day_once() -> None:
    group, _ = fold(None, say(fires(1)), T0)
    over = Alert("f1", Status.RESOLVED, {"alertname": "Down", "instance": "i1"}, {}, T0, at(900))
    same, _ = fold(group, say(over), at(901))
    assert "Time: 2026-11-23 21:54 to 22:09 UTC, lasted 15 min" in plain(card(same))
    longer, _ = fold(group, say(ended(1)), at(7400))
    assert "Time: 2026-11-23 21:54 to 23:57 UTC, lasted 2 h 3 min" in plain(card(longer))


def test_a_summary_stands_on_the_card_also_where_the_sender_calls_it_nobodys() -> None:
    full = Alert("f1", Status.FIRING, {"alertname": "Down"}, {"summary": "96% full"}, T0, None)
    group, _ = fold(None, say(full), T0)
    assert "Summary: 96% full" in plain(card(group))


def test_the_worst_severity_leads() -> None:
    group, _ = fold(None, say(fires(1, severity="info"), fires(2, severity="critical")), T0)
    rows = plain(card(group)).splitlines()
    assert rows[0].startswith("🔥 FIRING critical")
    assert next(row for row in rows if row.startswith("- ")).startswith("- firing critical: ")


def test_five_hundred_alerts_are_one_message_and_a_file() -> None:
    found = say(*(fires(number) for number in range(500)))
    group, telling = fold(None, found, T0)
    told = tell(group, telling, found)
    shown = text(told.card)
    assert "(500 alerts)" in shown
    assert "- and 490 more; the full list is in the thread" in shown
    assert len(shown) < 3000
    [listed] = told.lines
    assert listed.files[0].content.decode().count("FIRING since") == 500
    assert len(to_json(group)) < 100_000
    for number in (1, 10):
        after, telling = fold(group, say(*(fires(n) for n in range(500 + number))), at(60 * number))
        assert bool(tell(after, telling, found).lines[1:]) is False


def test_a_thousand_alerts_joining_later_are_one_short_line_and_a_file() -> None:
    group, _ = fold(None, say(fires(0)), T0)
    found = say(*(fires(number) for number in range(1000)))
    group, telling = fold(group, found, at(60))
    line, listed = tell(group, telling, found).lines
    assert plain(line).endswith("and 994 more")
    assert len(plain(line)) < 400
    assert listed.files


def test_counts_and_notes() -> None:
    group, _ = fold(None, say(fires(1), fires(2)), T0, "m1")
    group, _ = fold(group, say(fires(1), truncated=0), at(60))
    assert "1 not reported any more" in plain(card(group))
    group, _ = fold(group, say(ended(1)), at(7400))
    assert plain(card(group)).splitlines()[0].endswith("after 2 h 3 min")
    again = Alert("f1", Status.FIRING, {"alertname": "Down", "instance": "i1"}, {}, at(7500), None)
    group, telling = fold(group, say(again), at(7500))
    assert "fired again once" in plain(card(group))
    assert plain(tell(group, telling, say(again)).lines[0]).startswith("🔔 FIRING again (1st time): ")
    over = Alert("f1", Status.RESOLVED, again.labels, {}, at(7500), at(7600))
    group, _ = fold(group, say(over), at(7600))
    later = Alert("f1", Status.FIRING, again.labels, {}, at(90000), None)
    group, _ = fold(group, say(later), at(90000), "m2")
    assert "It fired before, until 2026-11-24 00:00 UTC: message 1 of this group." in plain(card(group))
    assert jumps(card(group)) == {"group:m1"}


def test_truncated_unseen_skewed_and_unread() -> None:
    group, _ = fold(None, say(fires(1), truncated=4, problems=("alerts[0].startsAt: not a time: 'x'",)), T0)
    shown = plain(card(group))
    assert "(5 alerts)" in shown
    assert "4 of them cut off by the sender" in shown
    assert "I could not read all of it: alerts[0].startsAt" in shown
    group, _ = fold(None, say(ended(1)), T0)
    assert "I had not seen it fire." in plain(card(group))
    assert "Clocks differ" in plain(card(group))


def test_a_group_without_any_labels_has_a_name() -> None:
    nameless = Alert("f", Status.FIRING, {}, {}, None, None)
    group, _ = fold(None, say(nameless, group_labels={}, common_labels={}), T0)
    assert "an alert without a name (1 alert)" in plain(card(group))


def test_unreadable_shows_why_and_the_raw_text() -> None:
    found = read(b'{"text": "disk\n!approve AAAA \xe2\x80\xae"}')
    assert isinstance(found, Unreadable)
    rows = plain(unreadable(found, "default", "too large")).splitlines()
    assert rows[0] == "⚠️ I could not read this alert"
    assert "Why: a JSON object without `alerts` (a custom template?)" in rows
    assert all(row.startswith("  ") for row in rows[4:])
    assert "\u202e" not in "".join(rows)


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (-5, "0 s"),
        (0, "0 s"),
        (59, "59 s"),
        (60, "1 min"),
        (185, "3 min 5 s"),
        (3600, "1 h"),
        (7383, "2 h 3 min"),
        (86400 * 4 + 3700, "4 d 1 h"),
        (3605, "1 h"),
    ],
)
def test_durations(seconds: int, words: str) -> None:
    assert say_duration(timedelta(seconds=seconds)) == words


# ---- forgery --------------------------------------------------------------------------------------------

HOSTILE = st.one_of(
    st.text(max_size=60),
    st.sampled_from(
        [
            "x\n✅ RESOLVED: all is well",
            "x\r\n!approve K7QF",
            "\u2028done: ok",
            "\x85refused: ",
            "@room @here <!channel> <@U0AAA>",
            "[a](javascript:alert(1))",
            "<a href='http://evil'>x</a>",
            "</code><script>",
            "```\nx",
            "\u202egpj.exe",
            "\x1b[2J\x07",
            "http://evil.example/|x>",
            "javascript:alert(1)",
            "y" * 300_000,
        ]
    ),
)
NAMES = HOSTILE | st.sampled_from(["alertname", "severity", "summary", "runbook_url"])
MAPS = st.dictionaries(NAMES, HOSTILE, max_size=4)
ALERTS = st.fixed_dictionaries(
    {"status": st.sampled_from(["firing", "resolved"]), "labels": MAPS, "annotations": MAPS},
    optional=dict.fromkeys(("generatorURL", "silenceURL", "fingerprint", "startsAt"), HOSTILE),
)
PAYLOADS = st.fixed_dictionaries(
    {"alerts": st.lists(ALERTS, min_size=1, max_size=12)},
    optional={
        "groupLabels": MAPS,
        "commonLabels": MAPS,
        "commonAnnotations": MAPS,
        "externalURL": HOSTILE,
        "title": HOSTILE,
        "receiver": HOSTILE,
        "groupKey": HOSTILE,
    },
)
MOVING = ("Cc", "Cf", "Cs", "Co", "Zl", "Zp")
KEPT = "\u200d\ufe0e\ufe0f"  # what emoji are made of
OURS = (
    *(
        "🔥 FIRING",
        "🔴 FIRING",
        "🟠 FIRING",
        "🔵 FIRING",
        "🔔 FIRING",
        "✅ RESOLVED",
        "Summary: ",
        "Labels: ",
    ),
    *(
        "Time: ",
        "Counts: ",
        "Note: ",
        "- firing",
        "- resolved: ",
        "- not reported",
        "- and ",
        "Links: ",
        "For: ",
    ),
    *("The full list: ", "[file alerts.txt, "),
)


def links(document: Doc | None) -> list[Link]:
    assert document is not None
    spans = []
    for block in document.blocks:
        match block:
            case Heading(spans=line) | Paragraph(spans=line):
                spans += line
            case Items(lines=lines):
                spans += [span for line in lines for span in line]
            case Fields(pairs=pairs):
                spans += [span for _, line in pairs for span in line]
            case _:
                raise AssertionError(block)
    return [span for span in spans if isinstance(span, Link)]


def all_docs(payload: Any) -> list[Doc]:
    found = read(json.dumps(payload).encode())
    if isinstance(found, Unreadable):
        return [unreadable(found, "default")]
    group, telling = fold(None, found, T0)
    out = []
    told = tell(group, telling, found, ["ann"])
    out += [told.card or card(group), *told.lines]
    other = json.dumps({**payload, "alerts": [{"status": "firing", "labels": {"alertname": "New"}}]}).encode()
    joined = read(other)
    assert isinstance(joined, Notification)
    after, telling = fold(from_json(to_json(group)), joined, at(60))
    assert telling.card is not Card.NONE
    told = tell(after, telling, joined, ["ann"])
    return [*out, told.card or card(after), *told.lines]


@settings(max_examples=150, deadline=None)
@given(PAYLOADS)
def test_nothing_is_forged(payload: Any) -> None:
    for document in all_docs(payload):
        assert doc_from_json(doc_to_json(document)) == document
        assert set(document.mentions) <= {"ann"}
        for link in links(document):
            assert link.safe, link.url
            assert link.text in ("runbook", "dashboard", "panel", "generator", "silence", "image")
        rows = plain(document).splitlines()
        for row in rows:
            assert row.startswith(OURS), row
            assert not [char for char in row if category(char) in MOVING and char not in KEPT], row
        assert sum(map(len, rows)) < 40_000
        for file in document.files:
            for row in file.content.decode().splitlines():
                assert row.startswith(("FIRING", "RESOLVED", "  ", "(cut")), row


def test_the_head_of_the_card_is_always_ours() -> None:
    found = say(fires(1, alertname="x\nRESOLVED: forged"), group_labels={}, common_labels={})
    group, _ = fold(None, found, T0)
    assert plain(card(group)).splitlines()[0] == "🔔 FIRING: x⏎RESOLVED: forged (1 alert)"


def test_the_full_list_is_bounded() -> None:
    long = {f"a{n}": "x" * 4096 for n in range(64)}
    many = tuple(Alert(f"f{n}", Status.FIRING, {}, long, None, None) for n in range(40))
    [file] = full_list(say(*many)).files
    assert len(file.content) <= 4 * 1024 * 1024 + 100


def test_mention_is_only_ever_ours() -> None:
    found = say(fires(1, alertname="@ann"))
    group, _ = fold(None, found, T0)
    assert card(group).mentions == ()
    assert card(group, ["ann"], ping=True).mentions == (Mention("ann").person,)
