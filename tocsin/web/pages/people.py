"""Shifts and hand-over, what I was told, my account."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import path
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from tocsin.duties import actions as duties
from tocsin.duties import store as duty_store
from tocsin.duties.models import Duty
from tocsin.kernel import clock
from tocsin.kernel.errors import Forbidden, Invalid, TocsinError
from tocsin.people import actions
from tocsin.people.models import Grant, Handover, Qualification, Shift
from tocsin.people.rules import may
from tocsin.people.store import names, operations_of
from tocsin.people.terms import Actor, Permission, Role
from tocsin.people.visibility import visible_to
from tocsin.record.store import contents
from tocsin.web.context import me
from tocsin.web.middleware import actor
from tocsin.web.numbers import number
from tocsin.web.pages.warning_times import read_local
from tocsin.web.subjects import answer_url, warnings_of

NOTES = 20
NOTICES = 100
AHEAD = timedelta(days=3)


@login_required
@require_http_methods(["GET", "POST"])
def shifts(request: HttpRequest) -> HttpResponse:
    """Who is on now, what is planned, and the notes from one shift to the next."""
    a = actor(request)
    if not a.permissions & {Permission.HAND_OVER, Permission.MANAGE_SHIFTS}:
        raise Forbidden("shifts and hand-over notes are for those who stand a watch")
    errors: dict[str, str] = {}
    if request.method == "POST":
        try:
            return _change(request, a)
        except (TocsinError, ValidationError) as e:
            field = getattr(e, "field", "") or "form"
            errors[field] = " ".join(
                p for p in (getattr(e, "message", str(e)), getattr(e, "cure", "")) if p
            )
    context = {**_shifts(a), "errors": errors, "typed": request.POST}
    return render(request, "people/shifts.html", context, status=422 if errors else 200)


def _change(request: HttpRequest, a: Actor) -> HttpResponse:
    typed, act = request.POST, request.POST.get("act", "")
    if act == "note":
        actions.hand_over(a, role=_role(typed.get("role", "")), text=typed.get("text", ""))
        messages.success(request, "Your note waits for the next shift.")
    elif act == "read":
        actions.read_handover(a, handover=typed.get("handover", ""))
    elif act == "plan":
        who = typed.get("person", "")
        if who not in dict(_members(a)):
            raise Invalid("Choose a person of your own agency.", field="person")
        starts = read_local(typed.get("starts_at", ""), "starts_at")
        ends = read_local(typed.get("ends_at", ""), "ends_at")
        if starts is None or ends is None:
            raise Invalid("Say when.", field="ends_at" if starts else "starts_at")
        actions.plan_shift(
            a, person=who, role=_role(typed.get("plan_role", "")), starts_at=starts, ends_at=ends
        )
        messages.success(request, "The shift is planned.")
    else:
        raise Invalid(
            "This form says not what to do.", field="form", cure="Reload the page and try again."
        )
    return redirect("shifts")


def _role(text: str) -> Role:
    try:
        return Role(text)
    except ValueError:
        raise Invalid("Choose a role.", field="role") from None


def _members(a: Actor) -> list[tuple[str, str]]:
    people = set(
        Grant.objects.filter(agency=a.agency, revoked_at=None).values_list("person", flat=True)
    )
    found = names(people)
    return sorted(((p, found.get(p, p)) for p in people), key=lambda pair: pair[1])


def _shifts(a: Actor) -> dict[str, Any]:
    now = clock.now()
    rows = list(
        Shift.objects.filter(agency=a.agency, ends_at__gt=now, starts_at__lt=now + AHEAD).order_by(
            "starts_at"
        )[:200]
    )
    holders: dict[str, list[str]] = {}
    for role, person in Grant.objects.filter(agency=a.agency, revoked_at=None).values_list(
        "role", "person"
    ):
        holders.setdefault(role, []).append(person)
    notes = _notes(a)
    people = {s.person for s in rows} | {p for ps in holders.values() for p in ps}
    known = names(people | {n.from_person for n in notes} | {n.read_by for n in notes})
    texts = contents(n.note for n in notes)
    return {
        "roles": [
            _on_now(role, [s for s in rows if s.role == role], holders[role.value], known, now)
            for role in Role
            if role.value in holders
        ],
        "ahead": [
            {"shift": s, "name": known.get(s.person, s.person), "role": Role(s.role).title}
            for s in rows
            if s.starts_at > now
        ],
        "notes": [
            {
                "note": n,
                "text": texts.get(n.note, {}).get("text", "The note is no longer kept."),
                "role": Role(n.role).title,
                "writer": known.get(n.from_person, n.from_person),
                "reader": known.get(n.read_by, n.read_by),
                "may_read": not n.read_by
                and n.from_person != a.person
                and may(a, Permission.HAND_OVER),
            }
            for n in notes
        ],
        "may_read": may(a, Permission.READ_CONTENT),
        "may_write": may(a, Permission.HAND_OVER) and a.roles,
        "may_plan": may(a, Permission.MANAGE_SHIFTS),
        "my_roles": [r for r in Role if r in a.roles],
        "all_roles": list(Role),
        "members": _members(a),
    }


def _notes(a: Actor) -> list[Handover]:
    """The agency's newest notes, for those who may read content: who only plans shifts reads none."""
    if not may(a, Permission.READ_CONTENT):
        return []
    return list(Handover.objects.filter(agency=a.agency).order_by("-written_at")[:NOTES])


def _on_now(
    role: Role, rows: list[Shift], holders: list[str], known: dict[str, str], now: Any
) -> dict[str, Any]:
    on = [s for s in rows if s.starts_at <= now]
    after = next((s for s in rows if s.starts_at > now), None)
    return {
        "title": role.title,
        "on": [(known.get(s.person, s.person), s.ends_at) for s in on],
        "all": len(holders),
        "next": known.get(after.person, after.person) if after else "",
        "next_at": after.starts_at if after else None,
    }


@login_required
@require_GET
def notices(request: HttpRequest) -> HttpResponse:
    """What I was told, newest first."""
    a, every = actor(request), request.GET.get("show") == "all"
    rows = list(duty_store.notices(a, unseen=not every)[:NOTICES])
    about = {
        d.id: d
        for d in visible_to(
            a, Duty.objects.filter(id__in=[n.duty for n in rows]), subject="subject"
        )
    }
    warnings = warnings_of(d.subject for d in about.values())
    found = [
        {
            "notice": n,
            "duty": about[n.duty],
            "url": answer_url(d.kind, d.subject, d.operation, warning=warnings.get(d.subject, "")),
        }
        for n in rows
        if (d := about.get(n.duty))
    ]
    return render(
        request,
        "people/notices.html",
        {"found": found, "every": every, "more": len(rows) == NOTICES},
    )


@login_required
@require_POST
def see(request: HttpRequest) -> HttpResponse:
    """Note that I saw one notice, or (`duty` empty) all that the page showed."""
    a, duty = actor(request), request.POST.get("duty", "")
    if duty:
        duties.see_notice(a, duty=duty, rung=number(request.POST.get("rung"), -1))
    else:
        shown = set(request.POST.getlist("shown"))
        for n in list(duty_store.notices(a)[:NOTICES]):
            if f"{n.duty} {n.rung}" in shown:
                duties.see_notice(a, duty=n.duty, rung=n.rung)
    return redirect("notices")


@login_required
@require_GET
def account(request: HttpRequest) -> HttpResponse:
    """Who I am here: agency, roles and what they carry, events, qualifications."""
    a = actor(request)
    context = {
        "me": me(a),
        "account": request.user,
        "roles": [r.title for r in Role if r in a.roles],
        "may": sorted(p.value for p in a.permissions),
        "events": operations_of(a),
        "qualifications": Qualification.objects.filter(person=a.person).order_by("-expires_at"),
        "actor_is_novice": a.novice,
    }
    return render(request, "people/account.html", context)


urlpatterns = [
    path("shifts", shifts, name="shifts"),
    path("notices", notices, name="notices"),
    path("notices/see", see, name="notices-see"),
    path("me", account, name="account"),
]
