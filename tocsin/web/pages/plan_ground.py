"""What the map draws: the ground as GeoJSON, pictures under it, tiles; and where each thing of it is shown."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect
from django.urls import path, reverse
from django.views.decorators.http import require_GET

from tocsin.kernel import clock
from tocsin.kernel.errors import NotFound
from tocsin.people.models import Operation
from tocsin.people.terms import Actor
from tocsin.people.visibility import get_visible
from tocsin.plan import store, tiles
from tocsin.plan.geometry import E7
from tocsin.plan.models import Area, Carry, Channel, Gateway, Picture, Position, Post, Zone
from tocsin.plan.rules import Sweep, standing, sweep_standing
from tocsin.record.store import contents
from tocsin.web.numbers import number
from tocsin.web.pages.plan_shared import mine

SHOWN = 500
_SHOWN_ON: dict[str, tuple[str, Any]] = {
    "are": ("plan-map", Area),
    "pos": ("plan-positions", Position),
    "zon": ("plan-sweeps", Zone),
    "post": ("plan-posts", Post),
    "chn": ("plan-channels", Channel),
    "car": ("plan-channels", Carry),
    "gtw": ("plan-channels", Gateway),
}


@login_required
@require_GET
def ground_json(request: HttpRequest, operation: str) -> JsonResponse:
    """Everything on the map as GeoJSON (RFC 7946), each with its label and tone."""
    a, row = mine(request, operation)
    found = [*_areas(a, row), *_zones(a, row), *_gaps(a, row), *_positions(a, row), *_posts(row)]
    pictures = [
        {
            "url": reverse("plan-picture", args=[row.id, p.id]),
            "label": p.label,
            "bounds": [b / E7 for b in p.bounds],
        }
        for p in store.pictures(row.id, a)
    ]
    return JsonResponse({"type": "FeatureCollection", "features": found, "pictures": pictures})


Features = Iterator[dict[str, Any]]


def _areas(a: Actor, row: Operation) -> Features:
    for area in store.areas(row.id, a)[:SHOWN]:
        tone = f"area-{area.kind.lower()}"
        yield _feature(area.id, area.label, area.shape, tone, closed=store.closed(area))


def _zones(a: Actor, row: Operation) -> Features:
    now = clock.now()
    for zone in store.zones(row.id, a)[:SHOWN]:
        red = sweep_standing(Sweep(zone.state, zone.team, zone.expires_at), now).red
        tone = "zone-bad" if red else "zone-good"
        yield _feature(zone.id, zone.label, zone.shape, tone, closed=True)


def _gaps(a: Actor, row: Operation) -> Features:
    for c in store.coverage(row.id, a):
        for n, gap in enumerate(c.gaps):
            where = ", ".join(gap["holds"]) or gap["near"]
            label = f"Uncovered: {gap['area_m2']:,} m². {where}"
            yield _feature(f"{c.area}-{n}", label, gap["shape"], "gap", rings=True)


def _positions(a: Actor, row: Operation) -> Features:
    now, rows = clock.now(), list(store.positions(row.id, a)[:SHOWN])
    held = store.held(rows)
    for p in rows:
        verdict = standing(held[p.id], now)
        tone = "position-bad" if verdict.red else "position-good"
        yield _feature(p.id, p.label, [[p.lat, p.lon]], tone)


def _posts(row: Operation) -> Features:
    for post in store.posts(row.id):
        if post.lat is not None and post.lon is not None:
            yield _feature(post.id, post.label, [[post.lat, post.lon]], "post")


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
def tile(request: HttpRequest, z: str, x: str, y: str) -> HttpResponse:
    """One tile of the map that this installation keeps; 204 where it has none."""
    found = tiles.tile(number(z, -1), number(x, -1), number(y, -1))
    if found is None:
        return HttpResponse(status=204)
    body, headers = found
    return HttpResponse(body, headers={**headers, "Cache-Control": "private, max-age=86400"})


urlpatterns = [
    path("operations/<str:operation>/map/ground.json", ground_json, name="plan-ground"),
    path("operations/<str:operation>/pictures/<str:picture_id>", picture, name="plan-picture"),
    path("plan/<str:subject>", subject_page, name="plan-subject"),
    path("tiles/<str:z>/<str:x>/<str:y>", tile, name="map-tile"),
]
