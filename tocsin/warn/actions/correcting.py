"""Copies outside are put right: who took one of a warning that no longer holds owes it to whoever has it.

What was delivered is corrected by the next delivery; a file, a print or an export that somebody took along is
corrected by nobody but them. One duty for each of them and edition; it ends when they say that it is done.
"""

from __future__ import annotations

from django.db import connection

from tocsin.duties import actions as duties
from tocsin.duties.models import Duty
from tocsin.kernel.errors import NotFound
from tocsin.people.rules import permit
from tocsin.people.terms import SYSTEM, Actor, Permission, Role
from tocsin.record.actions import writing
from tocsin.record.terms import Marking, Tlp
from tocsin.warn.terms import State

KIND = "correct_copies"
BATCH = 200

_WANTING = """
SELECT c.subject, coalesce(m.person, ''), coalesce(m.agency, w.agency), w.state, count(*)
FROM warn_copy c JOIN warn_warning w ON w.id = c.subject
LEFT JOIN people_member m ON m.person = c.person AND m.left_at IS NULL
WHERE w.state IN ('SUPERSEDED', 'CANCELLED') AND w.released_at <= c.at AND c.at < w.ended_at
AND NOT EXISTS (SELECT 1 FROM duties_duty d WHERE d.subject = c.subject AND d.kind = 'correct_copies'
    AND d.owner_person IN (c.person, coalesce(m.person, '')))
GROUP BY 1, 2, 3, 4 ORDER BY 1, 2 LIMIT %s
"""
"""Whose copies of what, '' = somebody who left."""
_WHY = {
    State.SUPERSEDED: "a newer edition replaces it",
    State.CANCELLED: "it was cancelled",
}


def correct_copies() -> int:
    """Owe the correction of copies of what no longer holds; returns how many duties. A worker's step.

    What expired says so itself. For who left, a release authority answers.
    """
    with connection.cursor() as cursor:
        cursor.execute(_WANTING, [BATCH])
        if cursor.fetchone() is None:
            return 0
    with writing(SYSTEM) as w:
        with connection.cursor() as cursor:
            # One worker at a time: the duty that one opens is what keeps the next from opening it again.
            cursor.execute("SELECT pg_advisory_xact_lock(hashtext('warn.correct_copies'))")
            cursor.execute(_WANTING, [BATCH])
            owed = cursor.fetchall()
        for warning, person, agency, state, count in owed:
            copies = "the copy" if count == 1 else f"the {count} copies"
            duties.open_duty(
                w,
                KIND,
                warning,
                f"Replace {copies} taken of a warning: {_WHY[State(state)]}",
                Marking(agency, Tlp.AMBER_STRICT.value),
                owner_agency=agency,
                owner_role="" if person else Role.RELEASE_AUTHORITY.value,
                owner_person=person,
            )
    return len(owed)


def copies_corrected(actor: Actor, *, warning: str) -> None:
    """Say that the actor's copies are replaced and whoever has one was told; of one who left, whoever answers
    for them says it. Raises: Forbidden; NotFound where nothing is owed."""
    permit(actor, Permission.READ_CONTENT)
    with writing(actor) as w:
        rows = Duty.objects.select_for_update().filter(
            subject=warning, kind=KIND, discharged_at=None, owner_agency=actor.agency
        )
        if Permission.RELEASE not in actor.permissions:
            rows = rows.filter(owner_person=actor.person)
        if not duties.discharge_rows(w, rows.order_by("id"), "the copies outside were replaced"):
            raise NotFound("no copies of yours wait to be replaced", field="warning")
