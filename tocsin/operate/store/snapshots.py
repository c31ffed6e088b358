"""What the feed says of one thing: its newest version, whole, so that one message is never half of another."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from tocsin.operate.models import Absence, Hold, Question, Sighting, Update
from tocsin.operate.terms import SIGHTING_REPORTED, SIGHTING_UPDATED, Aggravator, Severity
from tocsin.record.models import Vault
from tocsin.record.terms import stamp

THINGS = ("sighting", "question", "hold", "absence")
"""What the feed speaks of."""
NOT_OVER_CAP = 50


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
    return {sighting: _joined(words) for sighting, words in lines.items()}


def _joined(words: list[str]) -> str:
    """Each as it was said, one after the other; a full stop does not stand before the mark between them."""
    return "; ".join([w.rstrip(" .;") for w in words[:-1]] + words[-1:])


def snapshot(kind: str, row_id: str) -> dict[str, Any] | None:
    """The newest version of a sighting, question, hold or absence, as JSON; None where there is none."""
    return next((thing for thing in snapshots([row_id]) if thing["type"] == kind), None)


def snapshots(ids: Sequence[str]) -> list[dict[str, Any]]:
    """The newest version of each, in the order asked; a few questions to the database however many they are."""
    wanted: dict[str, list[str]] = {}
    for i in ids:
        wanted.setdefault(i.partition("_")[0], []).append(i)
    found: dict[str, dict[str, Any]] = {}
    for prefix, of in wanted.items():
        if make := _MAKE.get(prefix):
            found |= {thing["id"]: thing for thing in make(of)}
    return [found[i] for i in ids if i in found]


def not_over(operation: str) -> list[str]:
    """The ids of everything of an operation that is not over: all sightings, the newest of the rest."""
    open_ = Sighting.objects.filter(operation=operation).exclude(state="RESOLVED")
    found = list(open_.values_list("id", flat=True))
    rest: tuple[tuple[Any, str], ...] = (
        (Question, "ANSWERED"),
        (Hold, "DECIDED"),
        (Absence, "ENDED"),
    )
    for model, over in rest:
        rows = model.objects.filter(operation=operation).exclude(state=over).order_by("-id")
        found += rows.values_list("id", flat=True)[:NOT_OVER_CAP]
    return found


def sighting_words(severity: int, aggravators: Iterable[str]) -> list[str]:
    """Severity and aggravators in words, gravest first."""
    worst = sorted((Aggravator(a) for a in aggravators), key=lambda a: -a.floor)
    return [Severity(severity).words, *(a.words for a in worst)]


def _sightings(ids: list[str]) -> list[dict[str, Any]]:
    rows, words = Sighting.objects.filter(id__in=ids), said(ids)
    return [_sighting(s, words.get(s.id, "")) for s in rows]


def _sighting(s: Sighting, what: str) -> dict[str, Any]:
    return {
        "type": "sighting", "id": s.id, "version": s.version, "operation": s.operation, "number": s.number,
        "kind": s.kind, "severity": s.severity, "aggravators": s.aggravators,
        "words": sighting_words(s.severity, s.aggravators), "what": what,
        "lat": s.lat, "lon": s.lon, "bearing": s.bearing, "place": s.place, "state": s.state,
        "direction": s.direction, "last_seen_at": stamp(s.last_seen_at), "reported_at": stamp(s.reported_at),
        "must_version": s.must_version, "informed": s.informed_version >= s.must_version, "photos": s.photos,
    }  # fmt: skip


def _questions(ids: list[str]) -> list[dict[str, Any]]:
    rows = list(Question.objects.filter(id__in=ids))
    words = texts(q.words for q in rows)
    return [_question(q, words.get(q.words, "")) for q in rows]


def _question(q: Question, words: str) -> dict[str, Any]:
    version = {"OPEN": 1, "UNANSWERED": 2, "ANSWERED": 3}[q.state]
    return {
        "type": "question", "id": q.id, "version": version, "operation": q.operation, "number": q.number,
        "words": words, "place": q.place, "lat": q.lat, "lon": q.lon,
        "register": q.register, "verdict": q.verdict, "asked": q.asked, "state": q.state,
        "asked_at": stamp(q.asked_at), "due_at": stamp(q.due_at),
    }  # fmt: skip


def _holds(ids: list[str]) -> list[dict[str, Any]]:
    return [_hold(h) for h in Hold.objects.filter(id__in=ids)]


def _hold(h: Hold) -> dict[str, Any]:
    return {
        "type": "hold", "id": h.id, "version": {"ASKED": 1, "UNANSWERED": 2, "DECIDED": 3}[h.state],
        "operation": h.operation, "sighting": h.sighting, "why": h.why, "state": h.state,
        "decision": h.decision, "asked_at": stamp(h.asked_at), "due_at": stamp(h.due_at),
    }  # fmt: skip


def _absences(ids: list[str]) -> list[dict[str, Any]]:
    return [_absence(a) for a in Absence.objects.filter(id__in=ids)]


def _absence(a: Absence) -> dict[str, Any]:
    return {
        "type": "absence", "id": a.id, "version": {"OPEN": 1, "COVERED": 2, "ENDED": 3}[a.state],
        "operation": a.operation, "kind": a.kind, "label": a.label, "state": a.state,
        "found_at": stamp(a.found_at),
    }  # fmt: skip


_MAKE: dict[str, Callable[[list[str]], list[dict[str, Any]]]] = {
    "sgt": _sightings,
    "qst": _questions,
    "hlq": _holds,
    "abs": _absences,
}
