"""Reading what was collected: reports and their texts, sources and their charters, refused input, tips."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import timedelta
from typing import Any

import msgspec
from django.db.models import Exists, OuterRef, QuerySet

from tocsin.collect.models import Refusal, Report, Source, Tip, TipQuestion, Version
from tocsin.collect.terms import Charter, RefusalState, Reliability, Scope, SourceKind, SourceState
from tocsin.kernel.errors import NotFound
from tocsin.people.terms import Actor, Permission
from tocsin.people.visibility import get_visible, visible_to
from tocsin.record.store import contents


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
    """The sources of the actor's own agency; the system and administrators see all (sources hold no content)."""
    rows = Source.objects.order_by("name", "id")
    if actor.system or Permission.ADMINISTER in actor.permissions:
        return rows
    if not actor.agency or Permission.READ_RECORD not in actor.permissions:
        return rows.none()
    return rows.filter(agency=actor.agency)


def source(actor: Actor, source_id: str) -> Source:
    """One source. Raises: NotFound, the same for absent and for another agency's."""
    found = sources(actor).filter(id=source_id).first()
    if found is None:
        raise NotFound("there is no such source, or it is not your agency's", field="source")
    return found


def source_names(ids: Iterable[str]) -> dict[str, str]:
    """Source id -> name; for rows the caller may see."""
    return dict(Source.objects.filter(id__in=set(ids)).values_list("id", "name"))


def tip_lines() -> QuerySet[Source]:
    """The open tip lines, for the public page."""
    return Source.objects.filter(kind=SourceKind.TIP, state=SourceState.ACTIVE).order_by(
        "name", "id"
    )


def charter(row: Source) -> Charter:
    """What the source may be used for, as the rules of collecting want it."""
    return Charter(
        authority=row.authority,
        purposes=frozenset({row.purpose}),
        retention=timedelta(days=row.retention_days),
        reliability=Reliability(row.reliability),
        scope=msgspec.convert(row.scope, Scope),
        valid_from=row.valid_from,
        valid_until=row.valid_until,
    )


def refusals(
    actor: Actor, *, source: str = "", state: str = RefusalState.OPEN
) -> QuerySet[Refusal]:
    """Refused input the actor may see, newest first."""
    rows = visible_to(actor, Refusal.objects.filter(state=state)).order_by("-received_at", "-id")
    return rows.filter(source=source) if source else rows


def refusal_texts(rows: Sequence[Refusal]) -> dict[str, dict[str, Any]]:
    """Refusal id -> {"where", "reason", "cure"}. One query."""
    found = contents(row.content for row in rows)
    return {row.id: found.get(row.content, {}) for row in rows}


def tip(actor: Actor, report_id: str) -> Tip | None:
    """The tip behind a report the actor may see; None when it is no tip. Raises: NotFound."""
    report(actor, report_id)
    return Tip.objects.filter(report=report_id).first()


def tip_exchange(report_id: str) -> list[dict[str, Any]]:
    """What was asked back on a tip and what came, oldest first: [{"row", "question", "answer"}]."""
    rows = list(TipQuestion.objects.filter(report=report_id).order_by("id"))
    found = contents([v for row in rows for v in (row.question, row.answer)])
    return [
        {
            "row": row,
            "question": found.get(row.question, {}).get("text", ""),
            "answer": found.get(row.answer, {}).get("text", ""),
        }
        for row in rows
    ]


def unread_tips(actor: Actor) -> QuerySet[Report]:
    """Reports whose giver added something nobody has read yet."""
    waiting = TipQuestion.objects.filter(report=OuterRef("pk"), read_at=None).exclude(
        answered_at=None
    )
    return visible_to(actor, Report.objects.filter(Exists(waiting))).order_by("received_at", "id")
