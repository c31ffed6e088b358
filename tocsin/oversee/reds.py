"""What past failures say is red in a plan: lessons that bear on it and that nobody has answered for it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from tocsin.oversee import lessons
from tocsin.people.models import Operation
from tocsin.people.store import agency_names
from tocsin.people.terms import SYSTEM
from tocsin.plan.reds import Red, source
from tocsin.record.terms import Tlp

_FOR_ALL = {Tlp.GREEN.value, Tlp.CLEAR.value}


@source
def findings(operation: Operation, now: datetime) -> Iterator[Red]:
    """Unsolved findings that bear on the operation, of which it does not say what it does about them.

    Only those marked for the whole community: everybody who takes part reads what is red.
    """
    lead = agency_names().get(operation.lead_agency, operation.lead_agency)
    for b in lessons.bearing(SYSTEM, operation):
        if b.considered is None and b.finding.tlp in _FOR_ALL:
            words = f"{b.warns[:1].upper()}{b.warns[1:]}: found before, not put right, and not answered for here."
            yield Red("finding", b.finding.id, words, lead, None, "operation")
