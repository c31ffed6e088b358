"""Reading the record: entries in the order of the tree, and content from the vault."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta
from itertools import accumulate, pairwise
from typing import Any

import msgspec
import psycopg
from django.db import connection

from tocsin.kernel import clock
from tocsin.kernel.clock import OffsetClock, PacedClock
from tocsin.record import models
from tocsin.record.models import Place, Site, Vault
from tocsin.record.terms import Entry

_decode = msgspec.json.Decoder(Entry).decode


def decode(body: bytes | memoryview) -> Entry:
    """The entry of stored bytes. Raises: msgspec.ValidationError when they are not one."""
    return _decode(body)


def size() -> int:
    """How many entries have a place in the tree."""
    last = Place.objects.order_by("-seq").first()
    return last.seq + 1 if last else 0


def entries(
    first: int = 0, last: int | None = None, *, batch: int = 20_000
) -> Iterator[tuple[int, Entry]]:
    """(place, entry) in the order of the tree, from place `first` up to but without `last`."""
    for seq, _, body in bodies(first, last, batch=batch):
        yield seq, _decode(body)


def bodies(
    first: int = 0, last: int | None = None, *, batch: int = 20_000
) -> Iterator[tuple[int, bytes, bytes]]:
    """(place, leaf as placed, entry's bytes) in the order of the tree, read in batches by key."""
    query = (
        "SELECT p.seq, p.leaf, e.body FROM record_place p JOIN record_entry e USING (n) "
        "WHERE p.seq >= %s AND p.seq < %s ORDER BY p.seq"
    )
    end = size() if last is None else last
    connection.ensure_connection()
    # Past Django's cursor for the binary format: bytes arrive as they are, not as hexadecimal to decode.
    with connection.wrap_database_errors, psycopg.Cursor(connection.connection) as cursor:
        while first < end:
            cursor.execute(query, [first, min(end, first + batch)], binary=True)
            rows = cursor.fetchall()
            yield from rows
            first = rows[-1][0] + 1 if rows else first + batch


@dataclass(frozen=True, slots=True)
class Run:
    """The entries at a run of places: their leaves end to end, their bytes end to end, and how long each is."""

    leaves: bytes
    bytes_: bytes
    lengths: list[int]

    def bodies(self) -> list[bytes]:
        """Each entry's bytes, in the order of the tree."""
        whole, ends = self.bytes_, [0, *accumulate(self.lengths)]
        return [whole[a:b] for a, b in pairwise(ends)]


def runs(total: int, batch: int) -> Iterator[tuple[int, Run]]:
    """(first place, run) for the places below `total`, `batch` at a time, inside the caller's transaction.

    A run travels as three values, not as a row an entry, and the next one is read while the caller works
    on the last: reading rows was most of the time that `record verify` took.
    """
    connection.ensure_connection()
    raw = connection.connection

    def read(first: int) -> Run:
        with psycopg.Cursor(raw) as cursor:
            cursor.execute(_RUN, [first, min(total, first + batch)], binary=True)
            leaves, whole, lengths = cursor.fetchone() or (None, None, None)
        return Run(leaves or b"", whole or b"", lengths or [])

    with connection.wrap_database_errors, ThreadPoolExecutor(1) as ahead:
        coming = ahead.submit(read, 0)
        for first in range(0, total, batch):
            run = coming.result()
            if first + batch < total:
                coming = ahead.submit(read, first + batch)
            yield first, run


_RUN = """
SELECT string_agg(leaf, ''), string_agg(body, ''), array_agg(octet_length(body))
FROM (
    SELECT p.leaf, e.body FROM record_place p JOIN record_entry e USING (n)
    WHERE p.seq >= %s AND p.seq < %s ORDER BY p.seq
) AS run
"""


def of_subject(subject: str) -> list[tuple[int, int | None, Entry]]:
    """(acceptance number, place or None, entry) of one subject, oldest first."""
    query = (
        "SELECT e.n, p.seq, e.body FROM record_entry e LEFT JOIN record_place p USING (n) "
        "WHERE e.subject = %s ORDER BY e.n"
    )
    with connection.cursor() as cursor:
        cursor.execute(query, [subject])
        return [(n, seq, _decode(body)) for n, seq, body in cursor.fetchall()]


def contents(ids: Iterable[str]) -> dict[str, dict[str, Any]]:
    """Vault id -> content, for what has not been forgotten. The caller has checked sight of the subject."""
    wanted = [i for i in ids if i]
    return dict(Vault.objects.filter(id__in=wanted).values_list("id", "body"))


def content(vault: str) -> dict[str, Any]:
    """One content, or {} when it was forgotten."""
    return contents([vault]).get(vault, {})


_FOLLOWED = timedelta(days=1)  # a clock that once stood in another year is not followed there


def install_clock() -> str:
    """Run this process on the installation's clock: an exercise's, where one is loaded. Returns its name or ''.

    Otherwise the machine's, but not before the last entry: should the clock have been stepped back since.
    """
    site = Site.objects.filter(id=1).first()
    if site is None or not site.exercise:
        last = models.Entry.objects.order_by("-n").values_list("recorded_at", flat=True).first()
        if last and last - clock.now() < _FOLLOWED:
            clock.not_before(last)
        return ""
    offset = timedelta(microseconds=site.clock_offset_us)
    if site.clock_pace != 1 and site.clock_since:
        clock.install(PacedClock(site.clock_since + offset, site.clock_since, site.clock_pace))
    else:
        clock.install(OffsetClock(offset))
    return site.exercise
