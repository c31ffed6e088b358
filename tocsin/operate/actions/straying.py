"""Whoever holds a post and walks away from it with their phone: found by the phone's own place, without a word said.

Only where the plan says where a post is, and only its holder's newest place is looked at (incidents B, 18:06).
"""

from __future__ import annotations

from django.db import connection

from tocsin.kernel import clock
from tocsin.operate.actions import shared
from tocsin.operate.actions.absences import found_absent
from tocsin.operate.models import Absence
from tocsin.operate.rules.straying import AWAY, strayed
from tocsin.operate.terms import FRESH, AbsenceKind
from tocsin.people.store import operation as operation_of
from tocsin.people.terms import SYSTEM
from tocsin.plan.geometry import Point, distance
from tocsin.record.actions import writing

_AWAY = """
SELECT a.operation, p.id, p.label, p.agency, a.person, p.lat, p.lon, l.lat, l.lon, l.accuracy_m
FROM operate_location l
JOIN plan_assignment a ON a.operation = l.operation AND a.person = l.person
JOIN plan_post p ON p.id = a.post AND p.state = 'LIVE' AND p.lat IS NOT NULL
WHERE l.at >= %(fresh)s AND a.from_at <= %(now)s AND a.until_at > %(now)s AND a.vacated_at IS NULL
  AND (a.relieved_at IS NULL OR a.relieved_at > %(now)s) AND a.checked_in_at IS NOT NULL
  AND (abs(l.lat - p.lat) > %(near)s OR abs(l.lon - p.lon) > %(near)s)
  AND NOT EXISTS (SELECT 1 FROM operate_absence b WHERE b.about = p.id AND b.state <> 'ENDED'
                  AND b.kind IN ('VACATED', 'MISSED'))
ORDER BY p.id LIMIT 200
"""


def mind_strayed() -> int:
    """Find posts whose holder is elsewhere; returns how many. A worker's step, any number of workers."""
    now = clock.now()
    near = int(
        AWAY / 111_195 * 1e7 / 2
    )  # a rough cut, half as far, for the database; the rule decides
    with connection.cursor() as cursor:
        cursor.execute(_AWAY, {"now": now, "fresh": now - FRESH, "near": near})
        rows = cursor.fetchall()
    found = 0
    for operation, post, label, agency, person, *place, accuracy in rows:
        here, there = Point(place[0], place[1]), Point(place[2], place[3])
        if not strayed(distance(here, there), accuracy or 0):
            continue
        with writing(SYSTEM) as w:
            plan = operation_of(operation)
            shared.lock(plan)
            known = Absence.objects.filter(
                about=post, kind__in=[AbsenceKind.VACATED, AbsenceKind.MISSED]
            )
            if not known.exclude(state="ENDED").exists():
                found_absent(w, plan, AbsenceKind.VACATED, post, label, agency, person=person)
                found += 1
    return found
