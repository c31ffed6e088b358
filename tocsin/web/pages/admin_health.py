"""How the system is, as far as its own database tells; `tocsin check` on the machine tells more."""

from __future__ import annotations

from datetime import datetime, timedelta

from tocsin.collect.models import Source
from tocsin.duties import store as duties
from tocsin.record.models import Checkpoint, Entry, Heartbeat, Pending
from tocsin.web.templatetags import _times

SILENT_AFTER = timedelta(seconds=10)
SLOW_AFTER = timedelta(seconds=5)
_LOOPS = {
    "sequencer": "Record: entries get their place",
    "duties": "Clock: people are told in time",
    "feeds": "Feeds are read",
    "expiry": "Warnings expire in time",
    "fan-out": "Released warnings go out",
    "send": "Messages are sent",
    "notices": "Notices are sent",
    "auditor": "Auditor watches the clock",
}
Row = dict[str, str]


def health(now: datetime) -> list[Row]:
    """Rows for `parts/health.html`: each loop of the worker, the clock, the record, the feeds."""
    beats = dict(Heartbeat.objects.values_list("name", "at"))
    rows = [_loop(label, beats.get(name), now) for name, label in _LOOPS.items()]
    return [*rows, _clock(now), _record(now), _feeds(now)]


def _loop(label: str, at: datetime | None, now: datetime) -> Row:
    if at is None:
        return {"state": "down", "label": label, "value": "never ran"}
    if now - at > SILENT_AFTER:
        return {"state": "down", "label": label, "value": f"silent for {_times.span(now - at)}"}
    return {"state": "well", "label": label, "value": "alive"}


def _clock(now: datetime) -> Row:
    found = duties.audit(now)
    if found.well:
        return {"state": "well", "label": "Duties on time", "value": f"{found.open:,} open, none late"}
    return {"state": "down", "label": "Duties on time", "value": f"{found.late:,} of {found.open:,} late"}


def _record(now: datetime) -> Row:
    label = "Entries in the record"
    first = Pending.objects.order_by("n").values_list("n", flat=True).first()
    oldest = Entry.objects.filter(n=first).values_list("recorded_at", flat=True).first() if first else None
    if oldest and now - oldest > SLOW_AFTER:
        count = Pending.objects.count()
        return {"state": "down", "label": label, "value": f"{count:,} wait, the oldest for {_times.span(now - oldest)}"}
    last = Checkpoint.objects.order_by("-size").first()
    if last is None:
        return {"state": "slow", "label": label, "value": "nothing signed yet"}
    return {"state": "well", "label": label, "value": f"{last.size:,} signed"}


def _feeds(now: datetime) -> Row:
    return {"state": "well", "label": "Sources", "value": f"{Source.objects.count():,}", "url": "/sources"}
