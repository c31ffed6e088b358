"""Looking: whose eyes a page of content met is noted; and an overseer may look at the past instead of the present.

Inside `TocsinMiddleware`, so that refusals become pages here too.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import datetime

from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from psycopg.errors import ReadOnlySqlTransaction

from tocsin.kernel import clock
from tocsin.kernel.errors import Conflict
from tocsin.oversee import past, subjects
from tocsin.oversee.actions import glance
from tocsin.oversee.models import World
from tocsin.people.terms import Permission
from tocsin.web.middleware import actor
from tocsin.web.pages import errors

log = logging.getLogger("tocsin.web")
SESSION_KEY = "past"
_PRESENT = ("/accounts/", "/api/", "/asof", "/live", "/static/", "/healthz")
"""Addresses that are always of the present: signing in and out, other systems, and the way back."""
_SHOWN = {
    "report": "report",
    "situation": "situation",
    "warning": "warning",
    "rfi": "rfi",
    "dissent": "dissent",
    "finding": "finding",
    "inquiry": "inquiry",
    "sighting": "sighting",
    "sar": "sar",
    "intelligence-entry": "entry",
    "matrix": "",
}
"""Pages that show a subject's content -> the part of their address that names it."""
_READ_ONLY = "nothing can be changed in the past: you look at it as it was"


class LookingMiddleware:
    """Sets the past for the length of one request; notes who was shown what, afterwards and in the present."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        now = clock.now()
        world = _world(request)
        if world is None:
            response = self.get_response(request)
            _note(request, response, _seen(request, response), now)
            return response
        request._tocsin_past = world  # type: ignore[attr-defined]
        if request.method not in {"GET", "HEAD", "OPTIONS"}:
            cure = "Go back to now first: the button is in the bar at the top."
            return errors.refusal(request, Conflict(_READ_ONLY, cure=cure))
        try:
            with past.standing(world):
                response = self.get_response(request)
                seen = None if _wrote(request) else _seen(request, response)
        except Conflict as error:
            request.session.pop(SESSION_KEY, None)
            request._tocsin_past = None  # type: ignore[attr-defined]
            return errors.refusal(request, error)
        if _wrote(request):
            return errors.refusal(request, Conflict(_READ_ONLY))
        _note(request, response, seen, now)
        return response

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponse | None:
        """A page that tried to write in the past: its transaction is dead, the words come after it has ended."""
        if not isinstance(error.__cause__, ReadOnlySqlTransaction):
            return None
        transaction.set_rollback(True)
        request._tocsin_wrote = True  # type: ignore[attr-defined]
        return HttpResponse(status=409)


def _world(request: HttpRequest) -> World | None:
    """The world this request looks at; None for the present. The actor stays who they are today."""
    chosen = request.session.get(SESSION_KEY) if hasattr(request, "session") else None
    if not chosen or request.path.startswith(_PRESENT) or not request.user.is_authenticated:
        return None
    found = World.objects.filter(id=chosen, state="READY").first()
    if found is None or Permission.OVERSEE not in actor(request).permissions:
        request.session.pop(SESSION_KEY, None)
        return None
    return found


def _wrote(request: HttpRequest) -> bool:
    return getattr(request, "_tocsin_wrote", False)


def _seen(request: HttpRequest, response: HttpResponseBase) -> tuple[str, int] | None:
    """(subject, version) that this response showed to somebody signed in; None where it showed no content."""
    match = request.resolver_match
    if request.method != "GET" or response.status_code != 200 or match is None:
        return None
    name = match.url_name or ""
    if not request.user.is_authenticated:
        return None
    shown = str(match.kwargs.get(_SHOWN.get(name) or "", "")) or str(
        getattr(request, "_tocsin_shown", "")
    )
    kind = subjects.kind_of(shown) if shown else None
    if kind is None:
        return None
    version = kind.version_of(shown)
    return None if version is None else (shown, version)


def _note(
    request: HttpRequest,
    response: HttpResponseBase,
    seen: tuple[str, int] | None,
    now: datetime,
) -> None:
    if seen is not None:
        glance(actor(request), *seen, now)
