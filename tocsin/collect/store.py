"""Reading what was collected: sources and their charters, reports and their texts, refused input, tips."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import msgspec
from django.db.models import Count, Q, QuerySet, Sum

from tocsin.collect.models import Outside, Refusal, Report, Run, Source, Tally, Tip, TipQuestion, Version
from tocsin.collect.terms import Charter, RefusalState, Reliability, Scope
from tocsin.kernel.errors import NotFound
from tocsin.people.terms import Actor, Permission
from tocsin.people.visibility import get_visible, visible_to
from tocsin.record.store import contents

HOURS = 48
_HOUR = timedelta(hours=1)


def report(actor: Actor, report_id: str) -> Report:
    """One report. Raises: NotFound, the same for absent and hidden."""
    return get_visible(actor, Report.objects.all(), id=report_id)


def reports(actor: Actor) -> QuerySet[Report]:
    """Every report the actor may see, newest first."""
    return visible_to(actor, Report.objects.all()).order_by("-received_at", "-id")


def texts(rows: Iterable[Report]) -> dict[str, dict[str, Any]]:
    """Report id -> masked content {"text", "why", "site"}; {} for content that was forgotten. One query.

    The caller has the rows by `visible_to`.
    """
    by_vault = {row.content: row.id for row in rows}
    found = contents(by_vault)
    return {report_id: found.get(vault, {}) for vault, report_id in by_vault.items()}


def versions(row: Report) -> list[Version]:
    """Earlier versions of a report the caller may see, oldest first."""
    return list(Version.objects.filter(report=row.id).order_by("version"))


def sources(actor: Actor) -> QuerySet[Source]:
    """The sources of the actor's own agency; the system and administrators see all (they hold no content)."""
    rows = Source.objects.order_by("name", "id")
    if actor.system or Permission.ADMINISTER in actor.permissions:
        return rows
    return rows.filter(agency=actor.agency) if actor.agency else rows.none()


def source(actor: Actor, source_id: str) -> Source:
    """One source. Raises: NotFound, the same for absent and for another agency's."""
    found = sources(actor).filter(id=source_id).first()
    if found is None:
        raise NotFound("there is no such source, or it is not your agency's", field="source")
    return found


def charter(row: Source) -> Charter:
    """What the source may be used for, as the rules of collecting want it."""
    return Charter(
        authority=row.authority,
        purposes=frozenset({row.purpose}),
        retention=timedelta(days=row.retention_days),
        reliability=Reliability(row.reliability),
        scope=msgspec.convert(row.scope, Scope, strict=False),
        valid_from=row.valid_from,
        valid_until=row.valid_until,
    )
