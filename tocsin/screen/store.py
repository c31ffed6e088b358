"""What the intake has to know of what is stored: earlier versions, groups and who leads them, operations' words."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from django.db import connection

from tocsin.collect.models import Group, Report, Source
from tocsin.kernel.errors import NotFound
from tocsin.people.models import Operation, Participation

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
