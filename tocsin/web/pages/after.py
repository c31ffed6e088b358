"""The after-action report of an operation: as it reads, as a PDF, and its proposed findings, filed one by one."""

from __future__ import annotations

from datetime import timedelta
from zoneinfo import ZoneInfo

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import path
from django.utils.safestring import mark_safe
from django.views.decorators.http import require_GET, require_http_methods

from tocsin.formats.papers import markup
from tocsin.formats.papers.pdf import pdf
from tocsin.kernel import clock, settings
from tocsin.kernel.errors import NotFound
from tocsin.oversee import actions, after, lessons
from tocsin.oversee.terms import TOPICS
from tocsin.people.models import Operation
from tocsin.people.terms import Actor, Permission, Role
from tocsin.web.pages.plan_shared import Form, Problem, frame, mine, perform

DUE = timedelta(days=30)
"""How long the owner of a finding filed here has to answer."""


@login_required
@require_http_methods(["GET", "POST"])
def after_page(request: HttpRequest, operation: str) -> HttpResponse:
    """What happened, how long it took, who never knew, and what is proposed."""
    a, row = mine(request, operation)
    problem: Problem | None = None
    if request.method == "POST":
        answer = perform(request, a, row, {"file": _file})
        if isinstance(answer, str):
            messages.success(request, answer)
            return redirect("after-action", operation=row.id)
        problem = answer
    found = after.gather(a, row, clock.now())
    filed = _filed(a, row)
    context = {
        **frame(a, row, "after"),
        "shown": mark_safe(markup.body(after.paper(found, _zone()))),  # noqa: S308 - all text in it is escaped
        "proposed": [
            {"row": p, "topic": TOPICS[p.topic].title, "filed": _source(row, p.key) in filed}
            for p in after.proposals(found)
        ],
        "may_file": Permission.OVERSEE in a.permissions,
        "running": clock.now() < row.ends_at,
        "problem": problem,
    }
    return render(request, "operations/after.html", context, status=422 if problem else 200)


@login_required
@require_GET
def after_pdf(request: HttpRequest, operation: str) -> HttpResponse:
    """The report as a PDF."""
    a, row = mine(request, operation)
    found = after.gather(a, row, clock.now())
    answer = HttpResponse(pdf(after.paper(found, _zone())), content_type="application/pdf")
    answer["Content-Disposition"] = f'attachment; filename="after-action-{row.id}.pdf"'
    answer["X-Content-Type-Options"] = "nosniff"
    return answer


def _file(a: Actor, row: Operation, form: Form) -> str:
    """File one proposal as it stands now; whoever leads the operation owes an answer. Raises: NotFound, Forbidden."""
    found = after.gather(a, row, clock.now())
    wanted = next((p for p in after.proposals(found) if p.key == form["subject"]), None)
    if wanted is None or _source(row, wanted.key) in _filed(a, row):
        raise NotFound("it is no longer proposed, or was filed already")
    actions.file_finding(
        a,
        title=wanted.title,
        text=wanted.text,
        topic=wanted.topic,
        owner_agency=row.lead_agency,
        owner_role=Role.OPERATION_LEAD.value,
        due_at=clock.now() + DUE,
        source=_source(row, wanted.key),
        venue=row.place,
        tlp="AMBER",
    )
    return "Filed: whoever leads the operation owes an answer."


def _source(row: Operation, key: str) -> str:
    """What a finding names as the report it comes from; by it a proposal is known to be filed."""
    return f"After-action report, {' '.join(row.name.split())} ({row.id}): {key}"


def _filed(a: Actor, row: Operation) -> set[str]:
    rows = list(lessons.findings(a).filter(filed_at__gte=row.starts_at)[:500])
    return {str(w.get("source", "")) for w in lessons.words(rows).values()}


def _zone() -> ZoneInfo:
    return ZoneInfo(settings.current().timezone)


urlpatterns = [
    path("operations/<str:operation>/after", after_page, name="after-action"),
    path("operations/<str:operation>/after.pdf", after_pdf, name="after-action-pdf"),
]
