"""Uncovered ground: what is not swept is always told, and what is swept never is."""

from __future__ import annotations

import math

from hypothesis import given, settings
from hypothesis import strategies as st

from tocsin.plan.coverage import Swept, cut, reckon, share
from tocsin.plan.geometry import Point, distance, inside, to_line

START = Point.degrees(38.886, -77.009)


def at(east: float, north: float) -> Point:
    return START.moved(east, north)


ROUTE = [at(0, 0), at(400, 0), at(400, 300)]
SPOT = st.tuples(st.floats(-30, 430), st.floats(-30, 330))


def box(west: float, south: float, east: float, north: float) -> Swept:
    return Swept((at(west, south), at(east, south), at(east, north), at(west, north)))


def test_a_route_of_which_nothing_is_swept_is_all_open() -> None:
    cover = reckon(ROUTE, 20, [])
    wanted = 40 * 700 + math.pi * 400 - (4 - math.pi) * 100  # two round ends, one round corner
    assert abs(cover.whole_m2 - wanted) < wanted * 0.01
    assert cover.open_m2 == cover.whole_m2


@given(st.lists(st.tuples(SPOT, SPOT), max_size=6), st.lists(SPOT, min_size=1, max_size=20))
@settings(max_examples=60)
def test_a_spot_in_standoff_is_either_in_a_swept_zone_or_in_a_gap(
    boxes: list[tuple[tuple[float, float], tuple[float, float]]], spots: list[tuple[float, float]]
) -> None:
    swept = [
        box(min(a[0], b[0]), min(a[1], b[1]), max(a[0], b[0]), max(a[1], b[1])) for a, b in boxes
    ]
    cover = reckon(ROUTE, 20, swept)
    for spot in spots:
        here = at(*spot)
        # Hairs at the edges belong to neither: half a metre of grace.
        if to_line(here, ROUTE) > 19.5 or any(_near_edge(here, s.ring) for s in swept):
            continue
        covered = any(inside(here, s.ring) for s in swept)
        gap = any(_within(here, g.rings) for g in cover.gaps)
        if covered:
            assert not gap
        elif not _in_a_hair(spot, boxes):
            assert gap


def _within(here: Point, rings: tuple[tuple[Point, ...], ...]) -> bool:
    return inside(here, rings[0]) and not any(inside(here, hole) for hole in rings[1:])


def _near_edge(here: Point, ring: tuple[Point, ...]) -> bool:
    return to_line(here, [*ring, ring[0]]) < 1.0


def _in_a_hair(
    spot: tuple[float, float], boxes: list[tuple[tuple[float, float], tuple[float, float]]]
) -> bool:
    """Between two edges less than two metres apart ground may be too narrow to hide anything."""
    edges_x = [p[0] for pair in boxes for p in pair]
    edges_y = [p[1] for pair in boxes for p in pair]
    return (
        any(abs(spot[0] - x) < 2 for x in edges_x)
        or any(abs(spot[1] - y) < 2 for y in edges_y)
        or (distance(at(*spot), START) < 0)
    )


@given(st.integers(20, 400), st.integers(5, 60))
@settings(max_examples=40)
def test_the_zones_cut_from_a_route_cover_it_whole(every_m: int, standoff: int) -> None:
    zones = cut(ROUTE, standoff, every_m)
    cover = reckon(ROUTE, standoff, [Swept(z) for z in zones])
    assert cover.gaps == ()
    assert all(len(z) >= 3 for z in zones)


def test_dropping_any_zone_leaves_a_gap() -> None:
    zones = cut(ROUTE, 20, 100)
    assert len(zones) >= 7
    for n in range(len(zones)):
        assert reckon(ROUTE, 20, [Swept(z) for m, z in enumerate(zones) if m != n]).open_m2 > 100


def test_a_track_covers_only_what_lies_within_reach_of_it() -> None:
    [zone] = cut([at(0, 0), at(200, 0)], 20, 1000)
    bench = ("Bench", at(100, 12))
    walked = (at(-20, -15), at(220, -15))
    cover = reckon([at(0, 0), at(200, 0)], 20, [Swept(zone, walked, 5)], [bench])
    assert "Bench" in cover.gaps[0].holds
    assert cover.gaps[0].metres == 0
    near = reckon([at(0, 0), at(200, 0)], 20, [Swept(zone, (at(-20, 12), at(220, 12)), 5)], [bench])
    assert not any("Bench" in g.holds for g in near.gaps)
    assert 15 <= share(zone, walked, 5) <= 35
    assert share(zone, walked, 80) == 100


def test_a_gap_says_what_is_nearest_to_it() -> None:
    cover = reckon(ROUTE, 10, [], [("Gate 4", at(100, 40))])
    assert cover.gaps[0].holds == ()
    assert cover.gaps[0].near.endswith("of Gate 4")


def test_a_single_point_and_a_closed_stage_have_ground_around_them() -> None:
    assert abs(reckon([START], 10, []).whole_m2 - 314) < 5
    ring = [at(0, 0), at(20, 0), at(20, 20), at(0, 20)]
    assert abs(reckon(ring, 10, [], closed=True).whole_m2 - (400 + 4 * 200 + 314)) < 12
    assert len(cut(ring, 10, 50, closed=True)) == 1


def test_shapes_that_cross_themselves_break_nothing() -> None:
    bow = [at(0, 0), at(20, 20), at(20, 0), at(0, 20)]
    assert reckon(bow, 10, [Swept(tuple(bow))], closed=True).gaps
    assert reckon([START, START], 10, [Swept((START,))]).whole_m2 > 300
    assert cut([START, START], 10, 50)
