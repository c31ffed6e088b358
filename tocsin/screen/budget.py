"""A review budget instead of a magic threshold: which line lets through what a shift can read.

Counts by score come in (whole numbers of texts in bands of twenty), a line goes out. It moves one band at a time and
at most once an hour, so that neither a burst nor a quiet night throws it about. What lies just below it is drawn by
lot, now and then, so that what is missed can be measured.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from math import ceil, sqrt

BAND = 20
"""Scores are counted in bands so wide; the line lies on the edge of one."""

COUNTED_FROM = 40
"""Scores below this are the great mass in which nothing stood out: they are in the hourly counts only."""

LOWEST, HIGHEST = 100, 700
"""The line never lies lower (nothing speaks for such a text) or higher: what is urgent is read, budget or not."""

ALWAYS = 500
"""Indicator score from which a text is flagged wherever the line lies: PRIORITY and above."""

ALWAYS_BAND = 1000
"""Where such texts are counted: above every line."""

NEAR = 100
"""Points below the line that count as a near miss."""

SHIFT = timedelta(hours=12)
MOST = 100_000
"""Reports a shift: more than this nobody reads."""

WINDOW = timedelta(hours=24)
EVERY = timedelta(hours=1)
_ENOUGH = 3  # hours counted before the line moves
_OVER, _ROOM = 1.10, 0.95
_SAMPLED = 20  # of so many reports that a shift reads, one is a sample
_FIRST_SHARE = 20
_Z = 1.96

Bands = Mapping[int, int]


class Why(StrEnum):
    """Why the line lies where it does."""

    TOO_SOON = "too_soon"
    FITS = "fits"
    TOO_MANY = "too_many"
    ROOM = "room"
    FULL = "full"
    ALL = "all"

    @property
    def plain(self) -> str:
        return _PLAIN[self]


_PLAIN = {
    Why.TOO_SOON: "Too little was counted yet to move the line.",
    Why.FITS: "What comes in fits what a shift can read.",
    Why.TOO_MANY: "More came in than a shift can read: the line goes up, a step an hour.",
    Why.ROOM: "A shift can read more than came in: the line goes down, a step an hour.",
    Why.FULL: "More urgent reports come in than a shift can read. The line stays: they need more readers.",
    Why.ALL: "All that anything speaks for is flagged, and a shift could read more.",
}


@dataclass(frozen=True, slots=True)
class Move:
    """Where the line is to lie now. `expected` reports a shift at it; `share` of a thousand near misses drawn."""

    line: int
    expected: int
    share: int
    why: Why


@dataclass(frozen=True, slots=True)
class Interval:
    """A share, and between which two it lies with 95 % confidence; all per mille."""

    share: int
    low: int
    high: int


def band_of(score: int, *, always: bool = False) -> int:
    """The band that a score is counted in."""
    return ALWAYS_BAND if always else score // BAND * BAND


def expected(bands: Bands, line: int, hours: int) -> int:
    """Reports a shift if the line lay there, going by what was counted in so many hours."""
    above = sum(texts for band, texts in bands.items() if band >= line)
    return _a_shift(above, hours)


def near_misses(bands: Bands, line: int, hours: int) -> int:
    """Texts a shift that score just below the line."""
    below = sum(texts for band, texts in bands.items() if line - NEAR <= band < line)
    return _a_shift(below, hours)


def _a_shift(texts: int, hours: int) -> int:
    return round(texts * SHIFT / timedelta(hours=max(1, hours)))


def moved(line: int, share: int, bands: Bands, hours: int, a_shift: int) -> Move:
    """Where the line goes from here; one band at the most. `hours` were counted, at most those of `WINDOW`."""
    now = expected(bands, line, hours)
    if hours < _ENOUGH:
        return Move(line, now, share, Why.TOO_SOON)
    to, why = line, Why.FITS
    if now > a_shift * _OVER:
        to, why = (line + BAND, Why.TOO_MANY) if line < HIGHEST else (line, Why.FULL)
    elif expected(bands, line - BAND, hours) <= a_shift * _ROOM:
        to, why = (line - BAND, Why.ROOM) if line > LOWEST else (line, Why.ALL)
    drawn = share_of(near_misses(bands, to, hours), a_shift)
    return Move(to, expected(bands, to, hours), _steady(share, drawn), why)


def samples(a_shift: int) -> int:
    """How many samples a shift should read: few beside its reports, but some."""
    return max(3, a_shift // _SAMPLED)


def share_of(near: int, a_shift: int) -> int:
    """Of a thousand near misses, how many are drawn so that a shift gets its samples."""
    return min(1000, ceil(1000 * samples(a_shift) / near)) if near else _FIRST_SHARE


def _steady(old: int, new: int) -> int:
    """The share changes only when it is far off, so that not every hour makes an entry."""
    return old if old and 2 * old >= new and 2 * new >= old else new


def is_near_miss(score: int, line: int) -> bool:
    """Whether a text that is not flagged lies just below the line."""
    return max(COUNTED_FROM, line - NEAR) <= score < line


def drawn(key: str, identity: str, share: int) -> bool:
    """Whether a near miss is drawn. The lot belongs to the post: nobody without the key can foresee it, and the same
    post does not get a second chance by coming again.
    """
    digest = hashlib.sha256(f"{key}\0near miss\0{identity}".encode()).digest()
    return int.from_bytes(digest[:8]) % 1000 < share


def miss_rate(read: int, mattered: int) -> Interval | None:
    """The share of near misses that matter, from the samples read: Wilson's interval; None before the first."""
    if not read:
        return None
    p, z2 = mattered / read, _Z * _Z
    middle = (p + z2 / (2 * read)) / (1 + z2 / read)
    reach = _Z * sqrt(p * (1 - p) / read + z2 / (4 * read * read)) / (1 + z2 / read)
    return Interval(
        round(1000 * p),
        max(0, round(1000 * (middle - reach))),
        min(1000, round(1000 * (middle + reach))),
    )
