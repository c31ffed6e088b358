"""When counts by the hour rise beyond their own past: the surge test.

What is expected of an hour is what the same hour of the day brought before, plus how far the last day or two lie
above or
below that. An hour counts as a surge when it lies further above than a bar. The bar is no fixed threshold: each alarm
raises it and time lowers it, so that a restless series asks for more before it rings again, and every series rings
about as
often as people can answer (once a week in quiet times). Counts are compared by their square roots, which makes a rise
from
2 to 8 weigh as much as one from 80 to 110 (Anscombe 1948). Figures on the Numenta anomaly benchmark: ADR 0014.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from math import sqrt

WARM_UP = timedelta(hours=48)
QUIET = timedelta(hours=48)
LEAST = 4
"""Fewest reports in an hour that can be a surge: below that the sum of signs (k-of-n) watches."""

_BAR = 2.7  # spreads above what is expected: lowest the bar gets
_RAISED = 1.0  # an alarm raises the bar by this, or by this share of how far it was passed
_HALVES = 48  # hours in which what the bar was raised by halves
_SLOT = 0.1  # how fast an hour of the day learns
_DRIFT = 0.05  # how fast the level of the last days is followed
_SPREAD = 0.005  # how fast the spread is followed
_CLIP = 4.0  # spreads: what is learned from an hour that stands out more


class Reading(StrEnum):
    """What an hour came to."""

    LEARNING = "too little past to compare with"
    USUAL = "no more than usual"
    HIGH = "more than usual, but less than the last alarm asked for"
    SURGE = "far more than usual for this hour of the day"


@dataclass(frozen=True, slots=True)
class Hour:
    """One hour of a series: `at` is its start, `usual` what was expected, `bar` the count from which it is a surge."""

    at: datetime
    count: int
    usual: float
    bar: float
    reading: Reading


def readings(counts: Iterable[tuple[datetime, int]], *, least: int = LEAST) -> list[Hour]:
    """Every hour of a series judged by the hours before it. `counts` = (start of the hour, count) in order, aware or
    all naive; hours left out were not watched (put 0 where there was nothing).

    An hour may be partial, as the newest one is: it can only be judged too low.
    """
    series = _Series(least)
    return [series.read(at, count) for at, count in counts]


def filled(
    counts: dict[datetime, int], first: datetime, last: datetime
) -> Sequence[tuple[datetime, int]]:
    """The hours from `first` to `last`, both included, with 0 where nothing was counted."""
    hours = int((last - first) / timedelta(hours=1))
    wanted = (first + timedelta(hours=n) for n in range(hours + 1))
    return [(at, counts.get(at, 0)) for at in wanted]


class _Series:
    def __init__(self, least: int) -> None:
        self._least = least
        self._slots: dict[int, float] = {}
        self._drift = 0.0
        self._spread = 1.0
        self._bar = _BAR + 2
        self._began: datetime | None = None
        self._rang: datetime | None = None
        self._loudest = 0.0
        self._last = 0.0
        self._hours = 0

    def read(self, at: datetime, count: int) -> Hour:
        self._began = self._began or at
        y = sqrt(count + 0.375)
        slot = self._slots.get(at.hour, self._last if self._hours else y)
        expected = slot + self._drift
        spread = sqrt(self._spread + 0.25)
        above = (y - expected) / spread
        self._bar = _BAR + (self._bar - _BAR) * 0.5 ** (1 / _HALVES)
        bar = self._bar
        reading = self._judge(at, count, above)
        self._learn(at.hour, slot, expected, spread, y)
        return Hour(at, count, _count(expected), _count(expected + bar * spread), reading)

    def _judge(self, at: datetime, count: int, above: float) -> Reading:
        if self._began is None or at - self._began < WARM_UP:
            return Reading.LEARNING
        if above <= _BAR or count < self._least:
            return Reading.USUAL
        silent = self._rang is not None and at - self._rang < QUIET and above <= 2 * self._loudest
        if above <= self._bar or silent:
            return Reading.HIGH
        self._rang, self._loudest = at, above
        self._bar += _RAISED * max(1.0, above - self._bar)
        return Reading.SURGE

    def _learn(self, hour: int, slot: float, expected: float, spread: float, y: float) -> None:
        off = y - expected
        self._hours += 1
        if self._hours > 5:
            off = max(-_CLIP * spread, min(_CLIP * spread, off))
            rate = max(_SPREAD, 1 / self._hours)  # the first days learn it faster
            self._spread += rate * (off * off - self._spread)
        y = expected + off
        if hour in self._slots:
            self._slots[hour] += _SLOT * (y - slot)
        else:
            self._slots[hour] = y
        self._drift += _DRIFT * ((y - slot) - self._drift)
        self._last = y if self._hours == 1 else self._last + 0.1 * (y - self._last)


def _count(root: float) -> float:
    return max(0.0, root * abs(root) - 0.375)
