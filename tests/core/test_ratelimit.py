from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from bot.core.duration import read_duration, say_duration
from bot.core.ratelimit import MOST_KEYS, RateLimit

START = datetime(2026, 1, 1, tzinfo=UTC)


def at(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


def test_so_many_and_then_a_wait() -> None:
    limit = RateLimit(2, timedelta(minutes=1))
    assert [limit.take("ann", at(s)) for s in (0, 10)] == [None, None]
    assert limit.take("ann", at(20)) == timedelta(seconds=40)
    assert limit.take("adam", at(20)) is None
    assert limit.take("ann", at(60)) is None
    assert limit.take("ann", at(61)) == timedelta(seconds=9)


def test_a_flood_of_names_does_not_grow_without_end() -> None:
    limit = RateLimit(1, timedelta(minutes=1))
    for number in range(MOST_KEYS + 50):
        limit.take(f"@{number}:x", at(0))
    assert len(limit._seen) == MOST_KEYS


@given(st.lists(st.floats(0, 10), max_size=200), st.integers(1, 5))
def test_never_more_than_so_many_in_any_span(gaps: list[float], count: int) -> None:
    limit, now, taken = RateLimit(count, timedelta(seconds=10)), 0.0, []
    for gap in gaps:
        now += gap
        if limit.take("ann", at(now)) is None:
            taken.append(at(now))
    for index in range(len(taken) - count):
        assert taken[index + count] - taken[index] >= timedelta(seconds=10)


@given(st.integers(0, 10**9))
def test_durations_are_said_in_two_units(seconds: int) -> None:
    said = say_duration(timedelta(seconds=seconds))
    assert len(said.split()) in {2, 4}


def test_durations_read_and_said() -> None:
    assert read_duration("1w2d3h4m5s") == timedelta(days=9, hours=3, minutes=4, seconds=5)
    assert say_duration(timedelta(days=2, hours=3, seconds=4)) == "2 d 3 h"
    assert say_duration(timedelta(seconds=-4)) == "0 s"
