"""What happened in an operation, newest first, as it was recorded: nobody writes it by hand (ICS 214)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from tocsin.operate import terms
from tocsin.operate.models import Absence, Hold, Incident, Question, Sighting, Update
from tocsin.operate.store.shared import of
from tocsin.operate.store.snapshots import sighting_words
from tocsin.people.models import Operation
from tocsin.people.store import names
from tocsin.people.terms import Actor

LOG_CAP = 60


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the log. `late_s` = how long after it happened it was recorded."""

    at: datetime
    who: str
    words: str
    url: str = ""
    late_s: int = 0


def log(actor: Actor, operation: Operation, limit: int = LOG_CAP) -> list[Line]:
    """The newest lines, for an actor who takes part."""
    updates = list(
        of(actor, Update, operation, subject="sighting").order_by("-recorded_at")[:limit]
    )
    questions = list(of(actor, Question, operation).order_by("-asked_at")[:limit])
    holds = list(of(actor, Hold, operation).order_by("-asked_at")[:limit])
    absences = list(of(actor, Absence, operation).order_by("-found_at")[:limit])
    incidents = list(of(actor, Incident, operation).order_by("-noted_at")[:limit])
    about = {u.sighting for u in updates} | {h.sighting for h in holds}
    numbers = dict(Sighting.objects.filter(id__in=about).values_list("id", "number"))
    who = names(
        {u.by for u in updates} | {q.by for q in questions} | {h.decided_by for h in holds}
        | {a.covered_by for a in absences} | {i.noted_by for i in incidents}
    )  # fmt: skip
    lines = [
        *(_changed(u, numbers, who) for u in updates),
        *(_asked(q, who) for q in questions),
        *(line for h in holds for line in _held(h, numbers, who)),
        *(line for a in absences for line in _missing(a, who)),
        *(_noted(i, who) for i in incidents),
    ]
    lines.sort(key=lambda line: line.at)
    return lines[::-1][:limit]


_CHANGES = {
    terms.SIGHTING_REPORTED: "reported",
    terms.SIGHTING_UPDATED: "added to",
    terms.SIGHTING_LOWERED: "LOWERED",
    terms.SIGHTING_LOST: "lost",
    terms.SIGHTING_RESOLVED: "over",
}


def _changed(u: Update, numbers: Mapping[str, int], who: Mapping[str, str]) -> Line:
    what = ", ".join(sighting_words(u.severity, u.added))
    words = f"sighting {numbers.get(u.sighting, '')} {_CHANGES[u.change]}: {what}"
    if u.severity < u.before:
        words += f" (was: {terms.Severity(u.before).words})"
    late_s = max(0, int((u.recorded_at - u.occurred_at).total_seconds()))
    return Line(u.recorded_at, who.get(u.by, u.by), words, f"/sightings/{u.sighting}", late_s)


def _asked(q: Question, who: Mapping[str, str]) -> Line:
    told = "".join(q.register[:1])
    words = f"question {q.number}: whose is that at {q.place or 'the map point'}? {told}"
    return Line(q.asked_at, who.get(q.by, q.by), words)


def _held(h: Hold, numbers: Mapping[str, int], who: Mapping[str, str]) -> list[Line]:
    n, url = numbers.get(h.sighting, ""), f"/sightings/{h.sighting}"
    asked = f"hold, go on or move? asked for sighting {n}: {h.why}"
    lines = [Line(h.asked_at, "Tocsin", asked, url)]
    if h.unanswered_at:
        silence = f"hold question for sighting {n} UNANSWERED; detail leader asked"
        lines.append(Line(h.unanswered_at, "Tocsin", silence, url))
    if h.decided_at:
        decided = f"decided for sighting {n}: {terms.Decision(h.decision).words.upper()}"
        lines.append(Line(h.decided_at, who.get(h.decided_by, h.decided_by), decided, url))
    return lines


def _missing(a: Absence, who: Mapping[str, str]) -> list[Line]:
    lines = [Line(a.found_at, "", f"{a.label}: {terms.AbsenceKind(a.kind).words}")]
    if a.covered_at:
        by = who.get(a.covered_by, a.covered_by)
        lines.append(Line(a.covered_at, by, f"{a.label}: made up for"))
    if a.ended_at:
        lines.append(Line(a.ended_at, "", f"{a.label}: there again"))
    return lines


def _noted(i: Incident, who: Mapping[str, str]) -> Line:
    words = f"{terms.IncidentKind(i.kind).words}{' at ' + i.place if i.place else ''}"
    return Line(i.noted_at, who.get(i.noted_by, i.noted_by), words)
