"""A small site for the plan's tests: a stage, a roof 140 m north of it, a wall, and a route with a bench beside it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from tests.cast import Cast
from tocsin.plan import actions
from tocsin.plan.geometry import Point

STAGE = Point.degrees(38.8895, -77.0353)


def at(east: float, north: float) -> Point:
    """So many metres from the stage."""
    return STAGE.moved(east, north)


def box(east: float, north: float, half: float) -> list[Point]:
    """A square building around a spot."""
    return [at(east + x * half, north + y * half) for x, y in ((-1, -1), (1, -1), (1, 1), (-1, 1))]


@dataclass(frozen=True)
class Ground:
    stage: str
    building: str
    route: str
    bench: str


def lay_out(cast: Cast, *, standoff_m: int = 20) -> Ground:
    """The site, on the plan of the march; drawn by the lead."""
    place: dict[str, Any] = {"operation": cast.march}
    return Ground(
        stage=actions.place_area(cast.lou, kind="STAGE", label="Stage", points=[STAGE], **place),
        building=actions.place_area(
            cast.lou, kind="BUILDING", label="Building 6", points=box(0, 140, 10), height_m=8, **place
        ),
        route=actions.place_area(
            cast.lou, kind="ROUTE", label="Motorcade", points=[at(-300, -50), at(0, -50), at(0, -10)],
            standoff_m=standoff_m, **place,
        ),
        bench=actions.place_area(cast.lou, kind="PLACE", label="Bench by the ramp", points=[at(-150, -44)], **place),
    )  # fmt: skip
