"""Legal holds: those in force and those lifted, placing one with its letter, lifting it."""

from __future__ import annotations

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import path
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from tocsin.kernel.errors import Conflict, Invalid, TocsinError
from tocsin.people.rules import permit
from tocsin.people.terms import Permission
from tocsin.record.store import content
from tocsin.retain import actions, store
from tocsin.retain.actions.holding import Scope, letter
from tocsin.retain.terms import LETTER_MOST
from tocsin.web import subjects
from tocsin.web.middleware import actor
from tocsin.web.pages.admin_forms import blame
from tocsin.web.pages.retention import hold_lines
from tocsin.web.pages.retention_forms import HoldForm, ReasonForm


@login_required
@require_GET
def holds(request: HttpRequest) -> HttpResponse:
    """The holds of one's agency: those in force first."""
    a = actor(request)
    permit(a, Permission.OVERSEE)
    context = {
        "live": hold_lines(a, lifted=False),
        "lifted": hold_lines(a, lifted=True),
        "may": Permission.HOLD in a.permissions,
    }
    return render(request, "retention/holds.html", context)


@login_required
@require_http_methods(["GET", "POST"])
def hold_new(request: HttpRequest) -> HttpResponse:
    """Place a hold."""
    a = actor(request)
    permit(a, Permission.HOLD)
    posted = (request.POST, request.FILES) if request.method == "POST" else ()
    form = HoldForm(a, *posted, initial={"subjects": request.GET.get("subject", "")})
    if request.method == "POST" and form.is_valid():
        given = form.cleaned_data
        file = given["letter"]
        try:
            made = actions.place_hold(
                a, title=given["title"], text=given["text"],
                scope=Scope(
                    subjects=tuple(given["subjects"].replace(",", " ").split()),
                    operation=given["operation"], agency=a.agency if given["role"] else "",
                    role=given["role"], first=given["first"], last=given["last"],
                    letter=(file.name or "", file.read(LETTER_MOST + 1)),
                ),
            )  # fmt: skip
        except TocsinError as e:
            blame(form, e)
        else:
            messages.success(request, "Placed. From now on nothing it covers is purged.")
            return redirect("hold", made)
    status = 422 if form.is_bound else 200
    return render(request, "retention/hold_new.html", {"form": form}, status=status)


@login_required
@require_GET
def hold(request: HttpRequest, hold: str) -> HttpResponse:
    """One hold."""
    return _hold(request, hold, ReasonForm())


def _hold(request: HttpRequest, hold_id: str, form: ReasonForm, status: int = 200) -> HttpResponse:
    a = actor(request)
    permit(a, Permission.OVERSEE)
    row = store.hold(a, hold_id)
    line = next(x for x in hold_lines(a) if x["row"].id == row.id)
    context = {
        **line,
        "body": content(row.content),
        "why": content(row.lift_reason).get("text", "") if row.lift_reason else "",
        "named": [(s, subjects.word(s), subjects.subject_url(s)) for s in row.subjects],
        "may_lift": Permission.HOLD in a.permissions and row.lifted_at is None,
        "form": form,
    }
    return render(request, "retention/hold.html", context, status=status)


@login_required
@require_POST
def lift(request: HttpRequest, hold: str) -> HttpResponse:
    """Lift a hold, for a reason."""
    form = ReasonForm(request.POST)
    form.is_valid()
    try:
        count = actions.lift_hold(actor(request), hold=hold, reason=request.POST.get("reason", ""))
    except (Invalid, Conflict) as e:
        blame(form, e)
        return _hold(request, hold, form, e.status)
    words = f" {count} sealed things are no longer sealed; what is over goes now." if count else ""
    messages.success(request, f"Lifted. The clocks go on.{words}")
    return redirect("hold", hold)


@login_required
@require_GET
def hold_letter(request: HttpRequest, hold: str) -> HttpResponse:
    """The letter, to be saved: never shown by the browser as a page of ours."""
    name, file = letter(actor(request), hold)
    response = HttpResponse(file, content_type="application/octet-stream")
    plain = name.encode("ascii", "replace").decode().replace('"', "")
    response["Content-Disposition"] = f'attachment; filename="{plain}"'
    return response


urlpatterns = [
    path("holds", holds, name="holds"),
    path("holds/new", hold_new, name="hold-new"),
    path("holds/<str:hold>", hold, name="hold"),
    path("holds/<str:hold>/lift", lift, name="hold-lift"),
    path("holds/<str:hold>/letter", hold_letter, name="hold-letter"),
]
