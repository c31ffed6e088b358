"""What the entries of staffing do to its tables."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from tocsin.plan.terms import staffing as terms
from tocsin.record.applying import on
from tocsin.record.terms import Change, Entry, Marking, Put, Set

_POST, _ASSIGNMENT, _SEAT = "plan_post", "plan_assignment", "plan_seat"


def _marks(e: Entry) -> dict[str, Any]:
    m = e.marking or Marking("")
    return {"agency": m.agency, "tlp": m.tlp, "operation": m.operation}


@on(terms.POST_PLACED)
def post_placed(e: Entry) -> Iterable[Change]:
    made = {"version": 1, "state": "LIVE", "made_by": e.actor, "changed_at": e.recorded_at}
    yield Put(_POST, {"id": e.subject}, {**e.data, **_marks(e), **made})


@on(terms.POST_CHANGED)
def post_changed(e: Entry) -> Iterable[Change]:
    """The marking goes with the agency that mans the post, which may be another from now on."""
    yield Set(_POST, {"id": e.subject}, {**e.data, **_marks(e), "changed_at": e.recorded_at})


@on(terms.ASSIGNED)
def assigned(e: Entry) -> Iterable[Change]:
    d = e.data
    values = {
        "post": e.subject,
        "person": d["person"],
        "from_at": d["from_at"],
        "until_at": d["until_at"],
        "relieved_at": None,
        "checked_in_at": None,
        "vacated_at": None,
        "made_by": e.actor,
        "changed_at": e.recorded_at,
    }
    yield Put(_ASSIGNMENT, {"id": d["id"]}, {**values, **_marks(e)})


@on(terms.ASSIGNMENT_ENDED)
def assignment_ended(e: Entry) -> Iterable[Change]:
    """Relieved, or taken off before it began."""
    values = {"relieved_at": e.data["at"], "changed_at": e.recorded_at}
    yield Set(_ASSIGNMENT, {"id": e.data["id"]}, values)


@on(terms.POST_CHECKED_IN)
def post_checked_in(e: Entry) -> Iterable[Change]:
    """Whoever is back at the post is no longer away from it."""
    values = {"checked_in_at": e.occurred_at, "vacated_at": None, "changed_at": e.recorded_at}
    yield Set(_ASSIGNMENT, {"id": e.data["id"]}, values)


@on(terms.POST_VACATED)
def post_vacated(e: Entry) -> Iterable[Change]:
    values = {"vacated_at": e.occurred_at, "changed_at": e.recorded_at}
    yield Set(_ASSIGNMENT, {"id": e.data["id"]}, values)


@on(terms.SEAT_TAKEN)
def seat_taken(e: Entry) -> Iterable[Change]:
    d = e.data
    values = {
        "room": e.subject,
        "seat_agency": d["agency"],
        "person": d["person"],
        "taken_at": e.occurred_at,
        "left_at": None,
    }
    yield Put(_SEAT, {"id": d["id"]}, {**values, **_marks(e)})


@on(terms.SEAT_LEFT)
def seat_left(e: Entry) -> Iterable[Change]:
    yield Set(_SEAT, {"id": e.data["id"]}, {"left_at": e.occurred_at})
