"""Whether each loop of the worker is alive; the rest of the system's health is the front page's."""

from __future__ import annotations

from datetime import datetime

from tocsin.record.loops import LOOPS
from tocsin.record.models import Heartbeat
from tocsin.web.templatetags._times import span
from tocsin.web.wellness import SILENT_AFTER, Health


def loops(now: datetime) -> list[Health]:
    """A line of `parts/health.html` for each loop."""
    beats = dict(Heartbeat.objects.values_list("name", "at"))
    return [_loop(label, beats.get(name), now) for name, label in LOOPS.items()]


def _loop(label: str, at: datetime | None, now: datetime) -> Health:
    if at is None:
        return Health("down", label, "never ran")
    if now - at > SILENT_AFTER:
        return Health("down", label, f"silent for {span(now - at)}")
    return Health("well", label, "alive")
