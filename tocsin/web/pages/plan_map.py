"""The map of a plan: everything on it also as a list, and every shape also as lines of coordinates."""

from __future__ import annotations

import base64
from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.urls import path, reverse
from django.views.decorators.http import require_GET, require_http_methods

from tocsin.kernel import clock
from tocsin.kernel.errors import Invalid, NotFound
from tocsin.people.models import Operation
from tocsin.people.rules import permit
from tocsin.people.store import operations_of
from tocsin.people.terms import Actor, Permission
from tocsin.people.visibility import get_visible
from tocsin.plan import actions, imports, store, tiles
from tocsin.plan.actions.begun import templates
from tocsin.plan.geometry import E7
from tocsin.plan.models import Area, Picture, Position, Post, Zone
from tocsin.plan.notation import read_point, read_points, write_points
from tocsin.plan.rules import Sweep, standing, sweep_standing
from tocsin.plan.terms import AreaKind
from tocsin.record.store import contents
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
        "past": list(operations_of(a).filter(ends_at__lt=clock.now()).exclude(id=row.id).order_by("-ends_at")[:20])
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


@login_required
@require_GET
def ground_json(request: HttpRequest, operation: str) -> JsonResponse:
    """Everything on the map as GeoJSON (RFC 7946), each with its label, tone and page."""
    a, row = mine(request, operation)
    now, found = clock.now(), []
    for area in store.areas(row.id, a)[:SHOWN]:
        found.append(_feature(area.id, area.label, area.shape, f"area-{area.kind.lower()}", closed=store.closed(area)))
    for zone in store.zones(row.id, a)[:SHOWN]:
        red = sweep_standing(Sweep(zone.state, zone.team, zone.expires_at), now).red
        found.append(_feature(zone.id, zone.label, zone.shape, "zone-bad" if red else "zone-good", closed=True))
    for c in store.coverage(row.id, a):
        for n, gap in enumerate(c.gaps):
            where = ", ".join(gap["holds"]) or gap["near"]
            label = f"Uncovered: {gap['area_m2']} m². {where}"
            found.append(_feature(c.area if n == 0 else f"{c.area}-{n}", label, gap["shape"], "gap", rings=True))
    rows = list(store.positions(row.id, a)[:SHOWN])
    held = store.held(rows)
    for p in rows:
        verdict = standing(held[p.id], now)
        tone = "position-bad" if verdict.red else "position-good"
        found.append(_feature(p.id, f"{p.label}: {verdict.why.value}", [[p.lat, p.lon]], tone))
    for post in Post.objects.filter(operation=row.id, lat__isnull=False, lon__isnull=False)[:SHOWN]:
        found.append(_feature(post.id, post.label, [[post.lat, post.lon]], "post"))
    pictures = [
        {"url": f"/operations/{row.id}/pictures/{p.id}", "label": p.label, "bounds": [b / E7 for b in p.bounds]}
        for p in store.pictures(row.id, a)
    ]
    return JsonResponse({"type": "FeatureCollection", "features": found, "pictures": pictures})


def _feature(
    key: str, label: str, shape: list[Any], tone: str, *, closed: bool = False, rings: bool = False
) -> dict[str, Any]:
    geometry: dict[str, Any]
    if rings:
        geometry = {"type": "Polygon", "coordinates": [_ring(r) for r in shape]}
    elif closed:
        geometry = {"type": "Polygon", "coordinates": [_ring(shape)]}
    elif len(shape) > 1:
        geometry = {"type": "LineString", "coordinates": _pairs(shape)}
    else:
        geometry = {"type": "Point", "coordinates": _pairs(shape)[0]}
    return {
        "type": "Feature",
        "id": key,
        "geometry": geometry,
        "properties": {"label": label, "tone": tone},
    }


def _pairs(shape: list[Any]) -> list[list[float]]:
    return [[lon / E7, lat / E7] for lat, lon in shape]


def _ring(shape: list[Any]) -> list[list[float]]:
    pairs = _pairs(shape)
    return [*pairs, pairs[0]]


@login_required
@require_GET
def picture(request: HttpRequest, operation: str, picture_id: str) -> HttpResponse:
    """The bytes of a picture under the map."""
    a, row = mine(request, operation)
    found = get_visible(a, Picture.objects.filter(operation=row.id), id=picture_id)
    body = contents([found.image]).get(found.image, {}).get("webp")
    if not body:
        raise NotFound("the picture is no longer kept")
    answer = HttpResponse(base64.b64decode(body), content_type="image/webp")
    answer.headers["Cache-Control"] = "private, max-age=3600, immutable"
    return answer


@login_required
@require_GET
def subject_page(request: HttpRequest, subject: str) -> HttpResponse:
    """Where a place, position or zone is shown: its operation's page, at its line."""
    name, model = _SHOWN_ON.get(subject.partition("_")[0], ("", Area))
    found = model.objects.filter(id=subject).first() if name else None
    if found is None:
        raise NotFound("there is no such thing, or it is not yours to see")
    _, row = mine(request, found.operation)
    return redirect(f"{reverse(name, args=[row.id])}#{subject}")


@login_required
@require_GET
def tile(request: HttpRequest, z: int, x: int, y: int) -> HttpResponse:
    """One tile of the map that this installation keeps; 204 where it has none."""
    found = tiles.tile(z, x, y)
    if found is None:
        return HttpResponse(status=204)
    body, headers = found
    return HttpResponse(body, headers={**headers, "Cache-Control": "private, max-age=86400"})


_SHOWN_ON: dict[str, tuple[str, Any]] = {
    "are": ("plan-map", Area),
    "pos": ("plan-positions", Position),
    "zon": ("plan-sweeps", Zone),
}


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
    return f"Copied: {made['areas']} areas, {made['positions']} positions, {made['zones']} zones. Nobody holds any of them yet."


def _picture(a: Actor, row: Operation, form: Form) -> str:
    sent = form.files.get("image")
    if sent is None:
        raise Invalid("is missing", field="image", cure="Choose a file.")
    low, high = read_point(form["south_west"], "south-west corner"), read_point(form["north_east"], "north-east corner")
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
                a, operation=row.id, features=sheet.features, source=f"file {(sent.name or '')[-60:]}"
            )
            context |= {"placed": sheet.features, "made": len(made), "refused": sheet.refused}
    return render(request, "plan/import.html", context, status=status)


urlpatterns = [
    path("operations/<str:operation>/map", map_page, name="plan-map"),
    path("operations/<str:operation>/map/import", import_page, name="plan-import"),
    path("operations/<str:operation>/map/ground.json", ground_json, name="plan-ground"),
    path("operations/<str:operation>/areas/<str:area>", area_page, name="plan-area"),
    path("operations/<str:operation>/pictures/<str:picture_id>", picture, name="plan-picture"),
    path("plan/<str:subject>", subject_page, name="plan-subject"),
    path("tiles/<int:z>/<int:x>/<int:y>", tile, name="map-tile"),
]
