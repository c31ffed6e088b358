"""Situations: what belongs together, the alarm on the sum, the assessment of the whole."""

from __future__ import annotations

from typing import Any

import msgspec
from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import include, path
from django.views.decorators.http import require_GET, require_POST

from tocsin.assess import actions, store, worklist
from tocsin.assess.models import Standing
from tocsin.assess.terms import LIKELIHOODS, Confidence, Judgment, Likelihood, WholeDecision
from tocsin.collect.store import texts
from tocsin.kernel import clock
from tocsin.kernel.errors import Conflict, Invalid
from tocsin.people.store import agency_names, names, operations_of
from tocsin.people.terms import Permission
from tocsin.web.middleware import actor
from tocsin.web.numbers import number
from tocsin.web.pages.report_view import (
    category_name,
    category_titles,
    concerns_and_questions,
    stage_words,
)
from tocsin.web.pages.surges_view import surges_of

_FIELDS = ("decision", "text", "likelihood", "likelihood_percent", "confidence", "basis", "reason")


@login_required
@require_GET
def situations(request: HttpRequest) -> HttpResponse:
    """What something is owed on first, then the rest by newest change."""
    a = actor(request)
    asked = {k: request.GET.get(k, "") for k in ("operation", "show")}
    rows = worklist.situations(a, asked["operation"], closed=asked["show"] == "closed")
    page = Paginator(rows, worklist.SHOWN).get_page(request.GET.get("page"))
    context = {
        "asked": asked,
        "page": page,
        "lines": _lines(list(page)),
        "operations": list(operations_of(a).values_list("id", "name")),
        "may_open": Permission.ASSESS in a.permissions,
    }
    return render(request, "situations/list.html", context)


def _lines(rows: list[Any]) -> list[dict[str, Any]]:
    titles = worklist.titles(rows)
    owed = worklist.owed_on(r.id for r in rows)
    agencies = agency_names()
    return [
        {
            "row": r,
            "title": titles.get(r.id, {}).get("title", r.id),
            "owed": next(iter(owed.get(r.id, [])), None),
            "kinds": len(r.alarmed) if r.kind == "picture" else len(r.categories),
            "agency": agencies.get(r.agency, r.agency),
        }
        for r in rows
    ]


@login_required
@require_GET
def situation(request: HttpRequest, situation: str) -> HttpResponse:
    """One situation: signs, alarms, assessments of the whole, reports, concerns."""
    return _situation(request, situation)


def _situation(
    request: HttpRequest, situation_id: str, *, status: int = 200, **more: Any
) -> HttpResponse:
    a, now = actor(request), clock.now()
    found = worklist.situation(a, situation_id, now)
    row = found.row
    mine = row.agency == a.agency or bool(found.owed and store.owes(a, row.id))
    first = number(request.GET.get("first", ""))
    reports = list(worklist.reports_of(a, row)[first : first + worklist.SHOWN + 1])
    people = names([w.person for w, _ in found.wholes] + [row.opened_by])
    context = {
        "s": found,
        "row": row,
        "lines": [
            (line, category_name(line.category), category_titles().get(line.category, ""))
            for line in found.signs.lines
        ],
        "topic_kinds": [(category_name(c), category_titles().get(c, "")) for c in row.categories],
        "chart": _chart(found.signs),
        "alarms": [(x, [category_name(c).lower() for c in x.added]) for x in found.alarms],
        "wholes": [
            (
                w,
                body,
                people.get(w.person, w.person),
                WholeDecision(w.decision).plain,
                LIKELIHOODS[Likelihood(w.likelihood)].likelihood,
            )
            for w, body in found.wholes
        ],
        "reports": _reports(reports[: worklist.SHOWN]),
        "newer": max(0, first - worklist.SHOWN) if first else None,
        "older": first + worklist.SHOWN if len(reports) > worklist.SHOWN else None,
        "owner": agency_names().get(row.agency, row.agency),
        "opened_by": people.get(row.opened_by, row.opened_by),
        "owes_whole": next((d for d in found.owed if d.kind == "assess_whole"), None),
        "owes_draft": next((d for d in found.owed if d.kind == "draft_warning"), None),
        "may_assess": mine and row.state == "OPEN" and Permission.DRAFT in a.permissions,
        "may_change": mine and row.state == "OPEN" and Permission.ASSESS in a.permissions,
        "may_draft": mine and Permission.DRAFT in a.permissions,
        "likelihoods": [
            (t.value, f"{r.likelihood} ({r.low}–{r.high} %)") for t, r in LIKELIHOODS.items()
        ],
        "confidences": [c.value for c in Confidence],
        "typed": dict.fromkeys(_FIELDS, ""),
        "errors": {},
        **(surges_of(row, now) if row.kind == "picture" else {}),
        **concerns_and_questions(a, row.id),
        **more,
    }
    return render(request, "situations/page.html", context, status=status)


def _reports(rows: list[Any]) -> list[dict[str, Any]]:
    found = texts(rows)
    standings = Standing.objects.in_bulk([r.id for r in rows])
    return [
        {
            "row": r,
            "text": found.get(r.id, {}).get("text", ""),
            "stage": stage_words(r, standings.get(r.id)),
            "kinds": [category_name(c).lower() for c in r.categories],
        }
        for r in rows
    ]


def _chart(signs: worklist.Signs) -> dict[str, Any]:
    """Kinds of sign by day as bars, with the line at which the alarm rings; whole pixels."""
    high, wide, step = 72, 20, 24
    top = max(signs.wanted, signs.k, *signs.by_day, 1)
    bars = [
        {
            "x": n * step,
            "y": high - high * count // top,
            "h": high * count // top,
            "count": count,
            "day": day,
            "alarm": bool(signs.k) and count >= signs.k,
        }
        for n, (day, count) in enumerate(zip(signs.days, signs.by_day, strict=True))
    ]
    line = high - high * signs.k // top if signs.k else 0
    return {
        "bars": bars,
        "high": high,
        "wide": wide,
        "width": len(bars) * step,
        "line": line,
        "top": top,
    }


@login_required
@require_POST
def assess(request: HttpRequest, situation: str) -> HttpResponse:
    """Assess the whole; to draft leads straight to the draft."""
    typed = {name: request.POST.get(name, "").strip() for name in _FIELDS}
    try:
        judgment = _judgment(typed)
        actions.assess_whole(
            actor(request), situation=situation, version=_version(request), judgment=judgment
        )
    except (Invalid, Conflict) as e:
        return _situation(request, situation, status=e.status, typed=typed, errors=_errors(e))
    if judgment.decision is WholeDecision.DRAFT:
        return redirect(f"/warnings/new?situation={situation}")
    return redirect("situation", situation)


def _judgment(typed: dict[str, str]) -> Judgment:
    try:
        return msgspec.convert(
            {k: v for k, v in typed.items() if v or k in ("text", "basis")}, Judgment, strict=False
        )
    except msgspec.ValidationError as e:
        message, _, place = str(e).partition(" - at `$.")
        field = place.rstrip("`") or message.split("`")[1]
        raise Invalid("choose one of the answers", field=field, cure="") from e


@login_required
@require_POST
def change(request: HttpRequest, situation: str) -> HttpResponse:
    """Keep watching, close, take a report out: each with its reason."""
    a, version = actor(request), _version(request)
    reason, what = request.POST.get("reason", ""), request.POST.get("what", "")
    try:
        if what == "watch":
            actions.keep_watching(a, situation=situation, version=version, reason=reason)
        elif what == "close":
            actions.close_situation(a, situation=situation, version=version, reason=reason)
        elif what == "remove":
            report = request.POST.get("report", "")
            actions.remove_report(
                a, situation=situation, version=version, report=report, reason=reason
            )
        else:
            raise Invalid("there is no such act", field="what", cure="Use a button of the page.")
    except (Invalid, Conflict) as e:
        typed = {**dict.fromkeys(_FIELDS, ""), "act_reason": reason}
        errors = {what: " ".join(_errors(e).values())}
        return _situation(request, situation, status=e.status, typed=typed, errors=errors)
    return redirect("situation", situation)


@login_required
def new(request: HttpRequest) -> HttpResponse:
    """Open a topic."""
    a = actor(request)
    context: dict[str, Any] = {
        "operations": list(operations_of(a).values_list("id", "name")),
        "title": request.POST.get("title", ""),
        "operation": request.POST.get("operation", request.GET.get("operation", "")),
        "errors": {},
    }
    status = 200
    if request.method == "POST":
        try:
            made = actions.open_situation(a, title=context["title"], operation=context["operation"])
            return redirect("situation", made)
        except Invalid as e:
            context["errors"], status = _errors(e), e.status
    return render(request, "situations/new.html", context, status=status)


@login_required
@require_GET
def picture(request: HttpRequest, operation: str) -> HttpResponse:
    """The whole picture of an operation, where anything was flagged for it."""
    store.operation_of(actor(request), operation)
    there = worklist.situations(actor(request), operation).filter(id=store.picture_id(operation))
    if there.exists():
        return redirect("situation", store.picture_id(operation))
    return redirect(f"/situations?operation={operation}")


def _errors(e: Invalid | Conflict) -> dict[str, str]:
    words = e.message[:1].upper() + e.message[1:]
    field = e.field if isinstance(e, Invalid) and e.field in (*_FIELDS, "title") else "all"
    return {field: f"{words.rstrip('.')}. {e.cure}".strip()}


def _version(request: HttpRequest) -> int:
    return number(request.POST.get("version", ""))


urlpatterns = [
    path("situations", situations, name="situations"),
    path("situations/new", new, name="situation-new"),
    path("situations/<str:situation>", situation, name="situation"),
    path("situations/<str:situation>/assess", assess, name="situation-assess"),
    path("situations/<str:situation>/change", change, name="situation-change"),
    path("operations/<str:operation>/picture", picture, name="operation-picture"),
    path("", include("tocsin.web.pages.concerns")),
]
