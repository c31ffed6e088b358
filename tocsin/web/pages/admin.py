"""Administration: agencies, people and their roles, the ladders, keys, how the system is. No content."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django import forms
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.db.models import Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import path
from django.views.decorators.http import require_GET, require_http_methods

from tocsin.duties import store as duties
from tocsin.duties.terms import Ladder, Step
from tocsin.kernel import clock
from tocsin.kernel.errors import NotFound, TocsinError
from tocsin.people import actions, store, tokens
from tocsin.people.models import Account, Agency, ApiToken, Grant, Member, Qualification
from tocsin.people.rules import permit
from tocsin.people.terms import Actor, Permission, Role
from tocsin.web.middleware import actor
from tocsin.web.numbers import number
from tocsin.web.pages import operations
from tocsin.web.pages.admin_forms import (
    AgencyForm,
    PasswordForm,
    PersonForm,
    QualificationForm,
    blame,
)
from tocsin.web.pages.admin_health import loops
from tocsin.web.wellness import health

SHOWN = 50
View = Callable[..., HttpResponse]


def _administrator(view: View) -> View:
    """Only for administrators: what these pages show is nobody else's business."""

    @login_required
    def guarded(request: HttpRequest, **kwargs: str) -> HttpResponse:
        permit(actor(request), Permission.ADMINISTER)
        return view(request, **kwargs)

    return guarded


@_administrator
@require_GET
def admin_home(request: HttpRequest) -> HttpResponse:
    """How the system is, and how much of everything there is."""
    now = clock.now()
    context = {
        "tab": "health",
        "health": health(actor(request), now),
        "loops": loops(now),
        "people": Member.objects.filter(left_at=None).count(),
        "agencies": Agency.objects.filter(removed_at=None).count(),
        "audit": duties.audit(now),
    }
    return render(request, "admin/home.html", context)


@_administrator
@require_http_methods(["GET", "POST"])
def admin_agencies(request: HttpRequest) -> HttpResponse:
    """The agencies, and adding one or changing its names."""
    asked = (
        Agency.objects.filter(id=request.GET.get("change", ""))
        .values("name", "short", "kind", "id")
        .first()
    )
    initial = {**asked, "agency": asked["id"]} if asked else {}
    form = AgencyForm(request.POST or None, initial=initial)
    if request.method == "POST" and (gone := request.POST.get("remove")):
        actions.remove_agency(actor(request), agency=gone)
        messages.success(request, f"{gone} is out of the list; what it did stays.")
        return redirect("admin-agencies")
    if request.method == "POST" and form.is_valid():
        try:
            actions.add_agency(actor(request), **form.cleaned_data)
        except TocsinError as error:
            blame(form, error)
        else:
            messages.success(request, f"{form.cleaned_data['name']} is in the list.")
            return redirect("admin-agencies")
    context = {
        "tab": "agencies",
        "rows": Agency.objects.filter(removed_at=None).order_by("name"),
        "form": form,
        "changing": bool(asked),
    }
    return render(request, "admin/agencies.html", context, status=_status(form))


@_administrator
@require_http_methods(["GET", "POST"])
def admin_people(request: HttpRequest) -> HttpResponse:
    """Everybody with an account, and adding somebody."""
    form = PersonForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        given = form.cleaned_data
        try:
            person = actions.add_person(
                actor(request),
                **{
                    **given,
                    "roles": [Role(r) for r in given["roles"]],
                    "password": given["password"] or None,
                },
            )
        except TocsinError as error:
            blame(form, error)
        else:
            messages.success(request, f"{given['name']} is added.")
            return redirect("admin-person", person=person)
    asked = {k: request.GET.get(k, "").strip() for k in ("q", "agency")}
    page = Paginator(_accounts(asked), SHOWN).get_page(request.GET.get("page"))
    context = {
        "tab": "people",
        "asked": asked,
        "page": page,
        "lines": _lines(list(page)),
        "agencies": store.agency_names(),
        "form": form,
    }
    return render(request, "admin/people.html", context, status=_status(form))


def _accounts(asked: dict[str, str]) -> Any:
    rows = Account.objects.order_by("name", "id")
    if asked["q"]:
        q = asked["q"]
        rows = rows.filter(Q(name__icontains=q) | Q(username__icontains=q) | Q(email__icontains=q))
    if asked["agency"]:
        rows = rows.filter(
            person__in=Member.objects.filter(agency=asked["agency"]).values("person")
        )
    return rows


def _lines(accounts: list[Account]) -> list[dict[str, Any]]:
    people = [a.person for a in accounts]
    members = {m.person: m for m in Member.objects.filter(person__in=people)}
    agencies = store.agency_names()
    roles: dict[str, list[str]] = {}
    for grant in Grant.objects.filter(person__in=people, revoked_at=None).order_by("granted_at"):
        roles.setdefault(grant.person, []).append(Role(grant.role).title)
    return [
        {
            "account": a,
            "member": members.get(a.person),
            "agency": agencies.get(members[a.person].agency, members[a.person].agency)
            if a.person in members
            else "",
            "roles": roles.get(a.person, []),
        }
        for a in accounts
    ]


@_administrator
@require_http_methods(["GET", "POST"])
def admin_person(request: HttpRequest, person: str) -> HttpResponse:
    """One person: roles, standing, qualifications, password, keys. One act a form."""
    a = actor(request)
    account = Account.objects.filter(person=person).first()
    member = Member.objects.filter(person=person).first()
    if account is None or member is None:
        raise NotFound("there is no such person")
    act = request.POST.get("act", "")
    qualification = QualificationForm(request.POST if act == "qualify" else None)
    password = PasswordForm(request.POST if act == "password" else None)
    form: forms.Form | None = {"qualify": qualification, "password": password}.get(act)
    problem: TocsinError | None = None
    if request.method == "POST" and (form is None or form.is_valid()):
        try:
            if act == "issue":
                return _shown_once(request, account)
            messages.success(
                request, _person_act(a, person, act, request, form.cleaned_data if form else {})
            )
            return redirect("admin-person", person=person)
        except TocsinError as error:
            problem = error
    held = {
        Role(r)
        for r in Grant.objects.filter(person=person, revoked_at=None).values_list("role", flat=True)
    }
    context = {
        "tab": "people",
        "account": account,
        "member": member,
        "agency": store.agency_names().get(member.agency, member.agency),
        "held": sorted(held, key=lambda r: r.title),
        "open_roles": [r for r in Role if r not in held],
        "qualifications": Qualification.objects.filter(person=person).order_by("-expires_at"),
        "keys": ApiToken.objects.filter(person=person).order_by("revoked_at", "-created_at"),
        "qualification": qualification,
        "password": password,
        "problem": problem,
        "self": a.person == person,
    }
    return render(
        request, "admin/person.html", context, status=422 if request.method == "POST" else 200
    )


def _shown_once(request: HttpRequest, account: Account) -> HttpResponse:
    """Make a key and show its secret, this once; never through a redirect, which would have to keep it."""
    name = request.POST.get("key_name", "")
    secret = tokens.issue(actor(request), person=account.person, name=name)
    shown = render(request, "admin/key.html", {"account": account, "name": name, "secret": secret})
    shown["Cache-Control"] = "no-store"
    return shown


def _person_act(
    a: Actor, person: str, act: str, request: HttpRequest, given: dict[str, Any]
) -> str:
    """Do one act on a person; returns the words that confirm it. Raises: TocsinError."""
    if act in ("grant", "revoke"):
        wanted = request.POST.get("role", "")
        role = next((r for r in Role if r.value == wanted), None)
        if role is None:
            raise NotFound("there is no such role", field="role")
        if act == "grant":
            actions.grant_role(a, person=person, role=role)
            return f"Is now {role.title}."
        actions.revoke_role(a, person=person, role=role)
        return f"Is no longer {role.title}."
    if act == "novice":
        novice = request.POST.get("novice") == "yes"
        actions.mark_novice(a, person=person, novice=novice)
        return (
            "Every no-report of theirs gets a second reader."
            if novice
            else "No longer counts as new to the work."
        )
    if act == "qualify":
        actions.qualify(
            a, person=person, name=given["qualification"], expires_at=given["expires_at"]
        )
        return "Recorded."
    if act == "password":
        actions.set_password(a, person=person, password=given["password"])
        return "The new password is set; sessions with the old one have ended."
    if act == "end-key":
        tokens.revoke(a, token=number(request.POST.get("key")))
        return "The key has ended."
    if act == "leave":
        actions.leave(a, person=person)
        return "Has left: roles, keys and sign-in have ended."
    raise NotFound(f"nothing is called {act!r} here")


@_administrator
@require_GET
def admin_ladders(request: HttpRequest) -> HttpResponse:
    """The ladders in force, as they are: they are changed in the policy file, and the change is recorded."""
    ladders = sorted(duties.ladders().values(), key=lambda ladder: ladder.name)
    return render(
        request, "admin/ladders.html", {"tab": "ladders", "ladders": [_ladder(x) for x in ladders]}
    )


def _ladder(ladder: Ladder) -> dict[str, Any]:
    return {
        "ladder": ladder,
        "name": ladder.name.replace("_", " "),
        "steps": [_step(s) for s in ladder.steps],
    }


_ACTS = {
    "next_channel": "the same person by another channel",
    "next_person": "the next person in the directory",
    "next_releaser": "the next release authority",
}


def _step(step: Step) -> dict[str, Any]:
    """A step in the words of the page."""
    how, _, what = step.tell.partition(":")
    named = what.replace("_", " ")
    who = {
        "owner": "whoever owes it",
        "role": f"each {named} of the same agency",
        "lead": f"each {named} of the agency that leads",
        "must_know": "everybody who must know",
        "do": _ACTS.get(what, named),
    }[how]
    late = step.offset.days >= 0
    return {
        "who": who,
        "base": step.base,
        "offset": abs(step.offset),
        "late": late,
        "percent": step.percent,
    }


def _status(form: forms.Form) -> int:
    return 422 if form.is_bound else 200


urlpatterns = [
    *operations.urlpatterns,
    path("admin", admin_home, name="admin"),
    path("admin/agencies", admin_agencies, name="admin-agencies"),
    path("admin/people", admin_people, name="admin-people"),
    path("admin/people/<str:person>", admin_person, name="admin-person"),
    path("admin/ladders", admin_ladders, name="admin-ladders"),
]
