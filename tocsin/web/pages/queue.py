"""Triage: one report at a time; the report's own page; deciding, second reading, settling, undo."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote, urlencode

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import path, reverse
from django.views.decorators.http import require_GET, require_POST

from tocsin.assess import actions, worklist
from tocsin.assess.terms import Disposition, Speech
from tocsin.collect import store as collect
from tocsin.kernel import clock
from tocsin.kernel.errors import Conflict, Invalid, TocsinError
from tocsin.people.store import operations_of
from tocsin.retain.actions import look_now
from tocsin.web.middleware import actor
from tocsin.web.numbers import number
from tocsin.web.pages import report_view, worksheet

TABS = {"assess": "To decide", "second_reading": "Second reading", "settle": "To settle"}


@login_required
@require_GET
def queue(request: HttpRequest) -> HttpResponse:
    """Three panes: the list, the report, the worksheet."""
    return _queue(request, request.GET.get("report", ""))


@login_required
@require_GET
def queue_list(request: HttpRequest) -> HttpResponse:
    """The list by itself, which follows what comes in and what others decide."""
    context = _list(request, request.GET.get("report", ""))
    return render(request, "queue/list.html", context)


def _list(request: HttpRequest, current: str) -> dict[str, Any]:
    a = actor(request)
    asked = {k: request.GET.get(k, "") for k in ("tab", "operation")}
    tab = asked["tab"] if asked["tab"] in TABS else "assess"
    first = number(request.GET.get("first"))
    items = worklist.queue(a, tab, asked["operation"], first)
    counts = worklist.counts(a, asked["operation"])
    following = _following([i.report.id for i in items], current)
    return {
        "tab": tab,
        "tabs": [(k, v, counts[k], _address(k, asked["operation"])) for k, v in TABS.items()],
        "items": [(i, _address(tab, asked["operation"], i.report.id, first)) for i in items],
        "total": counts[tab],
        "first": first,
        "more": _address(tab, asked["operation"], "", first + worklist.QUEUED)
        if counts[tab] > first + len(items)
        else "",
        "operation": asked["operation"],
        "operations": list(operations_of(a).values_list("id", "name")),
        "current": current,
        "following": following,
        "part": f"{reverse('queue-list')}?"
        + urlencode(
            {"tab": tab, "operation": asked["operation"], "report": current, "first": first}
        ),
        "undo": worklist.last_decision(a, clock.now()),
    }


def _following(ids: list[str], current: str) -> str:
    """The line to go on to when `current` is decided."""
    if current not in ids:
        return next((i for i in ids if i != current), "")
    at = ids.index(current)
    return next(iter(ids[at + 1 :] + ids[:at]), "")


def _address(tab: str, operation: str, report: str = "", first: int = 0) -> str:
    asked = {"tab": tab, "operation": operation, "report": report, "first": first or ""}
    asked = {k: v for k, v in asked.items() if v and (k, v) != ("tab", "assess")}
    return reverse("queue") + (f"?{urlencode(asked)}" if asked else "")


def _queue(
    request: HttpRequest, chosen: str, typed: dict[str, Any] | None = None, status: int = 200
) -> HttpResponse:
    context = _list(request, chosen)
    if not chosen and context["items"] and not request.GET.get("list"):
        chosen = context["items"][0][0].report.id
        context |= {"current": chosen, "preselected": True}
        context["following"] = _following([i.report.id for i, _ in context["items"]], chosen)
    if chosen:
        if "preselected" not in context:
            setattr(request, "_tocsin_shown", chosen)  # noqa: B010 - noted as seen by web.looking
        context |= report_view.shown(actor(request), chosen, clock.now())
        context["sheet"] = typed or worksheet.blank(context["report"])
        context["back"] = "queue"
    return render(request, "queue/queue.html", context, status=status)


@login_required
@require_GET
def report(request: HttpRequest, report: str) -> HttpResponse:
    """One report with all about it."""
    return _report(request, report)


def _report(
    request: HttpRequest,
    report_id: str,
    typed: dict[str, Any] | None = None,
    status: int = 200,
    **more: Any,
) -> HttpResponse:
    a, now = actor(request), clock.now()
    context = report_view.shown(a, report_id, now)
    context |= report_view.about(a, context["report"])
    context |= {
        "sheet": typed or worksheet.blank(context["report"]),
        "back": "report",
        "undo": worklist.last_decision(a, now),
        **more,
    }
    return render(request, "queue/report.html", context, status=status)


@login_required
@require_POST
def decide(request: HttpRequest, report: str) -> HttpResponse:
    """The worksheet was sent: first or second reading, or a settlement."""
    a = actor(request)
    typed = worksheet.read(request.POST)
    kind = request.POST.get("kind", "assess")
    try:
        version = number(request.POST.get("version", ""))
        if kind == "settle":
            actions.settle(
                a,
                report=report,
                version=version,
                disposition=_choice(Disposition, typed, "disposition"),
                speech=_choice(Speech, typed, "speech"),
                reason=typed["reason"],
                situation=typed["situation"],
            )
        elif kind == "second_reading":
            actions.second_read(a, report=report, version=version, sheet=worksheet.made(typed))
        else:
            sheet = worksheet.made(typed)
            actions.decide(
                a, report=report, version=version, sheet=sheet, situation=typed["situation"]
            )
    except (Invalid, Conflict) as e:
        return _again(request, report, typed, e)
    if request.POST.get("back") == "queue":
        following = request.POST.get("following", "")
        return redirect(_address(kind, request.POST.get("operation", ""), following))
    return redirect("report", report)


def _again(
    request: HttpRequest, report_id: str, typed: dict[str, Any], error: TocsinError
) -> HttpResponse:
    """The form once more, with what was typed and what is wrong beside its field."""
    typed = worksheet.advised(typed)
    if isinstance(error, Invalid) and error.field in typed:
        typed["errors"] = {error.field: f"{_sentence(error.message)} {error.cure}"}
    else:
        typed["errors"] = {"all": f"{_sentence(error.message)} {error.cure}"}
    if request.POST.get("back") == "queue":
        answer = _queue(request, report_id, typed, error.status)
    else:
        answer = _report(request, report_id, typed, error.status)
    answer.headers["HX-Push-Url"] = "false"
    if error.status != 422:
        answer.headers["Tocsin-Message"] = quote(typed["errors"]["all"])
    return answer


def _choice(kind: type[Any], typed: dict[str, Any], field: str) -> Any:
    try:
        return kind(typed[field])
    except ValueError:
        raise Invalid("choose one", field=field, cure="Press its key or click it.") from None


@login_required
@require_POST
def recommend(request: HttpRequest, report: str) -> HttpResponse:
    """What the rules recommend for a worksheet as filled in so far: the part of the form below it."""
    a = actor(request)
    context = report_view.shown(a, report, clock.now(), alike=False)
    typed = worksheet.read(request.POST)
    context["sheet"] = worksheet.advised(typed)
    return render(request, "queue/decision.html", context)


@login_required
@require_POST
def undo(request: HttpRequest, assessment: str) -> HttpResponse:
    """Take one's own decision back within the minute."""
    try:
        report_id = actions.undo(actor(request), assessment=assessment)
    except Conflict as e:
        messages.error(request, f"{_sentence(e.message)} {e.cure}")
        return redirect("queue")
    messages.success(request, "Taken back. The report is owed an answer again.")
    return redirect(f"{reverse('queue')}?{urlencode({'report': report_id})}")


@login_required
@require_POST
def original(request: HttpRequest, report: str) -> HttpResponse:
    """The original behind the mask, for a reason that is recorded. Shown once, never stored by the browser."""
    a = actor(request)
    row = collect.report(a, report)
    try:
        body = look_now(a, report=row.id, vault=row.original, reason=request.POST.get("reason", ""))
    except Invalid as e:
        error = f"{_sentence(e.message)} {e.cure}"
        return _report(request, report, status=422, unmask_error=error)
    answer = _report(request, report, original=body)
    answer.headers["Cache-Control"] = "no-store"
    return answer


@login_required
@require_POST
def into_topic(request: HttpRequest, report: str) -> HttpResponse:
    """Put a report into a topic, or open a topic with it."""
    a = actor(request)
    situation, title = request.POST.get("situation", ""), request.POST.get("title", "")
    try:
        if situation:
            version = worklist.situation(a, situation, clock.now()).row.version
            actions.add_reports(a, situation=situation, version=version, reports=[report])
        else:
            row = collect.report(a, report)
            situation = actions.open_situation(
                a, title=title, operation=row.operation, reports=[report]
            )
    except (Invalid, Conflict) as e:
        error = f"{_sentence(e.message)} {e.cure}"
        return _report(request, report, status=e.status, topic_error=error, topic_title=title)
    return redirect("situation", situation)


def _sentence(text: str) -> str:
    text = text[:1].upper() + text[1:]
    return text if text.endswith((".", "?", "!")) else text + "."


urlpatterns = [
    path("queue", queue, name="queue"),
    path("queue/list", queue_list, name="queue-list"),
    path("reports/<str:report>", report, name="report"),
    path("reports/<str:report>/decide", decide, name="report-decide"),
    path("reports/<str:report>/recommend", recommend, name="report-recommend"),
    path("reports/<str:report>/original", original, name="report-original"),
    path("reports/<str:report>/topic", into_topic, name="report-topic"),
    path("assessments/<str:assessment>/undo", undo, name="undo"),
]
