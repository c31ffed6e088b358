"""The installation's clock, as the web server follows it: an exercise may be loaded while it runs."""

from __future__ import annotations

import time
from dataclasses import dataclass

from tocsin.kernel import clock
from tocsin.kernel.clock import SystemClock
from tocsin.record.store import install_clock

AGAIN_AFTER_S = 2.0


@dataclass(slots=True)
class _Known:
    exercise: str = ""
    read_at: float = 0.0


_known = _Known()


def exercise() -> str:
    """The exercise this site runs, or ''; read again at most every `AGAIN_AFTER_S` seconds.

    Moves this process onto the exercise's clock, and off it when the exercise is over. A process that
    runs on another clock (a test) keeps it while no exercise is loaded.
    """
    if not _known.read_at or time.monotonic() - _known.read_at >= AGAIN_AFTER_S:
        before, _known.exercise = _known.exercise, install_clock()
        if before and not _known.exercise:
            clock.install(SystemClock())
        _known.read_at = time.monotonic()
    return _known.exercise


def forget() -> None:
    """Read afresh next time. For a process that changed the site itself."""
    _known.exercise, _known.read_at = "", 0.0
