"""The alarm on kinds of sign together."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from tocsin.assess.rules import active, crossing
from tocsin.assess.terms import Alarm, AlarmReason

START = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
WINDOW = timedelta(days=14)
KINDS = ["arms", "maps", "travel", "war", "doxxing"]


def test_the_first_crossing_then_each_further_kind_and_nothing_between() -> None:
    assert crossing(set(), {"arms", "maps"}, [], 3) is None
    first = crossing({"arms", "maps"}, {"arms", "maps", "war"}, [], 3)
    assert first == Alarm(AlarmReason.FIRST, ("arms", "maps", "war"), ("arms", "maps", "war"))
    assert crossing({"arms", "maps", "war"}, {"arms", "maps", "war"}, first.categories, 3) is None
    more = crossing(set(first.categories), {*first.categories, "travel"}, first.categories, 3)
    assert more == Alarm(AlarmReason.FURTHER, ("arms", "maps", "travel", "war"), ("travel",))


def test_after_a_quiet_time_it_is_a_first_crossing_again() -> None:
    again = crossing({"arms"}, {"arms", "maps", "war"}, ["arms", "maps", "war"], 3)
    assert again is not None
    assert again.reason is AlarmReason.FIRST


def test_only_the_checklist_and_the_window_count() -> None:
    last = {"arms": START, "maps": START - WINDOW, "war": START - WINDOW - timedelta(seconds=1)}
    assert active(last, [], START, WINDOW) == {"arms", "maps"}
    assert active(last, ["arms", "war"], START, WINDOW) == {"arms"}


@given(
    st.integers(1, 4),
    st.lists(st.tuples(st.integers(0, 20), st.sampled_from(KINDS)), max_size=40),
)
def test_it_rings_exactly_when_the_sum_reaches_k_by_something_new(
    k: int, arrivals: list[tuple[int, str]]
) -> None:
    """Against a model that remembers everything: who is there, and what rang in this episode."""
    now, last = START, dict[str, datetime]()
    alarmed: tuple[str, ...] = ()
    episode: set[str] = set()
    for days, kind in arrivals:
        now += timedelta(days=days)
        before = active(last, [], now, WINDOW)
        last[kind] = now
        after = active(last, [], now, WINDOW)
        alarm = crossing(before, after, alarmed, k)
        if len(before) < k:
            episode = set()
        expected = len(after) >= k and not after <= episode
        assert (alarm is not None) == expected
        if alarm:
            assert set(alarm.categories) == after
            assert len(alarm.categories) >= k
            assert kind in alarm.added
            alarmed, episode = alarm.categories, set(alarm.categories)
