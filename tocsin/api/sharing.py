"""Warnings in other systems' formats, the feed of alerts, and CAP messages in."""

from __future__ import annotations

from typing import Annotated

from django.http import HttpRequest, HttpResponse
from ninja import Query, Router, Schema

from tocsin.api.shapes import Id
from tocsin.api.site import actor_of
from tocsin.exchange.terms import Format, Received

router = Router(tags=["sharing"])
# What reads and writes XML is loaded by the first call that needs it, not by the start of the server.


class ReceivedOut(Schema):
    """What became of a CAP message: receipts it moved, or reports it became."""

    kind: str
    receipts: int
    flagged: int
    counted: int


@router.get(
    "/warnings/{warning_id}/export/{format}", summary="A warning as CAP, EDXL, STIX or MISP"
)
def export(
    request: HttpRequest, warning_id: str, format: Format, cancelled: bool = False
) -> HttpResponse:
    """The released warning, or with `cancelled` the message that takes it back. CAP is signed."""
    from tocsin.exchange import exports  # noqa: PLC0415

    made = exports.export(actor_of(request), warning=warning_id, format=format, cancelled=cancelled)
    return HttpResponse(made.body, content_type=made.media_type)


@router.get("/alerts.atom", summary="The alerts you may see, as a feed of CAP")
def alerts(request: HttpRequest) -> HttpResponse:
    """Newest first. Each entry leads to its CAP message; an issued one never changes."""
    from tocsin.exchange import exports  # noqa: PLC0415

    body = exports.feed(actor_of(request), address="/api/v1")
    return HttpResponse(body, content_type="application/atom+xml")


@router.get("/alerts.pem", auth=None, summary="The certificate alerts are signed with")
def certificate(request: HttpRequest) -> HttpResponse:
    """Public: partners compare it by telephone and pin it."""
    from tocsin.exchange.keys import alert_key  # noqa: PLC0415

    return HttpResponse(alert_key()[1], content_type="application/x-pem-file")


_CAP_BODY = {
    "requestBody": {
        "required": True,
        "content": {"application/cap+xml": {"schema": {"type": "string", "maxLength": 1048576}}},
    }
}


@router.post("/cap", response=ReceivedOut, summary="Send a CAP message", openapi_extra=_CAP_BODY)
def cap(
    request: HttpRequest, source: Annotated[Id | None, Query()] = None
) -> Received | HttpResponse:
    """An alert becomes a report of `source`. An `Ack` says that your system has ours; it is no person's answer.
    Who asks for application/cap+xml gets a signed `Ack` or `Error` in return."""
    from tocsin.exchange.actions.receiving import answer_cap, receive_cap  # noqa: PLC0415

    if "application/cap+xml" in request.headers.get("Accept", ""):
        body = answer_cap(actor_of(request), raw=request.body, source=source or "")
        return HttpResponse(body, status=200 if body else 204, content_type="application/cap+xml")
    return receive_cap(actor_of(request), raw=request.body, source=source or "")
