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

_WHILE_AHEAD = 0.9  # seconds a second: an hour is made up for in ten, and ten minutes last eleven


class Clock(Protocol):
    """Tells the time as an aware UTC datetime; never goes backwards within one process."""

    def now(self) -> datetime: ...


class SystemClock:
    """The machine's clock, never backwards: where the machine steps back, time goes on a tenth slower until the
    machine has caught up. Order is kept, and what falls due meanwhile still fires."""

    def __init__(self) -> None:
        self._last, self._asked = 0.0, time.monotonic()

    def now(self) -> datetime:
        asked = time.monotonic()
        gone, self._asked = asked - self._asked, asked
        self._last = max(time.time(), self._last + gone * _WHILE_AHEAD)
        return datetime.fromtimestamp(self._last, UTC)

    def not_before(self, at: datetime) -> None:
        """Go on from `at` where that is later: what was already recorded is not in the future."""
        self.now()
        self._last = max(self._last, _aware(at).timestamp())

    def ahead(self) -> timedelta:
        """How far this clock runs ahead of the machine's, because that one was stepped back."""
        return self.now() - datetime.fromtimestamp(time.time(), UTC)


class OffsetClock:
    """The machine's clock moved by a fixed offset: an exercise that runs live at another date."""

    def __init__(self, offset: timedelta) -> None:
        self.offset = offset
        self._system = SystemClock()

    def now(self) -> datetime:
        return self._system.now() + self.offset


class PacedClock:
    """A clock that showed `shows` when the machine's showed `since`, and runs `pace` times as fast: training."""

    def __init__(self, shows: datetime, since: datetime, pace: int) -> None:
        self._shows, self._since, self._pace = _aware(shows), _aware(since), pace
        self._system = SystemClock()

    def now(self) -> datetime:
        return self._shows + (self._system.now() - self._since) * self._pace


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


def not_before(at: datetime) -> None:
    """Do not let this process live before `at`, where it runs on the machine's clock."""
    if isinstance(_clock, SystemClock):
        _clock.not_before(at)


def ahead() -> timedelta:
    """How far this process runs ahead of the machine, whose clock was stepped back; nothing on another clock."""
    return max(_clock.ahead(), timedelta(0)) if isinstance(_clock, SystemClock) else timedelta(0)


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
