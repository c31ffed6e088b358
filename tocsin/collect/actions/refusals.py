"""Refused input: looking at it, and closing it by a decision."""

from __future__ import annotations

from tocsin.collect import terms
from tocsin.collect.models import Refusal
from tocsin.collect.terms import RefusalState
from tocsin.duties import actions as duties
from tocsin.kernel.errors import Forbidden, Invalid
from tocsin.people.rules import permit, permit_on
from tocsin.people.terms import Actor, Permission
from tocsin.people.visibility import get_visible, marking_of
from tocsin.record.actions import Writing, writing


def dismiss_refused(actor: Actor, *, refused: list[str], reason: str) -> int:
    """Let refused input go, for a reason; returns how many were. Those closed meanwhile are passed over.

    Raises: Forbidden; NotFound; Invalid without a reason.
    """
    permit(actor, Permission.COLLECT)
    if len(reason.strip()) < 5:
        raise Invalid(
            "say why it can be let go",
            field="reason",
            cure="For example: empty rows, nothing lost.",
        )
    count = 0
    with writing(actor) as w:
        for one in dict.fromkeys(refused):
            row = locked_refusal(actor, one)
            if row.state == RefusalState.OPEN:
                why = w.keep(row.source, {"reason": reason.strip()})
                close_refused(w, row, RefusalState.DISMISSED, why["vault"], why)
                count += 1
        settle_duties(w, refused)
    return count


def locked_refusal(actor: Actor, refused: str) -> Refusal:
    """One refusal of the actor's own agency, locked. Raises: Forbidden; NotFound."""
    row = get_visible(actor, Refusal.objects.all(), id=refused)
    permit_on(actor, Permission.COLLECT, marking_of(row))
    if row.agency != actor.agency and not actor.system:
        raise Forbidden("only the agency that collects from this source decides on it")
    return Refusal.objects.select_for_update().get(id=refused)


def close_refused(
    w: Writing,
    row: Refusal,
    state: RefusalState,
    outcome: str,
    reason: dict[str, str] | None = None,
) -> None:
    """Close a refusal that the caller has locked; the duty ends with the last of the source's."""
    data = {
        "id": row.id,
        "state": state.value,
        "version": row.version + 1,
        "outcome": outcome,
        "reason": reason,
    }
    w.append(terms.REFUSAL_CLOSED, row.source, data, marking=marking_of(row))


def settle_duties(w: Writing, refused: list[str]) -> None:
    """End the duty of each source that has no open refusal left."""
    w.flush()
    sources = set(Refusal.objects.filter(id__in=refused).values_list("source", flat=True))
    still = set(
        Refusal.objects.filter(source__in=sources, state=RefusalState.OPEN).values_list(
            "source", flat=True
        )
    )
    for source in sorted(sources - still):
        duties.discharge(w, source, "retry_refused", "all refused input was decided on")
