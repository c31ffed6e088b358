"""What every act on the ground shares: whose plan it is, what a label may be, and reckoning what is uncovered."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

from tocsin.duties.actions import discharge, open_duty
from tocsin.duties.models import Duty
from tocsin.duties.terms import Precedence
from tocsin.kernel.errors import Conflict, Invalid, NotFound
from tocsin.people.models import Grant, Operation, Participation
from tocsin.people.store import operations_of
from tocsin.people.terms import Actor, Role
from tocsin.people.visibility import get_visible
from tocsin.plan import store, terms
from tocsin.plan.coverage import Swept, reckon
from tocsin.plan.geometry import E7, Point
from tocsin.plan.models import Area, Coverage, Position, Zone
from tocsin.plan.rules import Sweep, nearest, sweep_standing
from tocsin.plan.terms import LABEL_CAP, POINTS_CAP, PROTECTED
from tocsin.record.actions import Writing
from tocsin.record.terms import Marking, Tlp

Row = TypeVar("Row", Area, Position, Zone)
_ASKED_FIRST = (Role.OPERATION_LEAD, Role.PARTNER, Role.RELEASE_AUTHORITY)
STANDOFF_CAP_M = 2000


def plan_of(actor: Actor, operation: str) -> Operation:
    """The operation, locked: one act at a time changes a plan, so that what is uncovered is reckoned on all of it.

    Raises: NotFound where the actor's agency takes no part, the same as where there is none.
    """
    if not operations_of(actor).filter(id=operation).exists():
        raise NotFound("there is no such operation, or your agency takes no part in it")
    return Operation.objects.select_for_update().get(id=operation)


def opened(
    actor: Actor, model: type[Row], row_id: str, version: int | None
) -> tuple[Row, Operation]:
    """A row of a plan and its operation, locked, as the actor saw it. Raises: NotFound, Conflict."""
    found = get_visible(actor, model.objects.all(), id=row_id)
    operation = plan_of(actor, found.operation)
    row = model.objects.select_for_update().get(id=row_id)
    if version is not None and row.version != version:
        raise Conflict("somebody changed this since you opened it", cure="Reload and look again.")
    if row.state == "REMOVED":
        raise Conflict("it was taken off the plan", cure="Put it on again as a new one.")
    return row, operation


def marking(operation: Operation) -> Marking:
    """All who take part see the plan; nobody else does."""
    return Marking(operation.lead_agency, Tlp.AMBER.value, operation.id)


def label(text: str, field: str = "label") -> str:
    """A name of a place, on one line. Raises: Invalid."""
    tidy = " ".join(text.split())
    if not tidy:
        raise Invalid("is empty", field=field, cure="Give it a name, such as: roof of building 6.")
    if len(tidy) > LABEL_CAP:
        raise Invalid(f"is longer than {LABEL_CAP} letters", field=field, cure="Make it shorter.")
    return tidy


def shape(points: Sequence[Point], kind: str) -> list[list[int]]:
    """A shape as entries hold it. Raises: Invalid when it cannot be what it is said to be."""
    given = list(points)
    if len(given) > 3 and given[0] == given[-1] and kind != terms.AreaKind.ROUTE:
        given.pop()
    least = {
        terms.AreaKind.ROUTE.value: 2,
        terms.AreaKind.STAGE.value: 1,
        terms.AreaKind.PLACE.value: 1,
    }.get(kind, 3)
    if len(given) < least:
        raise Invalid(
            f"needs {least} or more points",
            field="shape",
            cure="Draw it, or write one point a line.",
        )
    if len(given) > POINTS_CAP:
        raise Invalid(f"has more than {POINTS_CAP} points", field="shape", cure="Simplify it.")
    for p in given:
        if abs(p.lat) > 90 * E7 or abs(p.lon) > 180 * E7:
            raise Invalid(
                "has a point that is not on the globe", field="shape", cure="Latitude first."
            )
    return [[p.lat, p.lon] for p in given]


def whole(value: int, field: str, most: int) -> int:
    """A number from 0 to `most`. Raises: Invalid."""
    if not 0 <= value <= most:
        raise Invalid(f"{value} is out of reach", field=field, cure=f"Give 0 to {most}.")
    return int(value)


def takes_part(operation: Operation, agency: str, field: str) -> str:
    """An agency that takes part, so that it sees what it is asked. Raises: Invalid."""
    if not Participation.objects.filter(operation=operation.id, agency=agency).exists():
        raise Invalid(
            "takes no part in the operation",
            field=field,
            cure="Bring the agency into the operation first.",
        )
    return agency


def role_asked(agency: str) -> str:
    """Who answers for an agency in a plan: its operation lead, else its partner, else its release authority."""
    held = set(Grant.objects.filter(agency=agency, revoked_at=None).values_list("role", flat=True))
    return next((r.value for r in _ASKED_FIRST if r.value in held), Role.OPERATION_LEAD.value)


def reckon_ground(w: Writing, operation: Operation) -> int:
    """Reckon anew what is uncovered within standoff of every route and stage; returns how many have gaps.

    A gap is a duty of the agency that leads; it ends by the entry that finds nothing uncovered.
    """
    w.flush()
    areas = list(store.areas(operation.id))
    zones = list(store.zones(operation.id))
    swept = [
        Swept(store.points(z.shape), store.points(z.track), z.reach_m)
        for z in zones
        if not sweep_standing(Sweep(z.state, z.team, z.expires_at), w.at).red
    ]
    places = [
        (a.label, p) for a in areas for p in store.points(a.shape)[:1] if a.kind not in PROTECTED
    ]
    places += [(p.label, Point(p.lat, p.lon)) for p in store.positions(operation.id)]
    known = {c.area: c for c in Coverage.objects.filter(operation=operation.id)}
    wanted = [a for a in areas if a.kind in PROTECTED and a.standoff_m > 0]
    bad = 0
    for area in wanted:
        cover = reckon(
            store.points(area.shape), area.standoff_m, swept, places, closed=store.closed(area)
        )
        gaps = [
            {
                "shape": [[[p.lat, p.lon] for p in ring] for ring in g.rings],
                "area_m2": g.area_m2,
                "metres": g.metres,
                "holds": list(g.holds),
                "near": g.near,
            }
            for g in cover.gaps
        ]
        bad += bool(gaps)
        before = known.get(area.id)
        if before is None or before.gaps != gaps or before.whole_m2 != cover.whole_m2:
            data = {"gaps": gaps, "whole_m2": cover.whole_m2, "open_m2": cover.open_m2}
            w.append(terms.COVERAGE_FOUND, area.id, data, marking=marking(operation))
        _owe_cover(w, operation, area, bool(gaps))
    for gone in known.keys() - {a.id for a in wanted}:
        discharge(w, gone, "cover_ground", "it is no longer on the plan")
    return bad


def _owe_cover(w: Writing, operation: Operation, area: Area, gaps: bool) -> None:
    if not gaps:
        discharge(w, area.id, "cover_ground", "all of it is swept")
        return
    owed = Duty.objects.filter(subject=area.id, kind="cover_ground", discharged_at=None)
    if owed.exists() or operation.ends_at <= w.at:
        return
    open_duty(
        w,
        "cover_ground",
        area.id,
        f"Have the uncovered ground at {area.label} swept",
        marking(operation),
        owner_agency=operation.lead_agency,
        owner_role=Role.OPERATION_LEAD.value,
        precedence=Precedence.PRIORITY,
        event_start=operation.starts_at,
    )


def metres_to(operation: str, point: Point, area: str) -> int:
    """Metres from a point to what it looks upon, else to the nearest stage or route; -1 where there is none."""
    rows = [a for a in store.areas(operation, kinds=PROTECTED) if a.shape]
    chosen = [a for a in rows if a.id == area] or rows
    return min(
        (round(nearest(point, store.points(a.shape), closed=store.closed(a))[0]) for a in chosen),
        default=-1,
    )
