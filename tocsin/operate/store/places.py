"""What is at and around a place: posts, live positions, the plan's positions. Two small queries each."""

from __future__ import annotations

import math
from datetime import datetime
from typing import Any

from django.db import connection

from tocsin.operate.rules import Friendly, Ground
from tocsin.operate.terms import FRESH
from tocsin.people.store import agency_names
from tocsin.plan.geometry import E7, METRES_PER_DEGREE, Point
from tocsin.plan.models import Position
from tocsin.plan.terms import PositionState

_POSTS = """
SELECT p.label, p.agency, p.floor, p.lat, p.lon, a.person, greatest(a.checked_in_at, a.from_at) AS heard
FROM plan_post p JOIN plan_assignment a ON a.post = p.id
WHERE p.operation = %(operation)s AND p.state = 'LIVE' AND p.lat BETWEEN %(south)s AND %(north)s
  AND p.lon BETWEEN %(west)s AND %(east)s AND a.from_at <= %(now)s AND a.until_at > %(now)s
  AND (a.relieved_at IS NULL OR a.relieved_at > %(now)s) AND a.vacated_at IS NULL
  AND a.checked_in_at IS NOT NULL
ORDER BY (p.lat - %(lat)s)::float8 ^ 2 + ((p.lon - %(lon)s) * %(cos)s::float8) ^ 2 LIMIT %(limit)s
"""
_LIVE = """
SELECT coalesce(p.label, 'officer with the app'), coalesce(p.agency, m.agency, ''), coalesce(p.floor, ''),
       l.lat, l.lon, l.person, l.at
FROM operate_location l LEFT JOIN plan_post p ON p.id = l.post
LEFT JOIN people_member m ON m.person = l.person
WHERE l.operation = %(operation)s AND l.lat BETWEEN %(south)s AND %(north)s
  AND l.lon BETWEEN %(west)s AND %(east)s AND l.at >= %(fresh)s
ORDER BY (l.lat - %(lat)s)::float8 ^ 2 + ((l.lon - %(lon)s) * %(cos)s::float8) ^ 2 LIMIT %(limit)s
"""


NEAR_M = (300, 5000)
"""How far is looked first, and how far when nobody is so near."""


def near(operation: str, at: Point, now: datetime, *, limit: int = 8) -> list[tuple[str, Friendly]]:
    """(person, friendly), nearest first: whoever checked in at a post, and whoever's device was heard within minutes.
    A live position of somebody counts before that person's post: it is where they are."""
    for metres in NEAR_M:
        if found := _within(operation, at, now, metres, limit):
            return found
    return []


def _within(
    operation: str, at: Point, now: datetime, metres: int, limit: int
) -> list[tuple[str, Friendly]]:
    reach = metres / METRES_PER_DEGREE * E7
    cos = math.cos(math.radians(at.lat / E7))
    wide = reach / max(cos, 1e-6)
    values: dict[str, Any] = {
        "operation": operation, "now": now, "fresh": now - FRESH, "lat": at.lat, "lon": at.lon, "cos": cos,
        "south": int(at.lat - reach), "north": int(at.lat + reach),
        "west": int(at.lon - wide), "east": int(at.lon + wide), "limit": limit,
    }  # fmt: skip
    with connection.cursor() as cursor:
        cursor.execute(_LIVE, values)
        rows = cursor.fetchall()
        cursor.execute(_POSTS, values)
        rows += cursor.fetchall()
    shorts = agency_names()
    found: dict[str, Friendly] = {}
    for label, agency, floor, lat, lon, person, heard in rows:
        far = round(math.hypot(*at.east_north(Point(lat, lon))))
        found.setdefault(person, Friendly(label, shorts.get(agency, agency), far, floor, heard))
    return sorted(found.items(), key=lambda f: f[1].metres)[:limit]


def ground_at(
    operation: str, at: Point | None, *, area: str = "", position: str = ""
) -> list[tuple[Position, Ground]]:
    """The plan's positions at a place: the one that was named, else those within thirty metres."""
    rows = Position.objects.filter(operation=operation).exclude(state=PositionState.REMOVED.value)
    if position:
        rows = rows.filter(id=position)
    elif at is not None:
        reach = 30 / METRES_PER_DEGREE * E7
        wide = reach / max(math.cos(math.radians(at.lat / E7)), 1e-6)
        rows = rows.filter(lat__range=(int(at.lat - reach), int(at.lat + reach)))
        rows = rows.filter(lon__range=(int(at.lon - wide), int(at.lon + wide)))
    else:
        return []
    shorts = agency_names()
    return [
        (
            p,
            Ground(
                p.label,
                shorts.get(p.accepting, p.accepting),
                p.state == PositionState.ACCEPTED,
                p.checked_in_at,
            ),
        )
        for p in rows.order_by("id")[:5]
    ]
