"""Approvals by name, and the decision to go ahead: with what was red at that moment, a name and a reason."""

from __future__ import annotations

from tocsin.kernel.errors import Conflict, Forbidden, Invalid
from tocsin.kernel.ids import new_id
from tocsin.people.rules import permit
from tocsin.people.terms import Actor, Permission
from tocsin.plan import reds, terms
from tocsin.plan.actions import shared
from tocsin.plan.models import Approval
from tocsin.record.actions import writing

ENOUGH = 10  # letters of a reason


def approve(actor: Actor, *, operation: str, note: str = "") -> str:
    """Approve the plan as it stands, by name, for one's own agency. A later approval of one's own replaces it.

    Raises: Forbidden, NotFound.
    """
    permit(actor, Permission.TAKE_PART)
    with writing(actor) as w:
        plan = shared.plan_of(actor, operation)
        for old in Approval.objects.filter(
            operation=operation, person=actor.person, withdrawn_at=None
        ):
            w.append(
                terms.APPROVAL_WITHDRAWN, operation, {"id": old.id}, marking=shared.marking(plan)
            )
        made = new_id("apv", w.at)
        data = {
            "id": made,
            "note": w.keep(operation, {"text": note.strip()}) if note.strip() else None,
        }
        w.append(terms.PLAN_APPROVED, operation, data, marking=shared.marking(plan))
    return made


def withdraw(actor: Actor, *, approval: str) -> None:
    """Withdraw one's own approval. Raises: Forbidden, NotFound, Conflict."""
    permit(actor, Permission.TAKE_PART)
    with writing(actor) as w:
        row = Approval.objects.filter(id=approval, person=actor.person).first()
        if row is None:
            raise Forbidden("only whoever approved withdraws it")
        plan = shared.plan_of(actor, row.operation)
        if Approval.objects.filter(id=approval).exclude(withdrawn_at=None).exists():
            raise Conflict("it was withdrawn already")
        w.append(terms.APPROVAL_WITHDRAWN, plan.id, {"id": approval}, marking=shared.marking(plan))


def decide(actor: Actor, *, operation: str, go: bool, reason: str, seen: int | None = None) -> str:
    """Decide to go ahead, or not to. What is red at this moment goes on the record with the decision.

    `seen` = how many red things the page showed: where there are others by now, the decision is asked again.
    Going ahead with anything red needs a reason; not going always does.
    Raises: Forbidden, NotFound, Conflict, Invalid.
    """
    permit(actor, Permission.MANAGE_OPERATION)
    with writing(actor) as w:
        plan = shared.plan_of(actor, operation)
        if actor.agency != plan.lead_agency and not actor.system:
            raise Forbidden("only the agency that leads an operation decides to go")
        found = reds.of(plan, w.at)
        if seen is not None and seen != len(found):
            raise Conflict(
                f"{len(found)} things are red now; your page showed {seen}",
                cure="Read them and decide again.",
            )
        said = reason.strip()
        if (found or not go) and len(said) < ENOUGH:
            what = f"{len(found)} things are red" if go else "you are not going"
            raise Invalid(f"is missing, and {what}", field="reason", cure="Say why, in a sentence.")
        made = new_id("gng", w.at)
        # The words of each red may name people, so they go where they can be forgotten; the entry holds which.
        words = {
            "title": "Going ahead" if go else "Not going",
            "text": said,
            "reds": [
                {"kind": r.kind, "subject": r.subject, "words": r.words, "owner": r.owner}
                for r in found
            ],
        }
        data = {
            "id": made,
            "go": go,
            "reds": [[r.kind, r.subject] for r in found],
            "words": w.keep(operation, words),
        }
        w.append(terms.GOING_DECIDED, operation, data, marking=shared.marking(plan))
    return made
