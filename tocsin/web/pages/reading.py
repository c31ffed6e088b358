"""How much a shift reads: the budget, the line that fills it, what lies below it; and the reading of a sample."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import path
from django.views.decorators.http import require_http_methods, require_POST

from tocsin.collect import store as collect
from tocsin.kernel import clock
from tocsin.kernel.errors import Forbidden, Invalid, NotFound
from tocsin.people.models import Operation
from tocsin.people.store import operations_of
from tocsin.people.terms import Actor, Permission
from tocsin.retain.actions import read_sample
from tocsin.screen import budget
from tocsin.screen.actions import set_budget
from tocsin.screen.below import below
from tocsin.web.middleware import actor
from tocsin.web.numbers import number
from tocsin.web.pages.report_view import category_name


@login_required
@require_http_methods(["GET", "POST"])
def reading(request: HttpRequest, operation: str = "") -> HttpResponse:
    """The line of one's own agency for an operation, or for what belongs to none; setting the budget."""
    a = actor(request)
    if not a.permissions & {Permission.ASSESS, Permission.STEER, Permission.OVERSEE}:
        raise Forbidden("how much is read is for those who read, and for oversight")
    row = _operation(a, operation)
    if request.method == "POST":
        typed = request.POST.get("a_shift", "").strip()
        version = number(request.POST.get("version"))
        try:
            wanted = number(typed, None)
            set_budget(
                a, operation=operation, a_shift=-1 if wanted is None else wanted, version=version
            )
        except Invalid as error:
            return _page(request, a, row, error=error, typed=typed, status=422)
        messages.success(
            request, f"A shift can read {typed} reports. The line moves there, a step an hour."
        )
        return redirect("reading-of", row.id) if row else redirect("reading")
    return _page(request, a, row)


def _page(
    request: HttpRequest, a: Actor, row: Operation | None, *, status: int = 200, **more: Any
) -> HttpResponse:
    found = below(a, row.id if row else "", clock.now())
    most = max((b.texts for b in found.bands), default=0) or 1
    context = {
        "operation": row,
        "found": found,
        "bands": [
            (b, round(100 * b.texts / most), [(category_name(s), n) for s, n in b.signs[:4]])
            for b in found.bands
        ],
        "rate": [f"{v / 10:.1f}" for v in (found.rate.share, found.rate.low, found.rate.high)]
        if found.rate
        else [],
        "may_set": Permission.STEER in a.permissions,
        "typed": found.row.a_shift if found.row else "",
        "step": budget.BAND,
        "lowest": budget.LOWEST,
        "highest": budget.HIGHEST,
        "others": operations_of(a).filter(ends_at__gte=clock.now()).order_by("starts_at")[:50],
        **more,
    }
    return render(request, "reading/page.html", context, status=status)


def _operation(a: Actor, operation: str) -> Operation | None:
    """Raises: NotFound, the same for absent and hidden."""
    if not operation:
        return None
    row = operations_of(a).filter(id=operation).first()
    if row is None:
        raise NotFound("there is no such operation, or your agency takes no part in it")
    return row


@login_required
@require_POST
def sample(request: HttpRequest, report: str) -> HttpResponse:
    """The reading of a sample: it matters, or it is forgotten."""
    a, answer = actor(request), request.POST.get("matters", "")
    collect.report(a, report)  # absent and hidden look the same, whatever the form says
    if answer not in ("yes", "no"):
        raise Invalid("the form says not whether it matters", cure="Reload the page and try again.")
    matters = answer == "yes"
    version = number(request.POST.get("version"))
    read_sample(a, report=report, version=version, matters=matters)
    messages.success(
        request,
        "It is an ordinary report now; decide on it."
        if matters
        else "Its text is forgotten. That it was read, and did not matter, stays.",
    )
    return redirect("report", report) if matters else redirect("owed")


urlpatterns = [
    path("reading", reading, name="reading"),
    path("reading/<str:operation>", reading, name="reading-of"),
    path("reports/<str:report>/sample", sample, name="report-sample"),
]
