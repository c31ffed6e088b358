"""Go / no-go: every red thing, who owns it, by when; and the decision, with a name and a reason."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import path
from django.views.decorators.http import require_GET, require_http_methods

from tocsin.kernel import clock
from tocsin.people.models import Operation
from tocsin.people.store import agency_names, names
from tocsin.people.terms import Actor
from tocsin.plan import actions, reds, store
from tocsin.record.store import contents
from tocsin.web.pages.plan_shared import Form, Problem, frame, mine, perform
from tocsin.web.subjects import page

_KINDS = {
    "position": "Positions with line of sight",
    "building": "Positions with line of sight",
    "zone": "Sweeps",
    "coverage": "Sweeps",
    "citation": "What the plan rests on",
    "approval": "Approvals",
    "must_know": "Who must know",
    "way": "Who must know",
    **dict.fromkeys(
        ("unfilled_post", "lapsed_qualification", "missing_seat", "no_room", "second_command_post"),
        "Posts and people",
    ),
    **dict.fromkeys(
        (
            "no_channel",
            "gateway",
            "relay_without_radio",
            "untested_pair",
            "untested_posts",
            "uncollected_radio",
            "untested_radio",
        ),
        "Communications",
    ),
    "absence": "Who and what is missing",
    "sensor": "Who and what is missing",
    "decider": "Who must know",
    "finding": "Lessons not applied",
}
_ORDER = {
    title: n
    for n, title in enumerate(
        (
            "Positions with line of sight",
            "Sweeps",
            "Who and what is missing",
            "Posts and people",
            "Communications",
            "Who must know",
            "What the plan rests on",
            "Lessons not applied",
            "Approvals",
        )
    )
}
"""What may cost a life stands above what is a signature."""


@login_required
@require_http_methods(["GET", "POST"])
def ready_page(request: HttpRequest, operation: str) -> HttpResponse:
    """One page: what is red, whose it is, by when; and whether to go."""
    a, row = mine(request, operation)
    problem: Problem | None = None
    if request.method == "POST":
        answer = perform(request, a, row, _ACTS)
        if isinstance(answer, str):
            messages.success(request, answer)
            return redirect("plan-ready", operation=row.id)
        problem = answer
    context = {
        **frame(a, row, "ready"),
        **_state(row),
        "problem": problem,
        "given": problem.given if problem else {},
    }
    return render(request, "plan/ready.html", context, status=422 if problem else 200)


@login_required
@require_GET
def ready_part(request: HttpRequest, operation: str) -> HttpResponse:
    """The list of red things, as it is now."""
    a, row = mine(request, operation)
    return render(request, "plan/ready_part.html", {**frame(a, row, "ready"), **_state(row)})


def _state(row: Operation) -> dict[str, Any]:
    now = clock.now()
    found = reds.of(row, now)
    groups: dict[str, list[dict[str, Any]]] = {}
    for red in found:
        title = _KINDS.get(red.kind, red.kind.replace("_", " ").capitalize())
        due = red.due or row.starts_at
        line = {"red": red, "url": _address(red, row), "due": due, "late": due < now}
        groups.setdefault(title, []).append(line)
    return {
        "found": found,
        "groups": sorted(groups.items(), key=lambda group: _ORDER.get(group[0], len(_ORDER))),
        "approvals": _approvals(row),
        "decisions": _decisions(row),
        "changed_at": store.changed_at(row.id),
        "over": row.ends_at <= now,
    }


def _address(red: reds.Red, row: Operation) -> str:
    url = page(red.page, row.id)
    return f"{url}#{red.subject}" if url and "_" in red.subject else url


def _approvals(row: Operation) -> list[dict[str, Any]]:
    rows, agencies, changed = store.approvals(row.id), agency_names(), store.changed_at(row.id)
    called = names(r.person for r in rows)
    kept = contents([r.note for r in rows if r.note])
    return [
        {
            "row": r,
            "name": called.get(r.person, r.person),
            "agency": agencies.get(r.by_agency, r.by_agency),
            "note": (kept.get(r.note) or {}).get("text", ""),
            "stale": bool(changed and r.approved_at < changed),
        }
        for r in rows
    ]


def _decisions(row: Operation) -> list[dict[str, Any]]:
    rows, agencies = store.going(row.id), agency_names()
    called = names(r.person for r in rows)
    kept = contents([r.words for r in rows])
    return [
        {
            "row": r,
            "name": called.get(r.person, r.person),
            "agency": agencies.get(r.by_agency, r.by_agency),
            "reason": (kept.get(r.words) or {}).get("text", ""),
            "reds": (kept.get(r.words) or {}).get("reds", []),
            "count": len(r.reds),
        }
        for r in rows
    ]


def _approve(a: Actor, row: Operation, form: Form) -> str:
    actions.approve(a, operation=row.id, note=form["note"])
    return "Approved, by your name, as the plan stands now."


def _withdraw(a: Actor, row: Operation, form: Form) -> str:
    actions.withdraw(a, approval=form["subject"])
    return "Your approval is withdrawn."


def _decide(a: Actor, row: Operation, form: Form) -> str:
    go = form["go"] == "yes"
    actions.decide(a, operation=row.id, go=go, reason=form["reason"], seen=form.number("seen"))
    return "Going ahead: on the record, with what is red." if go else "Not going: on the record."


_ACTS = {"approve": _approve, "withdraw": _withdraw, "decide": _decide}

urlpatterns = [
    path("operations/<str:operation>/ready", ready_page, name="plan-ready"),
    path("operations/<str:operation>/ready/part", ready_part, name="plan-ready-part"),
]
