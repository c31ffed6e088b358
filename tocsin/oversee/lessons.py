"""Reading the register: findings, what bears on an operation, inquiries under review and who holds them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import connection
from django.db.models import QuerySet

from tocsin.duties.models import Duty
from tocsin.oversee import rules
from tocsin.oversee.models import Considered, Finding, Inquiry
from tocsin.oversee.terms import TOPICS, UNRESOLVED, Bears
from tocsin.people.models import Operation, Participation
from tocsin.people.terms import Actor
from tocsin.people.visibility import get_visible, visible_to
from tocsin.record.store import contents
from tocsin.record.terms import Tlp

MOST = 200
_ASKING = 7_201_512_002
"""The advisory lock of whoever asks about findings."""


@dataclass(frozen=True, slots=True)
class Bearing:
    """An unresolved finding that bears on an operation: why, in which words, and what the operation does about it."""

    finding: Finding
    title: str
    warns: str
    why: Bears
    considered: Considered | None
    answer: str


def findings(actor: Actor) -> QuerySet[Finding]:
    """Every finding the actor may see, soonest due first."""
    return visible_to(actor, Finding.objects.all()).order_by("due_at", "id")


def finding(actor: Actor, finding_id: str) -> Finding:
    """One finding. Raises: NotFound, the same for absent and hidden."""
    return get_visible(actor, Finding.objects.all(), id=finding_id)


def inquiries(actor: Actor) -> QuerySet[Inquiry]:
    """Every report of findings the actor may see, longest under review first."""
    return visible_to(actor, Inquiry.objects.all()).order_by("submitted_at", "id")


def inquiry(actor: Actor, inquiry_id: str) -> Inquiry:
    """One report of findings. Raises: NotFound, the same for absent and hidden."""
    return get_visible(actor, Inquiry.objects.all(), id=inquiry_id)


def words(rows: Iterable[Finding | Inquiry]) -> dict[str, dict[str, Any]]:
    """Id -> {"title", "text", "source"}; {} for what was forgotten. One query; the caller has checked sight."""
    listed = list(rows)
    kept = contents(r.content for r in listed)
    return {r.id: kept.get(r.content, {}) for r in listed}


def bearing(actor: Actor, operation: Operation) -> list[Bearing]:
    """The unresolved findings the actor may see that bear on an operation, oldest first."""
    members = set(
        Participation.objects.filter(operation=operation.id).values_list("agency", flat=True)
    ) | {operation.lead_agency}
    open_ = visible_to(actor, Finding.objects.filter(state__in=UNRESOLVED)).order_by("found_at")
    hits = [(f, why) for f in open_[:MOST] if (why := _why(f, operation, members))]
    if not hits:
        return []
    done = {
        c.finding: c
        for c in Considered.objects.filter(
            operation=operation.id, finding__in=[f.id for f, _ in hits]
        )
    }
    kept = contents([c.text for c in done.values()])
    called = words(f for f, _ in hits)
    return [
        Bearing(
            f,
            called[f.id].get("title", ""),
            TOPICS[f.topic].warns,
            why,
            done.get(f.id),
            str((kept.get(done[f.id].text) or {}).get("text", "")) if f.id in done else "",
        )
        for f, why in hits
    ]


def unasked(now: datetime) -> list[tuple[Finding, Operation]]:
    """Unsolved findings that bear on a coming operation whose lead has not been asked about them yet.

    Held by an advisory lock until the caller's transaction ends, so that two workers do not ask twice.
    """
    coming = list(Operation.objects.filter(starts_at__gt=now).order_by("starts_at")[:MOST])
    open_ = list(Finding.objects.filter(state__in=UNRESOLVED).order_by("found_at")[:MOST])
    if not coming or not open_:
        return []
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", [_ASKING])
        if not cursor.fetchone()[0]:
            return []
    ids = [o.id for o in coming]
    asked = Duty.objects.filter(kind="consider_finding", operation__in=ids)
    known = set(asked.values_list("subject", "operation"))
    known |= set(Considered.objects.filter(operation__in=ids).values_list("finding", "operation"))
    members: dict[str, set[str]] = {o.id: {o.lead_agency} for o in coming}
    for operation, agency in Participation.objects.filter(operation__in=ids).values_list(
        "operation", "agency"
    ):
        members[operation].add(agency)
    return [
        (f, o)
        for o in coming
        for f in open_
        if (f.id, o.id) not in known
        and (f.agency == o.lead_agency or f.tlp in (Tlp.GREEN, Tlp.CLEAR))
        and _why(f, o, members[o.id])
    ]


def _why(f: Finding, operation: Operation, members: set[str]) -> Bears | None:
    return rules.bears_on(
        topic=f.topic,
        venue=f.venue,
        owner=f.owner_agency,
        agencies=f.agencies,
        place=f"{operation.name} {operation.place}",
        members=members,
    )
