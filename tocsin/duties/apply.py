"""What the entries of this stage do to its tables."""

from __future__ import annotations

from collections.abc import Iterable

from tocsin.duties import terms
from tocsin.record.applying import on
from tocsin.record.terms import Change, Entry, Marking, Merge, Put, Set


@on(terms.DUTY_OPENED)
def opened(e: Entry) -> Iterable[Change]:
    d, m = e.data, e.marking or Marking("")
    yield Put(
        "duties_duty",
        {"id": d["id"]},
        {
            "kind": d["kind"],
            "subject": e.subject,
            "title": d["title"],
            "precedence": d["precedence"],
            "agency": m.agency,
            "tlp": m.tlp,
            "operation": m.operation,
            "owner_agency": d["owner_agency"],
            "owner_role": d["owner_role"],
            "owner_person": d["owner_person"],
            "ladder": d["ladder"],
            "ladder_version": d["ladder_version"],
            "steps": d["steps"],
            "repeat_s": d["repeat_s"],
            "opened_at": e.recorded_at,
            "due_at": d["due_at"],
            "due_reason": d["due_reason"],
            "rung": 0,
            "next_at": d["steps"][0]["at"] if d["steps"] else None,
            "discharged_at": None,
            "discharged_by": "",
            "outcome": "",
        },
    )


@on(terms.DUTY_FIRED)
def fired(e: Entry) -> Iterable[Change]:
    d = e.data
    yield Set("duties_duty", {"id": d["id"]}, {"rung": d["rung"] + 1, "next_at": d["next_at"]})
    for person in d["told"]:
        yield Put(
            "duties_notice",
            {"duty": d["id"], "rung": d["rung"], "person": person},
            {"told_at": e.recorded_at, "planned_at": d["planned_at"], "seen_at": None},
        )


@on(terms.DUTY_MOVED)
def moved(e: Entry) -> Iterable[Change]:
    yield Set(
        "duties_duty",
        {"id": e.data["id"]},
        {k: v for k, v in e.data.items() if k not in ("id", "why")},
    )


@on(terms.DUTY_DISCHARGED)
def discharged(e: Entry) -> Iterable[Change]:
    yield Set(
        "duties_duty",
        {"id": e.data["id"]},
        {
            "discharged_at": e.recorded_at,
            "discharged_by": e.actor,
            "outcome": e.data["outcome"],
            "next_at": None,
        },
    )


@on(terms.NOTICE_SEEN)
def seen(e: Entry) -> Iterable[Change]:
    key = {"duty": e.data["id"], "rung": e.data["rung"], "person": e.actor}
    yield Set("duties_notice", key, {"seen_at": e.recorded_at})


@on(terms.POLICY_CHANGED)
def policy_changed(e: Entry) -> Iterable[Change]:
    yield Merge(
        "duties_policy",
        {"version": e.data["version"]},
        {"text": e.data["text"], "since": e.recorded_at},
    )
