"""hypothesis plays an Alertmanager pair: no retry, twin's copy or repeat changes what is told.

Two groups hear the same truth. One hears each state once, from one Alertmanager. The other hears retries and,
in the twin's own order, its late copies as well. Both must tell the same.
"""

from collections import Counter
from datetime import UTC, datetime, timedelta
from itertools import pairwise

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from alert_bridge.group import Card, Group, GroupKey, Kind, Telling, from_json, to_json, update
from alert_bridge.member import State
from alert_bridge.payload import Alert, Notification, Status

KEY = GroupKey("default", "r", "k")
SECONDS = timedelta(seconds=1)


class Ear:
    """A group and everything it told, in order."""

    def __init__(self) -> None:
        self.group: Group | None = None
        self.told: list[tuple[str, object]] = []
        self.fired: Counter[tuple[str, datetime | None]] = Counter()
        self.cards = 0

    def hear(self, notification: Notification, now: datetime) -> Telling:
        new_id = f"m{self.cards}"
        self.group, telling = update(self.group, notification, key=KEY, now=now, new_id=new_id)
        if telling.card is Card.NEW:
            self.cards += 1
            self.told.append(("card", frozenset(m.fingerprint for m in telling.alerts)))
        for line in telling.lines:
            self.told.append((line.kind, frozenset(m.fingerprint for m in line.alerts)))
        for member in telling.alerts:
            self.fired[(member.fingerprint, member.starts_at)] += 1
        return telling


class Pair(RuleBasedStateMachine):
    @initialize()
    def begin(self) -> None:
        self.now = datetime(2026, 1, 1, tzinfo=UTC)
        self.firing: dict[str, datetime] = {}
        self.over: dict[str, tuple[datetime, datetime]] = {}
        self.silenced: set[str] = set()
        self.ever_silenced: set[str] = set()
        self.delivered: set[tuple[str, datetime | None]] = set()
        self.said: list[tuple[datetime, Notification]] = []
        self.twin_at = 0
        self.quiet, self.noisy = Ear(), Ear()

    # ---- the truth ----

    @rule(
        names=st.lists(st.sampled_from("abc"), max_size=2, unique=True),
        silenced=st.sampled_from(["", "", "", "a", "b"]),
        seconds=st.sampled_from([30, 45, 60, 120, 299, 301, 590, 700, 4 * 3600]),
    )
    def flush(self, names: list[str], silenced: str, seconds: int) -> None:
        """Some alerts begin or end, some are silenced or not any more, then the group is due."""
        for name in names:
            if name in self.firing:
                self.over[name] = (self.firing.pop(name), self.now)
            else:
                self.over.pop(name, None)
                self.firing[name] = self.now
        if silenced:
            self.silenced ^= {silenced}
            self.ever_silenced.add(silenced)
        self.now += seconds * SECONDS
        alerts = [
            Alert(name, Status.FIRING, {"instance": name}, {}, start, None)
            for name, start in self.firing.items()
            if name not in self.silenced
        ]
        before = {a.fingerprint for _, n in self.said[-1:] for a in n.alerts if a.status is Status.FIRING}
        alerts += [
            Alert(name, Status.RESOLVED, {"instance": name}, {}, start, end)
            for name, (start, end) in self.over.items()
            if name not in self.silenced and name in before
        ]
        self.over.clear()
        if not alerts:
            return
        fires = any(alert.status is Status.FIRING for alert in alerts)
        status = Status.FIRING if fires else Status.RESOLVED
        notification = Notification("r", "k", status, {}, {}, {}, "am1", "", 0, tuple(alerts))
        self.said.append((self.now, notification))
        self.delivered |= {(a.fingerprint, a.starts_at) for a in alerts if a.status is Status.FIRING}
        self.quiet.hear(notification, self.now)
        self.noisy.hear(notification, self.now)

    # ---- the noise ----

    @precondition(lambda self: self.said)
    @rule(seconds=st.integers(0, 20))
    def retry(self, seconds: int) -> None:
        """The sender did not see our answer and posts the same again."""
        self.now += seconds * SECONDS
        at, last = self.said[-1]
        if self.now - at < timedelta(minutes=5):
            assert self.noisy.hear(last, self.now).card is Card.NONE

    @precondition(lambda self: self.said)
    @rule(back=st.integers(0, 3), seconds=st.integers(0, 20))
    def twin(self, back: int, seconds: int) -> None:
        """The other Alertmanager delivers a state of the last minutes; its own order holds."""
        self.now += seconds * SECONDS
        number = max(len(self.said) - 1 - back, self.twin_at)
        at, notification = self.said[number]
        if self.now - at < timedelta(minutes=5):
            self.twin_at = number
            copy = Notification("r", "k", notification.status, {}, {}, {}, "am2", "", 0, notification.alerts)
            assert self.noisy.hear(copy, self.now).card is Card.NONE

    # ---- what must hold ----

    @invariant()
    def told_the_same(self) -> None:
        assert self.noisy.told == self.quiet.told

    @invariant()
    def every_firing_alert_is_told(self) -> None:
        for ear in (self.quiet, self.noisy):
            assert set(ear.fired) == self.delivered
            for (name, start), count in ear.fired.items():
                # One that was silenced while its group ended rings again when it is back.
                assert count == 1 or name in self.ever_silenced, (name, start)

    @invariant()
    def the_headline_is_the_truth(self) -> None:
        for ear in (self.quiet, self.noisy):
            if ear.group is not None and self.said:
                assert ear.group.state.value == self.said[-1][1].status.value
                reported = {a.fingerprint for a in self.said[-1][1].alerts if a.status is Status.FIRING}
                assert {m.fingerprint for m in ear.group.members if m.state is State.FIRING} == reported

    @invariant()
    def resolved_follows_firing(self) -> None:
        ends = [kind for kind, _ in self.quiet.told]
        for before, after in pairwise(ends):
            assert not (before == after == Kind.RESOLVED)

    @invariant()
    def the_state_survives_the_disk(self) -> None:
        group = self.noisy.group
        assert group is None or from_json(to_json(group)) == group


TestPair = Pair.TestCase
TestPair.settings = settings(max_examples=150, stateful_step_count=25, deadline=None)
