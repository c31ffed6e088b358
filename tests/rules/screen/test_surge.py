"""An hour rings when it lies far above its own past, and a restless series does not ring all week."""

from __future__ import annotations

import math
import random
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tocsin.screen.surge import Hour, Reading, filled, readings

START = datetime(2021, 1, 1, tzinfo=UTC)


def series(
    days: int, level: float, seed: int = 7, swing: float = 0.8
) -> list[tuple[datetime, int]]:
    """Counts with a daily rhythm and the scatter of rare events."""
    rng = random.Random(seed)

    def drawn(mean: float) -> int:
        limit, product, count = math.exp(-mean), rng.random(), 0
        while product > limit:
            product *= rng.random()
            count += 1
        return count

    return [
        (
            START + timedelta(hours=n),
            drawn(level * (1 + swing * math.sin((n % 24) / 24 * 2 * math.pi))),
        )
        for n in range(days * 24)
    ]


def rang(hours: list[Hour]) -> list[datetime]:
    return [h.at for h in hours if h.reading is Reading.SURGE]


@pytest.mark.parametrize("level", [1.0, 10.0, 60.0])
def test_an_ordinary_rhythm_rings_less_than_once_a_week(level: float) -> None:
    alarms = sum(len(rang(readings(series(28, level, seed)))) for seed in range(5))
    assert alarms <= 5 * 4


@pytest.mark.parametrize("level", [1.0, 10.0, 60.0])
def test_a_rise_of_several_times_rings_in_its_first_hour(level: float) -> None:
    counts = series(15, level)
    at = START + timedelta(days=14)
    rise = round(4 * level + 8 * math.sqrt(level))
    counts = [(t, c if t < at else c + rise) for t, c in counts]
    assert [t for t in rang(readings(counts)) if t >= at][:1] == [at]


def test_what_is_usual_at_noon_is_a_surge_at_night() -> None:
    day = [0] * 8 + [20] * 12 + [0] * 4
    counts = [(START + timedelta(hours=n), day[n % 24]) for n in range(24 * 14)]
    night = START + timedelta(days=14, hours=3)
    noon = START + timedelta(days=14, hours=12)
    assert not rang(readings([*counts, (noon, 22)]))
    assert rang(readings([*counts, (night, 22)])) == [night]


def test_it_is_silent_for_two_days_unless_it_doubles() -> None:
    counts = [(START + timedelta(hours=n), 4) for n in range(24 * 14)]
    at = START + timedelta(days=14)
    again = [(at, 40), (at + timedelta(hours=5), 45), (at + timedelta(hours=9), 400)]
    told = [
        *counts,
        *((t, dict(again).get(t, 4)) for t in (at + timedelta(hours=n) for n in range(12))),
    ]
    hours = readings(told)
    assert rang(hours) == [at, at + timedelta(hours=9)]
    assert next(h for h in hours if h.at == at + timedelta(hours=5)).reading is Reading.HIGH


def test_the_first_two_days_only_learn() -> None:
    counts = [(START + timedelta(hours=n), 500 if n == 40 else 1) for n in range(47)]
    assert {h.reading for h in readings(counts)} == {Reading.LEARNING}


@given(st.lists(st.integers(0, 10**6), max_size=200))
def test_any_counts_are_judged_one_by_one_and_never_by_what_comes_later(counts: list[int]) -> None:
    told = [(START + timedelta(hours=n), c) for n, c in enumerate(counts)]
    hours = readings(told)
    assert [h.count for h in hours] == counts
    assert all(h.usual >= 0 and h.bar >= 0 for h in hours)
    half = len(told) // 2
    assert readings(told[:half]) == hours[:half]


def test_hours_without_reports_count_as_zero() -> None:
    one, other = START, START + timedelta(hours=3)
    assert [c for _, c in filled({one: 5, other: 2}, one, other)] == [5, 0, 0, 2]
