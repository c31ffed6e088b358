"""The line fills the budget on simulated streams, slowly, and never hides what is strong."""

from __future__ import annotations

from collections import Counter, deque
from itertools import pairwise
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tocsin.screen import budget
from tocsin.screen.budget import Why


def hour(dice: Random, texts: int, mean: float = 0.12) -> Counter[int]:
    """An hour of a stream whose scores fall off like real ones: most low, few high."""
    scores = (min(999, int(1000 * dice.expovariate(1 / mean))) for _ in range(texts))
    return Counter(budget.band_of(s) for s in scores if s >= budget.COUNTED_FROM)


def run(
    a_shift: int, texts: int, hours: int = 96, line: int = 300
) -> tuple[list[int], budget.Move]:
    """Let the line adapt over so many hours; the lines it went through and where it ended."""
    dice, window = Random(7), deque[Counter[int]](maxlen=24)
    lines, share, move = [line], 20, None
    for _ in range(hours):
        window.append(hour(dice, texts))
        bands = sum(window, Counter())
        move = budget.moved(lines[-1], share, bands, len(window), a_shift)
        lines.append(move.line)
        share = move.share
    assert move is not None
    return lines, move


@pytest.mark.parametrize(("a_shift", "texts"), [(200, 400), (40, 400), (900, 400), (300, 2000)])
def test_the_line_comes_to_lie_where_a_shift_is_filled(a_shift: int, texts: int) -> None:
    lines, move = run(a_shift, texts)
    assert move.why is Why.FITS
    assert 0.7 * a_shift <= move.expected <= 1.1 * a_shift
    assert len(set(lines[-24:])) <= 3  # it rests, give or take a band


def test_it_moves_one_band_an_hour_and_waits_until_enough_was_counted() -> None:
    lines, _ = run(10, 2000)
    assert lines[:3] == [300, 300, 300]
    assert all(abs(a - b) in (0, budget.BAND) for a, b in pairwise(lines))


def test_it_never_passes_its_bounds_and_says_when_readers_are_missing() -> None:
    flood, move = run(5, 20_000, hours=40)
    assert max(flood) == budget.HIGHEST
    assert move.why is Why.FULL
    quiet, move = run(10_000, 50, hours=40)
    assert min(quiet) == budget.LOWEST
    assert move.why is Why.ALL


def test_what_strong_indicators_flag_counts_above_every_line() -> None:
    bands = {budget.band_of(520, always=True): 240, budget.band_of(520): 24}
    assert budget.expected(bands, budget.HIGHEST, 24) == 120
    assert budget.expected(bands, 500, 24) == 132


@pytest.mark.parametrize(("near", "a_shift"), [(5_000, 200), (40, 200), (100_000, 1000)])
def test_the_lot_gives_a_shift_the_samples_it_should_read(near: int, a_shift: int) -> None:
    share = budget.share_of(near, a_shift)
    drawn = sum(budget.drawn("key", f"post {n}", share) for n in range(near))
    wanted = min(near, budget.samples(a_shift))
    assert wanted * 0.5 <= drawn <= max(wanted * 3, near * 3 // 1000)


def test_the_lot_is_the_posts_own_and_needs_the_key() -> None:
    posts = [f"post {n}" for n in range(2_000)]
    mine = [budget.drawn("key", p, 100) for p in posts]
    assert mine == [budget.drawn("key", p, 100) for p in posts]
    assert mine != [budget.drawn("other", p, 100) for p in posts]
    assert 140 <= sum(mine) <= 260


@given(st.integers(1, 500).flatmap(lambda n: st.tuples(st.just(n), st.integers(0, n))))
def test_the_interval_holds_the_share_and_narrows(counts: tuple[int, int]) -> None:
    read, mattered = counts
    found, more = budget.miss_rate(read, mattered), budget.miss_rate(read * 100, mattered * 100)
    assert found
    assert more
    assert 0 <= found.low <= found.share <= found.high <= 1000
    assert more.high - more.low <= found.high - found.low


def test_no_reading_no_rate() -> None:
    assert budget.miss_rate(0, 0) is None
    assert budget.miss_rate(60, 0) == budget.Interval(0, 0, 60)


def test_a_near_miss_lies_just_below() -> None:
    assert not budget.is_near_miss(300, 300)
    assert budget.is_near_miss(299, 300)
    assert budget.is_near_miss(200, 300)
    assert not budget.is_near_miss(199, 300)
    assert not budget.is_near_miss(39, 100)
