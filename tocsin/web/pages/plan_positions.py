"""Positions with line of sight: who holds each, in whose name, and since when they last said so."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import path
from django.views.decorators.http import require_http_methods

from tocsin.kernel import clock
from tocsin.people.models import Operation
from tocsin.people.store import agency_names, names
from tocsin.people.terms import Actor
from tocsin.plan import actions, store, tiles
from tocsin.plan.geometry import Point
from tocsin.plan.models import Area, Position
from tocsin.plan.notation import read_point, write_point
from tocsin.plan.rules import Sight, standing
from tocsin.plan.terms import PROTECTED, PositionState
from tocsin.record.store import contents
from tocsin.web.pages.plan_shared import Form, Problem, frame, members, mine, perform, taking_part


@login_required
@require_http_methods(["GET", "POST"])
def positions_page(request: HttpRequest, operation: str) -> HttpResponse:
    """Every position that sees what is protected; red until an agency has accepted it by name."""
    a, row = mine(request, operation)
    problem: Problem | None = None
    if request.method == "POST":
        answer = perform(request, a, row, _ACTS)
        if isinstance(answer, str):
            messages.success(request, answer)
            return redirect("plan-positions", operation=row.id)
        problem = answer
    ground = list(store.areas(row.id, a))
    rows = list(store.positions(row.id, a))
    lines = _lines(a, rows, ground)
    context = {
        **frame(a, row, "positions"),
        "lines": sorted(lines, key=lambda line: not line["red"]),
        "reds": sum(line["red"] for line in lines),
        "unlisted": [
            {"area": b, "target": t, "sight": s, "at": write_point(_middle(b))}
            for b, t, s in store.unlisted(rows, ground)
        ],
        "targets": [area for area in ground if area.kind in PROTECTED],
        "agencies": taking_part(row),
        "colleagues": members(a.agency) if a.agency else [],
        "problem": problem,
        "given": problem.given if problem else request.GET,
        "now": clock.now(),
        "tiles": tiles.kind(),
        "edit": request.GET.get("edit", ""),
    }
    return render(request, "plan/positions.html", context, status=422 if problem else 200)


def _lines(a: Actor, rows: list[Position], ground: list[Area]) -> list[dict[str, Any]]:
    now, held = clock.now(), store.held(rows)
    seen = store.sights(rows, ground)
    called = names({x for p in rows for x in (p.person, p.asked_by, p.accepted_by) if x})
    kept = contents([v for p in rows for v in (p.mitigation, p.reason) if v])
    agencies = agency_names()
    return [
        {
            "row": p,
            "red": (verdict := standing(held[p.id], now)).red,
            "why": verdict.why.value,
            "at": write_point(Point(p.lat, p.lon)),
            "height": p.height_dm // 10,
            "agency": agencies.get(p.accepting, p.accepting),
            "person": called.get(p.person, p.person),
            "asked_by": called.get(p.asked_by, p.asked_by),
            "accepted_by": called.get(p.accepted_by, p.accepted_by),
            "mitigation": (kept.get(p.mitigation) or {}).get("text", ""),
            "reason": (kept.get(p.reason) or {}).get("text", ""),
            "target": seen[p.id][0] if p.id in seen else None,
            "sight": _sight(seen[p.id][1]) if p.id in seen else "",
            "every": p.check_in_every_s // 60,
            "may_answer": bool(p.accepting) and p.accepting == a.agency and p.asked_by != a.person,
            "asked_me": p.asked_by == a.person and p.accepting == a.agency,
            "may_check_in": p.state == PositionState.ACCEPTED and a.agency == p.accepting,
            "accepted": p.state == PositionState.ACCEPTED,
        }
        for p in rows
    ]


def _sight(s: Sight) -> str:
    if s.clear:
        return "in clear sight"
    return f"hidden by {s.hidden_by}" if s.hidden_by else "not in sight"


def _middle(area: Area) -> Point:
    points = store.points(area.shape)
    return Point(
        sum(p.lat for p in points) // len(points), sum(p.lon for p in points) // len(points)
    )


def _list(a: Actor, row: Operation, form: Form) -> str:
    actions.list_position(
        a,
        operation=row.id,
        label=form["label"],
        at=read_point(form["at"], "at"),
        height_m=form.number("height_m"),
        area=form["area"],
        mitigation=form["mitigation"],
        accepting=form["accepting"],
    )
    return "Listed. It is red until the agency accepts it."


def _change(a: Actor, row: Operation, form: Form) -> str:
    was = Position.objects.filter(id=form["subject"]).first()
    sent: dict[str, Any] = {
        "label": form["label"],
        "at": read_point(form["at"], "at"),
        "height_m": form.number("height_m"),
        "area": form["area"],
        "accepting": form["accepting"],
    }
    before: dict[str, Any] = {}
    if was is not None:
        before = {
            "label": was.label,
            "at": Point(was.lat, was.lon),
            "height_m": was.height_dm // 10,
            "area": was.area,
            "accepting": was.accepting,
        }
    changed = {k: v for k, v in sent.items() if before.get(k) != v}
    text = (
        contents([was.mitigation]).get(was.mitigation, {}).get("text", "")
        if was and was.mitigation
        else ""
    )
    if form["mitigation"] != text:
        changed["mitigation"] = form["mitigation"]
    if not changed:
        return "Nothing was changed."
    actions.change_position(a, position=form["subject"], version=form.version, **changed)
    return (
        "Changed."
        if set(changed) == {"label"}
        else "Changed. The agency must accept it as it is now."
    )


def _accept(a: Actor, row: Operation, form: Form) -> str:
    actions.accept_position(
        a,
        position=form["subject"],
        version=form.version,
        person=form["person"],
        check_in_every_s=form.number("every") * 60,
        mitigation=form["mitigation"],
    )
    return "Accepted. Your agency holds it, and the person named checks in."


def _decline(a: Actor, row: Operation, form: Form) -> str:
    actions.decline_position(
        a, position=form["subject"], version=form.version, reason=form["reason"]
    )
    return "Declined. Whoever leads the operation is told at once."


def _check_in(a: Actor, row: Operation, form: Form) -> str:
    actions.check_in_position(a, position=form["subject"])
    return "Checked in."


def _remove(a: Actor, row: Operation, form: Form) -> str:
    actions.remove_position(
        a, position=form["subject"], version=form.version, reason=form["reason"]
    )
    return "Taken off the plan. It stays on the record."


_ACTS = {
    "list": _list,
    "change": _change,
    "accept": _accept,
    "decline": _decline,
    "check_in": _check_in,
    "remove": _remove,
}

urlpatterns = [
    path("operations/<str:operation>/positions", positions_page, name="plan-positions"),
]
