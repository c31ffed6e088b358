"""The time machine: ask for a moment, step into it, come back. The pages of the past are the same pages."""

from __future__ import annotations

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import path
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from tocsin.kernel import clock
from tocsin.kernel.errors import Invalid, TocsinError
from tocsin.oversee.actions import ask_past, enter_past, forget_past
from tocsin.oversee.models import World
from tocsin.people.rules import permit
from tocsin.people.store import names
from tocsin.people.terms import Permission
from tocsin.web.looking import SESSION_KEY
from tocsin.web.middleware import actor
from tocsin.web.pages.warning_times import FORM, read_local, zone


@login_required
@require_http_methods(["GET", "POST"])
def asof(request: HttpRequest) -> HttpResponse:
    """The moments that stand ready, and asking for another."""
    a = actor(request)
    permit(a, Permission.OVERSEE)
    typed, error = request.POST.get("at", ""), None
    if request.method == "POST":
        try:
            at = read_local(typed, "at")
            if at is None:
                raise Invalid("is empty", field="at", cure="Write it as 2026-03-05T18:30.")
            ask_past(a, at=at)
        except TocsinError as e:
            error = e
        else:
            return redirect("asof")
    rows = list(World.objects.order_by("-asked_at")[:20])
    known = names({r.asked_by for r in rows})
    context = {
        "worlds": [(r, known.get(r.asked_by, r.asked_by)) for r in rows],
        "building": any(r.state in ("WAITS", "BUILDS") for r in rows),
        "typed": typed,
        "latest": clock.now().astimezone(zone()).strftime(FORM),
        "error": error,
        "inside": request.session.get(SESSION_KEY, ""),
    }
    return render(request, "asof/page.html", context, status=error.status if error else 200)


@login_required
@require_GET
def part(request: HttpRequest) -> HttpResponse:
    """The list by itself: it follows a build."""
    a = actor(request)
    permit(a, Permission.OVERSEE)
    rows = list(World.objects.order_by("-asked_at")[:20])
    known = names({r.asked_by for r in rows})
    context = {
        "worlds": [(r, known.get(r.asked_by, r.asked_by)) for r in rows],
        "building": any(r.state in ("WAITS", "BUILDS") for r in rows),
        "inside": request.session.get(SESSION_KEY, ""),
    }
    return render(request, "asof/worlds.html", context)


@login_required
@require_POST
def enter(request: HttpRequest, world: str) -> HttpResponse:
    """Step into a moment: from here on every page of this session shows it."""
    row = enter_past(actor(request), world=world)
    request.session[SESSION_KEY] = row.id
    return redirect("/")


@login_required
@require_POST
def leave(request: HttpRequest) -> HttpResponse:
    """Back to now, on the page one was on."""
    request.session.pop(SESSION_KEY, None)
    to = request.POST.get("next", "")
    safe = url_has_allowed_host_and_scheme(to, allowed_hosts=None)
    return redirect(to if safe and to.startswith("/") else "asof")


@login_required
@require_POST
def drop(request: HttpRequest, world: str) -> HttpResponse:
    """Take a moment down; it can be built again."""
    forget_past(actor(request), world=world)
    messages.success(request, "Taken down. It can be built again from the record.")
    return redirect("asof")


urlpatterns = [
    path("asof", asof, name="asof"),
    path("asof/part", part, name="asof-part"),
    path("asof/leave", leave, name="asof-leave"),
    path("asof/<str:world>/enter", enter, name="asof-enter"),
    path("asof/<str:world>/drop", drop, name="asof-drop"),
]
