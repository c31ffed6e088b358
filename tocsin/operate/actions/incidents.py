"""What else keeps people busy, so that everybody sees whose hands are full."""

from __future__ import annotations

from datetime import datetime

from tocsin.kernel.errors import Conflict
from tocsin.kernel.ids import new_id
from tocsin.operate import terms
from tocsin.operate.actions import shared
from tocsin.operate.actions.feed import tell
from tocsin.operate.models import Incident
from tocsin.operate.terms import IncidentKind
from tocsin.people.rules import permit
from tocsin.people.terms import Actor, Permission
from tocsin.people.visibility import marking_of
from tocsin.record.actions import writing


def note_incident(
    actor: Actor,
    *,
    operation: str,
    kind: str,
    text: str,
    place: str = "",
    post: str = "",
    agency: str = "",
    at: datetime | None = None,
    key: str = "",
) -> str:
    """Note what somebody is busy with; returns its id. `agency` = whose hands are full (the actor's own by default).

    Raises: Forbidden, NotFound, Invalid.
    """
    permit(actor, Permission.READ_CONTENT)

    def do() -> str:
        incident = new_id("inc")
        with writing(actor) as w:
            plan = shared.operation_for(actor, operation)
            data = {
                "kind": shared.chosen(IncidentKind, kind, "kind").value,
                "words": shared.words(w, incident, text),
                "place": shared.label(place),
                "by_agency": agency or actor.agency,
                "post": post,
                "key": key,
            }
            at_ = shared.when(w, at)
            w.append(
                terms.INCIDENT_NOTED, incident, data, marking=shared.marking(plan), occurred_at=at_
            )
            tell(plan.id, "incident", incident)
        return incident

    return shared.once(actor, key, do)


def end_incident(actor: Actor, *, incident: str) -> None:
    """Say that it is over. Raises: Forbidden, NotFound, Conflict."""
    permit(actor, Permission.READ_CONTENT)
    with writing(actor) as w:
        row, plan = shared.opened(actor, Incident, incident)
        if row.state != "OPEN":
            raise Conflict("it is over", cure="Reload and look again.")
        w.append(terms.INCIDENT_ENDED, incident, {}, marking=marking_of(row))
        tell(plan.id, "incident", incident)
