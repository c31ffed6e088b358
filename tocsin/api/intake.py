"""Reports in: each item gets its own answer, and a call that is sent twice counts once."""

from __future__ import annotations

import hashlib
from datetime import timedelta
from typing import Annotated

from django.db import IntegrityError, transaction
from django.http import HttpRequest
from ninja import Header, Router

from tocsin.api.shapes import ItemOut, ReportIn, ReportOut, ReportsIn, ReportsOut
from tocsin.api.site import actor_of
from tocsin.collect import rules
from tocsin.collect import store as collect
from tocsin.collect.models import Report, Source
from tocsin.collect.terms import Item, SourceKind
from tocsin.kernel import clock
from tocsin.kernel.errors import Conflict, Invalid
from tocsin.people.models import ApiReceipt
from tocsin.people.rules import permit
from tocsin.people.terms import Actor, Permission
from tocsin.screen.actions import take_in
from tocsin.screen.terms import Verdict

router = Router(tags=["reports"])
KEPT = timedelta(days=1)


@router.post("/reports", response=ReportsOut, summary="Send reports")
def send(
    request: HttpRequest,
    body: ReportsIn,
    idempotency_key: Annotated[str, Header(max_length=200)] = "",
) -> ReportsOut:
    """Screen up to 1,000 items. What stands out is kept, masked; of the rest nothing is kept but a count.

    With an `Idempotency-Key` header, the same call again within a day gets the same answer.
    """
    actor = actor_of(request)
    permit(actor, Permission.COLLECT)
    source = collect.source(actor, body.source)
    if source.kind != SourceKind.API:
        raise Invalid(
            "this source does not take reports here", field="source", cure="Use one of kind api."
        )
    if not idempotency_key:
        return _take(actor, source, body.items)
    digest = hashlib.sha256(request.body).hexdigest()
    receipt = _receipt(actor, idempotency_key, digest)
    if receipt.answer is None:
        receipt.answer = _take(actor, source, body.items).model_dump(mode="json")
        receipt.save(update_fields=["answer"])
    return ReportsOut.model_validate(receipt.answer)


@router.get("/reports/{report_id}", response=ReportOut, summary="One flagged report, masked")
def one(request: HttpRequest, report_id: str) -> ReportOut:
    """A report you may see; 404 for one that is not there or not yours to see."""
    row = collect.report(actor_of(request), report_id)
    return shown(row, collect.texts([row])[row.id])


def shown(row: Report, content: dict[str, object]) -> ReportOut:
    """A report with its masked words."""
    return ReportOut(
        **{f: getattr(row, f) for f in ReportOut.model_fields if f not in ("title", "text")},
        title=str(content.get("title", "")),
        text=str(content.get("text", "")),
    )


def _take(actor: Actor, source: Source, sent: list[ReportIn]) -> ReportsOut:
    items = [Item(**{k: v for k, v in one.model_dump().items() if v is not None}) for one in sent]
    place = {id(item): i for i, item in enumerate(items)}
    results = [_barred(source, item, i) for i, item in enumerate(items)]

    def watch(item: Item, verdict: Verdict | None) -> None:
        results[place[id(item)]] = ItemOut(
            index=place[id(item)], result="flagged" if verdict else "counted"
        )

    take_in(source, items, actor=actor, watch=watch)
    count = {
        kind: sum(r.result == kind for r in results) for kind in ("flagged", "counted", "refused")
    }
    return ReportsOut(items=results, **count)


def _barred(source: Source, item: Item, index: int) -> ItemOut:
    """What is said of an item that never reaches the screen: it lies outside its source's purpose."""
    ruling = rules.within_purpose(
        item,
        collect.charter(source),
        purpose=source.purpose,
        operation=source.operation,
        now=clock.now(),
    )
    cure = "Send it to a source whose purpose covers it."
    return ItemOut(
        index=index, result="refused", reason=ruling.reason.value, field="item", cure=cure
    )


def _receipt(actor: Actor, key: str, digest: str) -> ApiReceipt:
    """The receipt of this key: a new one, or the one of the first call. Raises: Conflict."""
    now = clock.now()
    ApiReceipt.objects.filter(at__lt=now - KEPT).delete()
    try:
        with transaction.atomic():
            return ApiReceipt.objects.create(person=actor.person, key=key, digest=digest, at=now)
    except IntegrityError:
        found = ApiReceipt.objects.get(person=actor.person, key=key)
    if found.digest != digest:
        raise Conflict(
            "this key was used for another call", field="Idempotency-Key", cure="Use a new key."
        )
    # Without an answer the first call is still running, or died; intake itself stores nothing twice.
    return found
