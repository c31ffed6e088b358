"""Asking everybody who was given a warning to remove their copies, because it was purged here."""

from __future__ import annotations

from tocsin.deliver import store
from tocsin.deliver.actions.fanning import _got, _open
from tocsin.deliver.models import Destination
from tocsin.deliver.terms import Occasion
from tocsin.duties.terms import Precedence
from tocsin.people.models import Operation
from tocsin.record.actions import Writing
from tocsin.warn.models import Warning
from tocsin.warn.terms import Seat


def recall(w: Writing, row: Warning) -> int:
    """Ask the roles a warning went out to to remove their copies, by the ways they got it; returns how many.

    Within the caller's transaction and authority. A destination each: it owes an acknowledgement, climbs the same
    ladder, and shows who has said that their copies are gone.
    """
    given = Destination.objects.filter(warning=row.id, occasion=Occasion.RELEASE.value)
    asked = Destination.objects.filter(warning=row.id, occasion=Occasion.PURGE.value)
    done = {Seat(*s) for s in asked.values_list("seat_agency", "seat_role")}
    reached = given.exclude(sent_at=None, delivered_at=None, acknowledged_at=None)
    pairs = reached.order_by("seat_agency", "seat_role").values_list("seat_agency", "seat_role")
    seats = [s for s in dict.fromkeys(Seat(*p) for p in pairs.distinct()) if s not in done]
    operation = Operation.objects.filter(id=row.operation).first() if row.operation else None
    able = store.entrants(seats, sender=row.agency, lead=operation.lead_agency if operation else "")
    got = _got(row, Occasion.CANCEL)
    row.precedence = (
        Precedence.ROUTINE.value
    )  # a clean-up wakes nobody, however urgent the warning was
    for seat in seats:
        _open(w, row, Occasion.PURGE, operation, seat, able[seat], got.get(seat, {}))
    return len(seats)
