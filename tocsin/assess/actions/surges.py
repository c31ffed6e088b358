"""Weak signals over time: an hour with far more reports of a kind than usual owes an assessment of the whole."""

from __future__ import annotations

from datetime import timedelta

from tocsin.assess import store, terms
from tocsin.assess.models import Situation, Surge
from tocsin.assess.terms import SituationKind
from tocsin.duties import actions as duties
from tocsin.duties.models import Duty
from tocsin.duties.terms import Precedence
from tocsin.kernel import clock
from tocsin.kernel.ids import new_id
from tocsin.people.models import Operation
from tocsin.people.terms import SYSTEM, Role
from tocsin.people.visibility import marking_of
from tocsin.record.actions import Writing, writing
from tocsin.screen import surge

_FRESH = timedelta(hours=1)


def mind_surges() -> int:
    """Test the hours of every open picture that changed within the last hour; the worker's loop.

    1. Judge the newest hour, as far as it has come, and the one before, each kind of sign and all together.
    2. Under the picture's lock: what was raised already, or within two days before, is not raised again unless it has
       doubled.
    3. A surge is put on the record, and opens the duty to assess the whole where none is open.
    Returns how many surges were raised. Safe to run anywhere, any number of times.
    """
    now = clock.now()
    changed = Situation.objects.filter(
        kind=SituationKind.PICTURE, state="OPEN", changed_at__gte=now - _FRESH
    )
    raised = 0
    for picture in changed.order_by("id"):
        found = {
            category: [h for h in hours[-2:] if h.reading is surge.Reading.SURGE]
            for category, hours in store.hours(picture.operation, now).items()
        }
        rang = [(category, hours[-1]) for category, hours in sorted(found.items()) if hours]
        if rang:
            raised += _raise(picture.id, rang)
    return raised


def _raise(picture_id: str, rang: list[tuple[str, surge.Hour]]) -> int:
    with writing(SYSTEM) as w:
        picture = Situation.objects.select_for_update().get(id=picture_id)
        recent = Surge.objects.filter(
            situation=picture.id, raised_at__gte=w.at - surge.QUIET
        ).order_by("raised_at")
        last = {row.category: row.count for row in recent}
        new = [(c, hour) for c, hour in rang if hour.count > 2 * last.get(c, 0) or c not in last]
        for number, (category, hour) in enumerate(new, start=1):
            data = {
                "id": new_id("srg", w.at),
                "category": category,
                "hour": store.hour_key(hour.at),
                "count": hour.count,
                "usual": round(hour.usual),
                "bar": round(hour.bar),
                "version": picture.version + number,
            }
            w.append(terms.SITUATION_SURGED, picture.id, data, marking=marking_of(picture))
        if new:
            _owe(w, picture, new)
    return len(new)


def _owe(w: Writing, picture: Situation, new: list[tuple[str, surge.Hour]]) -> None:
    kind = "assess_whole"
    if Duty.objects.filter(subject=picture.id, kind=kind, discharged_at=None).exists():
        return
    operation = Operation.objects.get(id=picture.operation)
    most = max(hour.count for _, hour in new)
    duties.open_duty(
        w,
        kind,
        picture.id,
        f"Assess the whole picture of {operation.name}: {most} reports in an hour, far more than usual",
        marking_of(picture),
        owner_agency=operation.lead_agency,
        owner_role=Role.COLLECTOR,
        precedence=Precedence.IMMEDIATE,
        event_start=operation.starts_at,
    )
