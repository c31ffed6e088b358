"""A recipient's own system answers: it has a warning, or cannot take it. Never that a person does.

A fetch by TAXII and a CAP `Ack` prove that their system has it: DELIVERED, and no further, whatever the message
calls itself. A CAP `Error` proves that this way did not work: the next one is tried.
"""

from __future__ import annotations

from collections.abc import Collection

from django.db.models import Q, QuerySet

from tocsin.deliver import rules, terms
from tocsin.deliver.actions import reaching
from tocsin.deliver.models import Destination
from tocsin.deliver.terms import State
from tocsin.people.rules import permit
from tocsin.people.terms import Actor, Permission
from tocsin.people.visibility import marking_of
from tocsin.record.actions import writing

_LONGEST = 4000


def taken(actor: Actor, *, about: Collection[tuple[str, str]], how: str) -> int:
    """Note that the actor's system has these (warning, occasion); returns how many destinations that moved.

    For the roles the actor holds at its agency. Again is no news: nothing is written. Raises: Forbidden.
    """
    permit(actor, Permission.READ_CONTENT)
    ids = list(_mine(actor, about).filter(delivered_at=None).values_list("id", flat=True))
    if not ids:
        return 0
    with writing(actor) as w:
        rows = [r for r in reaching.locked(ids) if r.delivered_at is None]
        for row in rows:
            now_at = State(row.state)
            # Where the directory names nobody, a person still has to be found: the state goes on saying so.
            lifts = now_at != State.NOBODY and row.closed_at is None
            data = {"how": how, "raises": lifts and rules.raises(now_at, State.DELIVERED)}
            w.append(terms.DESTINATION_TAKEN, row.id, data, marking=marking_of(row))
    return len(rows)


def not_taken(actor: Actor, *, about: Collection[tuple[str, str]], how: str, said: str) -> int:
    """Note that the actor's system refused these; whoever was asked last is tried by their next way.

    Returns how many destinations that concerns. Raises: Forbidden.
    """
    permit(actor, Permission.READ_CONTENT)
    ids = list(_mine(actor, about).values_list("id", flat=True))
    if not ids:
        return 0
    with writing(actor) as w:
        rows = reaching.locked(ids)
        for row in rows:
            words = said.strip()[:_LONGEST]
            data = {"how": how, "said": w.keep(row.id, {"text": words}) if words else None}
            w.append(terms.DESTINATION_NOT_TAKEN, row.id, data, marking=marking_of(row))
        waiting = [r for r in rows if r.current]
        failed = {r.id: [r.current] for r in waiting}
        reaching.move_on(w, waiting, same_person=True, failed=failed)
    return len(rows)


def _mine(actor: Actor, about: Collection[tuple[str, str]]) -> QuerySet[Destination]:
    wanted = Q(pk__in=[])
    for occasion in {o for _, o in about}:
        named = [warning for warning, o in about if o == occasion]
        wanted |= Q(occasion=occasion, warning__in=named)
    held = [role.value for role in actor.roles]
    return Destination.objects.filter(wanted, seat_agency=actor.agency, seat_role__in=held)
