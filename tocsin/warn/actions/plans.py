"""Plans rest on warnings by edition. Where an edition ends, every plan that rests on it owes a new look."""

from __future__ import annotations

from tocsin.duties import actions as duties
from tocsin.duties.models import Duty
from tocsin.kernel.errors import Conflict, Forbidden
from tocsin.people.models import Operation
from tocsin.people.rules import permit
from tocsin.people.terms import Actor, Permission, Role
from tocsin.people.visibility import visible_to
from tocsin.record.actions import Writing, writing
from tocsin.record.terms import Marking, Tlp
from tocsin.warn import store, terms
from tocsin.warn.actions.locking import about, precedence
from tocsin.warn.models import (
    Citation,
    Warning,
)
from tocsin.warn.terms import State


def cite(actor: Actor, *, operation: str, warning: str, edition: int) -> None:
    """Say that the plan of an operation rests on this edition of a warning.

    `warning` = the id of any edition of it. Citing a newer edition answers the duty to look again.
    Raises: Forbidden; NotFound; Conflict when that edition is not in force.
    """
    permit(actor, Permission.MANAGE_OPERATION)
    with writing(actor) as w:
        event = _mine(actor, operation)
        any_of = store.warning(actor, warning)
        found = visible_to(actor, Warning.objects.filter(series=any_of.series, edition=edition))
        row = found.filter(released_at__isnull=False).first()
        if row is None or row.state != State.RELEASED:
            live = Warning.objects.filter(series=any_of.series, state=State.RELEASED.value).first()
            cure = (
                f"Cite edition {live.edition} ({live.id})."
                if live
                else "It no longer holds: plan without it."
            )
            raise Conflict(f"edition {edition} is not in force", field="edition", cure=cure)
        before = (
            Citation.objects.select_for_update()
            .filter(operation=operation, series=row.series)
            .first()
        )
        data = {
            "operation": operation,
            "series": row.series,
            "edition": row.edition,
            "again": before is not None,
        }
        w.append(terms.PLAN_CITED, row.id, data, marking=_marking(event))
        _answer(w, operation, row.series, "the plan now rests on the edition in force")


recite = cite
"""The same act: the plan rests on a newer edition from now on."""


def drop_citation(actor: Actor, *, operation: str, warning: str) -> None:
    """Say that the plan no longer rests on a warning. Raises: Forbidden; NotFound; Conflict."""
    permit(actor, Permission.MANAGE_OPERATION)
    with writing(actor) as w:
        event = _mine(actor, operation)
        row = store.warning(actor, warning)
        rests = Citation.objects.select_for_update().filter(
            operation=operation, series=row.series, dropped_at=None
        )
        if not rests.exists():
            raise Conflict("the plan does not rest on this warning", field="warning")
        data = {"operation": operation, "series": row.series}
        w.append(terms.PLAN_CITATION_DROPPED, row.id, data, marking=_marking(event))
        _answer(w, operation, row.series, "the plan no longer rests on it")


def resting_on(row: Warning) -> list[dict[str, str]]:
    """The plans that rest on this very edition: [{"operation", "series"}], locked for the transaction."""
    rests = Citation.objects.select_for_update().filter(
        warning=row.id, stale_since=None, dropped_at=None
    )
    found = rests.order_by("operation").values_list("operation", "series")
    return [{"operation": operation, "series": series} for operation, series in found]


def owe_new_plan(w: Writing, row: Warning, rests: list[dict[str, str]], *, newest: str) -> None:
    """Open the duty to look again, at the lead of each operation whose plan rests on an ended edition."""
    for operation in Operation.objects.filter(id__in=[r["operation"] for r in rests]):
        if operation.ends_at <= w.at:
            continue  # the event is over: nothing is planned on it any more
        what = "was replaced" if newest else "no longer holds"
        duties.open_duty(
            w,
            "update_plan",
            newest or row.id,
            f"Update the plan for {operation.name}: the {about(row)} it rests on {what}",
            _marking(operation),
            owner_agency=operation.lead_agency,
            owner_role=Role.OPERATION_LEAD,
            precedence=precedence(row),
            event_start=operation.starts_at,
        )


def _answer(w: Writing, operation: str, series: str, outcome: str) -> None:
    w.flush()
    ids = list(Warning.objects.filter(series=series).values_list("id", flat=True))
    owed = Duty.objects.select_for_update().filter(
        kind="update_plan", subject__in=ids, operation=operation, discharged_at=None
    )
    duties.discharge_rows(w, owed.order_by("id"), outcome)


def _mine(actor: Actor, operation: str) -> Operation:
    event = Operation.objects.filter(id=operation).first()
    if event is None or actor.agency != event.lead_agency:
        raise Forbidden("only the lead agency changes the plan of an operation", field="operation")
    return event


def _marking(operation: Operation) -> Marking:
    return Marking(operation.lead_agency, Tlp.AMBER.value, operation.id)
