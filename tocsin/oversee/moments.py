"""One subject at any of its moments: its entries folded in memory up to there, by the same `apply` as all else."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from tocsin.collect.models import Report
from tocsin.people.models import Share
from tocsin.people.terms import Actor
from tocsin.record import applying, store
from tocsin.record.terms import Entry, unstamp
from tocsin.warn import entries as sight

COPIES = 50
"""Near-copies of a report whose decisions are looked at too: deciding one decides them all."""


@dataclass(frozen=True, slots=True)
class Moment:
    """A subject as it stood after one of its entries: `rows` = table -> columns of the rows that bear its id."""

    at: datetime
    entry: Entry
    step: int
    steps: int
    rows: dict[str, dict[str, Any]] = field(default_factory=dict)


def history(actor: Actor, subject: str) -> list[Entry]:
    """The entries that shaped a subject, oldest first, as far as the actor may see them."""
    found = [(n, e) for n, _, e in store.of_subject(subject)]
    if subject.startswith("rpt_"):
        found += _of_copies(subject)
    shares = set(
        Share.objects.filter(agency=actor.agency, subject=subject).values_list("subject", flat=True)
    )
    found.sort(key=lambda f: f[0])  # as accepted: two entries may bear the same time
    seen = [e for _, e in found if e.marking and (actor.system or sight.seen(actor, e, shares))]
    hidden = sight.withheld(actor, seen)
    return [e for e in seen if e.id not in hidden]


def _of_copies(report: str) -> list[tuple[int, Entry]]:
    """Decisions on near-copies that covered this report."""
    group = Report.objects.filter(id=report).values_list("group", flat=True).first()
    others = (
        Report.objects.filter(group=group).exclude(id=report) if group else Report.objects.none()
    )
    out: list[tuple[int, Entry]] = []
    for other in others.order_by("id").values_list("id", flat=True)[:COPIES]:
        for n, _, e in store.of_subject(other):
            if report in e.data.get("covers", ()):
                out.append((n, e))
    return out


def steps(subject: str, entries: Sequence[Entry]) -> list[Entry]:
    """The entries one can stop at: those that changed the subject's own rows, not each look at it, or what is owed."""
    own = (subject,)
    return [e for e in entries if any(tuple(c.key.values()) == own for c in applying.changes(e))]


def at(subject: str, entries: Sequence[Entry], step: int) -> Moment | None:
    """The subject after its `step`-th change (1 = the first); None where it has none. Reads no table."""
    stops = steps(subject, entries)
    if not stops:
        return None
    step = min(max(step, 1), len(stops))
    last = stops[step - 1]
    upto = entries[: entries.index(last) + 1]
    rows: dict[str, dict[str, Any]] = {}
    for (table, key), net in applying.fold(upto).items():
        if key == (subject,):
            rows[table] = {**dict(net.key), **net.values}
    return Moment(unstamp(last.recorded_at), last, step, len(stops), rows)
