"""One thing on a map, as somebody drew it or as a file says it."""

from __future__ import annotations

from dataclasses import dataclass

from tocsin.plan.geometry import Point


@dataclass(frozen=True, slots=True)
class Feature:
    """A piece of ground that is to be placed. `kind` is an `AreaKind`, or POSITION for a single point of view."""

    kind: str
    label: str
    points: tuple[Point, ...]
    height_m: int = 0
    standoff_m: int = 0
