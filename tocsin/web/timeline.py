"""The record of one subject as an actor may read it: only entries in their sight, newest page first."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.db import connection

from tocsin.people.models import Share
from tocsin.people.store import agency_names, names
from tocsin.people.terms import Actor
from tocsin.record.models import Vault
from tocsin.record.store import decode
from tocsin.record.terms import Entry, unstamp
from tocsin.warn import entries
from tocsin.web import subjects, told

PAGE = 100
LOOKED_THROUGH = 2_000
"""Entries read at most for one page, where most are not the actor's to see."""
_UNSEEN = "Decided; what was decided is shown when the second reader has decided too"
LATE_AFTER = timedelta(minutes=5)
GAP_FROM = timedelta(hours=1)

_QUERY = """
SELECT e.n, p.seq, e.body FROM record_entry e LEFT JOIN record_place p USING (n)
WHERE {where} e.n < %s ORDER BY e.n DESC LIMIT %s
"""


@dataclass(frozen=True, slots=True)
class Kept:
    """One piece of content an entry refers to: its text, or why it is not shown."""

    label: str
    title: str
    text: str
    note: str = ""


@dataclass(frozen=True, slots=True)
class Line:
    """One entry as the page shows it."""

    n: int
    place: int | None
    id: str
    kind: str
    subject: str
    subject_word: str
    subject_url: str
    what: str
    who: str
    agency: str
    loud: bool
    occurred_at: datetime
    recorded_at: datetime
    contents: list[Kept] = field(default_factory=list)
    related: list[tuple[str, str, str]] = field(default_factory=list)

    @property
    def late(self) -> timedelta | None:
        """How much later it was recorded than it happened, where that is worth saying."""
        late = self.recorded_at - self.occurred_at
        return late if late >= LATE_AFTER else None


def of_subject(
    actor: Actor, subject: str, before: int | None = None
) -> tuple[list[Line], int | None]:
    """(a page of lines, oldest first; the number to ask for older ones, or None)."""
    return _page(actor, "e.subject = %s AND", [subject], before, subject)


def latest(actor: Actor, before: int | None = None) -> tuple[list[Line], int | None]:
    """The newest entries of the whole record in the actor's sight, newest first."""
    lines, older = _page(actor, "", [], before, "")
    return lines[::-1], older


def _page(
    actor: Actor, where: str, values: list[Any], before: int | None, about: str
) -> tuple[list[Line], int | None]:
    found: list[tuple[int, int | None, Entry]] = []
    older = None
    for n, place, entry in _seen(actor, where, values, before):
        if len(found) == PAGE:
            older = found[-1][0]
            break
        found.append((n, place, entry))
    return _lines(actor, found[::-1], about), older


def _seen(
    actor: Actor, where: str, values: list[Any], before: int | None
) -> Iterator[tuple[int, int | None, Entry]]:
    """Entries in the actor's sight, newest first. An entry without a marking carries no content and is shown."""
    shares = (
        set(Share.objects.filter(agency=actor.agency).values_list("subject", flat=True))
        if not where
        else None
    )
    last, looked = before or 1 << 62, 0
    while looked < LOOKED_THROUGH:
        with connection.cursor() as cursor:
            cursor.execute(_QUERY.format(where=where), [*values, last, PAGE * 2])
            rows = cursor.fetchall()
        if rows and shares is None:
            shares = set(
                Share.objects.filter(agency=actor.agency, subject=values[0]).values_list(
                    "subject", flat=True
                )
            )
        for n, place, body in rows:
            entry = decode(body)
            if entry.marking is None or entries.seen(actor, entry, shares or ()):
                yield n, place, entry
        if len(rows) < PAGE * 2:
            return
        last, looked = rows[-1][0], looked + len(rows)


def _lines(actor: Actor, found: list[tuple[int, int | None, Entry]], about: str) -> list[Line]:
    known = names({p for _, _, e in found for p in told.people(e)}) if found else {}
    agencies = agency_names() if found else {}
    labels = {vault: label for _, _, e in found for vault, label in told.kept(e.data).items()}
    kept = (
        {v.id: v for v in Vault.objects.filter(id__in=labels).defer("salt", "words")}
        if labels
        else {}
    )
    hidden = entries.withheld(actor, (e for _, _, e in found))
    return [
        Line(
            n=n,
            place=place,
            id=e.id,
            kind=e.kind,
            subject=e.subject,
            subject_word=subjects.word(e.subject),
            subject_url=subjects.record_url(e.subject),
            what=_UNSEEN if e.id in hidden else told.words(e, known, agencies),
            who=known.get(e.actor, e.actor),
            agency=agencies.get(e.agency, e.agency),
            loud=e.kind in told.LOUD,
            occurred_at=unstamp(e.occurred_at),
            recorded_at=unstamp(e.recorded_at),
            contents=[]
            if e.id in hidden
            else [_kept(kept.get(v), label) for v, label in told.kept(e.data).items()],
            related=[
                (subjects.word(ref), ref, subjects.page("record", ref))
                for ref in told.references(e.data)[:8]
                if ref != about and e.id not in hidden
            ],
        )
        for n, place, e in found
    ]


def _kept(row: Vault | None, label: str) -> Kept:
    name = label.replace("_", " ").capitalize() or "Content"
    if row is None:
        return Kept(name, "", "", "no longer kept; that it was here is proven by its commitment")
    if row.sealed:
        return Kept(name, "", "", "sealed: seen only by those who may unmask, with a reason")
    body = row.body if isinstance(row.body, dict) else {}
    return Kept(name, str(body.get("title", "")), str(body.get("text", "")))
