"""Dissent: a concern that is on the record, has an owner and a clock, and owes an answer."""

from __future__ import annotations

from tocsin.assess import rules, store, terms
from tocsin.assess.models import Dissent
from tocsin.assess.terms import Asked
from tocsin.duties import actions as duties
from tocsin.duties.terms import Precedence
from tocsin.kernel.errors import Conflict, Forbidden
from tocsin.kernel.ids import new_id
from tocsin.people.actions import share
from tocsin.people.rules import permit
from tocsin.people.terms import Actor, Permission, Role
from tocsin.people.visibility import get_visible, marking_of
from tocsin.record.actions import writing


def file_dissent(
    actor: Actor,
    *,
    about: str,
    text: str,
    title: str = "",
    precedence: Precedence = Precedence.PRIORITY,
) -> str:
    """File a concern about anything one may see, or about an operation; returns its id.

    It owes an answer by the release authority of the operation's lead agency (of the owning agency,
    where there is no operation), before the event. Raises: Forbidden; NotFound for what is hidden;
    Invalid when there is no text.
    """
    permit(actor, Permission.DISSENT)
    text = rules.words(text, "text", "say what concerns you, and what should be done")
    marking = store.marking_of_subject(actor, about)
    operation = store.operation_or_none(marking.operation)
    owner = operation.lead_agency if operation else marking.agency
    dissent = new_id("dis")
    with writing(actor) as w:
        content = w.keep(
            dissent, {"title": title.strip() or text.splitlines()[0][:80], "text": text}
        )
        data = {"about": about, "owner_agency": owner, "content": content}
        w.append(terms.DISSENT_FILED, dissent, data, marking=marking)
        share(
            w,
            subject=dissent,
            agencies=sorted({actor.agency, owner} - {marking.agency, ""}),
            marking=marking,
        )
        duties.open_duty(
            w,
            "answer_dissent",
            dissent,
            f"Answer a concern about {store.called(about, operation)}",
            marking,
            owner_agency=owner,
            owner_role=Role.RELEASE_AUTHORITY,
            precedence=precedence,
            event_start=operation.starts_at if operation else None,
        )
    return dissent


def answer_dissent(actor: Actor, *, dissent: str, version: int, text: str) -> None:
    """Answer a concern, for the agency that owes the answer; never one's own.

    Raises: Forbidden; NotFound; Conflict when it was answered; Invalid when there is no text.
    """
    permit(actor, Permission.ANSWER_DISSENT)
    text = rules.words(text, "text", "say what you make of the concern, and what you will do")
    with writing(actor) as w:
        row = get_visible(actor, Dissent.objects.select_for_update(), id=dissent)
        if row.person == actor.person:
            raise Forbidden(
                "nobody answers their own concern", cure="Leave it to the next on the ladder."
            )
        if not actor.system and actor.agency != row.owner_agency and not store.owes(actor, dissent):
            raise Forbidden("another agency owes this answer")
        if row.state != Asked.OPEN or row.version != version:
            raise Conflict(
                "somebody answered it since you opened it", cure="Reload and read the answer."
            )
        content = w.keep(dissent, {"text": text})
        data = {"content": content, "version": version + 1}
        w.append(terms.DISSENT_ANSWERED, dissent, data, marking=marking_of(row))
        duties.discharge(w, dissent, "answer_dissent", "answered")
