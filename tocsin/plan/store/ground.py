"""Reading the ground of a plan: what is there, what is seen from where, what nobody has swept."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from django.db.models import Max, QuerySet

from tocsin.people.models import Member
from tocsin.people.store import operation as operation_of
from tocsin.people.terms import SYSTEM, Actor
from tocsin.people.visibility import visible_to
from tocsin.plan.geometry import Point
from tocsin.plan.models import Approval, Area, Basis, Coverage, Going, Picture, Position, Zone
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
    return list(visible_to(actor, Coverage.objects.filter(area__in=live), subject="area").order_by("area"))


def pictures(operation: str, actor: Actor = SYSTEM) -> QuerySet[Picture]:
    """Pictures laid under the map."""
    return visible_to(actor, Picture.objects.filter(operation=operation, state="LIVE")).order_by("id")


def basis(operation: str) -> Basis | None:
    """What the plan was begun from."""
    return Basis.objects.filter(id=operation).first()


def approvals(operation: str) -> list[Approval]:
    """Approvals that stand, oldest first."""
    return list(Approval.objects.filter(operation=operation, withdrawn_at=None).order_by("approved_at"))


def going(operation: str) -> list[Going]:
    """Decisions to go or not, newest first."""
    return list(Going.objects.filter(operation=operation).order_by("-decided_at", "-id")[:20])


def changed_at(operation: str) -> datetime | None:
    """When the ground of the plan last changed: what was approved before that was approved otherwise."""
    found = [
        model.objects.filter(operation=operation).aggregate(at=Max("changed_at"))["at"]
        for model in (Area, Position, Zone)
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
        Member.objects.filter(person__in=[p.person for p in rows if p.person], left_at=None).values_list(
            "person", "agency"
        )
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
    targets = [a for a in ground if a.kind in PROTECTED and a.shape]
    walls = blocks(ground)
    found: dict[str, tuple[Area, Sight]] = {}
    for p in rows:
        at, wanted = Point(p.lat, p.lon), [a for a in targets if a.id == p.area] or targets
        if not wanted:
            continue
        area = min(wanted, key=lambda a: nearest(at, points(a.shape), closed=closed(a))[0])
        found[p.id] = (area, seen(at, p.height_dm / 10, points(area.shape), walls, closed=closed(area)))
    return found


def unlisted(rows: Sequence[Position], ground: Sequence[Area]) -> list[tuple[Area, Area, Sight]]:
    """Buildings within range and in sight of a stage or route, on which no position is listed: (building, what it
    looks upon, what is seen). A roof that nobody put on the list is the one nobody holds."""
    targets = [a for a in ground if a.kind in PROTECTED and a.shape]
    walls = blocks(ground)
    listed = [Point(p.lat, p.lon) for p in rows]
    found = []
    for b in ground:
        if b.kind != AreaKind.BUILDING or not closed(b) or b.height_dm < LOW_DM:
            continue
        ring = points(b.shape)
        if any(nearest(at, ring, closed=True)[0] <= ON_IT_M for at in listed):
            continue
        if (best := _best(ring, b.height_dm / 10, targets, walls)) is not None:
            found.append((b, *best))
    return found


def _best(ring: Sequence[Point], height_m: float, targets: Sequence[Area], walls: Sequence[Block]) -> Any:
    """The nearest target in range and clear sight of any corner of a roof; None where there is none."""
    options = []
    for target in targets:
        shape = points(target.shape)
        for corner in ring:
            if nearest(corner, shape, closed=closed(target))[0] > SIGHT_RANGE_M:
                continue
            sight = seen(corner, height_m, shape, walls, closed=closed(target))
            if sight.clear:
                options.append((target, sight))
    return min(options, key=lambda o: o[1].metres, default=None)


def reds(operation: str, now: datetime | None = None) -> list[Red]:
    """Every red thing of an operation, from every stage that can say one. Raises: NotFound."""
    from tocsin.kernel import clock  # noqa: PLC0415
    from tocsin.plan.reds import of  # noqa: PLC0415 - the sources read this store

    return of(operation_of(operation), now or clock.now())
