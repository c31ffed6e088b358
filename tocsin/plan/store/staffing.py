"""Reading staffing: posts, who stands at them, seats."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from django.db.models import Q, QuerySet

from tocsin.people.models import Participation, Qualification
from tocsin.people.terms import SYSTEM, Actor
from tocsin.people.visibility import visible_to
from tocsin.plan.models import Assignment, Post, Seat
from tocsin.plan.terms import PostKind


def posts(operation: str, actor: Actor = SYSTEM) -> QuerySet[Post]:
    """The posts of a plan, by label."""
    rows = visible_to(actor, Post.objects.filter(operation=operation, state="LIVE"))
    return rows.order_by("label", "id")


def rooms(operation: str, actor: Actor = SYSTEM) -> QuerySet[Post]:
    """The rooms from which the operation is commanded, the first made first: the others are one too many."""
    return posts(operation, actor).filter(kind=PostKind.ROOM).order_by("id")


def assignments(operation: str, actor: Actor = SYSTEM) -> QuerySet[Assignment]:
    """Who stands where, in order of time; those relieved too."""
    return visible_to(actor, Assignment.objects.filter(operation=operation)).order_by(
        "from_at", "id"
    )


def standing(operation: str, now: datetime, actor: Actor = SYSTEM) -> QuerySet[Assignment]:
    """The assignments that hold now: begun, not over, not relieved. Whoever left the post is among them."""
    rows = Assignment.objects.filter(operation=operation, from_at__lte=now, until_at__gt=now)
    rows = rows.filter(Q(relieved_at=None) | Q(relieved_at__gt=now))
    return visible_to(actor, rows).order_by("from_at", "id")


def holders(operation: str, now: datetime) -> QuerySet[Assignment]:
    """For each post that somebody was sent to, the one assignment that counts now: of those who did not leave the
    one who checked in, of those the one who came last (a relief counts from when the relief is there)."""
    rows = standing(operation, now).annotate(
        left=~Q(vacated_at=None), unheard=Q(checked_in_at=None)
    )
    return rows.order_by("post", "left", "unheard", "-from_at", "-id").distinct("post")


def manning(operation: str, now: datetime) -> dict[str, str]:
    """Post id -> the person who holds it now, or "" where nobody does or whoever did left."""
    found = dict.fromkeys(posts(operation).values_list("id", flat=True), "")
    here = holders(operation, now).filter(vacated_at=None).values_list("post", "person")
    return found | {post: person for post, person in here if post in found}


def seats(operation: str, actor: Actor = SYSTEM) -> QuerySet[Seat]:
    """Chairs taken and not left."""
    rows = visible_to(actor, Seat.objects.filter(operation=operation, left_at=None))
    return rows.order_by("seat_agency", "id")


def agencies(operation: str) -> list[str]:
    """The agencies that take part, in order of joining."""
    rows = Participation.objects.filter(operation=operation).order_by("joined_at", "agency")
    return list(rows.values_list("agency", flat=True))


def qualified(people: Iterable[str]) -> dict[str, list[tuple[str, datetime]]]:
    """Person id -> (qualification, expires), all they ever held."""
    found: dict[str, list[tuple[str, datetime]]] = {}
    for q in Qualification.objects.filter(person__in=set(people)):
        found.setdefault(q.person, []).append((q.name, q.expires_at))
    return found
