"""What the page about the line shows: where it lies, what lies below it, and what the samples say is missed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Count, Q

from tocsin.collect import terms
from tocsin.collect.models import Budget, Report, Sample
from tocsin.people.terms import Actor
from tocsin.people.visibility import visible_to
from tocsin.screen import budget, rules, store
from tocsin.screen.budget import Interval, Why

SHOWN = 20


@dataclass(frozen=True, slots=True)
class BandBelow:
    """A band of scores below the line: how many texts, and of which kinds of sign, most first."""

    low: int
    high: int
    texts: int
    signs: Sequence[tuple[str, int]]


@dataclass(frozen=True, slots=True)
class Below:
    """One line and what lies below it. `row` is None where no budget is set: the line lies where it ships.

    `now` = reports a shift at the line as it lies, `near` = near misses a shift, both by the last day's counts of
    `hours` hours; `missed` = reports a shift that the line misses among them, between which two.
    """

    row: Budget | None
    line: int
    hours: int
    now: int
    near: int
    why: str
    bands: Sequence[BandBelow]
    read: int
    mattered: int
    drawn: int
    rate: Interval | None
    missed: tuple[int, int] | None
    waiting: Sequence[Report]


def below(actor: Actor, operation: str, now: datetime) -> Below:
    """The line of the actor's own agency for an operation ('' = for none). The caller has the operation in sight."""
    row = Budget.objects.filter(agency=actor.agency, operation=operation).first()
    line = row.line if row else rules.FLAGGED_FROM
    counts, hours = store.bands(actor.agency, operation, now, budget.WINDOW)
    near = budget.near_misses(counts, line, hours)
    drawn, read, mattered = _read(actor.agency, operation)
    rate = budget.miss_rate(read, mattered)
    samples = Report.objects.filter(agency=actor.agency, operation=operation, state=terms.SAMPLE)
    return Below(
        row=row,
        line=line,
        hours=hours,
        now=budget.expected(counts, line, hours),
        near=near,
        why=Why(row.why).plain if row and row.why else "",
        bands=_bands(actor.agency, operation, now, line),
        read=read,
        mattered=mattered,
        drawn=drawn,
        rate=rate,
        missed=(near * rate.low // 1000, -(-near * rate.high // 1000)) if rate else None,
        waiting=list(visible_to(actor, samples).order_by("received_at", "id")[:SHOWN]),
    )


def _read(agency: str, operation: str) -> tuple[int, int, int]:
    found = Sample.objects.filter(agency=agency, operation=operation).aggregate(
        drawn=Count("report"),
        read=Count("report", filter=Q(read_at__isnull=False)),
        mattered=Count("report", filter=Q(mattered=True)),
    )
    return found["drawn"], found["read"], found["mattered"]


def _bands(agency: str, operation: str, now: datetime, line: int) -> list[BandBelow]:
    low = max(budget.COUNTED_FROM, line - budget.NEAR)
    signs: dict[int, list[tuple[str, int]]] = {}
    for band, sign, texts in store.signs(agency, operation, now, budget.WINDOW, low, line):
        signs.setdefault(band, []).append((sign, texts))
    return [
        BandBelow(at, at + budget.BAND, sum(n for _, n in signs.get(at, [])), signs.get(at, []))
        for at in range(line - budget.BAND, low - 1, -budget.BAND)
    ]
