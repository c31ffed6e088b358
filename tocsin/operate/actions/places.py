"""Where devices are: the latest place only, in an ordinary table. Nobody's track is kept."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db import connection

from tocsin.kernel import clock
from tocsin.plan.geometry import Point

_PUT = """
INSERT INTO operate_location (operation, device, person, post, lat, lon, accuracy_m, battery, at)
VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s)
ON CONFLICT (operation, device) DO UPDATE SET person = excluded.person, post = excluded.post,
  lat = excluded.lat, lon = excluded.lon, accuracy_m = excluded.accuracy_m, battery = excluded.battery,
  at = excluded.at WHERE operate_location.at <= excluded.at
"""


def note_location(
    *,
    operation: str,
    device: str,
    person: str,
    point: Point,
    post: str = "",
    accuracy_m: int = 0,
    battery: int | None = None,
    at: datetime | None = None,
) -> None:
    """Note where a device is; the caller has authorised it. An older place never replaces a newer one, and a time
    that has not come yet counts as now."""
    now = clock.now()
    when = min(at, now) if at is not None else now
    values: list[Any] = [
        operation,
        device,
        person,
        post,
        point.lat,
        point.lon,
        max(0, accuracy_m),
        battery,
        when,
    ]
    with connection.cursor() as cursor:
        cursor.execute(_PUT, values)
