"""What a yes is bound to."""

import hashlib
import json
import random
from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.core.approval import Approval
from bot.core.doc import Doc, plain
from bot.core.letters import ALPHABET
from bot.core.model import Identity
from bot.core.plan import (
    Advice,
    FileChange,
    Plan,
    Touched,
    as_code,
    differences,
    policy_version,
    speakable,
)
from bot.core.plan_card import Asked, plan_card
from bot.core.policy import CONSOLE_POLICY, Ask, BreakGlass, Policy, Role, Rule
from bot.core.redact import Redactor
from bot.core.redact_doc import redact_doc
from bot.core.reply import NO, YES, read_reply
from bot.platforms import matrix_html as html
from bot.platforms import slack_blocks as kit

PLAN = Plan(
    command="pin",
    subject="shop/web",
    host="local",
    project="shop",
    arguments={"grace": 10},
    containers=(Touched("1" * 64, "shop-web-1", "web:latest", "sha256:aa", "running"),),
    calls=("POST /containers/111/restart?t=10",),
    argv=(("docker", "compose", "up", "--no-deps", "web"),),
    files=(FileChange("shop/compose.yml", "ab" * 32, b"image: web:1.2.3\n"),),
    images={"web": "sha256:bb"},
    environment=("PATH", "HOME"),
    requester="ann matrix:@ann:x",
    policy="cc",
)


def test_the_digest_is_of_canonical_json_and_holds() -> None:
    assert json.loads(PLAN.canonical) == PLAN.content
    assert PLAN.digest == replace(PLAN).digest
    assert len(PLAN.digest) == 64
    assert replace(PLAN, environment=("HOME", "PATH", "PATH")).digest == PLAN.digest


@pytest.mark.parametrize(
    "change",
    [
        {"command": "update"},
        {"subject": "shop/api"},
        {"host": "other"},
        {"project": "shop2"},
        {"arguments": {"grace": 11}},
        {"containers": (Touched("2" * 64, "shop-web-1", "web:latest", "sha256:aa", "running"),)},
        {"containers": (Touched("1" * 64, "shop-web-1", "web:latest", "sha256:ab", "running"),)},
        {"containers": (Touched("1" * 64, "shop-web-1", "web:latest", "sha256:aa", "exited"),)},
        {"calls": ()},
        {"argv": (("docker", "compose", "up --no-deps", "web"),)},
        {"files": (FileChange("shop/compose.yml", "ab" * 32, b"image: web:1.2.4\n"),)},
        {"files": (FileChange("shop/compose.yml", "ac" * 32, b"image: web:1.2.3\n"),)},
        {"images": {"web": "sha256:bc"}},
        {"environment": ("PATH",)},
        {"requester": "ann slack:T/U"},
        {"policy": "cd"},
    ],
    ids=lambda change: next(iter(change)),
)
def test_everything_that_will_happen_is_in_the_digest(change: dict[str, object]) -> None:
    moved = replace(PLAN, **change)  # type: ignore[arg-type]
    assert moved.digest != PLAN.digest
    assert differences(PLAN.content, moved.content)


def test_advice_is_not_and_nothing_else_is_left_out() -> None:
    assert replace(PLAN, advice=Advice("long", "undo", ("note",), "diff")).digest == PLAN.digest
    assert {field.name for field in fields(Plan)} - {"advice"} == PLAN.content.keys() - {"version"}


def test_differences_are_named() -> None:
    now = replace(PLAN, containers=(replace(PLAN.containers[0], state="exited"),), images={})
    assert differences(PLAN.content, now.content) == (
        "containers.shop-web-1.state: running → exited",
        "images.web: sha256:bb → nothing",
        "images: nothing → {}",
    )
    assert differences(PLAN.content, PLAN.content) == ()


@pytest.mark.parametrize(
    "policy",
    [
        Policy(),
        replace(CONSOLE_POLICY, break_glass=BreakGlass(countdown=timedelta(minutes=3))),
        replace(CONSOLE_POLICY, roles={**CONSOLE_POLICY.roles, "viewer": Role("viewer", ("*",))}),
        replace(CONSOLE_POLICY, rules=(Rule("restart", ask=Ask.NONE), *CONSOLE_POLICY.rules)),
    ],
)
def test_a_changed_policy_has_another_version(policy: Policy) -> None:
    assert policy_version(policy) != policy_version(CONSOLE_POLICY)
    assert policy_version(replace(policy)) == policy_version(policy)


@given(st.integers(), st.sets(st.text(ALPHABET, min_size=4, max_size=6), max_size=50))
def test_codes_are_short_free_and_without_look_alikes(seed: int, taken: set[str]) -> None:
    code = speakable(taken, random.Random(seed).choice)
    assert code not in taken
    assert 4 <= len(code) <= 6
    assert not set(code) & set("0O1IL5S8B2Z")
    assert as_code(f" `{code.lower()}`. ") == code


def test_when_short_codes_run_out_they_get_longer() -> None:
    letters = iter("ACDE" * 50 + "ACDEF")
    assert speakable({"ACDE"}, lambda _: next(letters)) == "ACDEF"
    with pytest.raises(RuntimeError):
        speakable({"AAAA", "AAAAA", "AAAAAA"}, lambda _: "A")


@pytest.mark.parametrize(
    ("said", "approve", "code"),
    [
        ("yes", True, None),
        ("  OK!  ", True, None),
        ("Approve, please", True, None),
        ("approve k7qf", True, "K7QF"),
        ("K7QF yes", True, "K7QF"),
        ("👍🏽", True, None),
        ("No.", False, None),
        ("don’t", False, None),
        ("deny K7QF", False, "K7QF"),
        ("yes, but later", None, None),
        ("ok?", None, None),
        ("not yes", None, None),
        ("yes no", None, None),
        ("no problem", None, None),
        ("yes, go ahead", True, None),
        ("Yes, please!", True, None),
        ("approve ✅", True, None),
        (":+1::skin-tone-3:", True, None),
        (":white_check_mark: approved", True, None),
        (":thumbsdown:", False, None),
        ("stop!", False, None),
        ("🛑 stop it", False, None),
        ("yes ❌", None, None),
        ("👍 👎", None, None),
        ("👍 👍", True, None),
        ("👍 when ann is back", None, None),
        ("ok, no", None, None),
        ("don't stop", None, None),
        ("K7QF 👍", True, "K7QF"),
        ("K7QF", None, None),
        ("wait", None, None),
        ("", None, None),
    ],
)
def test_a_reply_is_a_clear_yes_a_clear_no_or_neither(
    said: str, approve: bool | None, code: str | None
) -> None:
    reply = read_reply(said)
    assert (reply.approve, reply.code) == (approve, code)


@given(st.text(max_size=60))
def test_only_the_whole_reply_counts(text: str) -> None:
    assert not YES & NO
    if read_reply(f"{text} however").approve is not None:
        raise AssertionError(text)


NOW = datetime(2026, 1, 1, tzinfo=UTC)


def card_of(plan: Plan, clean: Redactor) -> Doc:
    rule = Rule("pin", "graf*")
    approval = Approval("a1", "K7QF", plan.digest, "ann", rule, NOW + rule.expires)
    asked = Asked("ann", Identity("console", "ann"), ("adam",))
    return redact_doc(plan_card(plan, approval, asked, NOW, clean=clean.text), clean)


def many_calls(count: int = 3000) -> Plan:
    argv = tuple(("docker", "compose", "up", "--detach", f"service-{number}") for number in range(count))
    diff = "-PASSWORD=hunter2secret\n+TOKEN=hunter3secret\n"
    return Plan("pin", "shop/web", "local", "shop", argv=argv, advice=Advice(diff=diff))


def test_the_file_of_a_long_plan_is_whole_and_its_digest_is_on_the_card() -> None:
    plan, clean = many_calls(), Redactor(("hunter2secret", "hunter3secret"))
    card = card_of(plan, clean)
    # It is cleaned once more on its way out.
    [file] = redact_doc(card, clean).files
    text = file.content.decode()
    assert "hunter" not in text
    for words in plan.argv:
        assert " ".join(words) in text
    assert hashlib.sha256(file.content).hexdigest() in plain(redact_doc(card, clean))
    assert plain(card).endswith("\n!approve K7QF")


@pytest.mark.parametrize("count", [2, 25, 60, 3000])
def test_every_platform_shows_the_plan_or_attaches_it_whole(count: int) -> None:
    plan = many_calls(count)
    card = card_of(plan, Redactor(()))
    slack = kit.render(card)
    matrix = html.render(card, accounts=lambda _: ())
    shown = {
        "slack": json.dumps(slack.blocks) + "".join(file.content.decode() for file in slack.files),
        "matrix": matrix.content["body"] + "".join(file.content.decode() for file in matrix.files),
        "console": plain(card) + "".join(file.content.decode() for file in card.files),
    }
    for platform, text in shown.items():
        for words in plan.argv:
            assert " ".join(words) in text, platform
        for file in card.files:
            assert hashlib.sha256(file.content).hexdigest() in text, platform


def test_a_file_that_the_diff_does_not_show_is_named() -> None:
    change = FileChange("/srv/shop/.env", "a" * 64, b"B=1\n")
    plan = Plan("pin", "shop/web", "local", "shop", files=(change,))
    after = hashlib.sha256(b"B=1\n").hexdigest()[:16]
    assert f"write /srv/shop/.env: sha256 {'a' * 16} → {after}" in plain(card_of(plan, Redactor(())))
    shown = replace(plan, advice=Advice(diff="--- /srv/shop/.env\n-A=1\n+B=1"))
    assert "write /srv/shop/.env" not in plain(card_of(shown, Redactor(())))


def test_the_card_says_which_line_of_the_policy_decided() -> None:
    assert "by the policy's line: pin graf*" in plain(card_of(many_calls(1), Redactor(())))
