"""Distances and directions, against the sphere and by their own laws."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tocsin.kernel.errors import Invalid
from tocsin.plan.geometry import (
    Point,
    along,
    bearing,
    clock_bearing,
    distance,
    inside,
    to_line,
    wind,
)

HERE = Point.degrees(40.8562, -79.9710)
near = st.builds(HERE.moved, st.floats(-20_000, 20_000), st.floats(-20_000, 20_000))


def on_sphere(a: Point, b: Point) -> float:
    (lat1, lon1), (lat2, lon2) = ([math.radians(v / 1e7) for v in (p.lat, p.lon)] for p in (a, b))
    h = math.sin((lat2 - lat1) / 2) ** 2
    h += math.cos(lat1) * math.cos(lat2) * math.sin((lon2 - lon1) / 2) ** 2
    return 2 * 6_371_008.8 * math.asin(math.sqrt(h))


@given(near, near)
def test_distances_are_those_of_the_sphere(a: Point, b: Point) -> None:
    assert distance(a, b) == pytest.approx(on_sphere(a, b), rel=1e-3, abs=0.05)
    assert distance(a, b) == pytest.approx(distance(b, a))


@given(near, st.floats(0, 359.9), st.floats(1, 5_000))
def test_going_along_a_bearing_arrives_there(a: Point, turn: float, metres: float) -> None:
    there = along(a, turn, metres)
    assert distance(a, there) == pytest.approx(metres, rel=1e-3, abs=0.05)
    off = abs((bearing(a, there) - turn + 180) % 360 - 180)
    assert math.radians(off) * metres < max(0.05, metres * 1e-3)


def test_directions_as_people_say_them() -> None:
    assert [wind(d) for d in (0, 44, 91, 359)] == ["N", "NE", "E", "N"]
    assert clock_bearing(3, 0) == 90
    assert clock_bearing(12, 200) == 200
    with pytest.raises(Invalid, match="13 o'clock"):
        clock_bearing(13, 0)


def test_a_place_off_the_globe_is_refused() -> None:
    for lat, lon in ((91, 0), (0, 181), (math.nan, 0)):
        with pytest.raises(Invalid, match="not on the globe"):
            Point.degrees(lat, lon)


@given(st.floats(-49, 49), st.floats(-49, 49), st.floats(51, 900))
def test_inside_and_outside_of_a_square(x: float, y: float, far: float) -> None:
    square = [HERE.moved(e, n) for e, n in ((-50, -50), (50, -50), (50, 50), (-50, 50))]
    assert inside(HERE.moved(x, y), square)
    assert not inside(HERE.moved(far, y), square)
    assert not inside(HERE.moved(x, -far), square)


def test_the_distance_to_a_route_is_to_its_nearest_part() -> None:
    route = [HERE, HERE.moved(100, 0), HERE.moved(100, 100)]
    assert to_line(HERE.moved(50, 30), route) == pytest.approx(30, abs=0.1)
    assert to_line(HERE.moved(140, 50), route) == pytest.approx(40, abs=0.1)
    assert to_line(HERE.moved(-30, -40), route) == pytest.approx(50, abs=0.1)
    with pytest.raises(Invalid):
        to_line(HERE, [])
