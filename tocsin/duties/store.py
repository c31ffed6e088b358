"""Reading what is owed: the front page, the auditor, who is next."""

from __future__ import annotations

from collections.abc import Container, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path

from django.db.models import Count, Min, Q, QuerySet

from tocsin.duties.models import Duty, Notice
from tocsin.duties.rules import parse_policy
from tocsin.duties.terms import Ladder
from tocsin.kernel import settings
from tocsin.kernel.errors import BadSettings
from tocsin.people.models import Member
from tocsin.people.store import names, on_duty, operation, roles_on_shift
from tocsin.people.terms import Actor, Role
from tocsin.people.visibility import visible_to

LATE_AFTER = timedelta(seconds=1)


@cache
def policy_text() -> str:
    """The policy in force: the site's own file, else the one that ships. Raises: BadSettings."""
    path = settings.current().policy_file or Path(__file__).with_name("policy.toml")
    try:
        return path.read_text()
    except OSError as e:
        raise BadSettings(f"cannot read {path}", field="policy_file", cure="Check the path.") from e


@cache
def ladders() -> dict[str, Ladder]:
    """The ladders in force, by name. Raises: BadSettings."""
    return parse_policy(policy_text(), "policy")


def ladder(kind: str) -> Ladder:
    """The ladder of a kind of duty. Raises: BadSettings when the policy has none."""
    try:
        return ladders()[kind]
    except KeyError:
        raise BadSettings(
            f"the policy has no ladder {kind!r}", field=kind, cure="Add one."
        ) from None


def open_duties(actor: Actor) -> QuerySet[Duty]:
    """Every open duty the actor may see, soonest due first."""
    return visible_to(actor, Duty.objects.filter(discharged_at=None), subject="subject").order_by(
        "due_at", "id"
    )


def owed_by(actor: Actor, now: datetime) -> QuerySet[Duty]:
    """What this actor owes now: in person, by a role held on shift, or because a ladder reached them."""
    mine = Q(owner_person=actor.person)
    for role in roles_on_shift(actor, now):
        mine |= Q(owner_agency=actor.agency, owner_role=role, owner_person="")
    told = Notice.objects.filter(person=actor.person).values("duty")
    return open_duties(actor).filter(mine | Q(id__in=told))


def asked_next(duty: Duty, at: datetime) -> list[str]:
    """The names of those the next step of the ladder asks; [] when it asks nobody, or has no next step."""
    if duty.next_at is None:
        return []
    step = duty.steps[min(duty.rung, len(duty.steps) - 1)]
    people = resolve(duty, step["tell"], at)
    known = names(people)
    return [known.get(p, p) for p in people]


def resolve(duty: Duty, tell: str, at: datetime, here: Container[str] | None = None) -> list[str]:
    """The people a step of a ladder means, at a moment. `here`: who has not left, where the caller asked for many."""
    how, _, what = tell.partition(":")
    if how == "owner":
        owner = duty.owner_person
        if owner and owner in (still_here([owner]) if here is None else here):
            return [owner]
        if owner and not duty.owner_role:
            return []  # they left: the last resort hears
        return [s.person for s in on_duty(duty.owner_agency, duty.owner_role, at)]
    if how == "role":
        return [s.person for s in on_duty(duty.owner_agency, what, at)]
    if how == "lead":
        # Without an operation, whoever the duty belongs to: the sender of a warning, not the silent reader.
        agency = operation(duty.operation).lead_agency if duty.operation else duty.agency
        agency = agency or duty.owner_agency
        return [s.person for s in on_duty(agency, what, at)]
    if how == "must_know" and duty.operation:
        roles = operation(duty.operation).must_know
        return sorted({s.person for r in roles for s in on_duty(r["agency"], r["role"], at)})
    return []


def still_here(people: Iterable[str]) -> set[str]:
    """Those of these people who have not left."""
    asked = {p for p in people if p}
    members = (
        Member.objects.filter(person__in=asked, left_at=None) if asked else Member.objects.none()
    )
    return set(members.values_list("person", flat=True))


def last_resort(duty: Duty, at: datetime) -> list[str]:
    """Whom to tell when a step finds nobody: the lead of the operation, the agency's release authority,
    then its privacy officer and inspectors. Somebody always hears."""
    lead = operation(duty.operation).lead_agency if duty.operation else ""
    agencies = [a for a in dict.fromkeys([lead, duty.owner_agency, duty.agency]) if a]
    for role in (Role.OPERATION_LEAD, Role.RELEASE_AUTHORITY, Role.INSPECTOR, Role.ADMINISTRATOR):
        for agency in agencies:
            if found := on_duty(agency, role, at):
                return [s.person for s in found]
    return []


@dataclass(frozen=True, slots=True)
class Audit:
    """What the auditor found: steps that are due and did not fire within a second."""

    late: int
    oldest: datetime | None
    open: int

    @property
    def well(self) -> bool:
        return self.late == 0


def audit(now: datetime) -> Audit:
    """The auditor: independent of the workers, cheap (one partial index), always on."""
    live = Duty.objects.filter(discharged_at=None)
    late = live.filter(next_at__lt=now - LATE_AFTER).aggregate(n=Count("id"), oldest=Min("next_at"))
    return Audit(late=late["n"], oldest=late["oldest"], open=live.count())


def notices(actor: Actor, *, unseen: bool = True) -> QuerySet[Notice]:
    """What this person was told, newest first."""
    rows = Notice.objects.filter(person=actor.person).order_by("-told_at")
    return rows.filter(seen_at=None) if unseen else rows
