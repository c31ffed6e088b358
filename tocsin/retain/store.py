"""Reading what was kept, held, disclosed and forgotten, as far as an actor may see it.

What is due and what is held are worked out beside it (`due`, `held`, `schedules`); callers find all of it here.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import TypeVar

from django.db.models import Model, QuerySet

from tocsin.collect.models import Report
from tocsin.duties.models import Duty
from tocsin.kernel.errors import NotFound
from tocsin.people.terms import Actor, Permission
from tocsin.people.visibility import visible_to
from tocsin.retain import rules
from tocsin.retain.due import Due, Standing, due, standing
from tocsin.retain.held import active_holds, held_subjects, markings, removal_held, things
from tocsin.retain.models import (
    Disclosure,
    Intelligence,
    Keeping,
    LegalHold,
    Sar,
    Tombstone,
    Unmasking,
)
from tocsin.retain.schedules import policy, policy_text, schedule
from tocsin.retain.terms import VALIDATE, Schedule, kind_of

M = TypeVar("M", bound=Model)


def holds(actor: Actor) -> QuerySet[LegalHold]:
    """The holds the actor's agency keeps account of, those in force first."""
    rows = LegalHold.objects.order_by("lifted_at", "-placed_at", "id")
    if actor.system:
        return rows
    if not actor.agency or Permission.OVERSEE not in actor.permissions:
        return rows.none()
    return rows.filter(agency=actor.agency)


def hold(actor: Actor, hold_id: str) -> LegalHold:
    """One hold. Raises: NotFound."""
    return _one(holds(actor), hold_id)


# The upper two stores: never joined with the queue, with the search, or with each other


def sars(actor: Actor) -> QuerySet[Sar]:
    """Suspicious activity reports the actor may see, newest first."""
    return visible_to(actor, Sar.objects.all()).order_by("-promoted_at", "-id")


def sar(actor: Actor, sar_id: str) -> Sar:
    """One suspicious activity report. Raises: NotFound."""
    return _one(sars(actor), sar_id)


def intelligence(actor: Actor) -> QuerySet[Intelligence]:
    """Criminal intelligence the actor may see, newest first: for those who may assess or oversee."""
    rows = visible_to(actor, Intelligence.objects.all()).order_by("-promoted_at", "-id")
    right = {Permission.ASSESS, Permission.OVERSEE}
    return rows if actor.system or right & actor.permissions else rows.none()


def intelligence_entry(actor: Actor, entry_id: str) -> Intelligence:
    """One entry of criminal intelligence. Raises: NotFound."""
    return _one(intelligence(actor), entry_id)


def report(actor: Actor, report_id: str) -> Report:
    """One report that was not purged. Raises: NotFound."""
    return _one(visible_to(actor, Report.objects.exclude(state="PURGED")), report_id)


# Accounts


def tombstones(actor: Actor, subject: str = "") -> QuerySet[Tombstone]:
    """What was purged in the actor's sight, newest first."""
    rows = visible_to(actor, Tombstone.objects.all(), subject="subject")
    rows = rows.filter(subject=subject) if subject else rows
    return rows.order_by("-purged_at", "-id")


def disclosures(actor: Actor, subject: str = "") -> QuerySet[Disclosure]:
    """Who was given what, of the actor's own agency, newest first."""
    rows = Disclosure.objects.order_by("-disclosed_at", "-id")
    if not actor.system:
        seen = actor.agency and Permission.OVERSEE in actor.permissions
        rows = rows.filter(agency=actor.agency) if seen else rows.none()
    return rows.filter(subject=subject) if subject else rows


def unmaskings(actor: Actor) -> QuerySet[Unmasking]:
    """Requests to look behind a mask: one's own, and all of the agency for those who decide or oversee them."""
    rows = Unmasking.objects.order_by("-asked_at", "-id")
    if actor.system:
        return rows
    if {Permission.UNMASK, Permission.OVERSEE} & actor.permissions and actor.agency:
        return rows.filter(agency=actor.agency)
    return rows.filter(asked_by=actor.person)


def unmasking(actor: Actor, request_id: str) -> Unmasking:
    """One request. Raises: NotFound."""
    return _one(unmaskings(actor), request_id)


def to_validate(actor: Actor) -> QuerySet[Duty]:
    """Open duties to validate or purge, of the actor's agency, soonest due first."""
    rows = Duty.objects.filter(kind=VALIDATE, discharged_at=None).order_by("due_at", "id")
    return rows if actor.system else rows.filter(owner_agency=actor.agency)


def keeping(subject: str) -> Keeping | None:
    """A thing's own date, where it has one."""
    return Keeping.objects.filter(subject=subject).first()


def ends(subject: str) -> tuple[Schedule, datetime | None]:
    """The schedule a thing goes by, and when its time is over."""
    spec = schedule(kind_of(subject))
    row, made = keeping(subject), things([subject]).get(subject)
    decided = row.keep_until if row else None
    if subject.startswith("rpt_"):
        for r in Report.objects.filter(id=subject):
            decided = r.retention_until
            term = rules.source_terms(policy(), r.source, r.authority).get("report", spec.term)
            spec = replace(spec, term=min(term, spec.term))
    return spec, rules.due_at(spec, made.made_at, decided=decided) if made else None


def _one(rows: QuerySet[M], wanted: str) -> M:
    row = rows.filter(pk=wanted).first()
    if row is None:
        raise NotFound("there is no such thing, or it is not yours to see")
    return row


__all__ = [
    "Due",
    "Standing",
    "active_holds",
    "disclosures",
    "due",
    "ends",
    "held_subjects",
    "hold",
    "holds",
    "intelligence",
    "intelligence_entry",
    "keeping",
    "markings",
    "policy",
    "policy_text",
    "removal_held",
    "report",
    "sar",
    "sars",
    "schedule",
    "standing",
    "things",
    "to_validate",
    "tombstones",
    "unmasking",
    "unmaskings",
]
