"""What every streaming connector hands back: parts of a stream in order, each with where to go on, and what is missing.

A stream is left off anywhere, at any moment: the cursor is kept in the transaction of the records it covers, and a
later
session goes on behind it. What a server sends again is dropped by the cursor, so nothing is taken twice; what it can no
longer send is a `Gap`, never silence.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from random import Random
from typing import Protocol

from msgspec import Struct, field

from tocsin.collect.sources.batch import Cursor
from tocsin.collect.terms import Item, Refused

PART = 1000
"""Most records of a part: one transaction's worth. Nothing is read ahead of it but what a socket holds: that is the
back-pressure."""

PAUSE_S = 0.5
"""A part is handed out after this long at the latest, be it empty, so that a quiet stream still shows that it lives."""

_FIRST = timedelta(seconds=1)
_LONGEST = timedelta(minutes=5)


class Gap(Struct, frozen=True):
    """What may be missing: from when (or since which place) to when, and a sentence for the screen."""

    plain: str
    after: datetime | None = None
    until: datetime | None = None
    missed: int | None = None


class Part(Struct):
    """Records in the stream's order; `cursor` covers them and all before; `again` = dropped, having been taken
    before."""

    records: list[Item | Refused]
    cursor: Cursor
    gaps: list[Gap] = field(default_factory=list)
    again: int = 0


class Stream(Protocol):
    """A connection to a stream."""

    def parts(self, cursor: Cursor) -> Iterator[Part]:
        """Parts from behind the cursor on, until closed. Raises: Broken when the source breaks off; nothing else for
        what the source sent."""


def wait(failures: int, rng: Random) -> timedelta:
    """How long to wait before connecting again: doubling from a second to five minutes, the half of it by chance, so
    that
    many readers do not come back at the same moment (full jitter spreads best, but may not wait at all)."""
    longest = min(_FIRST * (1 << min(max(failures, 1) - 1, 12)), _LONGEST)
    return longest / 2 + longest / 2 * rng.random()
