"""The one clock port. Every "now" in Tocsin is asked of it, so that an exercise can run on its own time.

`datetime.now` is banned elsewhere (ruff's banned-api), because a rule that reads the wall clock
cannot be replayed.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime, timedelta
from typing import Protocol


class Clock(Protocol):
    """Tells the time as an aware UTC datetime; never goes backwards within one process."""

    def now(self) -> datetime: ...


class SystemClock:
    """The machine's clock, held back where the machine steps it back: order is kept, time waits."""

    def __init__(self) -> None:
        self._last = 0.0

    def now(self) -> datetime:
        self._last = max(self._last, time.time())
        return datetime.fromtimestamp(self._last, UTC)


class OffsetClock:
    """The machine's clock moved by a fixed offset: an exercise that runs live at another date."""

    def __init__(self, offset: timedelta) -> None:
        self.offset = offset
        self._system = SystemClock()

    def now(self) -> datetime:
        return self._system.now() + self.offset


class VirtualClock:
    """A clock that moves only when told to: replays and stories run on it."""

    def __init__(self, start: datetime) -> None:
        self._now = _aware(start)

    def now(self) -> datetime:
        return self._now

    def advance(self, by: timedelta) -> datetime:
        """Move forward by `by`. Raises: ValueError when that would go back."""
        return self.move_to(self._now + by)

    def move_to(self, at: datetime) -> datetime:
        """Move forward to `at`. Raises: ValueError when `at` is in this clock's past or naive."""
        if _aware(at) < self._now:
            raise ValueError(f"a clock cannot go back: {at} is before {self._now}")
        self._now = at
        return self._now


_clock: Clock = SystemClock()
_held: ContextVar[datetime | None] = ContextVar("held", default=None)


def now() -> datetime:
    """The time, aware, in UTC."""
    return _held.get() or _clock.now()


@contextmanager
def held(at: datetime) -> Iterator[None]:
    """Stand still at `at`, for this request or task alone: how the past is looked at. Raises: ValueError when naive."""
    token = _held.set(_aware(at))
    try:
        yield
    finally:
        _held.reset(token)


def install(clock: Clock) -> None:
    """Make `clock` the clock of this process, for good."""
    global _clock  # noqa: PLW0603 - one port, one holder
    _clock = clock


@contextmanager
def use(clock: Clock) -> Iterator[Clock]:
    """Run a block on another clock (the whole process, all threads), then put the old one back."""
    before = _clock
    install(clock)
    try:
        yield clock
    finally:
        install(before)


def _aware(at: datetime) -> datetime:
    if at.tzinfo is None:
        raise ValueError(f"a time needs a zone: {at!r}")
    return at
