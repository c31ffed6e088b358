"""Requests for information: each has somebody it was put to, and a due date that is watched."""

from __future__ import annotations

from datetime import datetime

from tocsin.assess import rules, store, terms
from tocsin.assess.models import Rfi
from tocsin.assess.terms import Asked
from tocsin.duties import actions as duties
from tocsin.duties.models import Duty
from tocsin.duties.terms import Precedence
from tocsin.kernel import clock
from tocsin.kernel.errors import Conflict, Forbidden, Invalid
from tocsin.kernel.ids import new_id
from tocsin.people.actions import share
from tocsin.people.models import Agency, Operation
from tocsin.people.rules import permit
from tocsin.people.terms import GRANTS, Actor, Permission, Role
from tocsin.people.visibility import get_visible, marking_of
from tocsin.record.actions import Writing, writing
from tocsin.record.terms import Marking, Tlp, stamp


def ask(
    actor: Actor,
    *,
    to_agency: str,
    to_role: Role,
    title: str,
    text: str,
    due_at: datetime,
    operation: str = "",
    about: str = "",
    precedence: Precedence = Precedence.PRIORITY,
) -> str:
    """Ask an agency's role for information by a date; returns the request's id.

    Raises: Forbidden; NotFound when `about` is hidden; Invalid naming the field: an unknown agency,
    a role that cannot answer, a date that is past, or one after the event that the answer is needed
    for.
    """
    permit(actor, Permission.ASK)
    text = rules.words(text, "text", "say what you need to know")
    if not title.strip():
        raise Invalid(
            "give the question a short title",
            field="title",
            cure="For example: Who holds the roof?",
        )
    if not Agency.objects.filter(id=to_agency).exists():
        raise Invalid(
            f"there is no agency {to_agency!r}", field="to_agency", cure="Choose one from the list."
        )
    if Permission.ANSWER not in GRANTS[to_role]:
        raise Invalid(
            f"a {to_role.title} cannot answer", field="to_role", cure="Choose another role."
        )
    marking = Marking(actor.agency, Tlp.AMBER_STRICT.value)
    if about:
        seen = store.marking_of_subject(actor, about)
        operation = operation or seen.operation
    event = store.operation_of(actor, operation) if operation else None
    if event:
        marking = Marking(actor.agency, Tlp.AMBER.value, event.id)
    _due(due_at, event)
    rfi = new_id("rfi")
    with writing(actor) as w:
        content = w.keep(rfi, {"title": title.strip(), "text": text})
        data = {
            "about": about,
            "to_agency": to_agency,
            "to_role": to_role.value,
            "due_at": stamp(due_at),
            "content": content,
        }
        w.append(terms.RFI_ASKED, rfi, data, marking=marking)
        if to_agency != actor.agency:
            share(w, subject=rfi, agencies=[to_agency], marking=marking)
        _owe(w, rfi, marking, to_agency, to_role.value, due_at, precedence, event)
    return rfi


def extend_rfi(actor: Actor, *, rfi: str, version: int, due_at: datetime, reason: str) -> None:
    """Give a request more time, for a reason that both sides see. Either side may.

    Raises: Forbidden; NotFound; Conflict; Invalid when the date is not later, or after the event.
    """
    permit(actor, Permission.ANSWER)
    reason = rules.words(reason, "reason", "say why it needs more time")
    with writing(actor) as w:
        row = _open(actor, rfi, version)
        if not actor.system and actor.agency not in (row.person_agency, row.to_agency):
            raise Forbidden("only who asked, or who was asked, may give it more time")
        if due_at <= row.due_at:
            raise Invalid(
                "that is not later", field="due_at", cure="Give a later time, or answer now."
            )
        event = store.operation_or_none(row.operation)
        _due(due_at, event)
        marking = marking_of(row)
        kept = w.keep(rfi, {"text": reason})
        step = {
            "at": w.recorded_at,
            "by": actor.person,
            "due_at": stamp(due_at),
            "reason": kept["vault"],
        }
        data = {
            "due_at": stamp(due_at),
            "reason": kept,
            "extensions": [*row.extensions, step],
            "version": version + 1,
        }
        w.append(terms.RFI_EXTENDED, rfi, data, marking=marking)
        was = Duty.objects.filter(subject=rfi, kind="answer_rfi", discharged_at=None).first()
        precedence = Precedence(was.precedence) if was else Precedence.PRIORITY
        duties.discharge(w, rfi, "answer_rfi", "given more time")
        _owe(w, rfi, marking, row.to_agency, row.to_role, due_at, precedence, event)


def answer_rfi(actor: Actor, *, rfi: str, version: int, text: str) -> None:
    """Answer a request for the agency that was asked (or because the ladder reached you).

    "We do not know" is an answer. Raises: Forbidden; NotFound; Conflict; Invalid when there is no
    text.
    """
    permit(actor, Permission.ANSWER)
    text = rules.words(text, "text", "write the answer; “we do not know, because …” is one")
    with writing(actor) as w:
        row = _open(actor, rfi, version)
        if not actor.system and actor.agency != row.to_agency and not store.owes(actor, rfi):
            raise Forbidden("this was asked of another agency")
        _end(w, row, terms.RFI_ANSWERED, text, "answered")


def withdraw_rfi(actor: Actor, *, rfi: str, version: int, reason: str) -> None:
    """Take a request back, by the agency that asked, with a reason. Raises: as `answer_rfi`."""
    permit(actor, Permission.ASK)
    reason = rules.words(reason, "reason", "say why it is no longer needed")
    with writing(actor) as w:
        row = _open(actor, rfi, version)
        if not actor.system and actor.agency != row.person_agency:
            raise Forbidden("only the agency that asked may take it back")
        _end(w, row, terms.RFI_WITHDRAWN, reason, "withdrawn")


def _open(actor: Actor, rfi: str, version: int) -> Rfi:
    row = get_visible(actor, Rfi.objects.select_for_update(), id=rfi)
    if row.state != Asked.OPEN or row.version != version:
        raise Conflict("it changed since you opened it", cure="Reload and look again.")
    return row


def _end(w: Writing, row: Rfi, kind: str, text: str, outcome: str) -> None:
    data = {"content": w.keep(row.id, {"text": text}), "version": row.version + 1}
    w.append(kind, row.id, data, marking=marking_of(row))
    duties.discharge(w, row.id, "answer_rfi", outcome)


def _due(due_at: datetime, event: Operation | None) -> None:
    now = clock.now()
    if due_at <= now:
        raise Invalid("that time is past", field="due_at", cure="Give a time to come.")
    if event and now < event.starts_at < due_at:
        raise Invalid(
            "the answer would come after the event has begun",
            field="due_at",
            cure="Ask for it before the start.",
        )


def _owe(
    w: Writing,
    rfi: str,
    marking: Marking,
    agency: str,
    role: str,
    due_at: datetime,
    precedence: Precedence,
    event: Operation | None,
) -> None:
    duties.open_duty(
        w,
        "answer_rfi",
        rfi,
        f"Answer a question about {event.name}" if event else "Answer a question",
        marking,
        owner_agency=agency,
        owner_role=role,
        precedence=precedence,
        due_at=due_at,
    )
