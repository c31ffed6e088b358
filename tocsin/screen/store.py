"""What the intake has to know of what is stored: earlier versions, groups and who leads them, operations' words."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from json import dumps, loads
from typing import Any

from django.db import connection
from django.db.models import Min, Sum

from tocsin.collect import rules
from tocsin.collect.models import Band, Budget, Group, Progress, Report, Run, Sample, Source
from tocsin.collect.terms import (
    Attempt,
    FailReason,
    FeedHealth,
    FeedState,
    Fetched,
    Permanence,
    SourceKind,
)
from tocsin.kernel.errors import NotFound
from tocsin.people.models import Operation, Participation
from tocsin.screen.choosing import Counted, Line

HISTORY = 200
"""Readings that the health of a source is judged by."""

_NEW = """
INSERT INTO collect_progress (source, what, cursor)
SELECT id, '', '{}'::jsonb FROM collect_source WHERE kind = ANY(%s) AND state = 'ACTIVE'
ON CONFLICT DO NOTHING
"""
_CLAIM = """
UPDATE collect_progress SET claimed_until = %s WHERE (source, what) IN (
    SELECT p.source, p.what FROM collect_progress p JOIN collect_source s ON s.id = p.source
    WHERE p.what = '' AND s.kind = ANY(%s) AND s.state = 'ACTIVE'
      AND coalesce(p.next_at, '-infinity') <= %s AND coalesce(p.claimed_until, '-infinity') <= %s
    ORDER BY p.next_at NULLS FIRST LIMIT %s FOR UPDATE OF p SKIP LOCKED
) RETURNING source, cursor
"""
_LOCK = 0x1A7A4E  # the first of two keys; the second is the agency


def lock_agency(agency: str) -> None:
    """Let one intake of an agency store at a time, until the transaction ends: groups and versions are read, then
    written."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s, hashtext(%s))", [_LOCK, agency])


def source(source_id: str) -> Source:
    """One source. Raises: NotFound."""
    found = Source.objects.filter(id=source_id).first()
    if found is None:
        raise NotFound(f"there is no source {source_id}", field="source")
    return found


def known(source_id: str, identities: Iterable[str]) -> dict[str, Report]:
    """Stored reports of a source, by identity."""
    rows = Report.objects.filter(source=source_id, identity__in=list(identities))
    return {row.identity: row for row in rows}


def groups(ids: Iterable[str]) -> dict[str, Group]:
    """Groups by id."""
    return {row.id: row for row in Group.objects.filter(id__in=set(ids))}


def leaders(ids: Iterable[str]) -> dict[str, Report]:
    """Reports by id, locked, so that nobody decides on one while a copy joins it."""
    rows = Report.objects.select_for_update().filter(id__in=set(ids)).order_by("id")
    return {row.id: row for row in rows}


def group_seeds(agency: str, since: datetime, limit: int) -> list[str]:
    """The first text of each of the agency's groups opened since, oldest first; forgotten ones are left out."""
    query = (
        "SELECT v.body->>'text' FROM (SELECT seed, opened_at FROM collect_group "
        "WHERE agency = %s AND opened_at > %s ORDER BY opened_at DESC LIMIT %s) g "
        "JOIN record_vault v ON v.id = g.seed ORDER BY g.opened_at"
    )
    with connection.cursor() as cursor:
        cursor.execute(query, [agency, since, limit])
        return [text for (text,) in cursor.fetchall() if text]


def operations_by_words(agency: str, now: datetime) -> dict[str, list[str]]:
    """The words of each operation of the agency that is not over, soonest first."""
    mine = Participation.objects.filter(agency=agency).values("operation")
    rows = Operation.objects.filter(id__in=mine, ends_at__gt=now).order_by("starts_at", "id")
    return {row.id: row.keywords for row in rows if row.keywords}


def starts(operations: Iterable[str]) -> dict[str, datetime]:
    """When operations start, by id."""
    wanted = {o for o in operations if o}
    if not wanted:
        return {}
    return dict(Operation.objects.filter(id__in=wanted).values_list("id", "starts_at"))


def lines(agency: str) -> dict[str, Line]:
    """The line of each operation that the agency set a budget for."""
    rows = Budget.objects.filter(agency=agency).values_list("operation", "line", "share")
    return {operation: Line(line, share) for operation, line, share in rows}


def waiting_samples(agency: str, operation: str, since: datetime) -> int:
    """Samples drawn since then that nobody has read yet."""
    rows = Sample.objects.filter(agency=agency, operation=operation, read_at=None)
    return rows.filter(drawn_at__gt=since).count()


_COUNT = """
INSERT INTO collect_band (agency, operation, hour, band, sign, texts)
SELECT %s, operation, %s, band, sign, texts
FROM json_to_recordset(%s) AS given(operation text, band int, sign text, texts int)
ORDER BY operation, band, sign
ON CONFLICT (agency, operation, hour, band, sign) DO UPDATE SET texts = collect_band.texts + excluded.texts
"""
KEPT = timedelta(days=14)
"""How long the counts by score are kept."""


def count_scores(agency: str, hour: datetime, counts: Mapping[Counted, int]) -> None:
    """Add to the counts by score, in the caller's transaction."""
    if not counts:
        return
    given: list[dict[str, str | int]] = [
        {"operation": c.operation, "band": c.band, "sign": c.sign, "texts": n}
        for c, n in counts.items()
    ]
    with connection.cursor() as c:
        c.execute(_COUNT, [agency, hour, dumps(given)])


def bands(
    agency: str, operation: str, now: datetime, window: timedelta
) -> tuple[dict[int, int], int]:
    """Texts by band of score in the whole hours of `window` before this one, and how many hours were counted."""
    hour = now.replace(minute=0, second=0, microsecond=0)
    rows = Band.objects.filter(agency=agency, operation=operation)
    first = rows.aggregate(first=Min("hour"))["first"]
    if first is None:
        return {}, 0
    rows = rows.filter(hour__gte=hour - window, hour__lt=hour)
    found = dict(rows.values("band").annotate(n=Sum("texts")).values_list("band", "n"))
    return found, int(min(window, max(timedelta(0), hour - first)) / timedelta(hours=1))


def signs(
    agency: str, operation: str, now: datetime, window: timedelta, low: int, high: int
) -> list[tuple[int, str, int]]:
    """Texts that scored from `low` to below `high`, by band and leading sign: [(band, sign, texts)]."""
    rows = Band.objects.filter(
        agency=agency, operation=operation, hour__gt=now - window, band__gte=low, band__lt=high
    )
    summed = rows.values("band", "sign").annotate(n=Sum("texts")).order_by("-band", "-n", "sign")
    return list(summed.values_list("band", "sign", "n"))


def prune_bands(now: datetime) -> int:
    """Forget the counts by score that are older than a fortnight."""
    return Band.objects.filter(hour__lt=now - KEPT).delete()[0]


def cursor(source_id: str, what: str) -> dict[str, str]:
    """Where the reading of a source (or of one file of it) was left off."""
    found = Progress.objects.filter(source=source_id, what=what).first()
    return dict(found.cursor) if found else {}


def save_cursor(source_id: str, what: str, cursor: Mapping[str, str]) -> None:
    """Keep where a reading was left off, in the caller's transaction."""
    Progress.objects.update_or_create(
        source=source_id, what=what, defaults={"cursor": dict(cursor)}
    )


def claim_due(
    kinds: Sequence[str], now: datetime, claim: timedelta, limit: int
) -> list[tuple[Source, dict[str, str]]]:
    """Claim the sources that are due to be read, each with its cursor; nobody else gets them before `claim` is over."""
    with connection.cursor() as c:
        c.execute(_NEW, [list(kinds)])
        c.execute(_CLAIM, [now + claim, list(kinds), now, now, limit])
        cursors = {source_id: loads(found) for source_id, found in c.fetchall()}
    rows = Source.objects.filter(id__in=cursors).order_by("id")
    return [(row, cursors[row.id]) for row in rows]


def schedule(source_id: str, at: datetime) -> None:
    """Say when a source is to be read next, and let go of it."""
    Progress.objects.update_or_create(
        source=source_id, what="", defaults={"next_at": at, "claimed_until": None}
    )


def health(row: Source, now: datetime) -> FeedHealth:
    """How a source is doing, from its last readings."""
    runs = Run.objects.filter(source=row.id).order_by("-at", "-id")[:HISTORY]
    history = [attempt(run) for run in reversed(runs)]
    patience = max(timedelta(hours=1), 3 * timedelta(seconds=row.every_s))
    if row.kind == SourceKind.FILE:
        patience = timedelta.max
    return rules.feed_health(history, now, stale_after=patience)


def attempt(run: Run) -> Attempt:
    """A stored reading as the rules of health want it."""
    outcome = Fetched(
        FeedState(run.state),
        FailReason(run.reason),
        Permanence(run.permanence),
        run.note,
        run.items,
        run.refused,
    )
    return Attempt(run.at, outcome)


def prune_runs(keep: int = 500) -> int:
    """Forget readings beyond the last `keep` of each source."""
    with connection.cursor() as c:
        c.execute(
            "DELETE FROM collect_run WHERE id IN (SELECT id FROM (SELECT id, row_number() OVER "
            "(PARTITION BY source ORDER BY at DESC) AS place FROM collect_run) r WHERE place > %s)",
            [keep],
        )
        return int(c.rowcount)


PART = "part:"
_NEW_PART = """
INSERT INTO collect_progress (source, what, cursor) SELECT s.id, %s || n, '{}'::jsonb FROM collect_source s,
generate_series(0, coalesce((s.config->>'partitions')::int, 1) - 1) n
WHERE s.kind = ANY(%s) AND s.state = 'ACTIVE' ON CONFLICT DO NOTHING
"""
_CLAIM_PART = """
UPDATE collect_progress SET claimed_until = %s WHERE (source, what) IN (
    SELECT p.source, p.what FROM collect_progress p JOIN collect_source s ON s.id = p.source
    WHERE p.what LIKE %s AND s.kind = ANY(%s) AND s.state = 'ACTIVE'
      AND substr(p.what, %s)::int < coalesce((s.config->>'partitions')::int, 1)
      AND coalesce(p.next_at, '-infinity') <= %s AND coalesce(p.claimed_until, '-infinity') <= %s
    ORDER BY p.next_at NULLS FIRST LIMIT %s FOR UPDATE OF p SKIP LOCKED
) RETURNING source, what, cursor
"""


def claim_streams(
    kinds: Sequence[str], now: datetime, lease: timedelta, limit: int
) -> list[tuple[Source, str, dict[str, str], datetime]]:
    """Claim parts of streams that nobody follows: source, part, cursor, and until when it is ours unless renewed."""
    until = now + lease
    with connection.cursor() as c:
        c.execute(_NEW_PART, [PART, list(kinds)])
        asked: list[Any] = [until, PART + "%", list(kinds), len(PART) + 1, now, now, limit]
        c.execute(_CLAIM_PART, asked)
        claimed = [(source_id, what, loads(found)) for source_id, what, found in c.fetchall()]
    rows = Source.objects.in_bulk({source_id for source_id, _, _ in claimed})
    ordered = sorted(claimed, key=lambda each: each[:2])
    return [(rows[s], what, cursor, until) for s, what, cursor in ordered]


def renew_stream(
    source_id: str, what: str, held: datetime, until: datetime, cursor: Mapping[str, str]
) -> bool:
    """Keep the cursor and hold the part until later, in the caller's transaction; False when it is not ours any
    more."""
    mine = Progress.objects.filter(source=source_id, what=what, claimed_until=held)
    return mine.update(cursor=dict(cursor), claimed_until=until) == 1


def release_stream(source_id: str, what: str, held: datetime, next_at: datetime) -> None:
    """Let go of a part, if it is still ours; it is due again at `next_at`."""
    mine = Progress.objects.filter(source=source_id, what=what, claimed_until=held)
    mine.update(claimed_until=None, next_at=next_at)
