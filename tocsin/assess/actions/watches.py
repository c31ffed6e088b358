"""A watch without a fully trained collector is said out loud before it begins."""

from __future__ import annotations

from collections import defaultdict
from datetime import timedelta

from django.db.models import Max

from tocsin.assess import rules
from tocsin.assess.terms import Watch
from tocsin.duties.actions import discharge_rows, open_duty
from tocsin.duties.models import Duty
from tocsin.duties.terms import Precedence
from tocsin.kernel import clock
from tocsin.people.models import Member, Qualification, Shift
from tocsin.people.terms import SYSTEM, Role
from tocsin.record.actions import writing
from tocsin.record.terms import Marking

AHEAD = timedelta(hours=24)
STAFF = "staff_watch"


def mind_watches() -> int:
    """Owe a trained collector to each watch of the next 24 hours that has none at some time; the worker's loop.

    Answered by itself once the plan covers it, or the watch is over. Returns how many were opened or ended.
    """
    now = clock.now()
    with writing(SYSTEM) as w:
        bare = {
            shift: (agency, at)
            for agency, watches in _watches().items()
            for shift, at in rules.bare(watches, now).items()
        }
        rows = Duty.objects.select_for_update().filter(kind=STAFF, discharged_at=None)
        owed = {row.subject: row for row in rows.order_by("id")}
        done = [row for shift, row in owed.items() if shift not in bare]
        discharge_rows(w, done, "a trained collector is on watch, or it is over")
        new = [shift for shift in bare if shift not in owed]
        for shift in new:
            agency, at = bare[shift]
            open_duty(
                w,
                STAFF,
                shift,
                "Put a trained collector on a watch that has none",
                Marking(agency),
                owner_agency=agency,
                owner_role=Role.OPERATION_LEAD,
                precedence=Precedence.PRIORITY,
                due_at=max(at, now + timedelta(minutes=30)),
            )
    return len(new) + len(done)


def _watches() -> dict[str, list[Watch]]:
    """Each agency's collectors' shifts, running or beginning soon."""
    now = clock.now()
    shifts = Shift.objects.filter(
        role=Role.COLLECTOR, starts_at__lt=now + AHEAD, ends_at__gt=now
    ).order_by("id")
    people = {s.person for s in shifts}
    new = set(
        Member.objects.filter(person__in=people, novice=True).values_list("person", flat=True)
    )
    held = Qualification.objects.filter(person__in=people - new).values("person")
    until = dict(held.annotate(last=Max("expires_at")).values_list("person", "last"))
    by_agency = defaultdict(list)
    for s in shifts:
        watch = Watch(s.id, s.starts_at, s.ends_at, until.get(s.person))
        by_agency[s.agency].append(watch)
    return by_agency
