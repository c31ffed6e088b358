"""Operations: the protected events, who takes part, who must know, what the plan rests on."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.db.models import Count
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import path
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from tocsin.deliver import store as directory
from tocsin.duties.models import Duty
from tocsin.kernel import clock
from tocsin.kernel.errors import Forbidden, NotFound, TocsinError
from tocsin.oversee import lessons
from tocsin.people import actions, store
from tocsin.people.models import Operation, Participation
from tocsin.people.rules import permit
from tocsin.people.terms import Actor, Permission, Role
from tocsin.people.visibility import visible_to
from tocsin.plan.actions import move_operation
from tocsin.warn import store as warn
from tocsin.warn.actions import cite, drop_citation
from tocsin.warn.models import Citation, Warning
from tocsin.warn.terms import State
from tocsin.web.middleware import actor
from tocsin.web.numbers import number
from tocsin.web.pages.admin_forms import (
    SEATS,
    MoveForm,
    OpenForm,
    PlanForm,
    agencies,
    blame,
    categories,
)

SHOWN = 50


@login_required
@require_GET
def operation_list(request: HttpRequest) -> HttpResponse:
    """The operations one's agency leads or takes part in: running and coming first."""
    a, now = actor(request), clock.now()
    rows = store.operations_of(a).distinct()
    names = store.agency_names()
    coming = [
        (row, names.get(row.lead_agency, row.lead_agency))
        for row in rows.filter(ends_at__gte=now)[:SHOWN]
    ]
    ended = [
        (row, names.get(row.lead_agency, row.lead_agency))
        for row in rows.filter(ends_at__lt=now).order_by("-ends_at")[:SHOWN]
    ]
    may_open = Permission.MANAGE_OPERATION in a.permissions
    return render(
        request, "operations/list.html", {"coming": coming, "ended": ended, "may_open": may_open}
    )


@login_required
@require_http_methods(["GET", "POST"])
def operation_new(request: HttpRequest) -> HttpResponse:
    """Open an operation, led by one's own agency."""
    a = actor(request)
    permit(a, Permission.MANAGE_OPERATION)
    form = OpenForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            made = actions.open_operation(
                a, lead_agency=a.agency, must_know=[], **form.cleaned_data
            )
        except TocsinError as error:
            blame(form, error)
        else:
            messages.success(request, "Opened. Say who must know of a warning about it.")
            return redirect("operation-edit", operation=made)
    status = 422 if form.is_bound else 200
    return render(request, "operations/new.html", {"form": form}, status=status)


@login_required
@require_GET
def operation_page(request: HttpRequest, operation: str) -> HttpResponse:
    """One operation: when, who, who must know and whether anybody answers for it, and what the plan rests on."""
    a, now = actor(request), clock.now()
    row = _mine(a, operation)
    names = store.agency_names()
    takes_part = Participation.objects.filter(operation=row.id).order_by("joined_at", "agency")
    titles = dict(categories())
    context = {
        "row": row,
        "running": row.starts_at <= now < row.ends_at,
        "over": row.ends_at <= now,
        "lead": names.get(row.lead_agency, row.lead_agency),
        "agencies": [names.get(p.agency, p.agency) for p in takes_part],
        "seats": _seats(row, names),
        "thin": [] if row.ends_at <= now else _thin(row, names),
        "checklist": [titles.get(c, c) for c in row.checklist],
        "citations": _citations(a, row),
        "owed": _owed(a, row),
        "bearing": lessons.bearing(a, row),
        "may_change": _leads(a, row),
        "may_read": bool(a.permissions & {Permission.ASSESS, Permission.STEER, Permission.OVERSEE}),
    }
    return render(request, "operations/page.html", context)


@login_required
@require_http_methods(["GET", "POST"])
def operation_edit(request: HttpRequest, operation: str) -> HttpResponse:
    """Change an operation: one act a form, each on the record."""
    a = actor(request)
    row = _mine(a, operation)
    permit(a, Permission.MANAGE_OPERATION)
    if not _leads(a, row):
        raise Forbidden("only the agency that leads an operation changes it")
    act = request.POST.get("act", "")
    move = MoveForm(
        request.POST if act == "move" else None, initial=_initial(row, "starts_at", "ends_at")
    )
    plan = PlanForm(
        request.POST if act == "plan" else None,
        initial={
            **_initial(row, "name", "place", "checklist", "k"),
            "keywords": ", ".join(row.keywords),
        },
    )
    form, problem = {"move": move, "plan": plan}.get(act), None
    if request.method == "POST" and (form is None or form.is_valid()):
        try:
            messages.success(
                request, _change(a, row, act, request, form.cleaned_data if form else {})
            )
            return redirect("operation-edit" if act == "join" else "operation", operation=row.id)
        except TocsinError as error:
            problem = error
            if form is not None:
                blame(form, error)
    context = {
        "row": row,
        "move": move,
        "plan": plan,
        "problem": problem if form is None else None,
        "bending": Duty.objects.filter(operation=row.id, discharged_at=None).count(),
        **_choices(row),
    }
    return render(
        request, "operations/edit.html", context, status=422 if request.method == "POST" else 200
    )


def _change(a: Actor, row: Operation, act: str, request: HttpRequest, given: dict[str, Any]) -> str:
    """Do one act on an operation; returns the words that confirm it. Raises: TocsinError."""
    version = number(request.POST.get("version"))
    if act == "move":
        moved = move_operation(a, operation=row.id, version=version, **given)
        return f"Moved. {moved} deadlines moved with it. Posts keep their hours: look whether they still fit."
    if act == "plan":
        actions.change_operation(a, operation=row.id, version=version, **given)
        return "Changed."
    if act == "must_know":
        seats = [seat.split(":", 1) for seat in request.POST.getlist("seat") if ":" in seat]
        known = {agency for agency, _ in agencies()}
        wanted = [
            {"agency": agency, "role": role}
            for agency, role in seats
            if agency in known and role in {r.value for r in SEATS}
        ]
        actions.change_operation(a, operation=row.id, version=version, must_know=wanted)
        return f"Changed: {len(wanted)} must know before a warning counts as informed."
    if act == "join":
        actions.join_operation(a, operation=row.id, agency=request.POST.get("agency", ""))
        return "The agency takes part: it sees what is shared with the operation."
    raise NotFound(f"nothing is called {act!r} here")


@login_required
@require_POST
def operation_cite(request: HttpRequest, operation: str) -> HttpResponse:
    """Let the plan rest on the edition in force, or no longer rest on a warning."""
    a = actor(request)
    row = _mine(a, operation)
    warning = request.POST.get("warning", "")
    if request.POST.get("act") == "drop":
        drop_citation(a, operation=row.id, warning=warning)
        messages.success(request, "The plan no longer rests on it.")
    else:
        cite(a, operation=row.id, warning=warning, edition=number(request.POST.get("edition")))
        messages.success(request, "The plan rests on the edition in force.")
    return redirect("operation", operation=row.id)


def _thin(row: Operation, names: dict[str, str]) -> list[tuple[str, str, str]]:
    """Roles that must know and that only one kind of way leads to, or none: to mend before it starts."""
    return [
        (names.get(seat.agency, seat.agency), directory.roles().get(seat.role, seat.role), why)
        for seat, why in directory.thin_of(row).items()
    ]


def _mine(a: Actor, operation: str) -> Operation:
    """An operation one's agency leads or takes part in. Raises: NotFound, the same for absent and hidden."""
    row = store.operations_of(a).filter(id=operation).first()
    if row is None:
        raise NotFound("there is no such operation, or your agency takes no part in it")
    return row


def _leads(a: Actor, row: Operation) -> bool:
    return Permission.MANAGE_OPERATION in a.permissions and a.agency == row.lead_agency


def _initial(row: Operation, *names: str) -> dict[str, Any]:
    return {name: getattr(row, name) for name in names}


def _seats(row: Operation, names: dict[str, str]) -> list[dict[str, Any]]:
    """Who must know, and who answers for it at this moment."""
    now = clock.now()
    seats = []
    for seat in row.must_know:
        people = [s.person for s in store.on_duty(seat["agency"], seat["role"], now)]
        known = store.names(people)
        seats.append(
            {
                "agency": names.get(seat["agency"], seat["agency"]),
                "role": Role(seat["role"]).title,
                "people": [known.get(p, p) for p in people],
            }
        )
    return seats


def _citations(a: Actor, row: Operation) -> list[dict[str, Any]]:
    """The warnings the plan rests on that the actor may see, stale ones first."""
    rests = list(
        Citation.objects.filter(operation=row.id, dropped_at=None).order_by(
            "stale_since", "-cited_at"
        )
    )
    cited = {
        w.id: w for w in visible_to(a, Warning.objects.filter(id__in=[c.warning for c in rests]))
    }
    live = visible_to(
        a, Warning.objects.filter(series__in=[c.series for c in rests], state=State.RELEASED.value)
    )
    newest = {w.series: w for w in live}
    titles = warn.titles(cited.values())
    return [
        {
            "citation": c,
            "warning": cited[c.warning],
            "title": titles[c.warning],
            "newest": newest.get(c.series),
            "state": State(cited[c.warning].state).words,
        }
        for c in rests
        if c.warning in cited
    ]


def _owed(a: Actor, row: Operation) -> list[Any]:
    rows = visible_to(
        a, Duty.objects.filter(operation=row.id, discharged_at=None), subject="subject"
    )
    return list(rows.values("kind").annotate(n=Count("id")).order_by("-n"))


def _choices(row: Operation) -> dict[str, Any]:
    """The seats of each agency that takes part, ticked where they must know; the agencies that could join."""
    inside = set(Participation.objects.filter(operation=row.id).values_list("agency", flat=True))
    must = {(seat["agency"], seat["role"]) for seat in row.must_know}
    known = agencies()
    return {
        "roles": [r.title for r in SEATS],
        "grid": [
            {
                "name": name,
                "seats": [
                    {
                        "value": f"{agency}:{r.value}",
                        "title": r.title,
                        "on": (agency, r.value) in must,
                    }
                    for r in SEATS
                ],
            }
            for agency, name in known
            if agency in inside
        ],
        "outside": [(agency, name) for agency, name in known if agency not in inside],
    }


urlpatterns = [
    path("operations", operation_list, name="operations"),
    path("operations/new", operation_new, name="operation-new"),
    path("operations/<str:operation>", operation_page, name="operation"),
    path("operations/<str:operation>/edit", operation_edit, name="operation-edit"),
    path("operations/<str:operation>/cite", operation_cite, name="operation-cite"),
]
