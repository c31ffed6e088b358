"""What one officer's phone shows: my post, what I must answer, what is going on, and the ground, to be kept offline."""

from __future__ import annotations

import hashlib
import json
from datetime import datetime
from typing import Any

from django.db.models import Q

from tocsin.kernel.errors import NotFound
from tocsin.operate.models import Act, Answer, Hold, Question, Receipt, Sighting
from tocsin.operate.rules.straying import AWAY
from tocsin.operate.store.devices import Session
from tocsin.operate.store.seats import decider, detail_leaders
from tocsin.operate.store.snapshots import snapshot, texts
from tocsin.operate.terms import (
    CHECK_IN_EVERY,
    SIGHTING_REPORTED,
    HoldState,
    QuestionState,
    SightingState,
    Whose,
)
from tocsin.people.models import Operation
from tocsin.people.store import agency_names
from tocsin.people.terms import Actor
from tocsin.people.visibility import visible_to
from tocsin.plan import store as plan
from tocsin.plan.geometry import Point, distance
from tocsin.plan.models import Assignment, Position, Post
from tocsin.plan.terms import PROTECTED, PositionState
from tocsin.record.terms import stamp

SHOWN = 50
"""Open sightings a phone shows, the gravest and newest first."""


def state(actor: Actor, session: Session, now: datetime, *, ground: str = "") -> dict[str, Any]:
    """Everything the app shows, as JSON. `ground` = the version the phone has of the ground, which is then left out."""
    operation = Operation.objects.get(id=session.operation)
    found = {
        "now": stamp(now),
        "me": {
            "person": actor.person,
            "name": actor.name,
            "agency": agency_names().get(actor.agency, actor.agency),
        },
        "device": {"id": session.device, "expires_at": stamp(session.expires_at)},
        "operation": {
            "id": operation.id,
            "name": operation.name,
            "starts_at": stamp(operation.starts_at),
            "ends_at": stamp(operation.ends_at),
        },
        "posts": _mine(operation.id, actor, now),
        "sightings": _sightings(operation.id, actor),
        "questions": _questions(operation.id, actor),
        **_holds(operation, actor, now),
    }
    land = _ground(operation.id, actor)
    version = hashlib.sha256(json.dumps(land, sort_keys=True).encode()).hexdigest()[:16]
    return found | {"ground_version": version, "ground": None if version == ground else land}


def reported(actor: Actor, key: str) -> str:
    """The sighting that the actor reported by the act `key`: what a phone adds to before it was answered.

    Raises: NotFound where there is none.
    """
    found = Act.objects.filter(id=f"{actor.person}:{key}", kind=SIGHTING_REPORTED).first()
    if found is None:
        raise NotFound("what this adds to was not accepted", field="of", cure="Report it anew.")
    return found.answer


def _mine(operation: str, actor: Actor, now: datetime) -> list[dict[str, Any]]:
    """The posts I stand at now, else the next I am to stand at; and positions I am named for that are elsewhere."""
    rows = Assignment.objects.filter(operation=operation, person=actor.person, until_at__gt=now)
    rows = rows.filter(Q(relieved_at=None) | Q(relieved_at__gt=now)).order_by("from_at", "id")
    held = list(rows[:5])
    here = [a for a in held if a.from_at <= now] or held[:1]
    posts = {p.id: p for p in Post.objects.filter(id__in=[a.post for a in here], state="LIVE")}
    mine = [_post(posts[a.post], a) for a in here if a.post in posts]
    named = Position.objects.filter(operation=operation, person=actor.person)
    named = named.filter(state=PositionState.ACCEPTED.value).order_by("label", "id")
    return mine + [
        _position(p) for p in named[:5] if not any(beside(post, p) for post in posts.values())
    ]


def beside(post: Post, position: Position) -> bool:
    """Whether who stands at a post stands at the position: within what a phone can tell apart."""
    if post.lat is None or post.lon is None:
        return False
    return distance(Point(post.lat, post.lon), Point(position.lat, position.lon)) <= AWAY


def _position(p: Position) -> dict[str, Any]:
    """A position with line of sight as a place I stand at: it has no hours of its own and is not left by a press."""
    since = p.checked_in_at or p.accepted_at
    due = p.check_in_due or since
    return {
        "id": p.id,
        "label": p.label,
        "floor": "",
        "lat": p.lat,
        "lon": p.lon,
        "equipment": [],
        "from_at": None,
        "until_at": None,
        "checked_in_at": stamp(p.checked_in_at) if p.checked_in_at else None,
        "left": False,
        "every_s": p.check_in_every_s,
        "since": stamp(since) if since else None,
        "due_at": stamp(due) if due else None,
    }


def _post(p: Post, a: Assignment) -> dict[str, Any]:
    there = a.checked_in_at is not None and a.vacated_at is None
    since = a.checked_in_at or a.from_at
    return {
        "id": p.id,
        "label": p.label,
        "floor": p.floor,
        "lat": p.lat,
        "lon": p.lon,
        "equipment": p.equipment,
        "from_at": stamp(a.from_at),
        "until_at": stamp(a.until_at),
        "checked_in_at": stamp(a.checked_in_at) if a.checked_in_at else None,
        "left": a.vacated_at is not None,
        "every_s": int(CHECK_IN_EVERY.total_seconds()),
        "since": stamp(since),
        "due_at": stamp(since + CHECK_IN_EVERY) if there else stamp(a.from_at),
    }


def _sightings(operation: str, actor: Actor) -> list[dict[str, Any]]:
    rows = visible_to(actor, Sighting.objects.filter(operation=operation))
    rows = rows.exclude(state=SightingState.RESOLVED.value).order_by("-severity", "-changed_at")
    ids = list(rows.values_list("id", flat=True)[:SHOWN])
    had: dict[str, int] = {}
    for r in Receipt.objects.filter(person=actor.person, sighting__in=ids):
        had[r.sighting] = min(r.version, had.get(r.sighting, r.version))
    found = [row for sighting in ids if (row := snapshot("sighting", sighting))]
    return [row | {"told": row["id"] in had, "had": had.get(row["id"], 0)} for row in found]


def _questions(operation: str, actor: Actor) -> list[dict[str, Any]]:
    """Those I am asked and have not answered, and those I asked."""
    rows = visible_to(actor, Question.objects.filter(operation=operation))
    waiting = Q(asked__contains=[actor.person]) & ~Q(state=QuestionState.ANSWERED.value)
    mine = list(rows.filter(waiting | Q(by=actor.person)).order_by("-asked_at")[:10])
    answers = list(Answer.objects.filter(question__in=[q.id for q in mine]).order_by("at"))
    said = {(a.question, a.person) for a in answers}
    words = texts(a.words for a in answers)
    found = []
    for q in mine:
        asked = (
            actor.person in q.asked
            and (q.id, actor.person) not in said
            and q.state != QuestionState.ANSWERED
        )
        if not asked and q.by != actor.person:
            continue
        given = [
            {"whose": Whose(a.whose).words, "words": words.get(a.words, "")}
            for a in answers
            if a.question == q.id
        ]
        row = snapshot("question", q.id) or {}
        found.append(row | {"to_me": asked, "mine": q.by == actor.person, "answers": given})
    return found


def _holds(operation: Operation, actor: Actor, now: datetime) -> dict[str, Any]:
    """What I am the one to decide; of a detail leader, also what nobody else decided in time."""
    agency, role, person = decider(operation)
    named = actor.person == person if person else (agency == actor.agency and role in actor.roles)
    leads = actor.person in detail_leaders(operation, now)
    rows = visible_to(actor, Hold.objects.filter(operation=operation.id)).exclude(
        state=HoldState.DECIDED.value
    )
    roles = [r.value for r in actor.roles]
    mine = Q(decider_person=actor.person) | Q(
        decider_person="", decider_agency=actor.agency, decider_role__in=roles
    )
    if leads:
        mine |= Q(state=HoldState.UNANSWERED.value)
    holds = [
        row for h in rows.filter(mine).order_by("asked_at")[:5] if (row := snapshot("hold", h.id))
    ]
    return {"decides": named or leads, "holds": holds}


def _ground(operation: str, actor: Actor) -> dict[str, Any]:
    """Places by name, with where they are: what a report names when there is no line."""
    areas = [
        {"id": a.id, "kind": a.kind, "label": a.label, "shape": a.shape, "closed": plan.closed(a)}
        for a in plan.areas(operation, actor)
    ]
    positions = [
        {"id": p.id, "label": p.label, "lat": p.lat, "lon": p.lon}
        for p in plan.positions(operation, actor)
    ]
    posts = [
        {"id": p.id, "label": p.label, "lat": p.lat, "lon": p.lon}
        for p in plan.posts(operation, actor)
        if p.lat is not None
    ]
    return {"areas": areas, "positions": positions, "posts": posts, "protected": list(PROTECTED)}
