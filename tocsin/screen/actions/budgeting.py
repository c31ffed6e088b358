"""How much a shift can read, and moving the line so that this is what it gets."""

from __future__ import annotations

from datetime import datetime

from tocsin.collect import terms
from tocsin.collect.models import Budget
from tocsin.kernel import clock
from tocsin.kernel.errors import Conflict, Forbidden, Invalid
from tocsin.people.models import Operation, Participation
from tocsin.people.rules import permit
from tocsin.people.terms import SYSTEM, Actor, Permission
from tocsin.record.actions import writing
from tocsin.record.terms import Marking, Tlp
from tocsin.screen import budget, rules, store


def set_budget(actor: Actor, *, operation: str, a_shift: int, version: int) -> int:
    """Say how many reports a shift of one's own agency can read for an operation ('' = for none); returns the version.

    The line starts where it ships and moves from there (`adapt_lines`); from now on samples of what lies just below
    are drawn. `version`: of the budget that was seen, 0 for none.
    Raises: Forbidden; Invalid naming the field; Conflict when somebody set another one meanwhile.
    """
    permit(actor, Permission.STEER)
    if not 1 <= a_shift <= budget.MOST:
        raise Invalid(
            "is no number of reports that people can read",
            field="a_shift",
            cure=f"Give a number from 1 to {budget.MOST:,}.",
        )
    with writing(actor) as w:
        store.lock_agency(actor.agency)
        if operation and not _takes_part(actor.agency, operation):
            raise Forbidden("your agency takes no part in that operation")
        row = Budget.objects.filter(agency=actor.agency, operation=operation).first()
        if (row.version if row else 0) != version:
            raise Conflict("somebody set it since you opened the page", cure="Look again.")
        data = {"a_shift": a_shift, "version": version + 1}
        if row is None:
            now, hours = store.bands(actor.agency, operation, w.at, budget.WINDOW)
            near = budget.near_misses(now, rules.FLAGGED_FROM, hours)
            share = budget.share_of(near, a_shift)
            data |= {"line": rules.FLAGGED_FROM, "share": share}
        subject = operation or actor.agency
        w.append(terms.BUDGET_SET, subject, data, marking=_marking(actor.agency, operation))
    return version + 1


def adapt_lines() -> int:
    """Move the lines that are due, each by a step at the most; returns how many moved.

    The worker's step, safe in any number of workers: an hour passes between two moves of a line.
    """
    now = clock.now()
    due = Budget.objects.filter(moved_at__lte=now - budget.EVERY).order_by("agency", "operation")
    live = Operation.objects.filter(ends_at__gt=now).values("id")
    places = due.filter(operation="") | due.filter(operation__in=live)
    found = sum(_adapt(agency, op, now) for agency, op in places.values_list("agency", "operation"))
    store.prune_bands(now)
    return found


def _adapt(agency: str, operation: str, now: datetime) -> bool:
    with writing(SYSTEM) as w:
        store.lock_agency(agency)
        row = Budget.objects.filter(agency=agency, operation=operation).get()
        if row.moved_at > now - budget.EVERY:
            return False  # another worker did it
        bands, hours = store.bands(agency, operation, now, budget.WINDOW)
        to = budget.moved(row.line, row.share, bands, hours, row.a_shift)
        if (to.line, to.share, to.why) == (row.line, row.share, row.why):
            return False
        data = {"line": to.line, "expected": to.expected, "share": to.share, "why": to.why.value}
        w.append(terms.LINE_MOVED, operation or agency, data, marking=_marking(agency, operation))
    return True


def _takes_part(agency: str, operation: str) -> bool:
    return Participation.objects.filter(agency=agency, operation=operation).exists()


def _marking(agency: str, operation: str) -> Marking:
    return Marking(agency, Tlp.AMBER_STRICT.value, operation)
