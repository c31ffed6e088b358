"""Deciding on a draft: release, return, refuse, hold; release now and review after."""

from __future__ import annotations

from datetime import datetime

from tocsin.duties import actions as duties
from tocsin.duties import terms as duty_terms
from tocsin.duties.models import Duty
from tocsin.people.actions import share
from tocsin.people.rules import permit
from tocsin.people.terms import Actor, Permission, Role
from tocsin.record.actions import Writing, writing
from tocsin.record.terms import Marking, stamp
from tocsin.warn import lint, rules, store, terms
from tocsin.warn.actions.copying import below_tearline
from tocsin.warn.actions.drafting import owe_finishing
from tocsin.warn.actions.locking import about, event_start, locked, marking, precedence
from tocsin.warn.actions.plans import owe_new_plan, resting_on
from tocsin.warn.models import Warning
from tocsin.warn.terms import Act, State


def release(actor: Actor, *, warning: str, version: int) -> None:
    """Release a reviewed warning to everyone on its list; it never changes from then on.

    Raises: Forbidden with the reason (an author never releases); Conflict; NotFound; Invalid with the
    first finding that stops release.
    """
    permit(actor, Permission.RELEASE)
    with writing(actor) as w:
        row = locked(actor, warning, version, Act.RELEASED)
        rules.demand(rules.right_to_review(actor, store.standing(row)))
        _release(w, row, reason="")


def release_now(actor: Actor, *, warning: str, version: int, reason: str) -> None:
    """Release at once, for a reason on record; somebody else owes the review afterwards.

    Open to a release authority, or an operation lead, who took no part in writing it.
    Raises: Forbidden, Conflict, NotFound, Invalid as for `release`.
    """
    permit(actor, Permission.RELEASE)
    with writing(actor) as w:
        row = locked(actor, warning, version, Act.RELEASED_FIRST)
        rules.demand(rules.right_to_release_now(actor, store.standing(row)))
        _release(w, row, reason=rules.check_reason(reason, "reason"))
        duties.open_duty(
            w,
            "review_after",
            warning,
            f"Review what was released before review: the {about(row)}",
            Marking(row.agency, row.label, row.operation),
            owner_agency=row.agency,
            owner_role=Role.RELEASE_AUTHORITY,
            precedence=precedence(row),
            event_start=event_start(row),
        )


def return_(actor: Actor, *, warning: str, version: int, reason: str) -> None:
    """Return a draft with notes on what to mend; whoever has it in hand owes to finish it again.

    Raises: Forbidden, Conflict, NotFound, Invalid.
    """
    permit(actor, Permission.RELEASE)
    with writing(actor) as w:
        row = locked(actor, warning, version, Act.RETURNED)
        rules.demand(rules.right_to_review(actor, store.standing(row)))
        _note(w, terms.WARNING_RETURNED, row, reason)
        duties.discharge(w, warning, "review", "returned to be mended")
        owe_finishing(w, row, f"Mend the {about(row)}: it came back from review")


def refuse(actor: Actor, *, warning: str, version: int, reason: str) -> None:
    """Refuse a draft, by name and with a reason: it ends here.

    Raises: Forbidden, Conflict, NotFound, Invalid.
    """
    permit(actor, Permission.RELEASE)
    with writing(actor) as w:
        row = locked(actor, warning, version, Act.REFUSED)
        rules.demand(rules.right_to_review(actor, store.standing(row)))
        _note(w, terms.WARNING_REFUSED, row, reason)
        duties.discharge(w, warning, "review", "refused, with the reason on record")


def hold(actor: Actor, *, warning: str, version: int, reason: str, until: datetime) -> None:
    """Hold a draft until a time before the event. The review clock runs on, and everyone its ladder
    reaches reads the reason (incidents A, 5 January: a draft held for three days, and nobody was told why).

    Raises: Forbidden, Conflict, NotFound; Invalid when `until` is past, or past the event's start.
    """
    permit(actor, Permission.RELEASE)
    with writing(actor) as w:
        row = locked(actor, warning, version, Act.HELD)
        rules.demand(rules.right_to_review(actor, store.standing(row)))
        rules.check_hold(until, w.at, event_start(row))
        kept = w.keep(warning, {"text": rules.check_reason(reason, "reason")})
        data = {"version": version + 1, "reason": kept, "until": stamp(until)}
        w.append(terms.WARNING_HELD, warning, data, marking=marking(row))
        _retitle(w, row, f"Review the {about(row)}: it is held, read why")


def lift_hold(actor: Actor, *, warning: str, version: int) -> None:
    """End a hold before its time. Raises: Forbidden, Conflict, NotFound."""
    permit(actor, Permission.RELEASE)
    with writing(actor) as w:
        row = locked(actor, warning, version, Act.HOLD_LIFTED)
        rules.demand(rules.right_to_review(actor, store.standing(row)))
        end_hold(w, row)


def confirm(actor: Actor, *, warning: str, version: int, reason: str = "") -> None:
    """Give the review owed after a release now: it stands. (If it does not stand: `cancel`, or `update`.)

    Raises: Forbidden for its authors and for who released it; Conflict when no review is owed; NotFound.
    """
    permit(actor, Permission.RELEASE)
    with writing(actor) as w:
        row = locked(actor, warning, version, Act.CONFIRMED)
        rules.check_review_owed(
            review_after=row.review_after, confirmed=row.confirmed_at is not None
        )
        rules.demand(rules.right_to_confirm(actor, store.standing(row)))
        data: dict[str, object] = {"version": version + 1}
        if reason.strip():
            data["reason"] = w.keep(warning, {"text": reason.strip()})
        w.append(terms.WARNING_CONFIRMED, warning, data, marking=marking(row))
        duties.discharge(w, warning, "review_after", "confirmed")


def end_hold(w: Writing, row: Warning) -> None:
    """End the hold of a locked row within the caller's transaction."""
    w.append(terms.WARNING_HOLD_LIFTED, row.id, {"version": row.version + 1}, marking=marking(row))
    _retitle(w, row, f"Review the {about(row)}")


def _release(w: Writing, row: Warning, *, reason: str) -> None:
    """1. The lint, as of now. 2. The duties this answers. 3. The entry, with the commitment of the
    words released. 4. Sight for every agency on the list. 5. The edition before ends, and plans on
    it are stale.
    """
    lint.refuse_on_stops(store.findings(row, w.at))
    mark = Marking(row.agency, row.label, row.operation)
    data: dict[str, object] = {
        "version": row.version + 1,
        "revision": row.revision,
        "commitment": row.commitment,
        "review_after": bool(reason),
    }
    if reason:
        data["reason"] = w.keep(row.id, {"text": reason})
    if part := below_tearline(w, row):
        data["below"] = part
    duties.discharge(w, row.id, ("review", "finish_draft"), "released")
    w.append(terms.WARNING_RELEASED, row.id, data, marking=mark)
    operation = store.operation_of(row)
    seats = [*row.distribution, *(operation.must_know if operation else [])]
    # Its own agency sees it by its marking, and no further: a share would lift RED for all of it.
    others = {seat["agency"] for seat in seats} - {row.agency}
    share(w, subject=row.id, agencies=sorted(others), marking=mark)
    if row.supersedes:
        _supersede(w, row)


def _supersede(w: Writing, row: Warning) -> None:
    before = Warning.objects.select_for_update().get(id=row.supersedes)
    if before.state != State.RELEASED:
        return  # cancelled or expired while this was written: it ended by its own entry
    rests = resting_on(before)
    data = {"version": before.version + 1, "by": row.id, "stale": rests}
    w.append(terms.WARNING_SUPERSEDED, before.id, data, marking=marking(before))
    duties.discharge(w, before.id, "review_after", "replaced by a newer edition")
    owe_new_plan(w, before, rests, newest=row.id)


def _note(w: Writing, kind: str, row: Warning, reason: str) -> None:
    kept = w.keep(row.id, {"text": rules.check_reason(reason, "reason")})
    w.append(kind, row.id, {"version": row.version + 1, "reason": kept}, marking=marking(row))


def _retitle(w: Writing, row: Warning, title: str) -> None:
    """The title of the review changes with the hold: whoever the ladder reaches next sees it at once."""
    for duty in Duty.objects.select_for_update().filter(
        subject=row.id, kind="review", discharged_at=None
    ):
        data = {"id": duty.id, "title": title, "why": "the hold"}
        w.append(duty_terms.DUTY_MOVED, row.id, data, marking=marking(row))


@duties.act("next_releaser")
def name_alternate(w: Writing, owed: list[Duty]) -> None:
    """The review was not answered: name a release authority who was not asked yet; the next step asks them."""
    rows = {r.id: r for r in Warning.objects.filter(id__in=[d.subject for d in owed])}
    for duty in owed:
        row = rows.get(duty.subject)
        holders, leads = store.alternates(duty, w.at)
        chosen = rules.next_releaser(holders, leads, row.authors if row else (), store.told(duty))
        if chosen:
            data = {"id": duty.id, "owner_person": chosen, "why": "the review was not answered"}
            mark = Marking(duty.agency, duty.tlp, duty.operation)
            w.append(duty_terms.DUTY_MOVED, duty.subject, data, marking=mark)
