"""What every act on a warning begins with: the row, locked, as the actor last saw it."""

from __future__ import annotations

from datetime import datetime

from tocsin.duties.terms import Precedence
from tocsin.kernel.errors import Conflict, Invalid
from tocsin.people.models import Operation
from tocsin.people.terms import Actor
from tocsin.people.visibility import get_visible
from tocsin.record.terms import Marking, Tlp
from tocsin.warn import rules, store
from tocsin.warn.models import Warning
from tocsin.warn.products import product
from tocsin.warn.terms import Act, State


def locked(actor: Actor, warning: str, version: int, act: Act) -> Warning:
    """The warning, locked for this transaction, when `act` can be done to it.

    Raises: NotFound when it is absent or hidden; Conflict when it changed since, or is past this act.
    """
    row = get_visible(actor, Warning.objects.select_for_update(of=("self",)), id=warning)
    if row.version != version:
        raise Conflict(
            "somebody changed this warning since you opened it",
            field="version",
            cure="Reload the page; nothing of theirs was lost.",
        )
    rules.from_state(State(row.state), act)
    return row


def draft_marking(agency: str, label: str, operation: str) -> Marking:
    """A draft stays within its agency, whatever its label will let the released document do."""
    tlp = Tlp.RED if label == Tlp.RED else Tlp.AMBER_STRICT
    return Marking(agency, tlp.value, operation)


def marking(row: Warning) -> Marking:
    """The marking a warning carries now."""
    return Marking(row.agency, row.tlp, row.operation)


def operation_for(actor: Actor, operation: str) -> Operation | None:
    """The operation a draft is to be about. Raises: Invalid when the actor's agency takes no part in it."""
    if not operation:
        return None
    row = Operation.objects.filter(id=operation).first()
    if row is None or (
        not actor.system and operation not in actor.operations and row.lead_agency != actor.agency
    ):
        raise Invalid(
            "there is no such operation, or your agency takes no part in it",
            field="operation",
            cure="Choose one your agency takes part in.",
        )
    return row


def event_start(row: Warning) -> datetime | None:
    """When the event this warning is about starts: what its deadlines bend to."""
    operation = store.operation_of(row)
    return operation.starts_at if operation else None


def about(row: Warning) -> str:
    """The words for a duty's title: which kind, for which event. No content of the warning."""
    operation = store.operation_of(row)
    name = product(row.type).name
    words = name if name[:3].isupper() else name[0].lower() + name[1:]
    return f"{words} for {operation.name}" if operation else words


def precedence(row: Warning) -> Precedence:
    """How urgent duties on this warning are."""
    return Precedence(row.precedence)
