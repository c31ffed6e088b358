"""What the feed says of one thing: its newest version, whole, so that one message is never half of another."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from tocsin.operate.models import Absence, Hold, Question, Sighting, Update
from tocsin.operate.terms import SIGHTING_REPORTED, SIGHTING_UPDATED, Aggravator, Severity
from tocsin.record.models import Vault
from tocsin.record.terms import stamp


def texts(vaults: Iterable[str]) -> dict[str, str]:
    """Vault id -> its text; what was forgotten is not among them."""
    wanted = {v for v in vaults if v}
    rows = Vault.objects.filter(id__in=wanted).values_list("id", "body")
    return {i: body.get("text", "") for i, body in rows if body}


def said(sightings: Iterable[str]) -> dict[str, str]:
    """Sighting id -> all that was said of it, in the order in which it came: the last word never hides the first."""
    rows = Update.objects.filter(
        sighting__in=list(sightings), change__in=[SIGHTING_REPORTED, SIGHTING_UPDATED]
    )
    found = [(u.sighting, u.what) for u in rows.exclude(what="").order_by("sighting", "version")]
    kept = texts(what for _, what in found)
    lines: dict[str, list[str]] = {}
    for sighting, what in found:
        if (words := kept.get(what, "")) and words not in lines.setdefault(sighting, []):
            lines[sighting].append(words)
    return {sighting: "; ".join(words) for sighting, words in lines.items()}


def snapshot(kind: str, row_id: str) -> dict[str, Any] | None:
    """The newest version of a sighting, question, hold or absence, as JSON; None where there is none."""
    make = {"sighting": _sighting, "question": _question, "hold": _hold, "absence": _absence}.get(
        kind
    )
    return make(row_id) if make else None


def sighting_words(severity: int, aggravators: Iterable[str]) -> list[str]:
    """Severity and aggravators in words, gravest first."""
    worst = sorted((Aggravator(a) for a in aggravators), key=lambda a: -a.floor)
    return [Severity(severity).words, *(a.words for a in worst)]


def _sighting(row_id: str) -> dict[str, Any] | None:
    s = Sighting.objects.filter(id=row_id).first()
    if s is None:
        return None
    return {
        "type": "sighting", "id": s.id, "version": s.version, "operation": s.operation, "number": s.number,
        "kind": s.kind, "severity": s.severity, "aggravators": s.aggravators,
        "words": sighting_words(s.severity, s.aggravators), "what": said([s.id]).get(s.id, ""),
        "lat": s.lat, "lon": s.lon, "bearing": s.bearing, "place": s.place, "state": s.state,
        "direction": s.direction, "last_seen_at": stamp(s.last_seen_at), "reported_at": stamp(s.reported_at),
        "must_version": s.must_version, "informed": s.informed_version >= s.must_version, "photos": s.photos,
    }  # fmt: skip


def _question(row_id: str) -> dict[str, Any] | None:
    q = Question.objects.filter(id=row_id).first()
    if q is None:
        return None
    version = {"OPEN": 1, "UNANSWERED": 2, "ANSWERED": 3}[q.state]
    return {
        "type": "question", "id": q.id, "version": version, "operation": q.operation, "number": q.number,
        "words": texts([q.words]).get(q.words, ""), "place": q.place, "lat": q.lat, "lon": q.lon,
        "register": q.register, "verdict": q.verdict, "asked": q.asked, "state": q.state,
        "asked_at": stamp(q.asked_at), "due_at": stamp(q.due_at),
    }  # fmt: skip


def _hold(row_id: str) -> dict[str, Any] | None:
    h = Hold.objects.filter(id=row_id).first()
    if h is None:
        return None
    return {
        "type": "hold", "id": h.id, "version": {"ASKED": 1, "UNANSWERED": 2, "DECIDED": 3}[h.state],
        "operation": h.operation, "sighting": h.sighting, "why": h.why, "state": h.state,
        "decision": h.decision, "asked_at": stamp(h.asked_at), "due_at": stamp(h.due_at),
    }  # fmt: skip


def _absence(row_id: str) -> dict[str, Any] | None:
    a = Absence.objects.filter(id=row_id).first()
    if a is None:
        return None
    return {
        "type": "absence", "id": a.id, "version": {"OPEN": 1, "COVERED": 2, "ENDED": 3}[a.state],
        "operation": a.operation, "kind": a.kind, "label": a.label, "state": a.state,
        "found_at": stamp(a.found_at),
    }  # fmt: skip
