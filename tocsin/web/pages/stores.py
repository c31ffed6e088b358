"""The upper two stores, each by itself: suspicious activity reports, and criminal intelligence."""

from __future__ import annotations

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import path
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from tocsin.assess.behaviours import BEHAVIOURS
from tocsin.kernel.errors import Conflict, Forbidden, Invalid, TocsinError
from tocsin.people.rules import permit
from tocsin.people.store import names
from tocsin.people.terms import Permission
from tocsin.record.store import content, contents
from tocsin.retain import actions, store
from tocsin.retain.models import Intelligence
from tocsin.retain.terms import Grounds, Vetting
from tocsin.web.middleware import actor
from tocsin.web.pages.admin_forms import blame
from tocsin.web.pages.retention_forms import IntelligenceForm, SarForm, ShareForm

SHOWN = 50


@login_required
@require_GET
def sars(request: HttpRequest) -> HttpResponse:
    """Suspicious activity reports, and nothing else."""
    a = actor(request)
    permit(a, Permission.READ_RECORD)
    page = Paginator(store.sars(a), SHOWN).get_page(request.GET.get("page"))
    texts = contents(r.content for r in page)
    lines = [(r, texts.get(r.content, {}), store.keeping(r.id)) for r in page]
    return render(request, "retention/sars.html", {"page": page, "lines": lines})


@login_required
@require_GET
def sar(request: HttpRequest, sar: str) -> HttpResponse:
    """One suspicious activity report."""
    a = actor(request)
    permit(a, Permission.READ_RECORD)
    row = store.sar(a, sar)
    entered = Intelligence.objects.filter(sar=row.id).exists()
    context = {
        "row": row,
        "body": content(row.content),
        "behaviours": [BEHAVIOURS[b].title for b in row.behaviours if b in BEHAVIOURS],
        "by": names([row.promoted_by]).get(row.promoted_by, row.promoted_by),
        "keeping": store.keeping(row.id),
        "entered": entered,
        "may_enter": Permission.SETTLE in a.permissions
        and row.agency == a.agency
        and not entered
        and row.promoted_by != a.person,
    }
    return render(request, "retention/sar.html", context)


@login_required
@require_http_methods(["GET", "POST"])
def sar_new(request: HttpRequest, report: str) -> HttpResponse:
    """Make a suspicious activity report of a tip or lead."""
    a = actor(request)
    permit(a, Permission.ASSESS)
    row = store.report(a, report)
    if row.agency != a.agency:
        raise Forbidden("only the agency that collected it may promote it")
    form = SarForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        given = form.cleaned_data
        vetting = Vetting(
            tuple(given["behaviours"]), given["facts"], given["nexus"], given["meets"]
        )
        try:
            made = actions.promote_to_sar(a, report=report, vetting=vetting)
        except TocsinError as e:
            blame(form, e)
        else:
            messages.success(request, "Made. It is kept apart from the tip, on a clock of its own.")
            return redirect("sar", made)
    status = 422 if form.is_bound else 200
    text = content(row.content).get("text", "")
    context = {"form": form, "report": row, "text": text}
    return render(request, "retention/sar_new.html", context, status=status)


@login_required
@require_GET
def intelligence(request: HttpRequest) -> HttpResponse:
    """Criminal intelligence, and nothing else."""
    a = actor(request)
    permit(a, Permission.READ_RECORD)
    page = Paginator(store.intelligence(a), SHOWN).get_page(request.GET.get("page"))
    texts = contents(r.content for r in page)
    lines = [(r, texts.get(r.content, {}), store.keeping(r.id)) for r in page]
    return render(request, "retention/intelligence.html", {"page": page, "lines": lines})


@login_required
@require_GET
def intelligence_entry(request: HttpRequest, entry: str) -> HttpResponse:
    """One entry of criminal intelligence."""
    return _entry(request, entry, ShareForm(actor(request)))


@login_required
@require_POST
def intelligence_share(request: HttpRequest, entry: str) -> HttpResponse:
    """Give another agency sight of an entry; it is entered into the account."""
    a = actor(request)
    permit(a, Permission.SETTLE)
    form = ShareForm(a, request.POST)
    if form.is_valid():
        try:
            actions.share_intelligence(a, entry=entry, **form.cleaned_data)
        except (Invalid, Conflict) as e:
            blame(form, e)
        else:
            messages.success(request, "Shared, and entered into the account.")
            return redirect("retention", entry)
    return _entry(request, entry, form, 422)


def _entry(request: HttpRequest, entry: str, form: ShareForm, status: int = 200) -> HttpResponse:
    a = actor(request)
    permit(a, Permission.READ_CONTENT)
    row = store.intelligence_entry(a, entry)
    context = {
        "form": form,
        "own": row.agency == a.agency,
        "may_share": row.agency == a.agency and Permission.SETTLE in a.permissions,
        "row": row,
        "body": content(row.content),
        "by": names([row.promoted_by]).get(row.promoted_by, row.promoted_by),
        "keeping": store.keeping(row.id),
    }
    return render(request, "retention/entry.html", context, status=status)


@login_required
@require_http_methods(["GET", "POST"])
def intelligence_new(request: HttpRequest, sar: str) -> HttpResponse:
    """Enter a suspicious activity report as criminal intelligence."""
    a = actor(request)
    permit(a, Permission.SETTLE)
    row = store.sar(a, sar)
    form = IntelligenceForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            made = actions.promote_to_intelligence(
                a, sar=row.id, grounds=Grounds(**form.cleaned_data)
            )
        except TocsinError as e:
            blame(form, e)
        else:
            messages.success(request, "Entered. It is validated or purged within five years.")
            return redirect(
                "intelligence-entry" if _sees(a, made) else "sar", made if _sees(a, made) else sar
            )
    status = 422 if form.is_bound else 200
    context = {"form": form, "row": row, "body": content(row.content)}
    return render(request, "retention/entry_new.html", context, status=status)


def _sees(a: object, entry: str) -> bool:
    return store.intelligence(a).filter(id=entry).exists()  # type: ignore[arg-type]


urlpatterns = [
    path("stores/sar", sars, name="sars"),
    path("stores/sar/<str:sar>", sar, name="sar"),
    path("stores/sar/from/<str:report>", sar_new, name="sar-new"),
    path("stores/intelligence", intelligence, name="intelligence"),
    path("stores/intelligence/<str:entry>", intelligence_entry, name="intelligence-entry"),
    path("stores/intelligence/<str:entry>/share", intelligence_share, name="intelligence-share"),
    path("stores/intelligence/from/<str:sar>", intelligence_new, name="intelligence-new"),
]
