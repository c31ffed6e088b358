"""What time alone brings about: a sighting nobody has seen for two minutes asks to hold; a check-in is missed."""

from __future__ import annotations

from tocsin.kernel import clock
from tocsin.operate import terms
from tocsin.operate.actions import shared
from tocsin.operate.actions.absences import found_absent
from tocsin.operate.actions.holds import ask_hold
from tocsin.operate.actions.straying import mind_strayed
from tocsin.operate.actions.watching import mind_things
from tocsin.operate.models import Absence, Sighting
from tocsin.operate.terms import CHECK_IN_EVERY, SEEN_HOLDS, AbsenceKind, SightingState
from tocsin.people.models import Operation
from tocsin.people.store import operation as operation_of
from tocsin.people.terms import SYSTEM
from tocsin.plan.models import Assignment, Post
from tocsin.plan.store.staffing import standing
from tocsin.record.actions import writing

LIMIT = 200


def mind() -> int:
    """Do what is due by time; returns how much. A worker's step, any number of workers."""
    return _unlocated() + _missed() + mind_strayed() + mind_things()


def _unlocated() -> int:
    """Sightings that became unlocated since they were last looked at."""
    now = clock.now()
    rows = Sighting.objects.filter(state=SightingState.OPEN, last_seen_at__lte=now - SEEN_HOLDS)
    rows = rows.filter(severity__gte=terms.Severity.SERIOUS).order_by("id")
    asked = 0
    for row in rows[:LIMIT]:
        with writing(SYSTEM) as w:
            held = Sighting.objects.select_for_update(skip_locked=True).filter(id=row.id).first()
            if held is not None and ask_hold(w, operation_of(row.operation), held):
                asked += 1
    return asked


def _missed() -> int:
    """Posts from which nothing was heard for too long: within their own hours, also before the event begins."""
    now = clock.now()
    found = 0
    for plan in Operation.objects.filter(ends_at__gt=now).order_by("id"):
        gone = set(
            Absence.objects.filter(
                operation=plan.id, kind__in=[AbsenceKind.MISSED, AbsenceKind.VACATED]
            )
            .exclude(state="ENDED")
            .values_list("about", flat=True)
        )
        late = [
            a
            for a in standing(plan.id, now).filter(vacated_at=None)
            if a.post not in gone
            and now - max(a.checked_in_at or a.from_at, a.from_at) > CHECK_IN_EVERY
        ]
        found += sum(_absent(plan, a) for a in late[:LIMIT])
    return found


def _absent(plan: Operation, assignment: Assignment) -> int:
    with writing(SYSTEM) as w:
        shared.lock(plan)
        post = Post.objects.filter(id=assignment.post, state="LIVE").first()
        known = Absence.objects.filter(about=assignment.post, kind=AbsenceKind.MISSED.value)
        if post is None or known.exclude(state="ENDED").exists():
            return 0
        found_absent(
            w, plan, AbsenceKind.MISSED, post.id, post.label, post.agency, person=assignment.person
        )
    return 1
