"""Looking behind a mask: asked with a reason, decided by a second person, seen for an hour, each look logged."""

from __future__ import annotations

from typing import Any

from tocsin.collect.models import Report
from tocsin.duties.actions import discharge, open_duty
from tocsin.kernel import clock
from tocsin.kernel.errors import Conflict, Forbidden, NotFound
from tocsin.kernel.ids import new_id
from tocsin.people.actions import unmask
from tocsin.people.rules import permit
from tocsin.people.terms import Actor, Permission, Role
from tocsin.people.visibility import marking_of
from tocsin.record.actions import writing
from tocsin.record.models import Vault
from tocsin.record.terms import stamp
from tocsin.retain import rules, store, terms
from tocsin.retain.models import Unmasking
from tocsin.retain.terms import DECIDE_UNMASKING, LOOK_FOR, REVIEW_LOOK

_OUTCOMES = {
    "ASKED": {True: ("GRANTED", "granted for an hour"), False: ("REFUSED", "refused")},
    "TAKEN": {True: ("CONFIRMED", "the look was right"), False: ("OBJECTED", "objected to")},
}


def ask_unmasking(actor: Actor, *, report: str, reason: str) -> str:
    """Ask to see the original of a report of one's own agency; returns the request's id.

    Raises: Forbidden, NotFound, Invalid; Conflict when one's own request is open, or the original is gone.
    """
    permit(actor, Permission.READ_RECORD)
    row = store.report(actor, report)
    if row.agency != actor.agency:
        raise Forbidden("only the agency that collected it may see behind the mask")
    reason = rules.check_reason(reason)
    with writing(actor) as w:
        Report.objects.select_for_update().get(id=report)
        if Unmasking.objects.filter(report=report, asked_by=actor.person, state="ASKED").exists():
            raise Conflict("you have asked already; it waits for a decision")
        if not Vault.objects.filter(id=row.original).exists():
            raise Conflict("the original is no longer kept, or is sealed under a hold")
        request = new_id("unm", w.at)
        data = {"id": request, "reason": w.keep(request, {"text": reason})}
        w.append(terms.UNMASKING_ASKED, report, data, marking=marking_of(row))
        open_duty(
            w, DECIDE_UNMASKING, request, "Decide whether a colleague may look behind a mask",
            marking_of(row), owner_agency=row.agency, owner_role=Role.PRIVACY_OFFICER.value,
        )  # fmt: skip
    return request


def look_now(actor: Actor, *, report: str, vault: str, reason: str) -> dict[str, Any]:
    """See an original (or a tip's contact) at once, where a life may hang on it: for those whose role carries it.

    A second person owes a review of the look: the privacy officer, or a release authority where it was theirs.
    Raises: Forbidden, Invalid, NotFound.
    """
    permit(actor, Permission.UNMASK)
    row = store.report(actor, report)
    with writing(actor) as w:
        body = unmask(actor, vault=vault, marking=marking_of(row), reason=reason)
        look = new_id("unm", w.at)
        data = {"id": look, "reason": w.keep(look, {"text": reason.strip()})}
        w.append(terms.UNMASKING_TAKEN, report, data, marking=marking_of(row))
        own = Role.PRIVACY_OFFICER in actor.roles
        reviewer = Role.RELEASE_AUTHORITY if own else Role.PRIVACY_OFFICER
        open_duty(
            w, REVIEW_LOOK, look, "Review a look behind a mask that was taken at once",
            marking_of(row), owner_agency=row.agency, owner_role=reviewer.value,
        )  # fmt: skip
    return body


def decide_unmasking(actor: Actor, *, request: str, grant: bool, reason: str) -> None:
    """Grant or refuse a request of somebody else, with a reason; a grant lasts an hour. Of a look that was taken
    at once: say whether it was right.

    Raises: Forbidden, NotFound, Invalid; Conflict when it was decided.
    """
    permit(actor, Permission.UNMASK)
    reason = rules.check_reason(reason)
    row = store.unmasking(actor, request)
    if row.asked_by == actor.person:
        raise Forbidden("nobody decides on their own request", cure="A second person must.")
    with writing(actor) as w:
        row = Unmasking.objects.select_for_update().get(id=request)
        if row.state not in _OUTCOMES:
            raise Conflict("this was decided already")
        state, outcome = _OUTCOMES[row.state][grant]
        data = {
            "id": request,
            "state": state,
            "reason": w.keep(request, {"text": reason}),
            "until": stamp(w.at + LOOK_FOR) if state == "GRANTED" else None,
        }
        w.append(terms.UNMASKING_DECIDED, row.report, data, marking=marking_of(row))
        discharge(w, request, [DECIDE_UNMASKING, REVIEW_LOOK], outcome)


def look(actor: Actor, *, request: str) -> dict[str, Any]:
    """The original, for whoever asked, while the grant lasts. Every look is on the record.

    Raises: Forbidden, NotFound; Conflict when the time is over.
    """
    row = store.unmasking(actor, request)
    if row.asked_by != actor.person:
        raise Forbidden("only who asked may look")
    if row.state != "GRANTED" or row.until is None or row.until <= clock.now():
        raise Conflict("the time to look is over", cure="Ask again, with a reason.")
    report = store.report(actor, row.report)
    with writing(actor) as w:
        locked = Unmasking.objects.select_for_update().get(id=request)
        body = Vault.objects.filter(id=report.original).values_list("body", flat=True).first()
        if body is None:
            raise NotFound("the original is no longer kept, or is sealed under a hold")
        data = {"id": request, "looks": locked.looks + 1}
        w.append(terms.UNMASKING_LOOKED, report.id, data, marking=marking_of(report))
    found: dict[str, Any] = body
    return found
