"""What is red before the doors open because something that should work does not, and nothing makes up for it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from tocsin.operate.models import Absence
from tocsin.operate.terms import AbsenceKind
from tocsin.people.models import Operation
from tocsin.people.store import agency_names
from tocsin.plan.reds import Red, source


@source
def absences(operation: Operation, now: datetime) -> Iterator[Red]:
    """Sensors, gateways and posts that are missing, until something makes up for them (incidents B, 15:51)."""
    names = agency_names()
    for a in Absence.objects.filter(operation=operation.id, state="OPEN").order_by("found_at"):
        owner = names.get(a.by_agency or operation.lead_agency, a.by_agency)
        words = f"{a.label}: {AbsenceKind(a.kind).words}, and nothing makes up for it."
        yield Red("absence", a.id, words, owner, None, "board")
