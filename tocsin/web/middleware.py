"""Every request gets its actor; every refusal becomes a page that says what is wrong and the cure."""

from __future__ import annotations

from collections.abc import Callable
from typing import cast

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from tocsin.kernel.errors import TocsinError
from tocsin.people.models import Account
from tocsin.people.store import actor_of
from tocsin.people.terms import Actor

NOBODY = Actor(person="", agency="", name="")


class TocsinMiddleware:
    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponse | None:
        if not isinstance(error, TocsinError):
            return None
        return render(request, "error.html", {"error": error}, status=error.status)


def actor(request: HttpRequest) -> Actor:
    """The actor of this request, read from the database once; nobody when not signed in."""
    found = getattr(request, "_tocsin_actor", None)
    if found is None:
        found = actor_of(cast(Account, request.user)) if request.user.is_authenticated else NOBODY
        request._tocsin_actor = found  # type: ignore[attr-defined]
    return cast(Actor, found)
