"""The front page: what is owed, by time left."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import path
from django.views.decorators.http import require_GET

from tocsin.duties import store as duties
from tocsin.kernel import clock
from tocsin.kernel.errors import NotFound
from tocsin.web import owing
from tocsin.web.middleware import actor
from tocsin.web.numbers import number
from tocsin.web.subjects import page
from tocsin.web.wellness import health


@login_required
@require_GET
def owed(request: HttpRequest) -> HttpResponse:
    """Overdue, the next 15 minutes, the next hour, later; and whether the system itself is well."""
    return render(request, "owed/page.html", {**_groups(request), **_rail(request)})


@login_required
@require_GET
def part(request: HttpRequest) -> HttpResponse:
    """The list alone, for the live feed."""
    return render(request, "owed/part.html", _groups(request))


@login_required
@require_GET
def rail(request: HttpRequest) -> HttpResponse:
    """The rail alone. It is asked for by time too: a worker that stands still tells nobody."""
    return render(request, "owed/rail.html", _rail(request))


@login_required
@require_GET
def everything(request: HttpRequest, when: str) -> HttpResponse:
    """One group in full, by page."""
    a, now, show = actor(request), clock.now(), _show(request)
    if when not in owing.bounds(now):
        raise NotFound("there is no such list", cure="Use overdue, soon, hour or later.")
    label, within = owing.bounds(now)[when]
    rows = owing.owed(a, show, now).filter(within)
    count = rows.count()
    first = _first(request, count)
    found = owing.describe(a, list(rows[first : first + owing.PAGE]), now)
    context = {
        "show": show,
        "shows": owing.SHOWS,
        "group": owing.Group(when, label, count, found),
        "first": first + 1 if count else 0,
        "last": min(first + owing.PAGE, count),
        "before": max(0, first - owing.PAGE) if first else None,
        "after": first + owing.PAGE if first + owing.PAGE < count else None,
    }
    return render(request, "owed/list.html", context)


def _first(request: HttpRequest, count: int) -> int:
    return min(number(request.GET.get("from")), max(0, count - 1))


def _show(request: HttpRequest) -> str:
    asked = request.GET.get("show", "")
    return asked if asked in owing.SHOWS else "mine"


def _groups(request: HttpRequest) -> dict[str, Any]:
    a, show = actor(request), _show(request)
    return {
        "show": show,
        "shows": owing.SHOWS,
        "groups": owing.front(a, show, clock.now()),
        "has_queue": bool(page("queue")),
    }


def _rail(request: HttpRequest) -> dict[str, Any]:
    a = actor(request)
    return {"health": health(a, clock.now()), "untold": duties.notices(a)[:100].count()}


urlpatterns = [
    path("", owed, name="owed"),
    path("owed/part", part, name="owed-part"),
    path("owed/rail", rail, name="owed-rail"),
    path("owed/<str:when>", everything, name="owed-list"),
]
