"""What is red before the doors open: what should work does not and nothing makes up for it; nobody would decide."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from tocsin.operate import store
from tocsin.operate.models import Absence
from tocsin.operate.store.sensors import sensors as registered
from tocsin.operate.terms import AbsenceKind
from tocsin.people.models import Operation
from tocsin.people.store import agency_names, on_duty
from tocsin.people.terms import SYSTEM
from tocsin.plan.reds import Red, source


@source
def absences(operation: Operation, now: datetime) -> Iterator[Red]:
    """Sensors, gateways and posts that are missing, until something makes up for them (incidents B, 15:51)."""
    names = agency_names()
    for a in Absence.objects.filter(operation=operation.id, state="OPEN").order_by("found_at"):
        owner = names.get(a.by_agency or operation.lead_agency, a.by_agency)
        words = f"{a.label}: {AbsenceKind(a.kind).words}, and nothing makes up for it."
        yield Red("absence", a.id, words, owner, None, "board")


@source
def sensors(operation: Operation, now: datetime) -> Iterator[Red]:
    """Sensors that should say by themselves that they work, and were not heard: before the first post there is no
    alarm, so that it stands here."""
    names = agency_names()
    for s in registered(SYSTEM, operation, now):
        if s.absence is None and not s.well:
            since = "not heard yet" if s.heard_at is None else "no longer heard"
            owner = names.get(s.row.by_agency, s.row.by_agency)
            yield Red("sensor", s.row.id, f"{s.row.label}: {since}.", owner, None, "board-setup")


@source
def decider(operation: Operation, now: datetime) -> Iterator[Red]:
    """Nobody would be asked whether to hold (incidents B, 18:02)."""
    agency, role, person = store.decider(operation)
    if person or on_duty(agency, role, now) or operation.ends_at <= now:
        return
    words = "Nobody would be asked whether the protected person holds, goes on or is moved."
    lead = agency_names().get(operation.lead_agency, operation.lead_agency)
    yield Red("decider", operation.id, words, lead, None, "board-setup")
