"""Asking to look behind a mask, deciding on it, looking while the grant lasts."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import path
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from tocsin.duties.models import Duty
from tocsin.kernel import clock
from tocsin.kernel.errors import Conflict, Forbidden, Invalid, TocsinError
from tocsin.people.rules import permit
from tocsin.people.terms import Permission
from tocsin.retain import actions, store
from tocsin.retain.terms import DECIDE_UNMASKING, REVIEW_LOOK
from tocsin.web.middleware import actor
from tocsin.web.pages.admin_forms import blame
from tocsin.web.pages.retention import SHOWN, unmasking_lines
from tocsin.web.pages.retention_forms import ReasonForm


@login_required
@require_GET
def unmaskings(request: HttpRequest) -> HttpResponse:
    """Requests: one's own; all of the agency for those who decide or oversee them."""
    a = actor(request)
    permit(a, Permission.READ_RECORD)
    page = Paginator(store.unmaskings(a), SHOWN).get_page(request.GET.get("page"))
    context = {"page": page, "lines": unmasking_lines(page)}
    return render(request, "retention/unmaskings.html", context)


@login_required
@require_http_methods(["GET", "POST"])
def unmasking_ask(request: HttpRequest, report: str) -> HttpResponse:
    """Ask to see the original of a report."""
    a = actor(request)
    permit(a, Permission.READ_RECORD)
    row = store.report(a, report)
    if row.agency != a.agency:
        raise Forbidden("only the agency that collected it may see behind the mask")
    form = ReasonForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            made = actions.ask_unmasking(a, report=report, reason=form.cleaned_data["reason"])
        except TocsinError as e:
            blame(form, e)
        else:
            messages.success(request, "Asked. A second person decides; you are told here.")
            return redirect("unmasking", made)
    status = 422 if form.is_bound else 200
    context = {"form": form, "report": row}
    return render(request, "retention/unmasking_ask.html", context, status=status)


@login_required
@require_GET
def unmasking(request: HttpRequest, request_id: str) -> HttpResponse:
    """One request."""
    return _unmasking(request, request_id)


def _unmasking(
    request: HttpRequest, request_id: str, status: int = 200, **more: Any
) -> HttpResponse:
    a, now = actor(request), clock.now()
    permit(a, Permission.READ_RECORD)
    row = store.unmasking(a, request_id)
    owed = Duty.objects.filter(discharged_at=None)
    live = row.state == "GRANTED" and row.until is not None and row.until > now
    context = {
        **unmasking_lines([row])[0],
        "live": live,
        "duty": owed.filter(subject=row.id, kind__in=(DECIDE_UNMASKING, REVIEW_LOOK)).first(),
        "may_decide": row.state in ("ASKED", "TAKEN")
        and Permission.UNMASK in a.permissions
        and row.asked_by != a.person,
        "may_look": live and row.asked_by == a.person,
        "form": ReasonForm(),
        **more,
    }
    answer = render(request, "retention/unmasking.html", context, status=status)
    answer.headers["Cache-Control"] = "no-store"
    return answer


@login_required
@require_POST
def unmasking_act(request: HttpRequest, request_id: str) -> HttpResponse:
    """Grant, refuse, or look."""
    a, act = actor(request), request.POST.get("act", "")
    try:
        if act == "look":
            body = actions.look(a, request=request_id)
            return _unmasking(request, request_id, original=body)
        if act not in ("grant", "refuse"):
            raise Invalid("is none of those", field="act", cure="Press one of the buttons.")
        reason = request.POST.get("reason", "")
        actions.decide_unmasking(a, request=request_id, grant=act == "grant", reason=reason)
    except (Invalid, Conflict) as e:
        form = ReasonForm({"reason": request.POST.get("reason", "")})
        form.is_valid()
        blame(form, e)
        return _unmasking(request, request_id, e.status, form=form)
    messages.success(request, "Your decision is on the record.")
    return redirect("unmasking", request_id)


urlpatterns = [
    path("unmasking", unmaskings, name="unmaskings"),
    path("unmasking/ask/<str:report>", unmasking_ask, name="unmasking-ask"),
    path("unmasking/<str:request_id>", unmasking, name="unmasking"),
    path("unmasking/<str:request_id>/act", unmasking_act, name="unmasking-act"),
]
