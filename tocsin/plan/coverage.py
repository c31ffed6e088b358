"""Which ground within standoff of a route or stage nobody has swept.

Reckoned on a plane through the route's first point, in metres; a plan is a few kilometres wide. "Swept" counts only
as far as it is known where the team went: the zone itself, or, with a track, what lies within reach of the track.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tocsin.plan.geometry import Point, bearing, distance, wind

if TYPE_CHECKING:
    from shapely import Geometry, Polygon

SLIVER_M = 0.3
"""Ground narrower than twice this is the ragged edge of two drawings, not a place to hide something."""
_SIMPLER_M = 0.1
GAPS_CAP = 200


@dataclass(frozen=True, slots=True)
class Swept:
    """A zone whose sweep holds: its outline, and where the team went within it (empty = all of it)."""

    ring: tuple[Point, ...]
    track: tuple[Point, ...] = ()
    reach_m: float = 0.0


@dataclass(frozen=True, slots=True)
class Gap:
    """A piece of uncovered ground: outline (then its holes), area, distance from the route, what is in or near it."""

    rings: tuple[tuple[Point, ...], ...]
    area_m2: int
    metres: int
    holds: tuple[str, ...]
    near: str


@dataclass(frozen=True, slots=True)
class Cover:
    """All the ground that must be swept (m²), and what of it is not; the largest piece first."""

    whole_m2: int
    gaps: tuple[Gap, ...]

    @property
    def open_m2(self) -> int:
        return sum(g.area_m2 for g in self.gaps)


def reckon(
    shape: Sequence[Point],
    standoff_m: float,
    swept: Sequence[Swept],
    places: Sequence[tuple[str, Point]] = (),
    *,
    closed: bool = False,
) -> Cover:
    """What of the ground within `standoff_m` of a line (or a closed shape) no sweep covers.

    `places` are named points, so that a gap can be called by what lies in it.
    """
    import shapely  # noqa: PLC0415 - heavy; only reckoning pays for it

    origin = shape[0]
    base = _base(origin, shape, closed=closed)
    whole = base.buffer(standoff_m)
    done = shapely.union_all([g for s in swept if (g := _ground(origin, s)) is not None])
    rest = whole.difference(done).buffer(-SLIVER_M).buffer(SLIVER_M).intersection(whole)
    pieces = sorted(_polygons(rest), key=lambda p: -p.area)[:GAPS_CAP]
    return Cover(
        round(whole.area), tuple(_gap(origin, p, base, places) for p in pieces if p.area >= 1)
    )


def share(ring: Sequence[Point], track: Sequence[Point], reach_m: float) -> int:
    """Per cent of a zone that lies within reach of where the team went, rounded down."""
    zone = _ground(ring[0], Swept(tuple(ring)))
    seen = _ground(ring[0], Swept(tuple(ring), tuple(track), reach_m))
    return int(100 * seen.area / zone.area + 1e-9) if zone is not None and zone.area else 0


def cut(
    shape: Sequence[Point], standoff_m: float, every_m: float, *, closed: bool = False
) -> list[tuple[Point, ...]]:
    """The ground within standoff of a route, cut into pieces about `every_m` long, in the order of driving."""
    import shapely  # noqa: PLC0415
    from shapely.ops import substring  # noqa: PLC0415

    origin = shape[0]
    base = _base(origin, shape, closed=closed)
    if base.geom_type != "LineString":
        return [
            _ring(origin, p.simplify(_SIMPLER_M).exterior.coords)
            for p in _polygons(base.buffer(standoff_m))
        ]
    count = max(1, round(base.length / every_m))
    taken: Geometry = shapely.Polygon()
    found: list[tuple[Point, ...]] = []
    for i in range(count):
        part = substring(base, base.length * i / count, base.length * (i + 1) / count)
        ground = part.buffer(standoff_m)
        found += [
            _ring(origin, piece.simplify(_SIMPLER_M).exterior.coords)
            for piece in _polygons(ground.difference(taken))
            if not piece.buffer(-SLIVER_M).is_empty
        ]
        taken = taken.union(ground)
    return found


def _base(origin: Point, shape: Sequence[Point], *, closed: bool) -> Any:
    import shapely  # noqa: PLC0415

    local = [origin.east_north(p) for p in shape]
    if len(local) == 1:
        return shapely.Point(local[0])
    if closed and len(local) > 2:
        return shapely.make_valid(shapely.Polygon(local))
    return shapely.LineString(local)


def _ground(origin: Point, swept: Swept) -> Any:
    """What one sweep covered. A zone that crosses itself is taken as drawn; one of a point or two is none."""
    import shapely  # noqa: PLC0415

    if len(swept.ring) < 3:
        return None
    # A breath wider, so that the edge shared by two zones leaves no hair between them.
    zone = shapely.make_valid(shapely.Polygon([origin.east_north(p) for p in swept.ring])).buffer(
        0.05
    )
    if not swept.track:
        return zone
    local = [origin.east_north(p) for p in swept.track]
    line = shapely.LineString(local) if len(local) > 1 else shapely.Point(local[0])
    return zone.intersection(line.buffer(swept.reach_m))


def _gap(origin: Point, piece: Polygon, base: Any, places: Sequence[tuple[str, Point]]) -> Gap:
    import shapely  # noqa: PLC0415

    holds, best = [], ("", float("inf"))
    middle = piece.representative_point()
    here = origin.moved(middle.x, middle.y)
    for label, point in places:
        spot = shapely.Point(origin.east_north(point))
        if piece.covers(spot):
            holds.append(label)
        elif (away := piece.distance(spot)) < best[1]:
            best = (
                f"{round(distance(point, here))} m {wind(bearing(point, here))} of {label}",
                away,
            )
    drawn = piece.simplify(_SIMPLER_M)
    rings = [_ring(origin, r.coords) for r in (drawn.exterior, *drawn.interiors)]
    near = "" if holds else best[0]
    return Gap(tuple(rings), round(piece.area), round(piece.distance(base)), tuple(holds), near)


def _polygons(shape: Any) -> list[Polygon]:
    if shape.geom_type == "Polygon":
        return [] if shape.is_empty else [shape]
    return [p for part in getattr(shape, "geoms", ()) for p in _polygons(part)]


def _ring(origin: Point, coords: Any) -> tuple[Point, ...]:
    """Points of a ring; the last, which repeats the first, is left out."""
    return tuple(origin.moved(x, y) for x, y in list(coords)[:-1])
