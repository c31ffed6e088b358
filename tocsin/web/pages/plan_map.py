"""The map of a plan: everything on it also as a list, and every shape also as lines of coordinates."""

from __future__ import annotations

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
from tocsin.people.rules import permit
from tocsin.people.store import operations_of
from tocsin.people.terms import Actor, Permission
from tocsin.people.visibility import get_visible
from tocsin.plan import actions, imports, store, tiles
from tocsin.plan.actions.begun import templates
from tocsin.plan.models import Area
from tocsin.plan.notation import read_point, read_points, write_points
from tocsin.plan.terms import AreaKind
from tocsin.web.pages.plan_shared import Form, Problem, frame, mine, perform

SHOWN = 500
KINDS = [(k.value, k.words) for k in AreaKind]


@login_required
@require_http_methods(["GET", "POST"])
def map_page(request: HttpRequest, operation: str) -> HttpResponse:
    """The ground of a plan: drawn, listed, imported."""
    a, row = mine(request, operation)
    problem: Problem | None = None
    if request.method == "POST":
        answer = perform(request, a, row, _ACTS)
        if isinstance(answer, str):
            messages.success(request, answer)
            return redirect("plan-map", operation=row.id)
        problem = answer
    rows = list(store.areas(row.id, a)[:SHOWN])
    context = {
        **frame(a, row, "map"),
        "areas": [{"row": r, "kind": AreaKind(r.kind).words, "points": len(r.shape)} for r in rows],
        "kinds": KINDS,
        "pictures": list(store.pictures(row.id, a)),
        "basis": _basis(row),
        "templates": [(name, t["title"]) for name, t in templates().items()] if not rows else [],
        "past": list(
            operations_of(a)
            .filter(ends_at__lt=clock.now())
            .exclude(id=row.id)
            .order_by("-ends_at")[:20]
        )
        if not rows
        else [],
        "tiles": tiles.kind(),
        "problem": problem,
        "given": problem.given if problem else {},
    }
    return render(request, "plan/map.html", context, status=422 if problem else 200)


@login_required
@require_http_methods(["GET", "POST"])
def area_page(request: HttpRequest, operation: str, area: str) -> HttpResponse:
    """One area: its name, kind, height, standoff and every point of it."""
    a, row = mine(request, operation)
    found = get_visible(a, Area.objects.filter(operation=row.id, state="LIVE"), id=area)
    problem: Problem | None = None
    if request.method == "POST":
        answer = perform(request, a, row, {"change": _change, "remove": _remove})
        if isinstance(answer, str):
            messages.success(request, answer)
            return redirect("plan-map", operation=row.id)
        problem = answer
    context = {
        **frame(a, row, "map"),
        "area": found,
        "kind": AreaKind(found.kind).words,
        "kinds": KINDS,
        "height": found.height_dm // 10,
        "points": write_points(store.points(found.shape)),
        "tiles": tiles.kind(),
        "problem": problem,
        "given": problem.given if problem else {},
    }
    return render(request, "plan/area.html", context, status=422 if problem else 200)


def _basis(row: Operation) -> dict[str, Any] | None:
    found = store.basis(row.id)
    if found is None:
        return None
    past = Operation.objects.filter(id=found.copied_from).first() if found.copied_from else None
    return {"template": templates().get(found.template), "past": past, "at": found.at}


def _place(a: Actor, row: Operation, form: Form) -> str:
    actions.place_area(
        a,
        operation=row.id,
        kind=form["kind"],
        label=form["label"],
        points=read_points(form.post.get("points") or "", "shape"),
        height_m=form.number("height_m"),
        standoff_m=form.number("standoff_m"),
    )
    return "On the map."


def _change(a: Actor, row: Operation, form: Form) -> str:
    actions.change_area(
        a,
        area=form["subject"],
        version=form.version,
        kind=form["kind"],
        label=form["label"],
        points=read_points(form.post.get("points") or "", "shape"),
        height_m=form.number("height_m"),
        standoff_m=form.number("standoff_m"),
    )
    return "Changed."


def _remove(a: Actor, row: Operation, form: Form) -> str:
    actions.remove_area(a, area=form["subject"], version=form.version)
    return "Taken off the map. It stays on the record."


def _begin(a: Actor, row: Operation, form: Form) -> str:
    made = actions.begin_plan(
        a, operation=row.id, template=form["template"], copied_from=form["copied_from"]
    )
    if not form["copied_from"]:
        return "Begun. What such an event needs stands beside the map."
    said = f"Copied: {made['areas']} areas, {made['positions']} positions, {made['zones']} zones."
    return f"{said} Nobody holds any of them yet."


def _picture(a: Actor, row: Operation, form: Form) -> str:
    sent = form.files.get("image")
    if sent is None:
        raise Invalid("is missing", field="image", cure="Choose a file.")
    low, high = (
        read_point(form["south_west"], "south-west corner"),
        read_point(form["north_east"], "north-east corner"),
    )
    actions.place_picture(
        a,
        operation=row.id,
        label=form["label"],
        image=sent.read(),
        bounds=(low.lat, low.lon, high.lat, high.lon),
    )
    return "Under the map."


def _no_picture(a: Actor, row: Operation, form: Form) -> str:
    actions.remove_picture(a, picture=form["subject"])
    return "Taken off."


_ACTS = {"place": _place, "begin": _begin, "picture": _picture, "no_picture": _no_picture}


@login_required
@require_http_methods(["GET", "POST"])
def import_page(request: HttpRequest, operation: str) -> HttpResponse:
    """Read a file of ground: first what it would do, then, asked again, do it."""
    a, row = mine(request, operation)
    permit(a, Permission.MANAGE_OPERATION)
    context: dict[str, Any] = {**frame(a, row, "map"), "columns": ", ".join(imports.of_csv.COLUMNS)}
    status = 200
    if request.method == "POST":
        sent = request.FILES.get("file")
        try:
            if sent is None:
                raise Invalid("is missing", field="file", cure="Choose a file.")
            sheet = imports.read(sent.name or "", sent.read())
            if not sheet.features:
                raise Invalid("holds nothing that can be placed", field="file", cure="See below.")
        except Invalid as e:
            context["error"] = f"{e.field.capitalize()}: {e.message}. {e.cure}"
            context["refused"] = sheet.refused if sent is not None and "sheet" in locals() else []
            status = 422
        else:
            made = actions.place_features(
                a,
                operation=row.id,
                features=sheet.features,
                source=f"file {(sent.name or '')[-60:]}",
            )
            context |= {"placed": sheet.features, "made": len(made), "refused": sheet.refused}
    return render(request, "plan/import.html", context, status=status)


urlpatterns = [
    path("operations/<str:operation>/map", map_page, name="plan-map"),
    path("operations/<str:operation>/map/import", import_page, name="plan-import"),
    path("operations/<str:operation>/areas/<str:area>", area_page, name="plan-area"),
]
