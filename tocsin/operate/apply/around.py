"""Questions, hold questions, absences, sensors, incidents."""

from __future__ import annotations

from collections.abc import Iterable

from tocsin.operate import terms
from tocsin.operate.apply.sightings import act, marks
from tocsin.record.applying import on
from tocsin.record.terms import Change, Entry, Merge, Put, Set


@on(terms.QUESTION_ASKED)
def asked(e: Entry) -> Iterable[Change]:
    d = e.data
    names = (
        "number",
        "lat",
        "lon",
        "place",
        "area",
        "position",
        "register",
        "verdict",
        "plan",
        "asked",
        "post",
        "due_at",
    )
    row = {name: d[name] for name in names}
    row |= {
        "words": d["words"]["vault"],
        "state": "OPEN",
        "by": e.actor,
        "by_agency": e.agency,
        "asked_at": e.recorded_at,
        "answered_at": None,
    }
    yield Put("operate_question", {"id": e.subject}, row | marks(e))
    yield from act(e, e.subject)


@on(terms.QUESTION_ANSWERED)
def answered(e: Entry) -> Iterable[Change]:
    d = e.data
    words = (d["words"] or {}).get("vault", "")
    row = {"whose": d["whose"], "words": words, "at": e.recorded_at}
    yield Merge("operate_answer", {"question": e.subject, "person": e.actor}, row | marks(e))
    if d["settles"]:
        yield Set(
            "operate_question",
            {"id": e.subject},
            {"state": "ANSWERED", "answered_at": e.recorded_at},
        )
    yield from act(e, e.subject)


@on(terms.QUESTION_UNANSWERED)
def unanswered(e: Entry) -> Iterable[Change]:
    yield Set("operate_question", {"id": e.subject}, {"state": "UNANSWERED"})


@on(terms.HOLD_ASKED)
def hold_asked(e: Entry) -> Iterable[Change]:
    d = e.data
    names = (
        "sighting",
        "sighting_version",
        "why",
        "decider_agency",
        "decider_role",
        "decider_person",
        "due_at",
    )
    row = {name: d[name] for name in names}
    row |= {
        "state": "ASKED",
        "asked_at": e.recorded_at,
        "unanswered_at": None,
        "decision": "",
        "reason": "",
        "decided_by": "",
        "decided_at": None,
        "decided_version": None,
    }
    yield Put("operate_hold", {"id": e.subject}, row | marks(e))


@on(terms.HOLD_UNANSWERED)
def hold_unanswered(e: Entry) -> Iterable[Change]:
    yield Set(
        "operate_hold", {"id": e.subject}, {"state": "UNANSWERED", "unanswered_at": e.recorded_at}
    )


@on(terms.HOLD_DECIDED)
def hold_decided(e: Entry) -> Iterable[Change]:
    row = {
        "state": "DECIDED",
        "decision": e.data["decision"],
        "reason": e.data["reason"]["vault"],
        "decided_by": e.actor,
        "decided_at": e.recorded_at,
        "decided_version": e.data.get("version"),
    }
    yield Set("operate_hold", {"id": e.subject}, row)
    yield from act(e, e.subject)


@on(terms.HOLD_OVER)
def hold_over(e: Entry) -> Iterable[Change]:
    row = {"state": "DECIDED", "decision": "OVER", "decided_by": e.actor}
    yield Set("operate_hold", {"id": e.subject}, row | {"decided_at": e.recorded_at})


@on(terms.DECIDER_NAMED)
def decider_named(e: Entry) -> Iterable[Change]:
    row = {k: e.data[k] for k in ("agency", "role", "person")}
    yield Merge(
        "operate_decider",
        {"operation": e.subject},
        row | {"named_by": e.actor, "named_at": e.recorded_at},
    )


@on(terms.ABSENCE_FOUND)
def absence_found(e: Entry) -> Iterable[Change]:
    d = e.data
    row = {name: d[name] for name in ("kind", "about", "label", "by_agency", "person")}
    row |= {
        "reason": (d["reason"] or {}).get("vault", ""),
        "state": "OPEN",
        "found_at": e.recorded_at,
        "measure": "",
        "covered_by": "",
        "covered_at": None,
        "ended_at": None,
    }
    yield Put("operate_absence", {"id": e.subject}, row | marks(e))
    yield from act(e, e.subject)


@on(terms.ABSENCE_COVERED)
def absence_covered(e: Entry) -> Iterable[Change]:
    row = {"measure": e.data["measure"]["vault"], "state": "COVERED", "covered_by": e.actor}
    yield Set("operate_absence", {"id": e.subject}, row | {"covered_at": e.recorded_at})


@on(terms.ABSENCE_ENDED)
def absence_ended(e: Entry) -> Iterable[Change]:
    yield Set("operate_absence", {"id": e.subject}, {"state": "ENDED", "ended_at": e.recorded_at})


@on(terms.SENSOR_REGISTERED)
def sensor_registered(e: Entry) -> Iterable[Change]:
    row = {name: e.data[name] for name in ("label", "by_agency", "place", "every_s")}
    row |= {"state": "LIVE", "made_by": e.actor, "made_at": e.recorded_at}
    yield Put("operate_sensor", {"id": e.subject}, row | marks(e))


@on(terms.SENSOR_REMOVED)
def sensor_removed(e: Entry) -> Iterable[Change]:
    yield Set("operate_sensor", {"id": e.subject}, {"state": "REMOVED"})


@on(terms.INCIDENT_NOTED)
def incident_noted(e: Entry) -> Iterable[Change]:
    d = e.data
    row = {name: d[name] for name in ("kind", "place", "by_agency", "post")}
    row |= {
        "words": d["words"]["vault"],
        "state": "OPEN",
        "noted_by": e.actor,
        "noted_at": e.recorded_at,
        "ended_at": None,
    }
    yield Put("operate_incident", {"id": e.subject}, row | marks(e))
    yield from act(e, e.subject)


@on(terms.INCIDENT_ENDED)
def incident_ended(e: Entry) -> Iterable[Change]:
    yield Set("operate_incident", {"id": e.subject}, {"state": "ENDED", "ended_at": e.recorded_at})


@on(terms.ACT_DONE)
def act_done(e: Entry) -> Iterable[Change]:
    yield from act(e, e.data["answer"])
