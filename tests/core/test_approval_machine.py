"""No path reaches running without the yes it needs, of people who may give it, and none twice."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from bot.core import approval as life
from bot.core.approval import TRANSITIONS, Approval, State, Vote
from bot.core.errors import Refused
from bot.core.glass import Glass, Signature
from bot.core.model import Identity
from bot.core.policy import Ask, Rule

NOW = datetime(2026, 1, 1, tzinfo=UTC)
PEOPLE = ("ann", "adam", "bob", "eve")


def asked(rule: Rule = Rule("pin")) -> Approval:  # noqa: B008 - frozen
    return Approval("a1", "K7QF", "d" * 64, "ann", rule, NOW + timedelta(minutes=30))


def ballot(person: str, approve: bool = True, *, event: str = "", platform: str = "matrix") -> Vote:
    return Vote(person, Identity(platform, person), approve, NOW, event or f"{platform}-{person}", ("admin",))


def broken(person: str = "adam", *, minutes: float = 2) -> Glass:
    runs = NOW + timedelta(minutes=minutes)
    return Glass(person, Identity("matrix", person), "the disk is full", NOW, runs, f"glass-{person}")


def signature(person: str, platform: str = "slack") -> Signature:
    return Signature(person, Identity(platform, person), NOW, f"sign-{person}")


@pytest.mark.parametrize("before", State)
@pytest.mark.parametrize("after", State)
def test_what_is_not_in_the_table_does_not_happen(before: State, after: State) -> None:
    ready = replace(asked(), state=before, votes=(ballot("adam"),), glass=broken())
    if after in TRANSITIONS[before]:
        assert life.move(ready, after, "so").state is after
    else:
        with pytest.raises(Refused):
            life.move(ready, after, "so")


def test_the_only_ways_to_running_are_the_votes_and_the_glass() -> None:
    ways = [state for state in State if State.RUNNING in TRANSITIONS[state]]
    assert ways == [State.COUNTDOWN, State.APPROVED]
    assert [state for state in State if State.COUNTDOWN in TRANSITIONS[state]] == [State.ASKED]
    for state in (State.DONE, State.FAILED, State.ROLLED_BACK, State.INTERRUPTED):
        assert [one for one in State if state in TRANSITIONS[one]] == [State.RUNNING]
    assert {state for state in State if state.over} == set(State) - {
        State.ASKED,
        State.COUNTDOWN,
        State.APPROVED,
        State.RUNNING,
    }


def test_the_same_person_from_another_account_is_the_same_person() -> None:
    with pytest.raises(Refused, match="somebody else"):
        life.vote(asked(), ballot("ann", platform="slack"))
    two = asked(Rule("pin", votes=2))
    once = life.vote(two, ballot("adam"))
    with pytest.raises(Refused, match="already"):
        life.vote(once, ballot("adam", platform="slack"))
    assert once.state is State.ASKED
    assert life.vote(once, ballot("bob")).state is State.APPROVED


def test_a_no_wins_at_once_also_after_the_yes() -> None:
    approved = life.vote(asked(), ballot("adam"))
    assert approved.state is State.APPROVED
    denied = life.vote(approved, ballot("bob", approve=False))
    assert (denied.state, denied.why) == (State.DENIED, "bob said no")
    with pytest.raises(Refused, match="was denied"):
        life.vote(denied, ballot("adam", event="again"))


def test_a_confirmation_may_be_the_askers_own() -> None:
    assert life.vote(asked(Rule("restart", ask=Ask.CONFIRM)), ballot("ann")).state is State.APPROVED
    assert life.vote(asked(Rule("pin", self_approval=True)), ballot("ann")).state is State.APPROVED
    assert asked(Rule("pin", ask=Ask.NONE)).needed == 0


def test_too_late_is_too_late() -> None:
    late = replace(ballot("adam"), at=NOW + timedelta(minutes=30))
    with pytest.raises(Refused, match="expired"):
        life.vote(asked(), late)


def test_a_vote_that_is_withdrawn_before_the_quorum_is_gone_and_after_it_nothing_runs() -> None:
    once = life.vote(asked(Rule("pin", votes=2)), ballot("adam"))
    assert life.withdraw(once, "matrix-adam", "redacted").votes == ()
    approved = life.vote(once, ballot("bob"))
    assert life.withdraw(approved, "matrix-adam", "redacted").state is State.CANCELLED
    running = life.move(approved, State.RUNNING, "")
    assert life.withdraw(running, "matrix-adam", "redacted") is running


def test_a_yes_that_would_not_be_taken_any_more_does_not_carry_it() -> None:
    approved = life.vote(asked(), ballot("adam"))
    assert life.standing(approved, lambda vote: None) is None
    lost = life.standing(approved, lambda vote: "no longer admin")
    assert lost == "the yes of adam no longer counts: no longer admin"


def test_a_broken_glass_needs_no_votes_and_then_a_signature_of_somebody_else() -> None:
    counting = life.break_glass(asked(), broken())
    assert (counting.state, counting.unsigned) == (State.COUNTDOWN, False)
    running = life.move(counting, State.RUNNING, "")
    assert running.unsigned
    with pytest.raises(Refused, match="is used: it is running now"):
        life.sign(running, signature("bob"))
    done = life.move(running, State.DONE, "well")
    for person, why in (("adam", "broke the glass"), ("ann", "asked for it")):
        with pytest.raises(Refused, match=why):
            life.sign(done, signature(person))
    signed = life.sign(done, signature("bob"))
    assert not signed.unsigned
    with pytest.raises(Refused, match="signed off by bob already"):
        life.sign(signed, signature("eve"))


def test_anybodys_no_stops_the_countdown_and_the_votes_end_it() -> None:
    counting = life.break_glass(asked(), broken())
    stopped = life.vote(counting, ballot("eve", approve=False))
    assert (stopped.state, stopped.unsigned) == (State.DENIED, False)
    with pytest.raises(Refused):
        life.move(stopped, State.RUNNING, "")
    approved = life.vote(counting, ballot("bob"))
    assert approved.state is State.APPROVED
    assert not life.move(approved, State.RUNNING, "").unsigned


@pytest.mark.parametrize(
    ("state", "why"),
    [
        (State.COUNTDOWN, "counts down already: adam"),
        (State.APPROVED, "has all the yes it needs"),
        (State.RUNNING, "is used"),
        (State.DONE, "is used"),
        (State.DENIED, "was denied"),
        (State.CANCELLED, "was cancelled"),
        (State.DRIFTED, "was not run"),
        (State.EXPIRED, "has expired"),
    ],
)
def test_the_glass_opens_only_what_still_waits(state: State, why: str) -> None:
    glass = broken() if state is State.COUNTDOWN else None
    with pytest.raises(Refused, match=why):
        life.break_glass(replace(asked(), state=state, glass=glass), broken("bob"))


def test_a_countdown_must_end_before_the_plan_expires() -> None:
    with pytest.raises(Refused, match="expires before the countdown would end"):
        life.break_glass(asked(), broken(minutes=30))
    late = replace(broken(), at=NOW + timedelta(minutes=30), runs=NOW + timedelta(minutes=32))
    with pytest.raises(Refused, match="has expired"):
        life.break_glass(asked(), late)


class Life(RuleBasedStateMachine):
    """Anybody says anything in any order."""

    @initialize(votes=st.integers(1, 3), self_=st.booleans(), ask=st.sampled_from([Ask.CONFIRM, Ask.APPROVE]))
    def ask(self, votes: int, self_: bool, ask: Ask) -> None:
        self.one = asked(Rule("pin", ask=ask, votes=votes, self_approval=self_))
        self.seen = [self.one.state]
        self.denied = False
        self.yes: set[str] = set()
        self.number = 0

    def to(self, after: Approval) -> None:
        if after.state is not self.one.state:
            assert after.state in TRANSITIONS[self.one.state]
            self.seen.append(after.state)
        self.one = after

    @rule(
        person=st.sampled_from(PEOPLE), approve=st.booleans(), platform=st.sampled_from(["matrix", "slack"])
    )
    def vote(self, person: str, approve: bool, platform: str) -> None:
        self.number += 1
        try:
            after = life.vote(self.one, ballot(person, approve, event=f"e{self.number}", platform=platform))
        except Refused:
            return
        self.denied = self.denied or not approve
        self.to(after)

    @rule(data=st.data())
    def withdraw(self, data: st.DataObject) -> None:
        if self.one.votes:
            gone = data.draw(st.sampled_from(self.one.votes))
            self.to(life.withdraw(self.one, gone.event_id, "redacted"))

    @rule(person=st.sampled_from(PEOPLE))
    def break_glass(self, person: str) -> None:
        try:
            self.to(life.break_glass(self.one, broken(person)))
        except Refused:
            return

    @rule(person=st.sampled_from(PEOPLE))
    def sign(self, person: str) -> None:
        try:
            self.to(life.sign(self.one, signature(person)))
        except Refused:
            return
        assert self.one.state in {State.DONE, State.FAILED, State.ROLLED_BACK, State.INTERRUPTED}
        assert self.one.glass is not None
        assert person != self.one.glass.person

    @rule(state=st.sampled_from(list(State)))
    def move(self, state: State) -> None:
        try:
            self.to(life.move(self.one, state, "so"))
        except Refused:
            return

    @precondition(lambda self: hasattr(self, "one") and self.one.state is State.RUNNING)
    @invariant()
    def running_has_its_yes(self) -> None:
        rule_ = self.one.rule
        assert not self.denied
        if self.one.glass is not None and self.one.glass.needed:
            assert self.one.unsigned
            return
        people = {vote.person for vote in self.one.yes}
        assert len(people) >= (rule_.votes if rule_.ask is Ask.APPROVE else 1)
        if rule_.ask is Ask.APPROVE and not rule_.self_approval:
            assert "ann" not in people

    @invariant()
    def used_once(self) -> None:
        if hasattr(self, "seen"):
            assert self.seen.count(State.RUNNING) <= 1
            assert self.seen.count(State.APPROVED) <= 1


Life.TestCase.settings = settings(max_examples=150, stateful_step_count=25, deadline=None)
TestLife = Life.TestCase
