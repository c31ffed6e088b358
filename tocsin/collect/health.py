"""Feed health at a glance: what came in by the hour, how the last readings went, what was refused."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import NamedTuple

from django.db.models import Count, Sum

from tocsin.collect.models import Outside, Refusal, Run, Source, Tally
from tocsin.collect.store import sources
from tocsin.collect.terms import Health, RefusalState, SourceKind, SourceState
from tocsin.people.terms import Actor

HOURS = 48
POLLED = frozenset(
    k.value
    for k in (
        SourceKind.FEED,
        SourceKind.MAILBOX,
        SourceKind.CAP,
        SourceKind.TAXII,
        SourceKind.MISP,
    )
)
_HOUR = timedelta(hours=1)
_PLAIN = {
    Health.NEVER_FETCHED: "not read yet",
    Health.HEALTHY: "well",
    Health.EMPTY: "nothing new",
    Health.FAILING: "failing",
    Health.STALE: "not read lately",
}
_TONES = {Health.HEALTHY: "good", Health.FAILING: "bad", Health.STALE: "warn"}
_ORDER = [Health.FAILING, Health.STALE, Health.NEVER_FETCHED, Health.EMPTY, Health.HEALTHY]


_LAST = (
    "SELECT r.* FROM unnest(%s::text[]) AS wanted(source) CROSS JOIN LATERAL "
    "(SELECT * FROM collect_run c WHERE c.source = wanted.source ORDER BY at DESC, id DESC LIMIT 1) r"
)


@dataclass(frozen=True, slots=True)
class Overview:
    """One source at a glance. The hourly counts cover the last `HOURS` hours, oldest first; the totals the last 24."""

    source: Source
    health: Health
    last: Run | None
    screened_by_hour: list[int]
    flagged_by_hour: list[int]
    refused_open: int
    refused: int = field(default=0)
    seen_again: int = field(default=0)
    outside: int = field(default=0)

    @property
    def screened(self) -> int:
        return sum(self.screened_by_hour[-24:])

    @property
    def flagged(self) -> int:
        return sum(self.flagged_by_hour[-24:])

    @property
    def failing(self) -> bool:
        return self.source.state == SourceState.ACTIVE and self.health is Health.FAILING

    @property
    def paused(self) -> bool:
        return self.source.state == SourceState.PAUSED

    @property
    def on_a_clock(self) -> bool:
        """Whether it is read by itself; files, tips and the API come when they come."""
        return self.source.kind in POLLED

    @property
    def health_plain(self) -> str:
        """The health in words."""
        if self.paused:
            return "paused"
        if not self.on_a_clock:
            return "open" if self.source.kind != SourceKind.FILE else "read by hand"
        return _PLAIN[self.health]

    @property
    def tone(self) -> str:
        if self.paused or not self.on_a_clock:
            return ""
        return _TONES.get(self.health, "")

    @property
    def note(self) -> str:
        """What the last reading said, where it matters."""
        return self.last.note if self.last and (self.failing or self.last.note) else ""

    def plain(self) -> dict[str, object]:
        """As plain values, for other programs."""
        s = self.source
        return {
            "id": s.id,
            "name": s.name,
            "kind": s.kind,
            "agency": s.agency,
            "state": s.state,
            "health": self.health.value,
            "last_read_at": self.last.at if self.last else None,
            "screened_24h": self.screened,
            "flagged_24h": self.flagged,
            "refused_open": self.refused_open,
        }


def overview(actor: Actor, now: datetime) -> list[Overview]:
    """The actor's sources, failing ones on top, then stale, unread, quiet, well."""
    return of(ranked(actor, now), now)


def ranked(actor: Actor, now: datetime) -> list[Source]:
    """The actor's sources in the order of how much they want looking at. Two queries for any number."""
    rows = list(sources(actor))
    last = _last_runs(rows)
    return sorted(rows, key=lambda row: _rank(row, _health(row, last.get(row.id), now)))


def of(rows: Sequence[Source], now: datetime) -> list[Overview]:
    """These sources at a glance, in the order given. Three queries for any number."""
    slots = _slots(now)
    hours: dict[str, dict[datetime, _Counts]] = defaultdict(dict)
    counted = Tally.objects.filter(source__in=[row.id for row in rows], hour__gte=slots[0])
    for source, hour, *counts in counted.values_list("source", "hour", *_COUNTS):
        hours[source][hour] = _Counts(*counts)
    refused = _refused(rows)
    last = _last_runs(rows)
    return [
        _one(row, hours[row.id], slots, last.get(row.id), refused.get(row.id, 0), now)
        for row in rows
    ]


@dataclass(frozen=True, slots=True)
class Totals:
    """All of some sources together: by the hour as in `Overview`, and what waits for a look."""

    screened_by_hour: list[int]
    flagged_by_hour: list[int]
    refused_open: int
    failing: int

    @property
    def screened(self) -> int:
        return sum(self.screened_by_hour[-24:])

    @property
    def flagged(self) -> int:
        return sum(self.flagged_by_hour[-24:])


def totals(rows: Sequence[Source], now: datetime) -> Totals:
    """The sums over these sources. Two queries."""
    slots = _slots(now)
    counted = Tally.objects.filter(source__in=[row.id for row in rows], hour__gte=slots[0])
    by_hour = {
        hour: (screened, flagged)
        for hour, screened, flagged in counted.values("hour")
        .annotate(Sum("screened"), Sum("flagged"))
        .values_list("hour", "screened__sum", "flagged__sum")
    }
    found = [by_hour.get(slot, (0, 0)) for slot in slots]
    return Totals(
        [screened for screened, _ in found],
        [flagged for _, flagged in found],
        sum(_refused(rows).values()),
        sum(row.state == SourceState.ACTIVE and row.health == Health.FAILING for row in rows),
    )


class _Counts(NamedTuple):
    screened: int
    flagged: int
    refused: int
    seen_again: int
    outside: int


_COUNTS = _Counts._fields


def _slots(now: datetime) -> list[datetime]:
    first = now.replace(minute=0, second=0, microsecond=0) - (HOURS - 1) * _HOUR
    return [first + i * _HOUR for i in range(HOURS)]


def _last_runs(rows: Sequence[Source]) -> dict[str, Run]:
    return {run.source: run for run in Run.objects.raw(_LAST, [[row.id for row in rows]])}


def _refused(rows: Sequence[Source]) -> dict[str, int]:
    waiting = Refusal.objects.filter(source__in=[row.id for row in rows], state=RefusalState.OPEN)
    counts = waiting.values_list("source").annotate(Count("id"))
    return dict(counts.values_list("source", "id__count"))


def _one(
    row: Source,
    tallies: dict[datetime, _Counts],
    slots: list[datetime],
    last: Run | None,
    refused: int,
    now: datetime,
) -> Overview:
    day = [tallies[h] for h in slots[-24:] if h in tallies]
    return Overview(
        source=row,
        health=_health(row, last, now),
        last=last,
        screened_by_hour=[tallies[h].screened if h in tallies else 0 for h in slots],
        flagged_by_hour=[tallies[h].flagged if h in tallies else 0 for h in slots],
        refused_open=refused,
        refused=sum(t.refused for t in day),
        seen_again=sum(t.seen_again for t in day),
        outside=sum(t.outside for t in day),
    )


def _health(row: Source, last: Run | None, now: datetime) -> Health:
    """The health on the record, unless nobody has read it for long: that nobody can put on the record."""
    health = Health(row.health)
    if row.kind not in POLLED or health is Health.FAILING:
        return health
    patience = max(_HOUR, 3 * timedelta(seconds=row.every_s))
    since = last.at if last else row.added_at
    return Health.STALE if now - since > patience else health


def _rank(row: Source, health: Health) -> tuple[bool, int, str]:
    place = _ORDER.index(health) if row.kind in POLLED else len(_ORDER)
    return (row.state == SourceState.PAUSED, place, row.name.casefold())


def failing_count(actor: Actor) -> int:
    """How many of the actor's sources are failing now, for the front page."""
    return sources(actor).filter(state=SourceState.ACTIVE, health=Health.FAILING).count()


def runs(row: Source, limit: int = 30) -> list[Run]:
    """The last readings of a source, newest first."""
    return list(Run.objects.filter(source=row.id).order_by("-at", "-id")[:limit])


def left_out(row: Source, since: str) -> list[tuple[str, int]]:
    """What was not taken in since a day (`2026-03-02`), by reason, the commonest first."""
    counts: dict[str, int] = defaultdict(int)
    for out in Outside.objects.filter(source=row.id, day__gte=since):
        counts[out.reason] += out.items
    return sorted(counts.items(), key=lambda pair: -pair[1])
