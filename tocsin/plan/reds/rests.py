"""What a plan rests on: warnings that no longer hold, roles that only one way leads to, a plan nobody approved."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from tocsin.deliver import store as directory
from tocsin.people.models import Operation
from tocsin.people.store import agency_names
from tocsin.plan import store
from tocsin.plan.reds.registry import Red, source
from tocsin.warn.models import Citation


@source
def threat_picture(operation: Operation, now: datetime) -> Iterator[Red]:
    """Warnings the plan rests on that were replaced, cancelled or ran out since."""
    lead = agency_names().get(operation.lead_agency, operation.lead_agency)
    for c in Citation.objects.filter(
        operation=operation.id, dropped_at=None, stale_since__isnull=False
    ):
        words = f"The plan rests on edition {c.edition} of a warning that no longer holds."
        yield Red("citation", c.warning, words, lead, None, "operation")


@source
def ways(operation: Operation, now: datetime) -> Iterator[Red]:
    """Roles that must know and that nobody, or only one kind of way, leads to."""
    if operation.ends_at <= now:
        return
    names, roles = agency_names(), directory.roles()
    lead = names.get(operation.lead_agency, operation.lead_agency)
    if not operation.must_know:
        words = "Nobody is named who must know: no warning can count as informed."
        yield Red("must_know", operation.id, words, lead, None, "operation-edit")
    for seat, why in directory.thin_of(operation).items():
        who = f"{roles.get(seat.role, seat.role)} of {names.get(seat.agency, seat.agency)}"
        words = f"{who[:1].upper()}{who[1:]}: " + (
            "nobody in the directory." if why == "nobody" else "only one way leads there."
        )
        yield Red(
            "way",
            f"{seat.agency}:{seat.role}",
            words,
            names.get(seat.agency, lead),
            None,
            "operation",
        )


@source
def approved(operation: Operation, now: datetime) -> Iterator[Red]:
    """A plan that nobody approved as it stands."""
    lead = agency_names().get(operation.lead_agency, operation.lead_agency)
    changed = store.changed_at(operation.id)
    standing = store.approvals(operation.id)
    if not standing:
        yield Red(
            "approval", operation.id, "Nobody has approved the plan.", lead, None, "plan-ready"
        )
    elif changed and all(a.approved_at < changed for a in standing):
        words = "The plan changed after it was last approved."
        yield Red("approval", operation.id, words, lead, None, "plan-ready")
