"""What the entries about the ground do to its tables."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from tocsin.plan import terms
from tocsin.plan.terms import PositionState, ZoneState
from tocsin.record.applying import on
from tocsin.record.terms import Change, Entry, Marking, Merge, Put, Set

_AREA, _POSITION, _ZONE = "plan_area", "plan_position", "plan_zone"


def _marks(e: Entry) -> dict[str, str]:
    m = e.marking or Marking("")
    return {"agency": m.agency, "tlp": m.tlp, "operation": m.operation}


def _made(e: Entry) -> dict[str, Any]:
    return {**_marks(e), "version": 1, "made_by": e.actor, "changed_at": e.recorded_at}


def _kept(e: Entry, name: str) -> str:
    found = e.data.get(name)
    return found["vault"] if found else ""


@on(terms.AREA_PLACED)
def area_placed(e: Entry) -> Iterable[Change]:
    yield Put(_AREA, {"id": e.subject}, {**e.data, **_made(e), "state": "LIVE"})


@on(terms.AREA_CHANGED)
def area_changed(e: Entry) -> Iterable[Change]:
    yield Set(_AREA, {"id": e.subject}, {**e.data, "changed_at": e.recorded_at})


@on(terms.POSITION_LISTED)
def position_listed(e: Entry) -> Iterable[Change]:
    yield Put(
        _POSITION,
        {"id": e.subject},
        {
            **e.data,
            **_made(e),
            "mitigation": _kept(e, "mitigation"),
            "accepted_by": "",
            "accepted_at": None,
            "reason": "",
            "person": "",
            "check_in_every_s": 0,
            "check_in_due": None,
            "checked_in_at": None,
        },
    )


@on(terms.POSITION_CHANGED)
def position_changed(e: Entry) -> Iterable[Change]:
    """Whatever was accepted was accepted as it stood: the entry carries the state it falls back to."""
    values = {k: v for k, v in e.data.items() if k != "why"}
    values["changed_at"] = e.recorded_at
    if "mitigation" in e.data:
        values["mitigation"] = _kept(e, "mitigation")
    if e.data.get("state") in (PositionState.LISTED.value, PositionState.ASSUMED.value):
        values |= {"accepted_by": "", "accepted_at": None, "reason": "", "check_in_due": None}
        values |= {"person": "", "check_in_every_s": 0, "checked_in_at": None}
    yield Set(_POSITION, {"id": e.subject}, values)


@on(terms.POSITION_ACCEPTED)
def position_accepted(e: Entry) -> Iterable[Change]:
    yield Set(
        _POSITION,
        {"id": e.subject},
        {
            **e.data,
            "mitigation": _kept(e, "mitigation"),
            "state": PositionState.ACCEPTED.value,
            "accepted_by": e.actor,
            "accepted_at": e.recorded_at,
            "reason": "",
            "changed_at": e.recorded_at,
        },
    )


@on(terms.POSITION_DECLINED)
def position_declined(e: Entry) -> Iterable[Change]:
    values: dict[str, Any] = {"state": PositionState.DECLINED.value, "reason": _kept(e, "reason")}
    values |= {"accepted_by": "", "accepted_at": None, "person": "", "check_in_due": None}
    changed = {"version": e.data["version"], "changed_at": e.recorded_at}
    yield Set(_POSITION, {"id": e.subject}, {**values, **changed})


@on(terms.POSITION_CHECKED_IN)
def position_checked_in(e: Entry) -> Iterable[Change]:
    values = {"checked_in_at": e.occurred_at, "check_in_due": e.data["check_in_due"]}
    yield Set(_POSITION, {"id": e.subject}, values)


@on(terms.ZONE_PLANNED)
def zone_planned(e: Entry) -> Iterable[Change]:
    empty: dict[str, Any] = {"start": None, "end": None, "track": [], "reach_m": 0, "result": ""}
    empty |= {"note": "", "expires_at": None, "reason_not_swept": ""}
    yield Put(
        _ZONE, {"id": e.subject}, {**e.data, **empty, **_made(e), "state": ZoneState.PLANNED.value}
    )


@on(terms.ZONE_CHANGED)
def zone_changed(e: Entry) -> Iterable[Change]:
    yield Set(_ZONE, {"id": e.subject}, {**e.data, "changed_at": e.recorded_at})


@on(terms.ZONE_BEGUN)
def zone_begun(e: Entry) -> Iterable[Change]:
    yield _zone(e, ZoneState.BEGUN, start=e.occurred_at, end=None)


@on(terms.ZONE_SWEPT)
def zone_swept(e: Entry) -> Iterable[Change]:
    d = e.data
    state = ZoneState.SWEPT if d["result"] == "CLEAR" else ZoneState.FOUND
    told = {k: d[k] for k in ("start", "end", "method", "track", "reach_m", "result", "expires_at")}
    yield _zone(e, state, **told, note=_kept(e, "note"), reason_not_swept="")


@on(terms.ZONE_NOT_SWEPT)
def zone_not_swept(e: Entry) -> Iterable[Change]:
    yield _zone(e, ZoneState.NOT_SWEPT, reason_not_swept=_kept(e, "reason"))


@on(terms.ZONE_BREACHED)
def zone_breached(e: Entry) -> Iterable[Change]:
    yield _zone(e, ZoneState.BREACHED, note=_kept(e, "note"))


@on(terms.ZONE_LAPSED)
def zone_lapsed(e: Entry) -> Iterable[Change]:
    yield _zone(e, ZoneState.LAPSED)


def _zone(e: Entry, state: ZoneState, **values: Any) -> Set:
    changed = {"state": state.value, "version": e.data["version"], "changed_at": e.recorded_at}
    return Set(_ZONE, {"id": e.subject}, {**values, **changed})


@on(terms.COVERAGE_FOUND)
def coverage_found(e: Entry) -> Iterable[Change]:
    yield Merge(
        "plan_coverage", {"area": e.subject}, {**e.data, **_marks(e), "reckoned_at": e.recorded_at}
    )


@on(terms.PICTURE_PLACED)
def picture_placed(e: Entry) -> Iterable[Change]:
    made = {**_marks(e), "made_by": e.actor, "changed_at": e.recorded_at, "state": "LIVE"}
    yield Put("plan_picture", {"id": e.subject}, {**e.data, **made, "image": _kept(e, "image")})


@on(terms.PICTURE_REMOVED)
def picture_removed(e: Entry) -> Iterable[Change]:
    yield Set("plan_picture", {"id": e.subject}, {"state": "REMOVED", "changed_at": e.recorded_at})


@on(terms.PLAN_BEGUN)
def plan_begun(e: Entry) -> Iterable[Change]:
    said = {k: e.data[k] for k in ("template", "copied_from")}
    yield Merge(
        "plan_basis", {"id": e.subject}, {**_marks(e), **said, "by": e.actor, "at": e.recorded_at}
    )


@on(terms.PLAN_APPROVED)
def plan_approved(e: Entry) -> Iterable[Change]:
    yield Put(
        "plan_approval",
        {"id": e.data["id"]},
        {
            **_marks(e),
            "person": e.actor,
            "by_agency": e.agency,
            "note": _kept(e, "note"),
            "approved_at": e.recorded_at,
            "withdrawn_at": None,
        },
    )


@on(terms.APPROVAL_WITHDRAWN)
def approval_withdrawn(e: Entry) -> Iterable[Change]:
    yield Set("plan_approval", {"id": e.data["id"]}, {"withdrawn_at": e.recorded_at})


@on(terms.GOING_DECIDED)
def going_decided(e: Entry) -> Iterable[Change]:
    d = e.data
    yield Put(
        "plan_going",
        {"id": d["id"]},
        {
            **_marks(e),
            "go": d["go"],
            "reds": d["reds"],
            "words": d["words"]["vault"],
            "person": e.actor,
            "by_agency": e.agency,
            "decided_at": e.recorded_at,
        },
    )
