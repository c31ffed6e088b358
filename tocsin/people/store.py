"""Reading people: actors, who is on shift, names, operations."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from django.db.models import Q, QuerySet

from tocsin.kernel import clock
from tocsin.kernel.errors import NotFound
from tocsin.people.models import (
    Account,
    Agency,
    Grant,
    Member,
    Operation,
    Participation,
    Qualification,
    Shift,
)
from tocsin.people.rules import is_current
from tocsin.people.terms import SYSTEM, Actor, OnShift, Permission, Role


def actor_of(account: Account) -> Actor:
    """The actor an account is at this moment: roles and operations are read afresh each time."""
    return actor(account.person, name=account.name)


def actor(person: str, *, name: str = "") -> Actor:
    """The actor a person is at this moment; one who left, or is unknown, may do nothing."""
    if person == SYSTEM.person:
        return SYSTEM
    member = Member.objects.filter(person=person, left_at=None).first()
    if member is None:
        return Actor(person=person, agency="", name=name)
    roles = Grant.objects.filter(person=person, revoked_at=None).values_list("role", flat=True)
    operations = Participation.objects.filter(agency=member.agency).values_list(
        "operation", flat=True
    )
    expiries = Qualification.objects.filter(person=person).values_list("expires_at", flat=True)
    return Actor(
        person=person,
        agency=member.agency,
        name=name or names([person]).get(person, person),
        roles=frozenset(Role(r) for r in roles),
        operations=frozenset(operations),
        novice=member.novice,
        currency=is_current(list(expiries), clock.now()),
    )


def names(people: Iterable[str]) -> dict[str, str]:
    """Person id -> name, for those who still have an account; others are shown by their id."""
    found = dict(Account.objects.filter(person__in=set(people)).values_list("person", "name"))
    found[SYSTEM.person] = SYSTEM.name
    return found


def on_duty(agency: str, role: str, at: datetime) -> list[OnShift]:
    """Who answers for `role` at `agency` at `at`: those on shift, else all who hold the role.

    An empty list means that nobody can answer: the caller goes to the next step, and says so.
    """
    shifts = Shift.objects.filter(agency=agency, role=role, starts_at__lte=at, ends_at__gt=at)
    shifts = shifts.filter(person__in=_holders(agency, role)).order_by("starts_at", "person")
    # Shifts of one person may overlap at a hand-over: still one person, told once.
    one = {s.person: s for s in reversed(list(shifts))}
    found = [OnShift(s.person, agency, role, s.starts_at, s.ends_at) for s in one.values()]
    return found or [OnShift(p, agency, role, at, at) for p in _holders(agency, role)]


def _holders(agency: str, role: str) -> list[str]:
    held = Grant.objects.filter(agency=agency, role=role, revoked_at=None)
    return sorted(held.values_list("person", flat=True))


def roles_on_shift(actor: Actor, at: datetime) -> set[str]:
    """The roles in which the actor is on shift now; none planned for the role at all counts as on shift."""
    mine = set(
        Shift.objects.filter(person=actor.person, starts_at__lte=at, ends_at__gt=at).values_list(
            "role", flat=True
        )
    )
    for role in actor.roles:
        if any(s.person == actor.person for s in on_duty(actor.agency, role, at)):
            mine.add(role)
    return mine


def operations_of(actor: Actor) -> QuerySet[Operation]:
    """Operations the actor's agency leads or takes part in; the system sees all, an administrator none's content
    but the list."""
    rows = Operation.objects.order_by("starts_at")
    if actor.system or actor.permissions & {Permission.ADMINISTER}:
        return rows
    return rows.filter(Q(id__in=list(actor.operations)) | Q(lead_agency=actor.agency))


def operation(operation_id: str) -> Operation:
    """One operation. Raises: NotFound."""
    found = Operation.objects.filter(id=operation_id).first()
    if found is None:
        raise NotFound(f"there is no operation {operation_id}", field="operation")
    return found


def agency_names() -> dict[str, str]:
    """Agency id -> short name."""
    return dict(Agency.objects.values_list("id", "short"))
