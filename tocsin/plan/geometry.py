"""Where things are: points in whole ten-millionths of a degree, distances in metres, bearings in degrees.

Entries hold no fractions, so a coordinate is a whole number of 1e-7 degrees (about a centimetre). Over the few
kilometres of an event the earth is flat enough: distances are taken on a plane through the first point, and
are within one part in a thousand of the sphere up to 50 km.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from tocsin.kernel.errors import Invalid

E7 = 10_000_000
METRES_PER_DEGREE = 111_195.08  # of latitude, on the mean sphere of 6,371.0088 km


@dataclass(frozen=True, slots=True)
class Point:
    """A place on the map. `lat` and `lon` in 1e-7 degrees, WGS 84."""

    lat: int
    lon: int

    @classmethod
    def degrees(cls, lat: float, lon: float) -> Point:
        """From degrees. Raises: Invalid outside the globe (also for what is not a number)."""
        if not (-90 <= lat <= 90 and -180 <= lon <= 180):
            raise Invalid(
                f"latitude {lat}, longitude {lon} is not on the globe",
                field="place",
                cure="Give latitude -90 to 90 first, then longitude -180 to 180.",
            )
        return cls(round(lat * E7), round(lon * E7))

    def east_north(self, other: Point) -> tuple[float, float]:
        """Metres east and north from here to `other`."""
        scale = METRES_PER_DEGREE / E7
        turned = (other.lon - self.lon + 180 * E7) % (360 * E7) - 180 * E7
        middle = math.radians((self.lat + other.lat) / 2 / E7)
        return turned * scale * math.cos(middle), (other.lat - self.lat) * scale

    def moved(self, east: float, north: float) -> Point:
        """The point so many metres east and north of here."""
        lat = self.lat + north / METRES_PER_DEGREE * E7
        middle = math.radians((self.lat + lat) / 2 / E7)
        lon = self.lon + east / (METRES_PER_DEGREE * max(math.cos(middle), 1e-9)) * E7
        return Point(round(lat), round((lon + 180 * E7) % (360 * E7) - 180 * E7))


def distance(a: Point, b: Point) -> float:
    """Metres between two points on the ground."""
    return math.hypot(*a.east_north(b))


def bearing(a: Point, b: Point) -> float:
    """Degrees clockwise from north, 0 ≤ bearing < 360, of `b` as seen from `a`."""
    east, north = a.east_north(b)
    return math.degrees(math.atan2(east, north)) % 360


def along(a: Point, bearing_deg: float, metres: float) -> Point:
    """The point `metres` from `a` in the direction of `bearing_deg`."""
    turn = math.radians(bearing_deg)
    return a.moved(metres * math.sin(turn), metres * math.cos(turn))


def clock_bearing(hour: int, facing_deg: float) -> float:
    """The bearing of "at three o'clock" for someone facing `facing_deg` (twelve o'clock).

    Raises: Invalid when `hour` is not on a clock.
    """
    if not 1 <= hour <= 12:
        raise Invalid(f"{hour} o'clock", field="direction", cure="Give 1 to 12.")
    return (facing_deg + hour % 12 * 30) % 360


_WINDS = ("N", "NE", "E", "SE", "S", "SW", "W", "NW")


def wind(bearing_deg: float) -> str:
    """The nearest of eight directions, as said on a radio: "NE"."""
    return _WINDS[round(bearing_deg / 45) % 8]


def to_line(point: Point, line: Sequence[Point]) -> float:
    """Metres from `point` to the nearest part of a line of one or more points.

    Raises: Invalid for a line without points.
    """
    if not line:
        raise Invalid("a line needs a point", field="shape", cure="Draw it.")
    local = [point.east_north(p) for p in line]
    if len(local) == 1:
        return math.hypot(*local[0])
    return min(_to_segment(a, b) for a, b in pairwise(local))


def inside(point: Point, ring: Sequence[Point]) -> bool:
    """Whether `point` lies within a closed ring of three or more points (the last joins the first)."""
    within, local = False, [point.east_north(p) for p in ring]
    for (x1, y1), (x2, y2) in zip(local, local[1:] + local[:1], strict=True):
        if (y1 > 0) != (y2 > 0) and x1 + (x2 - x1) * y1 / (y1 - y2) > 0:
            within = not within
    return within


def _to_segment(a: tuple[float, float], b: tuple[float, float]) -> float:
    """Distance of the origin from the segment a–b."""
    (ax, ay), (dx, dy) = a, (b[0] - a[0], b[1] - a[1])
    length = dx * dx + dy * dy
    t = 0.0 if length == 0 else max(0.0, min(1.0, -(ax * dx + ay * dy) / length))
    return math.hypot(ax + t * dx, ay + t * dy)
