"""How knowing is drawn: the chart of who, the words of a seat, and a subject as it stood at one of its moments."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from functools import cache
from typing import Any
from zoneinfo import ZoneInfo

from tocsin.kernel.settings import current
from tocsin.oversee import moments
from tocsin.oversee.knowing import Seat, Timeline
from tocsin.oversee.terms import Verb
from tocsin.people.store import agency_names, names
from tocsin.people.terms import Actor, Role
from tocsin.record.store import contents
from tocsin.web import subjects, told
from tocsin.web.numbers import number
from tocsin.web.pages.report_view import category_name, category_titles
from tocsin.web.templatetags._times import day_and_time

ROWS = 12
_SYSTEM = "Tocsin"
SHAPES: Mapping[Verb, str] = {
    **dict.fromkeys((Verb.SENT, Verb.DELIVERED, Verb.TOLD), "ring"),
    **dict.fromkeys((Verb.SAW, Verb.OPENED), "dot"),
    **dict.fromkeys((Verb.ACKNOWLEDGED, Verb.ACTED, Verb.DECIDED, Verb.ANSWERED), "diamond"),
    **dict.fromkeys((Verb.HELD, Verb.FAILED, Verb.FORGOT), "cross"),
    **dict.fromkeys((Verb.CREATED, Verb.SUBMITTED, Verb.ASKED, Verb.CHANGED), "square"),
}
"""Four shapes, told apart without colour: could know, knew, said or decided, wrote; and what went wrong."""
_FIELDS: tuple[tuple[str, str], ...] = (
    ("state", "State"),
    ("stage", "Assessment"),
    ("disposition", "Decision in force"),
    ("speech", "Kind of speech"),
    ("version", "Version"),
    ("edition", "Edition"),
    ("revision", "Revision"),
    ("precedence", "Urgency"),
    ("tlp", "Marking"),
    ("categories", "Kinds of sign"),
    ("alarms", "Alarms"),
    ("severity", "How serious, 1 to 5"),
    ("aggravators", "What makes it worse"),
    ("place", "Where"),
    ("direction", "Going"),
    ("last_seen_at", "Last seen"),
    ("sensitivity", "Sensitivity"),
    ("confidence", "Confidence"),
    ("reports", "Reports counted"),
    ("group_size", "Near-copies"),
    ("author", "Written by"),
    ("holder", "In the hands of"),
    ("held_by", "Held by"),
    ("held_until", "Held until"),
    ("releaser", "Released by"),
    ("released_at", "Released"),
    ("expires_at", "Holds until"),
    ("due_at", "Due"),
    ("owner_agency", "Owned by"),
    ("owner_role", "Role"),
    ("retention_until", "Kept until"),
)
_ROLES = {r.value: r.title for r in Role}
_PEOPLE = frozenset({"author", "holder", "held_by", "releaser"})


def seat_words(seat: Seat | None, agencies: Mapping[str, str]) -> str:
    """`watch analyst, Fusion centre`; a post by its label."""
    if seat is None or not (seat.agency or seat.label):
        return ""
    agency = agencies.get(seat.agency, seat.agency)
    if seat.label:
        return ", ".join(filter(None, (seat.label, agency)))
    return f"{_ROLES[seat.role]}, {agency}" if seat.role in _ROLES else agency


def url(subject: str) -> str:
    return subjects.subject_url(subject)


@cache
def signs() -> list[tuple[str, str]]:
    """The kinds of sign one can ask about: (id, name)."""
    return sorted((c, category_name(c)) for c in category_titles())


def chart(found: Timeline, agencies: Mapping[str, str], now: datetime) -> dict[str, Any] | None:
    """Who along the side, time along the bottom: rows of marks to scale. None for fewer than two points."""
    points = found.points
    if len(points) < 2:
        return None
    first, last = points[0].at, points[-1].at
    whole = (last - first).total_seconds() or 1.0
    rows: dict[str, list[dict[str, Any]]] = {}
    zone = ZoneInfo(current().timezone)
    for p in points:
        who = seat_words(p.seat, agencies) or _SYSTEM
        if who not in rows and len(rows) >= ROWS:
            who = "others"
        share = 1 + (p.at - first).total_seconds() / whole * 98
        marks = rows.setdefault(who, [])
        mark = {"x": f"{share:.2f}%", "shape": SHAPES[p.verb], "verb": p.verb.value}
        if marks and marks[-1]["x"] == mark["x"] and marks[-1]["shape"] == mark["shape"]:
            continue  # the same mark on the same spot
        marks.append({**mark, "label": f"{day_and_time(p.at, now, zone)} {p.verb.value}"})
    return {
        "rows": list(rows.items()),
        "first": first,
        "last": last,
        "label": f"{len(points)} points of {len(rows)} roles, from {day_and_time(first, now, zone)} to "
        f"{day_and_time(last, now, zone)}; the list below says the same in words",
    }


def slider(a: Actor, subject: str, step: str) -> dict[str, Any] | None:
    """A subject as it stood after one of its changes, and what the slider needs; None where nothing changed it."""
    history = moments.history(a, subject)
    found = moments.at(subject, history, number(step, 1_000_000) if step else 1_000_000)
    if found is None or not found.rows:
        return None
    agencies, values = agency_names(), {}
    for row in found.rows.values():
        values.update({k: v for k, v in row.items() if k not in values})
    people = names({v for k, v in values.items() if k in _PEOPLE and v} | {found.entry.actor})
    vault = next(
        (
            str(values[k])
            for k in ("content", "title", "what")
            if str(values.get(k, "")).startswith("vlt_")
        ),
        "",
    )
    kept = contents([vault]).get(vault) if vault else {}
    return {
        "moment": found,
        "what": told.words(found.entry, people, agencies),
        "who": people.get(found.entry.actor, ""),
        "facts": [
            (label, _value(name, values[name], people, agencies))
            for name, label in _FIELDS
            if values.get(name) not in (None, "", [], {}, 0)
        ],
        "title": (kept or {}).get("title", ""),
        "text": str((kept or {}).get("text", ""))[:1_500],
        "purged": bool(vault) and kept is None,
    }  # fmt: skip


def _value(name: str, value: Any, people: Mapping[str, str], agencies: Mapping[str, str]) -> Any:
    if name in _PEOPLE:
        return people.get(value, value)
    if name == "owner_agency":
        return agencies.get(value, value)
    if name.endswith(("_at", "_until")):
        return datetime.fromisoformat(value) if isinstance(value, str) else value
    if isinstance(value, list):
        return ", ".join(category_name(str(v)).lower() for v in value)
    return (
        str(value).replace("_", " ").capitalize()
        if name in {"state", "stage", "speech", "disposition"}
        else value
    )
