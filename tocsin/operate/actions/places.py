"""Where devices are, and what their batteries hold: the latest only, in an ordinary table. Nobody's track is kept."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db import connection

from tocsin.kernel import clock
from tocsin.plan.geometry import Point

_PUT = """
INSERT INTO operate_location (operation, device, person, post, lat, lon, accuracy_m, battery, battery_at, at)
VALUES (%(operation)s, %(device)s, %(person)s, %(post)s, %(lat)s, %(lon)s, %(accuracy_m)s,
  %(battery)s, %(heard)s, %(at)s)
ON CONFLICT (operation, device) DO UPDATE SET person = excluded.person, post = excluded.post,
  lat = excluded.lat, lon = excluded.lon, accuracy_m = excluded.accuracy_m, at = excluded.at,
  battery = coalesce(excluded.battery, operate_location.battery),
  battery_at = coalesce(excluded.battery_at, operate_location.battery_at)
WHERE operate_location.at <= excluded.at
"""
_BATTERY = """
INSERT INTO operate_location (operation, device, person, post, accuracy_m, battery, battery_at, at)
VALUES (%(operation)s, %(device)s, %(person)s, %(post)s, 0, %(battery)s, %(at)s, %(at)s)
ON CONFLICT (operation, device) DO UPDATE SET battery = excluded.battery, battery_at = excluded.battery_at
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
    that has not come yet counts as now. `battery` in percent; None where the phone does not say."""
    now = clock.now()
    level = _percent(battery)
    values: dict[str, Any] = {
        "operation": operation,
        "device": device,
        "person": person,
        "post": post,
        "lat": point.lat,
        "lon": point.lon,
        "accuracy_m": max(0, accuracy_m),
        "battery": level,
        "heard": None if level is None else now,
        "at": min(at, now) if at is not None else now,
    }
    with connection.cursor() as cursor:
        cursor.execute(_PUT, values)


def note_battery(*, operation: str, device: str, person: str, battery: int, post: str = "") -> None:
    """Note what the battery of a device holds, in percent, where it does not know where it is. The caller has
    authorised it. Its place and how old that is stay as they are."""
    values: dict[str, Any] = {
        "operation": operation,
        "device": device,
        "person": person,
        "post": post,
        "battery": _percent(battery),
        "at": clock.now(),
    }
    with connection.cursor() as cursor:
        cursor.execute(_BATTERY, values)


def _percent(battery: int | None) -> int | None:
    return None if battery is None else min(100, max(0, battery))
