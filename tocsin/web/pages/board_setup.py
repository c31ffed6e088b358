"""Before it starts: who decides whether to hold, and what watches by itself. And where a sensor says that it works."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import path, reverse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods, require_POST

from tocsin.deliver.store import roles as role_words
from tocsin.kernel import clock, settings
from tocsin.kernel.errors import Invalid
from tocsin.operate import actions, store
from tocsin.operate.actions.absences import ends_by
from tocsin.operate.models import Decider, Sensor
from tocsin.operate.store.sensors import sensors
from tocsin.people.models import Grant, Member, Operation
from tocsin.people.rules import may
from tocsin.people.store import agency_names, names, on_duty
from tocsin.people.terms import Actor, Permission, Role
from tocsin.plan.actions.staffing import may_staff
from tocsin.plan.models import Assignment, Post
from tocsin.web.pages.plan_shared import Act, Form, Problem, frame, mine, perform, taking_part

_ROLES = (Role.OPERATION_LEAD, Role.PARTNER, Role.RELEASE_AUTHORITY)
_EVERY = (
    (0, "It cannot: people say when it is down"),
    (30, "Every 30 seconds"),
    (60, "Every minute"),
    (300, "Every 5 minutes"),
    (900, "Every 15 minutes"),
)


@login_required
@require_http_methods(["GET", "POST"])
def setup_page(request: HttpRequest, operation: str) -> HttpResponse:
    """Who decides, and what watches; for all who take part to see, for whoever leads or owns it to change."""
    a, row = mine(request, operation)
    problem: Problem | None = None
    made: dict[str, str] = {}
    if request.method == "POST":
        answer = perform(request, a, row, {**_ACTS, "register": _register(made)})
        if isinstance(answer, str) and not made:
            messages.success(request, answer)
            return redirect("board-setup", operation=row.id)
        problem = answer if isinstance(answer, Problem) else None
    agencies = taking_part(row)
    context = {
        **frame(a, row, "board"),
        "decider": _decider(row),
        "deciders": _deciders(a, row),
        "sensors": _sensors(a, row),
        "own": [
            (i, n) for i, n in agencies if may(a, Permission.TAKE_PART) and may_staff(a, row, i)
        ],
        "every": _EVERY,
        "made": made,
        "problem": problem,
        "given": problem.given if problem else {},
    }
    return render(request, "live/setup.html", context, status=422 if problem else 200)


@csrf_exempt
@require_POST
def heard(request: HttpRequest) -> HttpResponse:
    """A sensor says that it works, by its key as a bearer token: `204`, or `401` where nobody knows the key.

    No cookie is read and nothing is shown, so no other site gains anything by it.
    """
    kind, _, key = request.headers.get("Authorization", "").partition(" ")
    known = kind.lower() == "bearer" and bool(key) and actions.sensor_heard(key.strip()[:100])
    return HttpResponse(status=204 if known else 401)


def _decider(row: Operation) -> dict[str, Any]:
    """Who is asked now, in words; `named` = somebody said so, else it is whoever leads."""
    agency, role, person = store.decider(row)
    people = [person] if person else [s.person for s in on_duty(agency, role, clock.now())]
    known = names(people)
    return {
        "seat": ""
        if person
        else f"{role_words().get(role, role)} of {agency_names().get(agency, agency)}",
        "people": ", ".join(known.get(p, p) for p in people),
        "named": Decider.objects.filter(operation=row.id).exists(),
        "value": f"{agency}::{person}" if person else f"{agency}:{role}:",
    }


def _deciders(a: Actor, row: Operation) -> list[tuple[str, list[tuple[str, str]]]]:
    """Whom one can name, by agency: a role somebody holds there, whoever stands at a command post, one's own people."""
    found = []
    posts = Post.objects.filter(operation=row.id, state="LIVE", command=True)
    at = Assignment.objects.filter(post__in=posts.values_list("id", flat=True), relieved_at=None)
    leads = set(at.values_list("person", flat=True))
    for agency, name in taking_part(row):
        held = Grant.objects.filter(agency=agency, revoked_at=None, role__in=_ROLES)
        roles = [
            (f"{agency}:{r}:", role_words().get(r, r))
            for r in sorted(set(held.values_list("role", flat=True)))
        ]
        members = Member.objects.filter(agency=agency, left_at=None)
        if agency != a.agency:
            members = members.filter(person__in=leads)
        known = names(members.values_list("person", flat=True)[:200])
        known.pop("system", None)
        people = sorted(((f"{agency}::{p}", n) for p, n in known.items()), key=lambda x: x[1])
        found.append((name, roles + people))
    return found


def _sensors(a: Actor, row: Operation) -> list[dict[str, Any]]:
    agencies, takes_part = agency_names(), may(a, Permission.TAKE_PART)
    return [
        {
            "row": s.row,
            "agency": agencies.get(s.row.by_agency, s.row.by_agency),
            "every": dict(_EVERY).get(s.row.every_s, f"Every {s.row.every_s} s"),
            "at": s.heard_at,
            "absence": s.absence,
            "ends_by": ends_by(s.absence) if s.absence else "",
            "tone": "good" if s.well else "bad",
            "words": s.words,
            "may": takes_part and may_staff(a, row, s.row.by_agency),
        }
        for s in sensors(a, row, clock.now())
    ]


def _name(a: Actor, row: Operation, form: Form) -> str:
    agency, _, rest = form["who"].partition(":")
    role, _, person = rest.partition(":")
    if not agency or not (role or person):
        raise Invalid("is missing", field="who", cure="Choose a role or a person.")
    actions.name_decider(a, operation=row.id, agency=agency, role=role, person=person)
    return "From now on they are asked whether to hold, go on or move."


def _register(made: dict[str, str]) -> Act:
    """Registering: the key is shown on the page that answers, once, so it goes into `made`."""

    def register(a: Actor, row: Operation, form: Form) -> str:
        sensor, key = actions.register_sensor(
            a,
            operation=row.id,
            label=form["label"],
            agency=form["agency"],
            place=form["place"],
            every_s=form.number("every_s"),
        )
        if key:
            address = f"{settings.current().base_url}{reverse('sensor-heard')}"
            made.update(id=sensor, label=form["label"], key=key, address=address)
        return f"{form['label']} is registered."

    return register


def _down(a: Actor, row: Operation, form: Form) -> str:
    sensor = Sensor.objects.filter(operation=row.id, id=form["subject"], state="LIVE").first()
    if sensor is None:
        raise Invalid("is not registered here", field="sensor", cure="Reload and look again.")
    if not form["reason"]:
        raise Invalid("is missing", field="reason", cure="Say what happened, in a few words.")
    actions.report_absence(
        a, operation=row.id, kind="DOWN", subject=sensor.id, label=sensor.label, agency=sensor.by_agency,
        reason=form["reason"],
    )  # fmt: skip
    return f"{sensor.label} is down. Its agency owes what makes up for it."


def _works(a: Actor, row: Operation, form: Form) -> str:
    actions.end_absence(a, absence=form["subject"])
    return "It works again."


def _remove(a: Actor, row: Operation, form: Form) -> str:
    actions.remove_sensor(a, sensor=form["subject"])
    return "Taken off. Its key is worth nothing any more."


_ACTS: dict[str, Act] = {"name": _name, "down": _down, "works": _works, "remove": _remove}

urlpatterns = [
    path("operations/<str:operation>/board/setup", setup_page, name="board-setup"),
    path("sensors/heard", heard, name="sensor-heard"),
]
