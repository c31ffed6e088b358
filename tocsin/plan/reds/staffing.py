"""What is red in staffing: hours nobody stands, qualifications that lapsed, a second command post, an empty chair."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from datetime import datetime

from tocsin.people.models import Operation
from tocsin.people.store import agency_names
from tocsin.plan import store
from tocsin.plan.models import Assignment, Post
from tocsin.plan.reds.registry import Red, source
from tocsin.plan.rules.staffing import currency, uncovered

PAGE = "plan-posts"


@source
def posts(operation: Operation, now: datetime) -> Iterator[Red]:
    """Posts with hours ahead that nobody covers, and people whose qualification does not last."""
    rows, names = list(store.posts(operation.id)), agency_names()
    by_post: dict[str, list[Assignment]] = defaultdict(list)
    for a in store.assignments(operation.id):
        by_post[a.post].append(a)
    held = store.qualified(a.person for p in rows if p.qualification for a in by_post[p.id])
    for post in rows:
        owner = names.get(post.agency, post.agency)
        ahead = (max(now, post.from_at), post.until_at)
        gaps = [] if ahead[0] >= ahead[1] else uncovered(ahead, map(_hours, by_post[post.id]))
        if gaps:
            whole = gaps == [(post.from_at, post.until_at)]
            when = "" if whole else f" from {gaps[0][0]:%H:%M} to {gaps[0][1]:%H:%M} UTC"
            words = f"{post.label}: nobody is assigned{when}."
            yield Red("unfilled_post", post.id, words, owner, gaps[0][0], PAGE)
        if _lapsed(post, by_post[post.id], held, now):
            words = f"{post.label}: whoever is assigned does not hold “{post.qualification}” until the end."
            yield Red("lapsed_qualification", post.id, words, owner, post.from_at, PAGE)


@source
def seats(operation: Operation, now: datetime) -> Iterator[Red]:
    """One room, and in it a chair taken for every agency that takes part."""
    names = agency_names()
    lead = names.get(operation.lead_agency, operation.lead_agency)
    found = list(store.rooms(operation.id))
    if not found:
        words = "No security room is on the plan: nobody knows where the agencies sit together."
        yield Red("no_room", operation.id, words, lead, None, PAGE)
        return
    first, *others = found
    for room in others:
        words = f"{room.label} is a second command post beside {first.label}: close it, or seat everybody in one."
        yield Red(
            "second_command_post", room.id, words, names.get(room.agency, room.agency), None, PAGE
        )
    taken = set(
        store.seats(operation.id).filter(room=first.id).values_list("seat_agency", flat=True)
    )
    for agency in store.agencies(operation.id):
        if agency not in taken:
            said = names.get(agency, agency)
            words = f"{said} has nobody in {first.label}."
            yield Red("missing_seat", f"{first.id}/{agency}", words, said, None, PAGE)


def _hours(a: Assignment) -> tuple[datetime, datetime]:
    return a.from_at, min(a.until_at, a.relieved_at) if a.relieved_at else a.until_at


def _lapsed(
    post: Post, rows: list[Assignment], held: dict[str, list[tuple[str, datetime]]], now: datetime
) -> bool:
    ahead = [a for a in rows if _hours(a)[1] > now]
    return any(
        not currency(post.qualification, held.get(a.person, []), _hours(a)[1]).ok for a in ahead
    )
