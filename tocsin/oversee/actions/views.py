"""Who saw what: a page of content that was shown is noted at once, and put on the record within a second."""

from __future__ import annotations

from datetime import datetime

from django.db import connection, transaction

from tocsin.oversee import subjects, terms
from tocsin.oversee.models import Glance
from tocsin.people import store as people
from tocsin.people.terms import Actor
from tocsin.record.actions import writing
from tocsin.record.terms import Marking, Tlp

BATCH = 500


def glance(actor: Actor, subject: str, version: int, at: datetime) -> None:
    """Note that a person was shown a version of a subject. Once for each; again costs nothing.

    Not an entry yet: the worker writes it (`note_views`), so that reading never waits for the record.
    """
    if actor.system or not actor.person:
        return
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO oversee_glance (subject, person, version, at, noted) "
            "VALUES (%s, %s, %s, %s, false) ON CONFLICT DO NOTHING",
            [subject, actor.person, version, at],
        )


def note_views(limit: int = BATCH) -> int:
    """Put the sights that wait on the record; returns how many. The worker's loop.

    The entry's author is the person who saw; it belongs to the agency that owns the subject, and stays there.
    """
    with transaction.atomic():
        waiting = list(
            Glance.objects.select_for_update(skip_locked=True)
            .filter(noted=False)
            .order_by("at")[:limit]
        )
        if not waiting:
            return 0
        found = subjects.rows({g.subject for g in waiting})
        by_person: dict[str, list[Glance]] = {}
        for g in waiting:
            if g.subject in found:
                by_person.setdefault(g.person, []).append(g)
        for person, mine in by_person.items():
            who = people.actor(person)
            roles = sorted(r.value for r in who.roles)
            with writing(who) as w:
                for g in mine:
                    w.append(
                        terms.SEEN,
                        g.subject,
                        {"version": g.version, "roles": roles},
                        marking=_marking(found[g.subject]),
                        occurred_at=g.at,
                    )
        keys = [(g.subject, g.person, g.version) for g in waiting]
        Glance.objects.filter(pk__in=keys).update(noted=True)
    return len(waiting)


def _marking(row: object) -> Marking:
    """Whoever owns the subject sees who read it; other agencies that may see the subject do not."""
    red = row.tlp == Tlp.RED  # type: ignore[attr-defined]
    tlp = Tlp.RED.value if red else Tlp.AMBER_STRICT.value
    return Marking(row.agency, tlp, row.operation)  # type: ignore[attr-defined]
