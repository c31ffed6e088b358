"""A warning of ours as the neutral value every format is written from.

Only what was fixed by its release goes in, so that the same edition, exported again, is the same: what happened to
it since (replaced, expired, confirmed) is told by the next message, never by editing this one.
"""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from django.db.models import Q

from tocsin.assess.models import Assessment
from tocsin.assess.terms import LIKELIHOODS
from tocsin.collect.models import Report
from tocsin.exchange.models import Relay
from tocsin.formats.bulletin import Bulletin, Cited, Earlier, Original, Statement
from tocsin.kernel import settings
from tocsin.kernel.errors import Conflict
from tocsin.record import store as record
from tocsin.record.models import Site
from tocsin.warn import document, store
from tocsin.warn.estimates import STEP_OF
from tocsin.warn.models import Warning
from tocsin.warn.products import product
from tocsin.warn.terms import WAS_RELEASED, Judgment, State


def bulletin(row: Warning, *, cancelled: bool = False, why: str = "") -> Bulletin:
    """The warning, or the message that takes it back. The caller has checked sight.

    `why` = takes back one that was replaced, from those whom the newer edition is not for.

    Raises: Conflict for one that was never released, or never cancelled.
    """
    if row.state not in WAS_RELEASED or row.released_at is None:
        raise Conflict("it was not released", field="warning", cure="Release it first.")
    ended = State.SUPERSEDED if why else State.CANCELLED
    if cancelled and (row.state != ended or row.ended_at is None):
        raise Conflict("it was not cancelled", field="warning", cure="Take the warning itself.")
    opened = store.opened(row)
    kind, words, sent = product(row.type), opened.content, row.released_at
    shown = replace(
        store.document_of(row, words, opened.operation), end_words="", not_reviewed=False
    )
    zone = ZoneInfo(settings.current().timezone)
    text = document.plain(replace(shown, state=State.RELEASED.value), zone)
    reason = ""
    if cancelled and row.ended_at is not None:
        reason = why or str(record.content(row.end_reason).get("text", ""))
        text = f"CANCELLED. Do not act on it. Reason: {reason}\n\n{text}"
    caveats = [kind.banner, "Released before review." if row.review_after else ""]
    base = settings.current().base_url.rstrip("/")
    return Bulletin(
        id=row.id,
        series=row.series,
        edition=row.edition,
        product=row.type,
        product_name=kind.name,
        sender=row.agency,
        agency=shown.agency,
        site=urlsplit(base).hostname or "localhost",
        url=f"{base}/warnings/{row.id}",
        tlp=row.label,
        precedence=row.precedence,
        title=words.title,
        text=text,
        first_at=_first(row, sent),
        sent=row.ended_at if cancelled and row.ended_at else sent,
        summary=words.summary,
        statements=tuple(_statement(j) for j in words.judgments),
        would_change=words.would_change,
        dissent=words.dissent,
        caveat=" ".join(c for c in caveats if c),
        actions=words.actions,
        changed=words.changed,
        expires=row.expires_at,
        event=opened.operation.name if opened.operation else "",
        place=opened.operation.place if opened.operation else "",
        earlier=(Earlier(row.id, sent),) if cancelled else _earlier(row),
        recipients=tuple(sorted({seat["agency"] for seat in row.distribution})),
        sources=_sources(row, sent),
        originals=originals(row.series),
        raw=kind.raw,
        exercise=Site.objects.filter(id=1).exclude(exercise="").exists(),
        cancelled=cancelled,
        cancel_reason=reason,
    )


def originals(series: str) -> tuple[Original, ...]:
    """What a warning passes on, as it came in; () where it passes on nothing, or that was forgotten."""
    relay = Relay.objects.filter(series=series).first()
    report = Report.objects.filter(id=relay.report).first() if relay else None
    found = original(report) if report else None
    return (found,) if found else ()


def original(report: Report) -> Original | None:
    """The message a report came as; None where it came as no message. For the system: the caller answers for sight."""
    extra = record.content(report.original).get("extra", {})
    if not extra.get("format"):
        return None
    raw = extra.get("original", "")
    return Original(
        format=extra["format"],
        identifier=extra.get("identifier", ""),
        sender=extra.get("sender", ""),
        name=extra.get("sender_name", ""),
        raw=base64.b64decode(raw[7:]) if raw.startswith("base64:") else raw.encode(),
    )


def _statement(judgment: Judgment) -> Statement:
    step = STEP_OF.get(judgment.likelihood)
    low, high = (LIKELIHOODS[step].low, LIKELIHOODS[step].high) if step else (0, 0)
    return Statement(
        text=judgment.text,
        likelihood=judgment.likelihood,
        low=low,
        high=high,
        confidence=judgment.confidence,
        basis=judgment.basis,
    )


def _first(row: Warning, sent: datetime) -> datetime:
    """When the first edition went out."""
    older = Warning.objects.filter(series=row.series, released_at__isnull=False)
    first = older.order_by("released_at").values_list("released_at", flat=True).first()
    return first or sent


def _earlier(row: Warning) -> tuple[Earlier, ...]:
    """The editions this one replaces, oldest first."""
    older = Warning.objects.filter(
        series=row.series, edition__lt=row.edition, released_at__isnull=False
    )
    return tuple(
        Earlier(w, at) for w, at in older.order_by("edition").values_list("id", "released_at") if at
    )


def _sources(row: Warning, sent: datetime) -> tuple[Cited, ...]:
    """The sources by id, with the grades they had when the warning went out."""
    ids = [c["id"] for c in row.cites if c["kind"] == "report"]
    reports = Report.objects.in_bulk(ids)
    grades = _grades(ids, sent)
    out = []
    for cited in row.cites:
        report = reports.get(cited["id"])
        grade = grades.get(cited["id"])
        reliability = grade.reliability if grade else report.reliability if report else ""
        out.append(
            Cited(
                id=cited["id"],
                kind=cited["kind"],
                reliability=reliability,
                credibility=str(grade.credibility) if grade else "",
                received_at=report.received_at if report else None,
                last_seen=report.last_seen if report else None,
                seen=report.seen_count if report else 1,
            )
        )
    return tuple(out)


def _grades(ids: Sequence[str], sent: datetime) -> dict[str, Assessment]:
    """Report -> the decision in force on it at that time."""
    standing = Q(undone_at=None) | Q(undone_at__gt=sent)
    rows = Assessment.objects.filter(standing, report__in=ids, decided_at__lte=sent)
    return {row.report: row for row in rows.order_by("decided_at")}
