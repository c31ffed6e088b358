"""Over-reporting and under-reporting, always side by side, and how far readers agree.

The subject of these figures is the work, not the worker: they show where a threshold drifts, by
topic and by analyst, so that a swing from reporting too much to reporting too little can be
seen while it happens.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime

from django.db.models import QuerySet

from tocsin.assess import rules
from tocsin.assess.models import Assessment, Standing
from tocsin.assess.terms import Agreement, Disposition, Reading, Stage
from tocsin.collect.models import Report
from tocsin.people.terms import Actor
from tocsin.people.visibility import visible_to


@dataclass(slots=True)
class Swing:
    """Figures of one analyst or one topic. `over`: reported against what the rules recommend,
    or overruled to no report. `under`: not reported against what the rules recommend, or
    overruled to report.
    """

    decided: int = 0
    reported: int = 0
    not_reported: int = 0
    over: int = 0
    under: int = 0
    read_twice: int = 0
    overruled: int = 0


def first_readings(actor: Actor, since: datetime, until: datetime) -> QuerySet[Assessment]:
    """First decisions of a period that were not taken back, as the actor may see them."""
    rows = visible_to(actor, Assessment.objects.filter(reading=Reading.FIRST, undone_at=None))
    return rows.filter(decided_at__gte=since, decided_at__lt=until)


def swings(
    actor: Actor, since: datetime, until: datetime, *, by: str = "person"
) -> dict[str, Swing]:
    """Over- and under-reporting side by side, `by` "person" or by "category" of sign."""
    rows = list(first_readings(actor, since, until).exclude(disposition=Disposition.NEEDS_MORE))
    standings = Standing.objects.in_bulk([r.report for r in rows])
    topics = dict[str, list[str]]()
    if by == "category":
        wanted = Report.objects.filter(id__in=[r.report for r in rows])
        topics = dict(wanted.values_list("id", "categories"))
    found: dict[str, Swing] = defaultdict(Swing)
    for row in rows:
        names = [row.person] if by == "person" else topics.get(row.report, [])
        for name in names:
            _count(found[name], row, standings.get(row.report))
    return dict(found)


def _count(swing: Swing, row: Assessment, standing: Standing | None) -> None:
    current = standing is not None and standing.first == row.id
    final = standing.disposition if standing and current and standing.stage == Stage.FINAL else ""
    overruled = bool(final) and final != row.disposition
    reported = row.disposition == Disposition.REPORT
    swing.decided += 1
    swing.reported += reported
    swing.not_reported += not reported
    swing.over += reported and row.recommended == Disposition.NO_REPORT
    swing.under += not reported and (overruled or row.recommended == Disposition.REPORT)
    swing.read_twice += bool(standing and current and standing.second)
    swing.overruled += overruled


@dataclass(frozen=True, slots=True)
class Readers:
    """How far first and second readers agree: on what to do, and on the kind of speech.

    Kappa of `disposition` says little, because only no-reports are read twice; that of `speech`
    is the one to watch.
    """

    disposition: Agreement
    speech: Agreement


def agreement(actor: Actor, since: datetime, until: datetime) -> Readers:
    """Inter-rater agreement over the second readings of a period."""
    pairs = Standing.objects.filter(changed_at__gte=since).exclude(second="")
    ids = [
        i
        for pair in visible_to(actor, pairs, subject="report").values_list("first", "second")
        for i in pair
    ]
    rows = Assessment.objects.in_bulk(ids)
    read = [
        (rows[a], rows[b])
        for a, b in zip(ids[::2], ids[1::2], strict=True)
        if a in rows and b in rows and since <= rows[b].decided_at < until
    ]
    return Readers(
        rules.agreement([(a.disposition, b.disposition) for a, b in read]),
        rules.agreement([(a.speech, b.speech) for a, b in read]),
    )
