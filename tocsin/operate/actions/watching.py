"""What is found missing by itself: a gateway that is down, a sensor not heard, a battery nearly empty, a position whose
check-in was missed. Each is an absence, so each is a duty; what is back ends it, without a word from anybody.

Nothing is looked for before the first post's hours: until then what does not work is red on the plan, not an alarm.
"""

from __future__ import annotations

from typing import Any

from django.db import connection

from tocsin.kernel import clock
from tocsin.operate.actions import shared
from tocsin.operate.actions.absences import end_found, found_absent
from tocsin.operate.models import Absence
from tocsin.operate.terms import BATTERY_BACK, BATTERY_LOW, CHECK_IN_GRACE, FRESH, AbsenceKind
from tocsin.people.store import operation as operation_of
from tocsin.people.terms import SYSTEM
from tocsin.record.actions import writing

LIMIT = 200
_MISSING = """
SELECT f.* FROM (
  SELECT g.operation, 'DOWN' AS kind, g.id AS about, g.label, g.agency, '' AS person
  FROM plan_gateway g WHERE g.state = 'DOWN'
  UNION ALL
  SELECT s.operation, 'DOWN', s.id, s.label, s.by_agency, ''
  FROM operate_sensor s JOIN operate_pulse u ON u.sensor = s.id
  WHERE s.state = 'LIVE' AND s.every_s > 0
    AND coalesce(u.heard_at, s.made_at) < %(now)s - make_interval(secs => s.every_s)
  UNION ALL
  SELECT l.operation, 'BATTERY', l.device, 'Telephone' || coalesce(' at ' || p.label, ''), m.agency, l.person
  FROM operate_location l JOIN people_member m ON m.person = l.person AND m.left_at IS NULL
  LEFT JOIN plan_post p ON p.id = l.post
  WHERE l.battery < %(low)s AND l.battery_at >= %(fresh)s
  UNION ALL
  SELECT p.operation, 'MISSED', p.id, p.label, p.accepting, p.person
  FROM plan_position p WHERE p.state = 'ACCEPTED' AND p.check_in_due < %(late)s
) f JOIN people_operation o ON o.id = f.operation
WHERE o.ends_at > %(now)s AND (o.starts_at <= %(now)s OR EXISTS (SELECT 1 FROM plan_post r WHERE r.operation = o.id
    AND r.state = 'LIVE' AND r.from_at <= %(now)s AND r.until_at > %(now)s))
  AND NOT EXISTS (SELECT 1 FROM operate_absence b WHERE b.operation = f.operation
  AND b.about = f.about AND b.kind = f.kind AND b.state <> 'ENDED')
ORDER BY f.about LIMIT %(limit)s
"""
_BACK = """
SELECT b.id FROM operate_absence b WHERE b.state <> 'ENDED' AND (
  b.kind = 'DOWN' AND EXISTS (SELECT 1 FROM plan_gateway g WHERE g.id = b.about AND g.state <> 'DOWN'
    AND g.changed_at > b.found_at)
  OR b.kind = 'DOWN' AND EXISTS (SELECT 1 FROM operate_sensor s LEFT JOIN operate_pulse u ON u.sensor = s.id
    WHERE s.id = b.about AND (s.state <> 'LIVE' OR s.every_s > 0 AND b.reason = '' AND u.heard_at > b.found_at))
  OR b.kind = 'BATTERY' AND EXISTS (SELECT 1 FROM operate_location l
    WHERE l.operation = b.operation AND l.device = b.about AND l.battery >= %(back)s
      AND l.battery_at > b.found_at)
  OR b.kind = 'BATTERY' AND EXISTS (SELECT 1 FROM operate_device d WHERE d.id = b.about
    AND d.state IN ('KEPT', 'REVOKED'))
  OR b.kind = 'MISSED' AND EXISTS (SELECT 1 FROM plan_position p WHERE p.id = b.about
    AND (p.state <> 'ACCEPTED' OR p.check_in_due IS NULL OR p.check_in_due >= %(now)s))
  OR EXISTS (SELECT 1 FROM plan_post p WHERE p.id = b.about AND (p.state <> 'LIVE' OR p.until_at <= %(now)s))
) ORDER BY b.id LIMIT %(limit)s
"""


def mind_things() -> int:
    """Find what is missing, and what is back; returns how much. A worker's step, any number of workers."""
    now = clock.now()
    values = {
        "now": now,
        "fresh": now - FRESH,
        "late": now - CHECK_IN_GRACE,
        "low": BATTERY_LOW,
        "back": BATTERY_BACK,
        "limit": LIMIT,
    }
    return sum(_found(*row) for row in _rows(_MISSING, values)) + sum(
        end_found(absence) for (absence,) in _rows(_BACK, values)
    )


def _found(operation: str, kind: str, about: str, label: str, agency: str, person: str) -> int:
    with writing(SYSTEM) as w:
        plan = operation_of(operation)
        shared.lock(plan)
        known = Absence.objects.filter(operation=operation, about=about, kind=kind)
        if known.exclude(state="ENDED").exists():
            return 0
        found_absent(w, plan, AbsenceKind(kind), about, label, agency, person=person)
    return 1


def _rows(statement: str, values: dict[str, Any]) -> list[tuple[str, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        return list(cursor.fetchall())
