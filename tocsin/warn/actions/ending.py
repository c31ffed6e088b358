"""What ends a warning in force: cancelling, and time. Time also ends holds."""

from __future__ import annotations

from tocsin.duties import actions as duties
from tocsin.kernel import clock
from tocsin.people.rules import permit
from tocsin.people.terms import SYSTEM, Actor, Permission
from tocsin.record.actions import writing
from tocsin.warn import rules, store, terms
from tocsin.warn.actions.locking import locked, marking
from tocsin.warn.actions.plans import owe_new_plan, resting_on
from tocsin.warn.actions.reviewing import end_hold
from tocsin.warn.models import Warning
from tocsin.warn.terms import Act, State


def cancel(actor: Actor, *, warning: str, version: int, reason: str) -> None:
    """Cancel a warning in force; everyone who got it is told, with the reason. Its text stays.

    A wrong cancelling is a false all-clear, so its author may not do it alone either.
    Raises: Forbidden, Conflict, NotFound, Invalid.
    """
    permit(actor, Permission.RELEASE)
    with writing(actor) as w:
        row = locked(actor, warning, version, Act.CANCELLED)
        rules.demand(rules.right_to_release_now(actor, store.standing(row)))
        kept = w.keep(warning, {"text": rules.check_reason(reason, "reason")})
        rests = resting_on(row)
        data = {"version": version + 1, "reason": kept, "stale": rests}
        w.append(terms.WARNING_CANCELLED, warning, data, marking=marking(row))
        duties.discharge(w, warning, "review_after", "cancelled")
        owe_new_plan(w, row, rests, newest="")


def expire_due(limit: int = 500) -> int:
    """Expire what is past its time, and end the holds that are; returns how many. The worker's step.

    Rows are claimed with SKIP LOCKED, so that workers never do the same one twice; a review that is still
    owed after a release now stays owed.
    """
    now = clock.now()
    with writing(SYSTEM) as w:
        due = Warning.objects.select_for_update(skip_locked=True).filter(
            state=State.RELEASED.value, expires_at__lte=now
        )
        rows = list(due.order_by("expires_at")[:limit])
        for row in rows:
            rests = resting_on(row)
            data = {"version": row.version + 1, "stale": rests}
            w.append(terms.WARNING_EXPIRED, row.id, data, marking=marking(row))
            owe_new_plan(w, row, rests, newest="")
    return len(rows) + lift_holds(limit)


def lift_holds(limit: int = 500) -> int:
    """End the holds whose time is over; returns how many."""
    now = clock.now()
    with writing(SYSTEM) as w:
        due = Warning.objects.select_for_update(skip_locked=True).filter(
            state=State.HELD.value, held_until__lte=now
        )
        rows = list(due.order_by("held_until")[:limit])
        for row in rows:
            end_hold(w, row)
    return len(rows)
