"""What the plan says in words: objectives (ICS 202) and medical care (ICS 206), in one form."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import path
from django.views.decorators.http import require_http_methods

from tocsin.people.models import Operation
from tocsin.people.terms import Actor
from tocsin.plan import actions, store
from tocsin.plan.terms.brief import CARE_CAP, KINDS, Brief, Care
from tocsin.web.pages.plan_shared import Act, Form, Problem, frame, mine, perform

SPARE = 2
"""Empty rows that wait below those that are filled."""
_COLUMNS = ("name", "place", "phone", "note")


@login_required
@require_http_methods(["GET", "POST"])
def brief_page(request: HttpRequest, operation: str) -> HttpResponse:
    """Objectives and medical care: read by all who take part, written by whoever plans."""
    a, row = mine(request, operation)
    problem: Problem | None = None
    if request.method == "POST":
        answer = perform(request, a, row, _ACTS)
        if isinstance(answer, str):
            messages.success(request, answer)
            return redirect("plan-brief", operation=row.id)
        problem = answer
    kept = store.brief(row.id, a)
    shown = _draft(Form(request)) if problem else kept
    context = {
        **frame(a, row, "forms"),
        "brief": shown,
        "objectives": "\n".join(shown.objectives),
        "care": [_table(kind, shown) for kind in KINDS],
        "written": kept.version > 0,
        "problem": problem,
    }
    return render(request, "plan/brief.html", context, status=422 if problem else 200)


def _table(kind: str, brief: Brief) -> dict[str, Any]:
    title, hint = KINDS[kind]
    rows: tuple[Care, ...] = getattr(brief, kind)
    spare = (Care(""),) * min(SPARE, max(0, CARE_CAP - len(rows)))
    return {"kind": kind, "title": title, "hint": hint, "rows": rows, "slots": rows + spare}


def _draft(form: Form) -> Brief:
    """What was typed, as it was typed. Raises: Invalid for a version that is no number."""
    care = {}
    for kind in KINDS:
        columns = [form.post.getlist(f"{kind}_{c}") for c in _COLUMNS]
        care[kind] = tuple(Care(*(v.strip() for v in row)) for row in zip(*columns, strict=False))
    return Brief(
        objectives=tuple(form.post.get("objectives", "").splitlines()),
        emphasis=form["emphasis"],
        procedures=form["procedures"],
        version=form.version,
        **care,
    )


def _write(a: Actor, row: Operation, form: Form) -> str:
    actions.write_brief(a, operation=row.id, draft=_draft(form))
    return "Saved. The forms say so from now on."


_ACTS: dict[str, Act] = {"write": _write}

urlpatterns = [
    path("operations/<str:operation>/brief", brief_page, name="plan-brief"),
]
