"""What is due to be forgotten, asked about or sealed, and how much of it is late."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import msgspec

from tocsin.retain import rules
from tocsin.retain.held import active_holds, held_subjects, markings, read
from tocsin.retain.models import Keeping, LegalHold, Unmasking
from tocsin.retain.schedules import policy, schedule
from tocsin.retain.terms import ORIGINAL, Fate, Schedule, Then, kind_of, prefixes

LATE_AFTER = timedelta(days=1)
"""What the machine may purge and has not purged after this is overdue: no worker runs, or it fails."""
MOST = 5_000
"""Counts stop here: more than this is simply too much."""


@dataclass(frozen=True, slots=True)
class Due:
    """A thing whose time is over, or nearly so: which part of it, and since (until) when."""

    subject: str
    part: str
    kind: str
    at: datetime
    made_at: datetime


def due(now: datetime, limit: int = 500) -> list[Due]:
    """What is to be asked about, purged or sealed now, at most `limit` of each kind, longest due first."""
    found = _reports(now, limit) + _originals(now, limit)
    found += _refused(now, limit) + _objects(now, limit) + _former(now, limit)
    for kind, spec in policy().schedules.items():
        if spec.then is not Then.KEEP and kind not in _BY_ROW:
            found += _by_vault(kind, spec, now, limit)
    found += _by_keeping(now, limit)
    return sorted(found, key=lambda d: (d.at, d.subject))


_REPORTS = """
SELECT id, received_at, LEAST(retention_until, received_at + make_interval(secs => coalesce(
    (%(terms)s::jsonb ->> source)::int, (%(terms)s::jsonb ->> authority)::int, %(term)s))) AS ends
FROM collect_report r
WHERE state <> 'PURGED' AND (retention_until <= %(now)s OR received_at <= %(shortest)s)
AND NOT EXISTS (
    SELECT 1 FROM retain_keeping k WHERE k.subject = r.id AND k.sealed_at IS NOT NULL
    AND NOT EXISTS (SELECT 1 FROM record_vault v WHERE v.subject = r.id AND v.id LIKE 'vlt\\_%%'))
ORDER BY retention_until LIMIT %(limit)s
"""
_ORIGINALS = """
SELECT v.subject, min(v.kept_at), min(v.kept_at) + make_interval(secs => min(t.secs)) AS ends
FROM record_vault v JOIN collect_report r ON r.id = v.subject,
LATERAL (SELECT coalesce((%(terms)s::jsonb ->> r.source)::int, (%(terms)s::jsonb ->> r.authority)::int,
    %(term)s) AS secs) t
WHERE v.sealed AND v.subject LIKE 'rpt\\_%%' AND v.id LIKE 'vlt\\_%%' AND v.kept_at <= %(shortest)s
AND v.kept_at <= %(now)s - make_interval(secs => t.secs)
GROUP BY v.subject ORDER BY 3 LIMIT %(limit)s
"""
_VAULT = """
SELECT v.subject, min(v.kept_at) FROM record_vault v LEFT JOIN retain_keeping k ON k.subject = v.subject
WHERE v.subject LIKE ANY(%(prefixes)s) AND v.id LIKE 'vlt\\_%%' AND v.kept_at <= %(before)s
AND k.keep_until IS NULL AND k.sealed_at IS NULL
GROUP BY v.subject ORDER BY 2 LIMIT %(limit)s
"""


_REFUSED = """
SELECT source, id, received_at, LEAST(retention_until, received_at + make_interval(secs => %(term)s)) AS ends
FROM collect_refused r
WHERE state <> 'PURGED' AND (retention_until <= %(now)s OR received_at <= %(shortest)s)
AND EXISTS (SELECT 1 FROM record_vault v WHERE v.id IN (r.content, r.raw))
ORDER BY received_at LIMIT %(limit)s
"""
_OBJECTS = """
SELECT collection, id, added_at FROM exchange_sharedobject o
WHERE poster <> '' AND added_at <= %(shortest)s
AND EXISTS (SELECT 1 FROM record_vault v WHERE v.id = o.vault)
ORDER BY added_at LIMIT %(limit)s
"""
_FORMER = """
SELECT id, part, since FROM (
    SELECT v.subject AS id, v.id AS part, r.active AND v.id = r.card AS in_use,
        coalesce(lead(v.kept_at) OVER (PARTITION BY v.subject ORDER BY v.kept_at, v.id), r.changed_at) AS since
    FROM record_vault v JOIN deliver_recipient r ON r.id = v.subject WHERE v.id LIKE 'vlt\\_%%'
) card
WHERE NOT in_use AND since <= %(shortest)s ORDER BY since LIMIT %(limit)s
"""
_BY_ROW = (rules.TEMPORARY, ORIGINAL, "refused", "object", "former")


def _former(now: datetime, limit: int) -> list[Due]:
    """A card of the directory goes by itself, so long after another took its place or its line was taken out."""
    spec = policy().schedules["former"]
    rows = read(_FORMER, {**_terms("former", now), "limit": limit})
    return [Due(s, part, spec.kind, since + spec.term, since) for s, part, since in rows]


def _objects(now: datetime, limit: int) -> list[Due]:
    """What partners' systems sent lies under its collection: a part of it, named by its own id."""
    spec = policy().schedules["object"]
    rows = read(_OBJECTS, {**_terms("object", now), "limit": limit})
    return [Due(s, part, spec.kind, made + spec.term, made) for s, part, made in rows]


def _refused(now: datetime, limit: int) -> list[Due]:
    """Refused input lies under its source: a part of it, named by its own id."""
    rows = read(_REFUSED, {**_terms("refused", now), "limit": limit})
    return [Due(s, part, "refused", ends, made) for s, part, made, ends in rows if ends <= now]


def _reports(now: datetime, limit: int) -> list[Due]:
    rows = read(_REPORTS, {**_terms("report", now), "limit": limit})
    return [Due(s, "all", "report", ends, made) for s, made, ends in rows if ends <= now]


def _originals(now: datetime, limit: int) -> list[Due]:
    rows = read(_ORIGINALS, {**_terms(ORIGINAL, now), "limit": limit})
    return [Due(s, ORIGINAL, ORIGINAL, ends, made) for s, made, ends in rows]


def _terms(kind: str, now: datetime) -> dict[str, Any]:
    """The term of a kind and the shorter ones of single sources, in seconds, for SQL."""
    p = policy()
    term = p.schedules[kind].term
    shorter = {n: min(t[kind], term) for n, t in p.sources.items() if kind in t}
    return {
        "now": now,
        "term": int(term.total_seconds()),
        "terms": msgspec.json.encode(
            {n: int(t.total_seconds()) for n, t in shorter.items()}
        ).decode(),
        "shortest": now - min([term, *shorter.values()]),
    }


def _by_vault(kind: str, spec: Schedule, now: datetime, limit: int) -> list[Due]:
    before = now + spec.ahead - spec.term
    like = [f"{prefix}\\_%" for prefix in prefixes(kind)]
    rows = read(_VAULT, {"prefixes": like, "before": before, "limit": limit})
    return [Due(subject, "all", kind, made + spec.term, made) for subject, made in rows]


def _by_keeping(now: datetime, limit: int) -> list[Due]:
    """What has a date of its own: validated until then, or promoted with a clock that runs from collection."""
    ahead = max(s.ahead for s in policy().schedules.values())
    rows = Keeping.objects.filter(keep_until__lte=now + ahead, sealed_at=None).order_by(
        "keep_until"
    )
    found = []
    for row in rows[:limit]:
        spec = schedule(kind_of(row.subject))
        if row.keep_until and row.keep_until - spec.ahead <= now:
            found.append(Due(row.subject, "all", spec.kind, row.keep_until, row.keep_until))
    return found


@dataclass(frozen=True, slots=True)
class Standing:
    """The numbers of the oversight page."""

    overdue: int
    oldest: datetime | None
    asked: int
    holds: int
    sealed: int
    waiting: int


def standing(now: datetime, agency: str = "") -> Standing:
    """How many purges are overdue, asked about, sealed; how many holds are in force and looks asked for: of one
    agency, or of all.

    Overdue: a person's decision past its date, or the machine's work more than a day late.
    """
    held = active_holds()
    late, asked = [], 0
    rows = due(now, MOST)
    if agency:
        marks = markings(d.subject for d in rows)
        rows = [d for d in rows if d.subject in marks and marks[d.subject].agency == agency]
    covered = held_subjects([d.subject for d in rows], held) if held else {}
    for d in rows:
        fate = rules.fate(schedule(d.kind), d.at, now, held=d.subject in covered)
        asked += fate is Fate.ASK
        grace = LATE_AFTER if fate is Fate.PURGE else timedelta(0)
        if fate is not Fate.SEAL and d.at + grace <= now:
            late.append(d.at)
    own = {"agency": agency} if agency else {}
    return Standing(
        overdue=len(late),
        oldest=min(late, default=None),
        asked=asked,
        holds=LegalHold.objects.filter(lifted_at=None, **own).count(),
        sealed=Keeping.objects.exclude(sealed_at=None).filter(**own).count(),
        waiting=Unmasking.objects.filter(state__in=["ASKED", "TAKEN"], **own).count(),
    )
