"""Reading people: actors, who is on shift, names, operations."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from django.db import connection
from django.db.models import Q, QuerySet

from tocsin.kernel import clock
from tocsin.kernel.errors import NotFound
from tocsin.people.models import (
    Account,
    Agency,
    Grant,
    Operation,
    Shift,
)
from tocsin.people.rules import is_current
from tocsin.people.terms import SYSTEM, Actor, OnShift, Permission, Role

_WHO = """
SELECT m.person, m.agency, m.novice,
    (SELECT a.name FROM people_account a WHERE a.person = m.person),
    ARRAY(SELECT g.role FROM people_grant g WHERE g.person = m.person AND g.revoked_at IS NULL),
    ARRAY(SELECT p.operation FROM people_participation p WHERE p.agency = m.agency),
    ARRAY(SELECT q.expires_at FROM people_qualification q WHERE q.person = m.person)
"""
"""Who somebody is, in one query: every request asks it."""
_PERSON = f"{_WHO} FROM people_member m WHERE m.person = %s AND m.left_at IS NULL"
_KEY = f"""
{_WHO}, t.id, t.last_used_at FROM people_apitoken t JOIN people_member m ON m.person = t.person
WHERE t.digest = %s AND t.revoked_at IS NULL AND m.left_at IS NULL
"""


def actor_of(account: Account) -> Actor:
    """The actor an account is at this moment: roles and operations are read afresh each time."""
    return actor(account.person, name=account.name)


def actor(person: str, *, name: str = "") -> Actor:
    """The actor a person is at this moment; one who left, or is unknown, may do nothing."""
    if person == SYSTEM.person:
        return SYSTEM
    with connection.cursor() as cursor:
        cursor.execute(_PERSON, [person])
        row = cursor.fetchone()
    return _actor(row, name) if row else Actor(person=person, agency="", name=name)


def actor_by_key(digest: str) -> tuple[Actor, int, datetime | None] | None:
    """(actor, key's id, when it was last used) for the digest of a key in force whose person is here; else None."""
    with connection.cursor() as cursor:
        cursor.execute(_KEY, [digest])
        row = cursor.fetchone()
    return (_actor(row[:-2]), row[-2], row[-1]) if row else None


def _actor(row: Sequence[Any], name: str = "") -> Actor:
    person, agency, novice, kept, roles, operations, expiries = row
    return Actor(
        person=person,
        agency=agency,
        name=name or kept or person,
        roles=frozenset(Role(r) for r in roles),
        operations=frozenset(operations),
        novice=novice,
        currency=is_current(expiries, clock.now()),
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
