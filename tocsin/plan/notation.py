"""Coordinates as people write them: `38.8895, -77.0353`, one point a line."""

from __future__ import annotations

import re
from collections.abc import Iterable

from tocsin.kernel.errors import Invalid
from tocsin.plan.geometry import E7, Point
from tocsin.plan.terms import POINTS_CAP

_NUMBER = r"([+-]?\d{1,3}(?:\.\d{1,12})?)\s*°?\s*"
_POINT = re.compile(rf"\s*{_NUMBER}([NS]?)\s*[,;\s]\s*{_NUMBER}([EW]?)\s*", re.IGNORECASE)
_TEXT_CAP = POINTS_CAP * 60


def read_point(text: str, field: str = "place") -> Point:
    """One point, latitude first. Raises: Invalid naming `field`."""
    match = _POINT.fullmatch(text)
    if not match:
        raise Invalid(
            f"{text.strip()[:40]!r} is no place",
            field=field,
            cure="Write latitude, longitude: 38.8895, -77.0353.",
        )
    lat, lon = float(match[1]), float(match[3])
    lat = -lat if match[2].upper() == "S" else lat
    lon = -lon if match[4].upper() == "W" else lon
    try:
        return Point.degrees(lat, lon)
    except Invalid as e:
        raise Invalid(e.message, field=field, cure=e.cure) from e


def read_points(text: str, field: str = "points") -> tuple[Point, ...]:
    """Points, one a line; empty lines are skipped. Raises: Invalid naming the line."""
    if len(text) > _TEXT_CAP:
        raise Invalid("is too long", field=field, cure="Simplify the shape.")
    found = []
    for number, line in enumerate(text.splitlines(), 1):
        if line.strip():
            try:
                found.append(read_point(line, field))
            except Invalid as e:
                raise Invalid(f"line {number}: {e.message}", field=field, cure=e.cure) from e
    return tuple(found)


def write_point(p: Point) -> str:
    """A point in degrees, seven decimals at most, so that reading it gives the same point."""
    return f"{_degrees(p.lat)}, {_degrees(p.lon)}"


def write_points(points: Iterable[Point]) -> str:
    """Points, one a line."""
    return "\n".join(write_point(p) for p in points)


def _degrees(e7: int) -> str:
    whole, part = divmod(abs(e7), E7)
    return f"{'-' if e7 < 0 else ''}{whole}.{part:07d}".rstrip("0").rstrip(".")
