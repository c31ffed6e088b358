"""Every request gets its actor; every refusal becomes a page that says what is wrong and the cure."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import cast
from urllib.parse import quote

from django.db import DataError
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase

from tocsin.kernel.errors import TocsinError
from tocsin.people.store import actor_of
from tocsin.people.terms import Actor
from tocsin.record import store as record
from tocsin.web import site_clock
from tocsin.web.pages import errors

log = logging.getLogger("tocsin.web")
NOBODY = Actor(person="", agency="", name="")

_HEADERS = {
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=(), browsing-topics=()",
    "Cross-Origin-Resource-Policy": "same-origin",
}
_SIGNED_OUT = "You are signed out. Nothing was changed. Reload the page and sign in again."


class TocsinMiddleware:
    """Last in the chain: the site's clock, refusals in words, and what a shared computer must not keep."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        site_clock.exercise()
        if request.user.is_authenticated and not request.headers.get("HX-Request"):
            # Read before the page is: the feed takes up from here, so nothing falls between page and feed.
            request._tocsin_place = record.size() - 1  # type: ignore[attr-defined]
        response = errors.bad_request(request) if _has_nul(request) else self.get_response(request)
        for name, value in _HEADERS.items():
            response.headers.setdefault(name, value)
        if request.user.is_authenticated or request.path.startswith("/accounts/"):
            # A watch floor shares its computers: the next person's "back" shows nothing.
            response.headers.setdefault("Cache-Control", "private, no-store")
        if request.headers.get("HX-Request") and _to_sign_in(response):
            return HttpResponse(status=401, headers={"Tocsin-Message": quote(_SIGNED_OUT)})
        return response

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponse | None:
        if isinstance(error, DataError):
            # What no column can hold (a NUL in a form, a number too long) came from outside.
            log.warning("not stored at %s: %s", request.path, error)
            return errors.bad_request(request)
        return errors.refusal(request, error) if isinstance(error, TocsinError) else None


def _has_nul(request: HttpRequest) -> bool:
    """An address with a NUL: no name contains one, and no column of the database holds it."""
    return "\x00" in request.path or "%00" in request.META.get("QUERY_STRING", "")


def _to_sign_in(response: HttpResponseBase) -> bool:
    """A part must not be swapped for the page to sign in on."""
    return response.status_code == 302 and response.headers.get("Location", "").startswith(
        "/accounts/login/"
    )


def actor(request: HttpRequest) -> Actor:
    """The actor of this request, read from the database once; nobody when not signed in."""
    found = getattr(request, "_tocsin_actor", None)
    if found is None:
        found = actor_of(request.user) if request.user.is_authenticated else NOBODY
        request._tocsin_actor = found  # type: ignore[attr-defined]
    return cast(Actor, found)
