"""What a running operation adds to the forms: its activity log in words (ICS 214), and how it stands now (ICS 209)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from tocsin.operate import store, terms
from tocsin.operate.models import Absence, Hold, Incident, Question, Sighting
from tocsin.operate.terms import devices
from tocsin.people.models import Operation
from tocsin.people.terms import Actor
from tocsin.people.visibility import visible_to
from tocsin.plan import forms
from tocsin.plan.forms import TITLES, Block, Desk, Live, Paper, pdf, xlsx
from tocsin.record import store as record
from tocsin.record.terms import Entry


def make(actor: Actor, operation: Operation, code: str) -> Paper:
    """One form as the actor may see it. Raises: NotFound for a code that is no form here."""
    silent = frozenset({terms.SIGHTING_RECEIPTS, terms.ACT_DONE})
    by_rule = frozenset({terms.HOLD_ASKED, terms.HOLD_OVER, terms.SIGHTING_INFORMED})
    live = Live(_say, _now, silent, by_rule)
    return forms.make(actor, operation, code, live=live)


class _Log:
    """The entries of a log, with the words that the vault still holds of them and what they are about by number."""

    def __init__(self, entries: Sequence[Entry]) -> None:
        kept = record.contents(v for e in entries for v in _vaults(e.data))
        self.texts = {i: body.get("text", "") for i, body in kept.items()}
        ids = {e.subject for e in entries}
        holds = dict(Hold.objects.filter(id__in=ids).values_list("id", "sighting"))
        seen = Sighting.objects.filter(id__in=ids | set(holds.values()))
        number = dict(seen.values_list("id", "number"))
        asked = Question.objects.filter(id__in=ids).values_list("id", "number")
        self.number = number | dict(asked) | {h: number.get(s, 0) for h, s in holds.items()}
        self.label = dict(Absence.objects.filter(id__in=ids).values_list("id", "label"))

    def __call__(self, e: Entry) -> str | None:
        tell = _TOLD.get(e.kind)
        if tell is None:
            return None
        about = self.number.get(e.subject) or self.label.get(e.subject, "")
        said = [self.texts.get(v, "") for v in _vaults(e.data)]
        return tell(e.data, about) + "".join(f": “{words}”" for words in said if words)


def _say(_: Desk, entries: Sequence[Entry]) -> _Log:
    return _Log(entries)


def _vaults(data: dict[str, Any]) -> list[str]:
    """The vault ids of the words that an entry holds, in order of their names."""
    return [v["vault"] for _, v in sorted(data.items()) if isinstance(v, dict) and "vault" in v]


def _facts(d: dict[str, Any], aggravators: str) -> str:
    words = store.sighting_words(d["severity"], d.get(aggravators, []))
    where = f", at {d['place']}" if d.get("place") else ""
    return f"{', '.join(words)}{where}"


def _lost(d: dict[str, Any], n: Any) -> str:
    return f"Sighting {n}: nobody sees it any more{', went ' + d['direction'] if d['direction'] else ''}"


def _lowered(d: dict[str, Any], n: Any) -> str:
    before = terms.Severity(d["before"]).words
    return f"Sighting {n} LOWERED from {before} to {_facts(d, 'aggravators')}"


def _asked(d: dict[str, Any], n: Any) -> str:
    where = d["place"] or "a point on the map"
    return f"Question {n}, whose is that at {where}? The register: {'; '.join(d['register'][:2])}"


def _incident(d: dict[str, Any], _: Any) -> str:
    place = f" at {d['place']}" if d["place"] else ""
    return f"{terms.IncidentKind(d['kind']).words.capitalize()}{place}"


_TOLD: dict[str, Callable[[dict[str, Any], Any], str]] = {
    terms.SIGHTING_REPORTED: lambda d, n: f"Sighting {n} reported, {_facts(d, 'aggravators')}",
    terms.SIGHTING_UPDATED: lambda d, n: (
        f"Sighting {n} {'got worse' if d['raised'] else 'added to'}, {_facts(d, 'added')}"
    ),
    terms.SIGHTING_LOWERED: _lowered,
    terms.SIGHTING_LOST: _lost,
    terms.SIGHTING_RESOLVED: lambda d, n: f"Sighting {n} is over",
    terms.SIGHTING_INFORMED: lambda d, n: f"Sighting {n}: everybody who must know has it",
    terms.SIGHTING_RETRIED: lambda d, n: (
        f"Sighting {n}: {len(d['tried'])} not heard from, asked by {', '.join(sorted({t[2] for t in d['tried']}))}"
    ),
    terms.QUESTION_ASKED: _asked,
    terms.QUESTION_ANSWERED: lambda d, n: f"Question {n} answered, {terms.Whose(d['whose']).words}",
    terms.QUESTION_UNANSWERED: lambda d, n: f"Question {n} UNANSWERED by those around",
    terms.HOLD_ASKED: lambda d, n: f"Hold, go on or move? asked for sighting {n}, {d['why']}",
    terms.HOLD_DECIDED: lambda d, n: (
        f"DECIDED for sighting {n}, {terms.Decision(d['decision']).words}"
    ),
    terms.HOLD_UNANSWERED: lambda d, n: (
        f"Hold question for sighting {n} UNANSWERED, the detail leader is asked"
    ),
    terms.HOLD_OVER: lambda d, n: f"Sighting {n} over before anybody decided whether to hold",
    terms.DECIDER_NAMED: lambda d, n: "Named who decides whether to hold",
    terms.ABSENCE_FOUND: lambda d, n: f"{d['label']}: {terms.AbsenceKind(d['kind']).words}",
    terms.ABSENCE_COVERED: lambda d, n: f"{n}: made up for",
    terms.ABSENCE_ENDED: lambda d, n: f"{n}: there again",
    terms.INCIDENT_NOTED: _incident,
    terms.INCIDENT_ENDED: lambda d, n: "That is over",
    terms.SENSOR_REGISTERED: lambda d, n: f"Registered the sensor {d['label']}",
    terms.SENSOR_REMOVED: lambda d, n: "Took a sensor off",
    devices.DEVICE_ISSUED: lambda d, n: "Made a code for a telephone",
    devices.DEVICE_JOINED: lambda d, n: "A telephone joined",
    devices.DEVICE_REVOKED: lambda d, n: "Shut a telephone out",
    devices.PHOTO_ADDED: lambda d, n: "Added a photo of a sighting",
}


def _now(d: Desk) -> Iterable[Block]:
    """What is open at this moment."""
    own = {"operation": d.operation.id}
    seen = visible_to(d.actor, Sighting.objects.filter(**own)).exclude(state="RESOLVED")
    rows = list(seen.order_by("-severity", "number")[:50])
    said = store.said(s.id for s in rows)
    sightings = tuple(
        (str(s.number), ", ".join(store.sighting_words(s.severity, s.aggravators)), said.get(s.id, ""), s.place,
         terms.SightingState(s.state).words, d.clock(s.last_seen_at))
        for s in rows
    )  # fmt: skip
    columns = ("No.", "How grave", "What", "Where", "State", "Last seen")
    yield Block("Open sightings", columns, sightings, empty="None.", widths=(1, 3, 5, 3, 2, 2))
    gone = visible_to(d.actor, Absence.objects.filter(**own)).exclude(state="ENDED")
    missing = tuple(
        (a.label, terms.AbsenceKind(a.kind).words, d.agency(a.by_agency), d.clock(a.found_at),
         "made up for" if a.state == "COVERED" else "nothing makes up for it")
        for a in gone.order_by("found_at")[:50]
    )  # fmt: skip
    yield Block("Missing", ("What", "How", "Whose", "Since", "Standing"), missing, empty="Nothing.")
    busy = list(visible_to(d.actor, Incident.objects.filter(**own, state="OPEN"))[:50])
    texts = store.texts(i.words for i in busy)
    others = tuple(
        (terms.IncidentKind(i.kind).words, texts.get(i.words, ""), i.place, d.agency(i.by_agency), d.clock(i.noted_at))
        for i in busy
    )  # fmt: skip
    yield Block("Other matters", ("Kind", "What", "Where", "Whose", "Since"), others, empty="None.")


__all__ = ["TITLES", "make", "pdf", "xlsx"]
