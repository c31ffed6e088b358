"""Sightings, receipts, and whether everybody who must know does."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from tocsin.operate import terms
from tocsin.record.applying import on
from tocsin.record.terms import Change, Entry, Marking, Put, Set

SEEN = ("lat", "lon", "bearing", "place", "area", "position")


def marks(e: Entry) -> dict[str, Any]:
    """The columns of `Marked`."""
    m = e.marking or Marking("")
    return {"agency": m.agency, "tlp": m.tlp, "operation": m.operation}


def act(e: Entry, answer: str) -> Iterable[Change]:
    """What a device that sends the same act again is answered."""
    if key := e.data.get("key"):
        yield Put(
            "operate_act",
            {"id": f"{e.actor}:{key}"},
            {"kind": e.kind, "answer": answer, "at": e.recorded_at},
        )


@on(terms.SIGHTING_REPORTED)
def reported(e: Entry) -> Iterable[Change]:
    d = e.data
    row = {
        name: d[name]
        for name in ("number", "kind", "severity", "aggravators", "photos", "post", "device", *SEEN)
    }
    row |= {
        "what": d["what"]["vault"],
        "state": "OPEN",
        "direction": "",
        "first_at": e.occurred_at,
        "last_seen_at": e.occurred_at,
        "lost_at": None,
        "resolved_at": None,
        "reporter": e.actor,
        "by_agency": e.agency,
        "version": 1,
        "must_version": 1,
        "raised_at": e.recorded_at,
        "informed_version": 0,
        "informed_at": None,
        "reported_at": e.recorded_at,
        "changed_at": e.recorded_at,
    }
    yield Put("operate_sighting", {"id": e.subject}, row | marks(e))
    yield _update(e, 1, before=0)
    for seat, person, must in d["told"]:
        yield _told(e, seat, person, must, version=1 if person == e.actor else 0)
    yield from act(e, e.subject)


@on(terms.SIGHTING_UPDATED)
def updated(e: Entry) -> Iterable[Change]:
    d = e.data
    row: dict[str, Any] = {
        "version": d["version"],
        "severity": d["severity"],
        "changed_at": e.recorded_at,
    }
    row |= {name: d[name] for name in (*SEEN, "aggravators", "photos") if name in d}
    if "what" in d:
        row["what"] = d["what"]["vault"]
    if d["seen"]:
        row |= {"last_seen_at": d["last_seen_at"], "state": "OPEN", "lost_at": None}
    if d["raised"]:
        row |= {"must_version": d["version"], "raised_at": e.recorded_at}
    yield Set("operate_sighting", {"id": e.subject}, row)
    yield _update(e, d["version"], before=d["before"])
    for seat, person, must in d["told"]:
        yield _told(e, seat, person, must, version=d["version"] if person == e.actor else 0)
    for seat in d["own"]:
        key = {"sighting": e.subject, "seat": seat, "person": e.actor}
        yield Set(
            "operate_receipt", key, {"version": d["version"], "acknowledged_at": e.recorded_at}
        )
    yield from act(e, str(d["version"]))


@on(terms.SIGHTING_LOWERED)
def lowered(e: Entry) -> Iterable[Change]:
    d = e.data
    row = {
        "version": d["version"],
        "severity": d["severity"],
        "aggravators": d["aggravators"],
        "changed_at": e.recorded_at,
    }
    yield Set("operate_sighting", {"id": e.subject}, row)
    yield _update(e, d["version"], before=d["before"])


@on(terms.SIGHTING_LOST)
def lost(e: Entry) -> Iterable[Change]:
    d = e.data
    row = {
        "version": d["version"],
        "state": "TRACK_LOST",
        "lost_at": e.occurred_at,
        "direction": d["direction"],
        "changed_at": e.recorded_at,
    }
    yield Set("operate_sighting", {"id": e.subject}, row)
    yield _update(e, d["version"], before=d["severity"])
    yield from act(e, str(d["version"]))


@on(terms.SIGHTING_RESOLVED)
def resolved(e: Entry) -> Iterable[Change]:
    d = e.data
    row = {
        "version": d["version"],
        "state": "RESOLVED",
        "resolved_at": e.occurred_at,
        "changed_at": e.recorded_at,
    }
    yield Set("operate_sighting", {"id": e.subject}, row)
    yield _update(e, d["version"], before=d["severity"])
    yield from act(e, str(d["version"]))


@on(terms.SIGHTING_RECEIPTS)
def receipts(e: Entry) -> Iterable[Change]:
    """Many receipts at once: [[seat, person, {column: value}]]."""
    for seat, person, values in e.data["said"]:
        yield Set(
            "operate_receipt", {"sighting": e.subject, "seat": seat, "person": person}, values
        )
    for person, key, answer in e.data["acts"]:
        yield Put(
            "operate_act",
            {"id": f"{person}:{key}"},
            {"kind": e.kind, "answer": answer, "at": e.recorded_at},
        )


@on(terms.SIGHTING_RETRIED)
def retried(e: Entry) -> Iterable[Change]:
    """Told again by another way, or somebody else was told: [[seat, person, via, tries]], tries 1 = newly told."""
    for seat, person, via, tries, must in e.data["tried"]:
        if tries == 1:
            yield _told(e, seat, person, must)
            continue
        yield Set(
            "operate_receipt",
            {"sighting": e.subject, "seat": seat, "person": person},
            {"via": via, "tries": tries, "retried_at": e.recorded_at},
        )


@on(terms.SIGHTING_INFORMED)
def informed(e: Entry) -> Iterable[Change]:
    yield Set(
        "operate_sighting",
        {"id": e.subject},
        {"informed_version": e.data["version"], "informed_at": e.recorded_at},
    )


def _told(e: Entry, seat: str, person: str, must: bool, *, version: int = 0) -> Change:
    """Told from now on; `version` = what they know already, because they said it."""
    knows = e.recorded_at if version else None
    return Put(
        "operate_receipt",
        {"sighting": e.subject, "seat": seat, "person": person},
        {
            "must": must,
            "sent_at": e.recorded_at,
            "delivered_at": knows,
            "opened_at": knows,
            "acknowledged_at": knows,
            "version": version,
            "via": "app",
            "tries": 1,
            "retried_at": None,
        },
    )


def _update(e: Entry, version: int, *, before: int) -> Change:
    d = e.data
    row = {
        "what": (d.get("what") or {}).get("vault", ""),
        "severity": d["severity"],
        "before": before,
        "added": d.get("added", d.get("aggravators", [])),
        "removed": d.get("removed", []),
        "change": e.kind,
        "place": d.get("place", ""),
        "by": e.actor,
        "by_agency": e.agency,
        "occurred_at": e.occurred_at,
        "recorded_at": e.recorded_at,
    }
    return Put("operate_update", {"sighting": e.subject, "version": version}, row | marks(e))
