"""Sweeps: zones cut from a route and its standoff, given to a team, swept, lapsed, breached, or left with a reason."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from tocsin.duties.actions import discharge, open_duty
from tocsin.duties.terms import Precedence
from tocsin.kernel import clock
from tocsin.kernel.errors import Conflict, Forbidden, Invalid
from tocsin.kernel.ids import new_id
from tocsin.people.models import Operation
from tocsin.people.rules import may, permit
from tocsin.people.store import operation as operation_of
from tocsin.people.terms import SYSTEM, Actor, Permission
from tocsin.people.visibility import marking_of
from tocsin.plan import store, terms
from tocsin.plan.actions import shared
from tocsin.plan.coverage import cut
from tocsin.plan.geometry import Point
from tocsin.plan.models import Area, Zone
from tocsin.plan.terms import PROTECTED, Method, ZoneState
from tocsin.record.actions import Writing, writing
from tocsin.record.terms import stamp

PIECE_M = (20, 2000)
ZONES_CAP = 500
HOLDS_CAP = timedelta(days=2)


def cut_zones(actor: Actor, *, operation: str, area: str, every_m: int = 150) -> list[str]:
    """Cut the ground within standoff of a route or stage into zones about `every_m` long; returns their ids.

    Raises: Forbidden, NotFound; Invalid when it has no standoff or gives too many zones.
    """
    permit(actor, Permission.MANAGE_OPERATION)
    if not PIECE_M[0] <= every_m <= PIECE_M[1]:
        raise Invalid(
            f"{every_m} m is out of reach", field="every_m", cure="Give 20 to 2000 metres."
        )
    with writing(actor) as w:
        plan = shared.plan_of(actor, operation)
        row = Area.objects.filter(
            id=area, operation=operation, kind__in=PROTECTED, state="LIVE"
        ).first()
        if row is None or row.standoff_m <= 0:
            raise Invalid(
                "has no standoff", field="area", cure="Choose a route or stage and give it one."
            )
        rings = cut(store.points(row.shape), row.standoff_m, every_m, closed=store.closed(row))
        if len(rings) > ZONES_CAP:
            raise Invalid(
                f"gives {len(rings)} zones", field="every_m", cure="Make the pieces longer."
            )
        made = [
            _plan_zone(w, plan, f"{row.label[:60]} {n}", row.id, ring)
            for n, ring in enumerate(rings, 1)
        ]
        shared.reckon_ground(w, plan)
    return made


def add_zone(
    actor: Actor, *, operation: str, label: str, points: Sequence[Point], area: str = ""
) -> str:
    """Add one zone by its outline; returns its id. Raises: Forbidden, NotFound, Invalid."""
    permit(actor, Permission.MANAGE_OPERATION)
    with writing(actor) as w:
        plan = shared.plan_of(actor, operation)
        made = _plan_zone(w, plan, shared.label(label), area, points)
        shared.reckon_ground(w, plan)
    return made


def assign_zone(
    actor: Actor, *, zone: str, version: int, team: str, method: Method, due_at: datetime | None
) -> None:
    """Give a zone to an agency's team, with a method and an hour: the team owes the sweep.

    Raises: Forbidden, NotFound, Conflict, Invalid.
    """
    permit(actor, Permission.MANAGE_OPERATION)
    with writing(actor) as w:
        row, plan = shared.opened(actor, Zone, zone, version)
        data = {
            "version": row.version + 1,
            "team": shared.takes_part(plan, team, "team"),
            "method": method.value,
            "due_at": stamp(due_at) if due_at else None,
        }
        if row.state == ZoneState.NOT_SWEPT:
            data["state"] = ZoneState.PLANNED.value
        w.append(terms.ZONE_CHANGED, zone, data, marking=shared.marking(plan))
        discharge(w, zone, "sweep_zone", "given to a team")
        if row.state != ZoneState.SWEPT:
            _owe_sweep(w, plan, row, team, due_at)


def begin_sweep(actor: Actor, *, zone: str, version: int) -> None:
    """A team begins. Raises: Forbidden, NotFound, Conflict."""
    with writing(actor) as w:
        row, plan = _for_team(actor, zone, version)
        w.append(terms.ZONE_BEGUN, zone, {"version": row.version + 1}, marking=shared.marking(plan))
        shared.reckon_ground(w, plan)


def end_sweep(
    actor: Actor,
    *,
    zone: str,
    version: int,
    start: datetime,
    end: datetime,
    found: bool,
    holds: timedelta,
    method: Method,
    track: Sequence[Point] = (),
    reach_m: int = 0,
    note: str = "",
) -> None:
    """A team says what it did: from when to when, how, what was found, and for how long that holds.

    With a `track`, only ground within `reach_m` of it counts (0 = as far as the method sees).
    Raises: Forbidden, NotFound, Conflict, Invalid.
    """
    with writing(actor) as w:
        row, plan = _for_team(actor, zone, version)
        if end <= start:
            raise Invalid("ends before it starts", field="end", cure="Give a later end.")
        if end > w.at + timedelta(minutes=5):
            raise Invalid("has not come yet", field="end", cure="Say so when it is done.")
        if not timedelta(0) < holds <= HOLDS_CAP:
            raise Invalid("is out of reach", field="holds", cure="Give up to 48 hours.")
        if found and not note.strip():
            raise Invalid("says nothing", field="note", cure="Say what was found and where.")
        path = shared.shape(track, terms.AreaKind.ROUTE.value) if track else []
        data = {
            "version": row.version + 1,
            "start": stamp(start),
            "end": stamp(end),
            "method": method.value,
            "track": path,
            "reach_m": shared.whole(reach_m or method.reach_m, "reach_m", 100) if path else 0,
            "result": "FOUND" if found else "CLEAR",
            "expires_at": stamp(end + holds),
            "note": w.keep(zone, {"text": note.strip()}) if note.strip() else None,
        }
        w.append(terms.ZONE_SWEPT, zone, data, marking=shared.marking(plan), occurred_at=end)
        if not found:
            discharge(w, zone, "sweep_zone", "swept, nothing found")
        shared.reckon_ground(w, plan)


def give_up_zone(actor: Actor, *, zone: str, version: int, reason: str) -> None:
    """Say that a zone will not be swept, and why. It stays red: a reason is no cover.

    Raises: Forbidden, NotFound, Conflict, Invalid.
    """
    if len(reason.strip()) < 5:
        raise Invalid("says too little", field="reason", cure="Say why: it is locked and sealed.")
    with writing(actor) as w:
        row, plan = _for_team(actor, zone, version, leads_too=True)
        data = {"version": row.version + 1, "reason": w.keep(zone, {"text": reason.strip()})}
        w.append(terms.ZONE_NOT_SWEPT, zone, data, marking=shared.marking(plan))
        discharge(w, zone, "sweep_zone", "will not be swept; the reason is on the record")
        shared.reckon_ground(w, plan)


def breach(actor: Actor, *, zone: str, version: int, note: str = "") -> None:
    """Somebody got in after the sweep: it covers nothing any more, and is owed again, at once.

    Whoever takes part may say so. Raises: Forbidden, NotFound, Conflict.
    """
    permit(actor, Permission.READ_CONTENT)
    with writing(actor) as w:
        row, plan = shared.opened(actor, Zone, zone, version)
        if row.state not in (ZoneState.SWEPT, ZoneState.LAPSED):
            raise Conflict("the zone is not swept, so nothing of a sweep is broken")
        data: dict[str, Any] = {"version": row.version + 1}
        data["note"] = w.keep(zone, {"text": note.strip()}) if note.strip() else None
        w.append(terms.ZONE_BREACHED, zone, data, marking=shared.marking(plan))
        _owe_sweep(w, plan, row, row.team, None, again=True)
        shared.reckon_ground(w, plan)


def remove_zone(actor: Actor, *, zone: str, version: int) -> None:
    """Take a zone off the plan; what it covered is uncovered. Raises: Forbidden, NotFound, Conflict."""
    permit(actor, Permission.MANAGE_OPERATION)
    with writing(actor) as w:
        row, plan = shared.opened(actor, Zone, zone, version)
        data = {"version": row.version + 1, "state": ZoneState.REMOVED.value}
        w.append(terms.ZONE_CHANGED, zone, data, marking=shared.marking(plan))
        discharge(w, zone, "sweep_zone", "taken off the plan")
        shared.reckon_ground(w, plan)


def lapse_due(limit: int = 100) -> int:
    """Let sweeps lapse whose time has come, and owe them anew until the event is over; returns how many.

    The worker's step, safe in any number of workers.
    """
    now = clock.now()
    due = list(
        Zone.objects.filter(state=ZoneState.SWEPT.value, expires_at__lte=now)
        .order_by("expires_at")
        .values_list("id", flat=True)[:limit]
    )
    count = 0
    for zone in due:
        with writing(SYSTEM) as w:
            # In the order of `plan_of`: the operation first, so that no two acts wait for each other.
            plan = Operation.objects.select_for_update().get(id=Zone.objects.get(id=zone).operation)
            row = (
                Zone.objects.select_for_update(skip_locked=True)
                .filter(id=zone, state=ZoneState.SWEPT.value, expires_at__lte=now)
                .first()
            )
            if row is None:
                continue
            w.append(terms.ZONE_LAPSED, zone, {"version": row.version + 1}, marking=marking_of(row))
            if plan.ends_at > now:
                _owe_sweep(w, plan, row, row.team, None, again=True)
            shared.reckon_ground(w, plan)
            count += 1
    return count


def _plan_zone(w: Writing, plan: Operation, label: str, area: str, points: Sequence[Point]) -> str:
    zone = new_id("zon", w.at)
    data = {
        "label": label,
        "area": area,
        "shape": shared.shape(points, terms.AreaKind.ZONE.value),
        "method": "",
        "team": "",
        "due_at": None,
    }
    w.append(terms.ZONE_PLANNED, zone, data, marking=shared.marking(plan))
    return zone


def _for_team(
    actor: Actor, zone: str, version: int, *, leads_too: bool = False
) -> tuple[Zone, Operation]:
    """The zone, when the actor is of the team that has it. Raises: Forbidden, NotFound, Conflict."""
    permit(actor, Permission.READ_CONTENT)
    row, plan = shared.opened(actor, Zone, zone, version)
    leads = (
        leads_too and may(actor, Permission.MANAGE_OPERATION) and actor.agency == plan.lead_agency
    )
    if not row.team and not leads:
        raise Conflict("the zone has no team yet", cure="Give it to a team first.")
    if not (actor.system or leads or actor.agency == row.team):
        raise Forbidden("only the team that has a zone says what was done there")
    return row, plan


def _owe_sweep(
    w: Writing,
    plan: Operation,
    row: Zone,
    team: str,
    due_at: datetime | None,
    *,
    again: bool = False,
) -> None:
    w.flush()
    agency = team or plan.lead_agency
    open_duty(
        w,
        "sweep_zone",
        row.id,
        f"{'Sweep again' if again else 'Sweep'}: {row.label}",
        shared.marking(plan),
        owner_agency=agency,
        owner_role=shared.role_asked(agency),
        precedence=Precedence.IMMEDIATE if again else Precedence.PRIORITY,
        event_start=operation_of(plan.id).starts_at,
        due_at=due_at if due_at and due_at > w.at else None,
    )
