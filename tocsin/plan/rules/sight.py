"""Whether one place can be seen from another, over flat ground with buildings between.

A simple reckoning: straight lines, flat ground, buildings as blocks of one height. It says where to look; a person
on the roof says what is seen.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from tocsin.plan.geometry import Point, distance, inside

EYE_M = 1.7
"""A standing person's eyes, on a stage as on a roof."""
_STEP_M = 25.0  # how finely a route is looked at
_MOST = 60


@dataclass(frozen=True, slots=True)
class Block:
    """A building: its outline and height (metres)."""

    label: str
    ring: tuple[Point, ...]
    height_m: float


@dataclass(frozen=True, slots=True)
class Sight:
    """What is seen of a target: nearest distance in metres, whether any of it is in clear sight, else what hides it."""

    metres: int
    clear: bool
    hidden_by: str = ""


def nearest(point: Point, shape: Sequence[Point], *, closed: bool) -> tuple[float, Point]:
    """Metres to the nearest point of a shape, and that point. Inside a closed shape it is the point itself."""
    if closed and len(shape) > 2 and inside(point, shape):
        return 0.0, point
    line = [*shape, shape[0]] if closed and len(shape) > 2 else list(shape)
    best = (distance(point, line[0]), line[0])
    for a, b in pairwise(line):
        best = min(best, _foot(point, a, b), key=lambda found: found[0])
    return best


def seen(
    eye: Point, height_m: float, shape: Sequence[Point], blocks: Sequence[Block], *, closed: bool
) -> Sight:
    """What is seen of a stage or a route from `eye`, whose floor or roof is `height_m` above the ground.

    Buildings that the watcher or the target is within hide nothing: one shoots from a roof and stands before a wall.
    """
    metres, foot = nearest(eye, shape, closed=closed)
    walls = [w for b in blocks if (w := _wall(eye, b)) is not None]
    hidden = ""
    for target in (foot, *_samples(shape, closed=closed)):
        by = _hidden_by(eye, height_m + EYE_M, target, walls)
        if by is None:
            return Sight(round(metres), clear=True)
        hidden = hidden or by
    return Sight(round(metres), clear=False, hidden_by=hidden)


def _samples(shape: Sequence[Point], *, closed: bool) -> list[Point]:
    """Corners of a shape and points between them, at most `_MOST` of them, spread evenly."""
    found = list(shape)
    line = [*shape, shape[0]] if closed and len(shape) > 2 else shape
    for a, b in pairwise(line):
        parts = min(20, int(distance(a, b) // _STEP_M))
        east, north = a.east_north(b)
        found += [
            a.moved(east * i / (parts + 1), north * i / (parts + 1)) for i in range(1, parts + 1)
        ]
    return found[:: -(-len(found) // _MOST)]


@dataclass(frozen=True, slots=True)
class _Wall:
    """A building as one watcher has it: metres east and north of them, and a circle around it."""

    block: Block
    ring: tuple[tuple[float, float], ...]
    middle: tuple[float, float]
    radius: float


def _wall(eye: Point, block: Block) -> _Wall | None:
    """None for the building that the watcher is on."""
    if inside(eye, block.ring):
        return None
    ring = tuple(eye.east_north(p) for p in block.ring)
    x, y = sum(p[0] for p in ring) / len(ring), sum(p[1] for p in ring) / len(ring)
    return _Wall(block, ring, (x, y), max(math.hypot(px - x, py - y) for px, py in ring))


def _hidden_by(eye: Point, eye_m: float, target: Point, walls: Sequence[_Wall]) -> str | None:
    """The first building that stands higher than the line from eye to target where it crosses; None = clear."""
    tx, ty = eye.east_north(target)
    length = math.hypot(tx, ty) or 1e-9
    for wall in walls:
        x, y = wall.middle
        ahead = (x * tx + y * ty) / length
        aside = abs(x * ty - y * tx) / length
        if aside > wall.radius or not -wall.radius <= ahead <= length + wall.radius:
            continue
        if inside(target, wall.block.ring):
            continue
        for a, b in zip(wall.ring, wall.ring[1:] + wall.ring[:1], strict=True):
            share = _crossing(tx, ty, a, b)
            if share is not None and eye_m + (EYE_M - eye_m) * share < wall.block.height_m:
                return wall.block.label
    return None


def _crossing(tx: float, ty: float, a: tuple[float, float], b: tuple[float, float]) -> float | None:
    """Where along the line from the origin to (tx, ty) it crosses the wall a–b: 0 to 1; None = it does not."""
    dx, dy = b[0] - a[0], b[1] - a[1]
    cross = tx * dy - ty * dx
    if cross == 0:
        return None
    t = (a[0] * dy - a[1] * dx) / cross
    u = (a[0] * ty - a[1] * tx) / cross
    return t if 0 < t < 1 and 0 <= u <= 1 else None


def _foot(point: Point, a: Point, b: Point) -> tuple[float, Point]:
    (ax, ay), (bx, by) = point.east_north(a), point.east_north(b)
    dx, dy = bx - ax, by - ay
    length = dx * dx + dy * dy
    t = 0.0 if length == 0 else max(0.0, min(1.0, -(ax * dx + ay * dy) / length))
    x, y = ax + t * dx, ay + t * dy
    return (x * x + y * y) ** 0.5, point.moved(x, y)
