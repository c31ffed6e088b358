"""Reading the ground of a plan: what is there, what is seen from where, what nobody has swept."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import TYPE_CHECKING

from django.db.models import Max, QuerySet

from tocsin.people.models import Member
from tocsin.people.store import operation as operation_of
from tocsin.people.terms import SYSTEM, Actor
from tocsin.people.visibility import visible_to
from tocsin.plan.geometry import Point
from tocsin.plan.models import (
    Approval,
    Area,
    Basis,
    Brief,
    Coverage,
    Going,
    Picture,
    Position,
    Zone,
)
from tocsin.plan.rules import Block, Held, Sight, nearest, seen
from tocsin.plan.terms import PROTECTED, SIGHT_RANGE_M, AreaKind, PositionState, ZoneState

if TYPE_CHECKING:
    from tocsin.plan.reds import Red

ON_IT_M = 15.0
"""A position this near a building's outline counts as that building's."""
LOW_DM = 25
"""A building lower than this is nobody's vantage."""


def areas(operation: str, actor: Actor = SYSTEM, kinds: Sequence[str] = ()) -> QuerySet[Area]:
    """The areas of a plan, by kind and label."""
    rows = visible_to(actor, Area.objects.filter(operation=operation, state="LIVE"))
    return (rows.filter(kind__in=kinds) if kinds else rows).order_by("kind", "label", "id")


def positions(operation: str, actor: Actor = SYSTEM) -> QuerySet[Position]:
    """The positions with line of sight that are on the plan, by label."""
    rows = Position.objects.filter(operation=operation).exclude(state=PositionState.REMOVED.value)
    return visible_to(actor, rows).order_by("label", "id")


def zones(operation: str, actor: Actor = SYSTEM) -> QuerySet[Zone]:
    """The zones to sweep that are on the plan, in the order they were made."""
    rows = Zone.objects.filter(operation=operation).exclude(state=ZoneState.REMOVED.value)
    return visible_to(actor, rows).order_by("id")


def coverage(operation: str, actor: Actor = SYSTEM) -> list[Coverage]:
    """What is uncovered, for each route or stage that is still on the plan and has a standoff."""
    live = areas(operation, actor, PROTECTED).filter(standoff_m__gt=0).values("id")
    return list(
        visible_to(actor, Coverage.objects.filter(area__in=live), subject="area").order_by("area")
    )


def pictures(operation: str, actor: Actor = SYSTEM) -> QuerySet[Picture]:
    """Pictures laid under the map."""
    return visible_to(actor, Picture.objects.filter(operation=operation, state="LIVE")).order_by(
        "id"
    )


def basis(operation: str) -> Basis | None:
    """What the plan was begun from."""
    return Basis.objects.filter(id=operation).first()


def approvals(operation: str) -> list[Approval]:
    """Approvals that stand, oldest first."""
    return list(
        Approval.objects.filter(operation=operation, withdrawn_at=None).order_by("approved_at")
    )


def going(operation: str) -> list[Going]:
    """Decisions to go or not, newest first."""
    return list(Going.objects.filter(operation=operation).order_by("-decided_at", "-id")[:20])


def changed_at(operation: str) -> datetime | None:
    """When the ground of the plan, or its words, last changed: what was approved before was approved otherwise."""
    found = [
        model.objects.filter(operation=operation).aggregate(at=Max("changed_at"))["at"]
        for model in (Area, Position, Zone, Brief)
    ]
    return max((at for at in found if at), default=None)


def points(shape: Iterable[Sequence[int]]) -> tuple[Point, ...]:
    """A stored shape as points."""
    return tuple(Point(lat, lon) for lat, lon in shape)


def closed(row: Area) -> bool:
    """Whether an area's shape is a ring; a route is a line, a place may be a single point."""
    return row.kind != AreaKind.ROUTE and len(row.shape) > 2


def held(rows: Sequence[Position]) -> dict[str, Held]:
    """Position id -> what its standing is decided by; one query."""
    here = dict(
        Member.objects.filter(
            person__in=[p.person for p in rows if p.person], left_at=None
        ).values_list("person", "agency")
    )
    return {
        p.id: Held(
            state=p.state,
            accepting=p.accepting,
            mitigation=bool(p.mitigation),
            person=p.person,
            person_here=here.get(p.person) == p.accepting,
            check_in_every_s=p.check_in_every_s,
            check_in_due=p.check_in_due,
        )
        for p in rows
    }


def blocks(rows: Iterable[Area]) -> list[Block]:
    """The buildings among some areas, as what hides."""
    return [
        Block(a.label, points(a.shape), a.height_dm / 10)
        for a in rows
        if a.kind == AreaKind.BUILDING and closed(a) and a.height_dm > 0
    ]


def sights(rows: Sequence[Position], ground: Sequence[Area]) -> dict[str, tuple[Area, Sight]]:
    """Position id -> what it looks upon, how far that is, and whether it is in clear sight."""
    scene, by_id = _scene(_targets(ground), tuple(blocks(ground))), {a.id: a for a in ground}
    found: dict[str, tuple[Area, Sight]] = {}
    for p in rows:
        if scene.targets:
            target, sight = scene.from_point(Point(p.lat, p.lon), p.height_dm, p.area)
            found[p.id] = (by_id[target.area], sight)
    return found


def unlisted(rows: Sequence[Position], ground: Sequence[Area]) -> list[tuple[Area, Area, Sight]]:
    """Buildings within range and in sight of a stage or route, on which no position is listed: (building, what it
    looks upon, what is seen). A roof that nobody put on the list is the one nobody holds."""
    scene, by_id = _scene(_targets(ground), tuple(blocks(ground))), {a.id: a for a in ground}
    listed = [Point(p.lat, p.lon) for p in rows]
    found = []
    for b in ground:
        if b.kind != AreaKind.BUILDING or not closed(b) or b.height_dm < LOW_DM:
            continue
        ring = points(b.shape)
        box = _around(ring)
        if any(_on(at, ring, box) for at in listed):
            continue
        if (best := scene.from_roof(ring, b.height_dm)) is not None:
            found.append((b, by_id[best[0].area], best[1]))
    return found


@dataclass(frozen=True, slots=True)
class _Target:
    """A stage or route, as a value."""

    area: str
    shape: tuple[Point, ...]
    closed: bool


def _targets(ground: Sequence[Area]) -> tuple[_Target, ...]:
    return tuple(
        _Target(a.id, points(a.shape), closed(a)) for a in ground if a.kind in PROTECTED and a.shape
    )


class _Scene:
    """What is protected and what stands in between, as one value, with what was reckoned of it already.

    The same ground is looked over by every page until somebody changes it: what was reckoned once is kept.
    """

    def __init__(self, targets: tuple[_Target, ...], walls: tuple[Block, ...]) -> None:
        self.targets, self._walls = targets, walls
        self._points: dict[tuple[Point, int, str], tuple[_Target, Sight]] = {}
        self._roofs: dict[tuple[tuple[Point, ...], int], tuple[_Target, Sight] | None] = {}

    def from_point(self, at: Point, height_dm: int, area: str) -> tuple[_Target, Sight]:
        """What is seen of one target, else of the nearest of them."""
        key = (at, height_dm, area)
        if key not in self._points:
            wanted = [t for t in self.targets if t.area == area] or self.targets
            target = min(wanted, key=lambda t: nearest(at, t.shape, closed=t.closed)[0])
            self._points[key] = (target, self._seen(at, height_dm, target))
        return self._points[key]

    def from_roof(self, ring: tuple[Point, ...], height_dm: int) -> tuple[_Target, Sight] | None:
        """The nearest target in range and clear sight of a corner of a roof; None where there is none."""
        if (ring, height_dm) not in self._roofs:
            options = [
                (target, sight)
                for target in self.targets
                for corner in ring
                if nearest(corner, target.shape, closed=target.closed)[0] <= SIGHT_RANGE_M
                and (sight := self._seen(corner, height_dm, target)).clear
            ]
            self._roofs[ring, height_dm] = min(options, key=lambda o: o[1].metres, default=None)
        return self._roofs[ring, height_dm]

    def _seen(self, at: Point, height_dm: int, target: _Target) -> Sight:
        return seen(at, height_dm / 10, target.shape, self._walls, closed=target.closed)


@lru_cache(maxsize=32)
def _scene(targets: tuple[_Target, ...], walls: tuple[Block, ...]) -> _Scene:
    return _Scene(targets, walls)


def _around(ring: Sequence[Point]) -> tuple[Point, Point]:
    """The corners of a box around a ring, `ON_IT_M` wider on each side: outside it nothing is on the building."""
    low = Point(min(p.lat for p in ring), min(p.lon for p in ring)).moved(
        -ON_IT_M - 1, -ON_IT_M - 1
    )
    high = Point(max(p.lat for p in ring), max(p.lon for p in ring)).moved(ON_IT_M + 1, ON_IT_M + 1)
    return low, high


def _on(at: Point, ring: Sequence[Point], box: tuple[Point, Point]) -> bool:
    low, high = box
    if not (low.lat <= at.lat <= high.lat and low.lon <= at.lon <= high.lon):
        return False
    return nearest(at, ring, closed=True)[0] <= ON_IT_M


def reds(operation: str, now: datetime | None = None) -> list[Red]:
    """Every red thing of an operation, from every stage that can say one. Raises: NotFound."""
    from tocsin.kernel import clock  # noqa: PLC0415
    from tocsin.plan.reds import of  # noqa: PLC0415 - the sources read this store

    return of(operation_of(operation), now or clock.now())
