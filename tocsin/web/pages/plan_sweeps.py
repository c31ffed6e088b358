"""Sweeps: zones, their teams and results, and the ground within standoff that nobody has swept."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import path
from django.views.decorators.http import require_http_methods

from tocsin.kernel import clock
from tocsin.kernel.errors import Invalid
from tocsin.people.models import Operation
from tocsin.people.store import agency_names
from tocsin.people.terms import Actor
from tocsin.plan import actions, store
from tocsin.plan.coverage import share
from tocsin.plan.geometry import Point
from tocsin.plan.imports import read_track
from tocsin.plan.models import Zone
from tocsin.plan.notation import read_points, write_point
from tocsin.plan.rules import Sweep, sweep_standing
from tocsin.plan.terms import PROTECTED, Method, ZoneState
from tocsin.record.store import contents
from tocsin.web.pages.plan_shared import Form, Problem, frame, mine, perform, taking_part
from tocsin.web.pages.warning_times import read_local

SHOWN = 200


@login_required
@require_http_methods(["GET", "POST"])
def sweeps_page(request: HttpRequest, operation: str) -> HttpResponse:
    """Every zone with its sweep, and what of the ground near the protected person none covers."""
    a, row = mine(request, operation)
    problem: Problem | None = None
    if request.method == "POST":
        answer = perform(request, a, row, _ACTS)
        if isinstance(answer, str):
            messages.success(request, answer)
            return redirect("plan-sweeps", operation=row.id)
        problem = answer
    lines = _lines(a, row)
    labels = {area.id: area for area in store.areas(row.id, a, PROTECTED)}
    context = {
        **frame(a, row, "sweeps"),
        "lines": sorted(lines, key=lambda line: not line["red"])[:SHOWN],
        "zones": len(lines),
        "reds": sum(line["red"] for line in lines),
        "covers": [_cover(c, labels) for c in store.coverage(row.id, a)],
        "routes": [area for area in labels.values() if area.standoff_m],
        "bare": [area for area in labels.values() if not area.standoff_m],
        "agencies": taking_part(row),
        "methods": [(m.value, m.words) for m in Method],
        "problem": problem,
        "given": problem.given if problem else {},
        "now": clock.now(),
    }
    return render(request, "plan/sweeps.html", context, status=422 if problem else 200)


def _cover(c: Any, labels: dict[str, Any]) -> dict[str, Any]:
    return {
        "area": labels[c.area],
        "open_m2": c.open_m2,
        "whole_m2": c.whole_m2,
        "share": round(100 * (c.whole_m2 - c.open_m2) / c.whole_m2) if c.whole_m2 else 100,
        "at": c.reckoned_at,
        "gaps": [
            {
                **g,
                "at": write_point(Point(*g["shape"][0][0])),
                "where": ", ".join(g["holds"]) or g["near"],
            }
            for g in c.gaps[:20]
        ],
        "more": max(0, len(c.gaps) - 20),
    }


def _lines(a: Actor, row: Operation) -> list[dict[str, Any]]:
    now, agencies = clock.now(), agency_names()
    rows = list(store.zones(row.id, a))
    kept = contents([v for z in rows for v in (z.note, z.reason_not_swept) if v])
    return [
        {
            "row": z,
            "red": (verdict := sweep_standing(Sweep(z.state, z.team, z.expires_at), now)).red,
            "why": verdict.why.value,
            "team": agencies.get(z.team, z.team),
            "method": Method(z.method).words if z.method else "",
            "note": (kept.get(z.note) or {}).get("text", ""),
            "reason": (kept.get(z.reason_not_swept) or {}).get("text", ""),
            "share": share(store.points(z.shape), store.points(z.track), z.reach_m)
            if z.track
            else 100,
            "mine": bool(z.team) and z.team == a.agency,
            "swept": z.state in (ZoneState.SWEPT, ZoneState.LAPSED),
            "begun": z.state == ZoneState.BEGUN,
        }
        for z in rows
    ]


def _cut(a: Actor, row: Operation, form: Form) -> str:
    made = actions.cut_zones(
        a, operation=row.id, area=form["area"], every_m=form.number("every_m") or 150
    )
    return f"{len(made)} zones. Give each a team and an hour."


def _add(a: Actor, row: Operation, form: Form) -> str:
    points = read_points(form.post.get("points") or "", "points")
    actions.add_zone(a, operation=row.id, label=form["label"], points=points, area=form["area"])
    return "Added."


def _assign(a: Actor, row: Operation, form: Form) -> str:
    due = read_local(form["due_at"], "due_at")
    ids = form.post.getlist("zones") or [form["subject"]]
    rows = {z.id: z for z in Zone.objects.filter(id__in=ids[:SHOWN])}
    if not form["team"]:
        raise Invalid("is missing", field="team", cure="Choose who sweeps it.")
    for zone in ids[:SHOWN]:
        version = (
            form.version
            if len(ids) == 1 and form["version"]
            else rows[zone].version
            if zone in rows
            else 0
        )
        actions.assign_zone(
            a, zone=zone, version=version, team=form["team"], method=_method(form), due_at=due
        )
    return (
        "Given to the team; it owes the sweep."
        if len(ids) == 1
        else f"{len(ids)} zones given to the team."
    )


def _begin(a: Actor, row: Operation, form: Form) -> str:
    actions.begin_sweep(a, zone=form["subject"], version=form.version)
    return "Begun. It covers nothing until it is done."


def _end(a: Actor, row: Operation, form: Form) -> str:
    start, end = read_local(form["start"], "start"), read_local(form["end"], "end")
    if start is None or end is None:
        raise Invalid(
            "is missing", field="start" if start is None else "end", cure="Give the time."
        )
    sent = form.files.get("track")
    actions.end_sweep(
        a,
        zone=form["subject"],
        version=form.version,
        start=start,
        end=end,
        found=form["found"] == "yes",
        holds=timedelta(hours=form.number("hours")),
        method=_method(form),
        track=read_track(sent.name or "", sent.read()) if sent else (),
        reach_m=form.number("reach_m"),
        note=form["note"],
    )
    return "On the record. What is uncovered was reckoned anew."


def _give_up(a: Actor, row: Operation, form: Form) -> str:
    actions.give_up_zone(a, zone=form["subject"], version=form.version, reason=form["reason"])
    return "On the record. The zone stays red."


def _breach(a: Actor, row: Operation, form: Form) -> str:
    actions.breach(a, zone=form["subject"], version=form.version, note=form["note"])
    return "The sweep no longer covers it; the team owes it again."


def _remove(a: Actor, row: Operation, form: Form) -> str:
    actions.remove_zone(a, zone=form["subject"], version=form.version)
    return "Taken off the plan."


def _method(form: Form) -> Method:
    if form["method"] not in set(Method):
        raise Invalid("is missing", field="method", cure="Choose how it is swept.")
    return Method(form["method"])


_ACTS = {
    "cut": _cut,
    "add": _add,
    "assign": _assign,
    "begin": _begin,
    "end": _end,
    "give_up": _give_up,
    "breach": _breach,
    "remove": _remove,
}

urlpatterns = [path("operations/<str:operation>/sweeps", sweeps_page, name="plan-sweeps")]
