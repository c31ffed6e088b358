"""Dissent and requests for information: lists, pages, asking, answering."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import path
from django.views.decorators.http import require_GET, require_POST

from tocsin.assess import actions, store, worklist
from tocsin.duties.models import Duty
from tocsin.kernel import clock
from tocsin.kernel.errors import Conflict, Forbidden, Invalid, NotFound
from tocsin.people.store import agency_names, names, operations_of
from tocsin.people.terms import GRANTS, Actor, Permission, Role
from tocsin.record.store import contents
from tocsin.web.middleware import actor
from tocsin.web.numbers import number
from tocsin.web.pages.warning_times import FORM, read_local, zone

_ASK = ("to_agency", "to_role", "title", "text", "due_at", "operation", "about")
_SUBJECT = {
    "rpt": "reports",
    "sit": "situations",
    "wrn": "warnings",
    "rfi": "rfis",
    "op": "operations",
}


@login_required
@require_GET
def dissents(request: HttpRequest) -> HttpResponse:
    """Concerns: those that owe an answer first."""
    a = actor(request)
    page = Paginator(worklist.dissents(a), worklist.SHOWN).get_page(request.GET.get("page"))
    context = {
        "page": page,
        "lines": _lines(list(page)),
        "may": Permission.DISSENT in a.permissions,
    }
    return render(request, "situations/dissents.html", context)


@login_required
@require_GET
def rfis(request: HttpRequest) -> HttpResponse:
    """Requests for information: open ones by due date, then the answered."""
    a = actor(request)
    show = request.GET.get("show", "")
    rows = worklist.rfis(a)
    rows = (
        rows.exclude(state="OPEN").order_by("-due_at")
        if show == "ended"
        else rows.filter(state="OPEN")
    )
    page = Paginator(rows, worklist.SHOWN).get_page(request.GET.get("page"))
    context = {
        "page": page,
        "lines": _lines(list(page)),
        "show": show,
        "may": Permission.ASK in a.permissions,
    }
    return render(request, "situations/rfis.html", context)


def _lines(rows: list[Any]) -> list[dict[str, Any]]:
    titles = worklist.titles(rows)
    owed = worklist.owed_on(r.id for r in rows)
    agencies = agency_names()
    known = names({r.person for r in rows} | {r.answered_by for r in rows})
    return [
        {
            "row": r,
            "title": titles.get(r.id, {}).get("title", r.id),
            "duty": next(iter(owed.get(r.id, [])), None),
            "who": known.get(r.person, r.person),
            "agency": agencies.get(r.person_agency, r.person_agency),
            "to": agencies.get(to := getattr(r, "to_agency", "") or r.owner_agency, to),
            "role": Role(r.to_role).title if hasattr(r, "to_role") else "",
            "answered_by": known.get(r.answered_by, r.answered_by),
        }
        for r in rows
    ]


@login_required
@require_GET
def dissent(request: HttpRequest, dissent: str) -> HttpResponse:
    """One concern and its answer."""
    return _dissent(request, dissent)


def _dissent(request: HttpRequest, dissent_id: str, status: int = 200, **more: Any) -> HttpResponse:
    a = actor(request)
    row = store.dissent(a, dissent_id)
    body = contents([row.content, row.answer])
    owes = row.owner_agency == a.agency or store.owes(a, row.id)
    may = Permission.ANSWER_DISSENT in a.permissions and owes and row.person != a.person
    context = {
        "row": row,
        "line": _lines([row])[0],
        "body": body.get(row.content, {}),
        "answer": body.get(row.answer, {}),
        "about_url": subject_url(row.about),
        "about": store.called(row.about, store.operation_or_none(row.operation)),
        "may_answer": may and row.state == "OPEN",
        "typed": "",
        "error": "",
        **more,
    }
    return render(request, "situations/dissent.html", context, status=status)


@login_required
@require_POST
def answer_dissent(request: HttpRequest, dissent: str) -> HttpResponse:
    """Answer a concern."""
    text = request.POST.get("text", "")
    try:
        version = number(request.POST.get("version", ""))
        actions.answer_dissent(actor(request), dissent=dissent, version=version, text=text)
    except (Invalid, Conflict) as e:
        return _dissent(request, dissent, e.status, typed=text, error=_words(e))
    return redirect("dissent", dissent)


@login_required
def new_dissent(request: HttpRequest) -> HttpResponse:
    """Voice a concern about something, or about an operation."""
    a = actor(request)
    typed = {k: request.POST.get(k, request.GET.get(k, "")) for k in ("about", "title", "text")}
    context: dict[str, Any] = {
        "typed": typed,
        "errors": {},
        "operations": list(operations_of(a).values_list("id", "name")),
        "about": _about(a, typed["about"]),
    }
    status = 200
    if request.method == "POST":
        try:
            made = actions.file_dissent(
                a, about=typed["about"], text=typed["text"], title=typed["title"]
            )
            return redirect("dissent", made)
        except (Invalid, NotFound) as e:
            context["errors"], status = {e.field or "about": _words(e)}, e.status
    return render(request, "situations/dissent_new.html", context, status=status)


@login_required
@require_GET
def rfi(request: HttpRequest, rfi: str) -> HttpResponse:
    """One request for information: the question, its clock, what became of it."""
    return _rfi(request, rfi)


def _rfi(request: HttpRequest, rfi_id: str, status: int = 200, **more: Any) -> HttpResponse:
    a = actor(request)
    row = store.rfi(a, rfi_id)
    reasons = [step["reason"] for step in row.extensions]
    body = contents([row.content, row.answer, *reasons])
    known = names(step["by"] for step in row.extensions)
    duty = Duty.objects.filter(subject=row.id, kind="answer_rfi", discharged_at=None).first()
    is_open = row.state == "OPEN"
    owes = row.to_agency == a.agency or store.owes(a, row.id)
    context = {
        "row": row,
        "line": _lines([row])[0],
        "body": body.get(row.content, {}),
        "answer": body.get(row.answer, {}),
        "duty": duty,
        "extensions": [
            {
                "who": known.get(step["by"], step["by"]),
                "at": datetime.fromisoformat(step["at"]),
                "due_at": datetime.fromisoformat(step["due_at"]),
                "reason": body.get(step["reason"], {}).get("text", "The reason was purged."),
            }
            for step in row.extensions
        ],
        "about_url": subject_url(row.about) if row.about else "",
        "event": store.operation_or_none(row.operation),
        "may_answer": is_open and owes and Permission.ANSWER in a.permissions,
        "may_extend": is_open and a.agency in (row.person_agency, row.to_agency),
        "may_withdraw": is_open and a.agency == row.person_agency,
        "typed": {},
        "errors": {},
        **more,
    }
    return render(request, "situations/rfi.html", context, status=status)


@login_required
@require_POST
def change_rfi(request: HttpRequest, rfi: str) -> HttpResponse:
    """Answer a request, give it more time, or take it back."""
    a, version = actor(request), number(request.POST.get("version", ""))
    what, text = request.POST.get("what", ""), request.POST.get("text", "")
    due = request.POST.get("due_at", "")
    try:
        if what == "answer":
            actions.answer_rfi(a, rfi=rfi, version=version, text=text)
        elif what == "extend":
            due_at = read_local(due, "due_at")
            if due_at is None:
                raise Invalid(
                    "give a new date", field="due_at", cure="For example 2026-03-05T18:30."
                )
            actions.extend_rfi(a, rfi=rfi, version=version, due_at=due_at, reason=text)
        elif what == "withdraw":
            actions.withdraw_rfi(a, rfi=rfi, version=version, reason=text)
        else:
            raise Invalid("there is no such act", field="what", cure="Use a button of the page.")
    except (Invalid, Conflict) as e:
        typed = {what: text, "due_at": due}
        return _rfi(request, rfi, e.status, typed=typed, errors={what: _words(e)})
    return redirect("rfi", rfi)


@login_required
def new_rfi(request: HttpRequest) -> HttpResponse:
    """Ask an agency for information."""
    a = actor(request)
    typed = {k: request.POST.get(k, request.GET.get(k, "")) for k in _ASK}
    context: dict[str, Any] = {
        "typed": typed,
        "errors": {},
        "agencies": sorted(agency_names().items(), key=lambda x: x[1]),
        "roles": [(r.value, r.title) for r in Role if Permission.ANSWER in GRANTS[r]],
        "operations": list(operations_of(a).values_list("id", "name")),
        "about": _about(a, typed["about"]),
        "soonest": clock.now().astimezone(zone()).strftime(FORM),
    }
    status = 200
    if request.method == "POST":
        try:
            return redirect("rfi", _ask(a, typed))
        except (Invalid, NotFound) as e:
            context["errors"], status = {e.field or "about": _words(e)}, e.status
    return render(request, "situations/rfi_new.html", context, status=status)


def _ask(a: Actor, typed: dict[str, str]) -> str:
    due_at = read_local(typed["due_at"], "due_at")
    if due_at is None:
        raise Invalid(
            "say by when you need it",
            field="due_at",
            cure="A question without a date is forgotten.",
        )
    if typed["to_role"] not in set(Role):
        raise Invalid("choose who is to answer", field="to_role", cure="Choose one from the list.")
    return actions.ask(
        a,
        to_agency=typed["to_agency"],
        to_role=Role(typed["to_role"]),
        title=typed["title"],
        text=typed["text"],
        due_at=due_at,
        operation=typed["operation"],
        about=typed["about"],
    )


def _about(a: Actor, subject: str) -> str:
    """What a form is about, in words; '' when nothing (visible) is named."""
    if not subject:
        return ""
    try:
        marking = store.marking_of_subject(a, subject)
    except (NotFound, Forbidden):
        return ""
    return store.called(subject, store.operation_or_none(marking.operation))


def subject_url(subject: str) -> str:
    """The page of a subject of this and the stages around it; '' where it has none."""
    prefix = subject.partition("_")[0]
    if prefix == "op":
        return f"/operations/{subject}/picture"
    return f"/{_SUBJECT[prefix]}/{subject}" if prefix in _SUBJECT else ""


def _words(e: Invalid | Conflict | NotFound) -> str:
    words = e.message[:1].upper() + e.message[1:]
    return f"{words.rstrip('.')}. {e.cure}".strip()


urlpatterns = [
    path("dissents", dissents, name="dissents"),
    path("dissents/new", new_dissent, name="dissent-new"),
    path("dissents/<str:dissent>", dissent, name="dissent"),
    path("dissents/<str:dissent>/answer", answer_dissent, name="dissent-answer"),
    path("rfis", rfis, name="rfis"),
    path("rfis/new", new_rfi, name="rfi-new"),
    path("rfis/<str:rfi>", rfi, name="rfi"),
    path("rfis/<str:rfi>/change", change_rfi, name="rfi-change"),
]
