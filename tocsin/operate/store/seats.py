"""Who must know: the roles the operation names, every command post and the detail leader, and every manned post."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from tocsin.operate.models import Decider
from tocsin.people.models import Operation
from tocsin.people.store import on_duty
from tocsin.people.terms import Role
from tocsin.plan.models import Post
from tocsin.plan.store.staffing import manning, posts
from tocsin.plan.terms.staffing import PostKind


@dataclass(frozen=True, slots=True)
class Seat:
    """One seat that is told. `people` in the order in which they are asked; none = nobody holds it.

    `must`: "informed" waits for it. `agency`, `role` say who answers for the seat.
    """

    id: str
    label: str
    agency: str
    role: str
    people: tuple[str, ...]
    must: bool


def seats(operation: Operation, now: datetime) -> list[Seat]:
    """Every seat of an operation, those that must know first. The detail leader is always among them: where the plan
    has no such post, the seat is there all the same, with nobody in it (incidents B, 17:52)."""
    found = [_role(r["agency"], r["role"], now) for r in operation.must_know]
    found = list({s.id: s for s in found}.values())
    manned = manning(operation.id, now)
    rows = posts(operation.id).values_list("id", "label", "agency", "command", "kind")
    details: list[Seat] = []
    others: list[Seat] = []
    led = False
    for post, label, agency, command, kind in rows:
        person = manned.get(post, "")
        if not command and not person:
            continue
        held = (person,) if person else ()
        seat = Seat(f"post:{post}", label, agency, Role.OPERATION_LEAD.value, held, must=command)
        (details if command else others).append(seat)
        led |= command and kind == PostKind.DETAIL
    if not led:
        details.append(_nobody(operation))
    return found + details + others


def decider(operation: Operation) -> tuple[str, str, str]:
    """Who says hold, go or move: (agency, role, person)."""
    row = Decider.objects.filter(operation=operation.id).first()
    if row is None:
        return operation.lead_agency, Role.OPERATION_LEAD.value, ""
    return row.agency, row.role, row.person


def detail_leaders(operation: Operation, now: datetime) -> list[str]:
    """The people at the detail leader's posts now."""
    manned = manning(operation.id, now)
    rows = Post.objects.filter(operation=operation.id, state="LIVE", kind=PostKind.DETAIL)
    return [manned[p] for p in rows.values_list("id", flat=True) if manned.get(p)]


def _role(agency: str, role: str, now: datetime) -> Seat:
    people = tuple(s.person for s in on_duty(agency, role, now))
    return Seat(f"role:{agency}:{role}", "", agency, role, people, must=True)


def _nobody(operation: Operation) -> Seat:
    label, role = "detail leader", Role.OPERATION_LEAD.value
    return Seat("detail", label, operation.lead_agency, role, (), must=True)
