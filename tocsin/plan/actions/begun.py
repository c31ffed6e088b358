"""Begin a plan from a template of a usual event, or from a past operation of one's own."""

from __future__ import annotations

import tomllib
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

from tocsin.kernel.errors import Invalid, NotFound
from tocsin.kernel.ids import new_id
from tocsin.people.models import Operation
from tocsin.people.rules import permit
from tocsin.people.store import operations_of
from tocsin.people.terms import Actor, Permission
from tocsin.plan import store, terms
from tocsin.plan.actions import shared
from tocsin.plan.actions.brief import keep_brief
from tocsin.plan.actions.positions import owe_owner
from tocsin.plan.terms import PositionState, ZoneState
from tocsin.record.actions import Writing, writing


@cache
def templates() -> dict[str, dict[str, Any]]:
    """Templates of usual events, by name: {title, text, ask: [what the plan of such an event needs]}."""
    folder = Path(__file__).parents[1] / "usual"
    return {p.stem: tomllib.loads(p.read_text()) for p in sorted(folder.glob("*.toml"))}


def begin_plan(
    actor: Actor, *, operation: str, template: str = "", copied_from: str = ""
) -> dict[str, int]:
    """Begin the plan of an operation that has none yet; returns what was made, by kind.

    From a past operation come its areas, positions, zones, objectives and medical care, never what was true of that
    day: nothing is accepted, assigned or swept. Raises: Forbidden, NotFound, Invalid.
    """
    permit(actor, Permission.MANAGE_OPERATION)
    if not template and not copied_from:
        raise Invalid(
            "names nothing", field="template", cure="Choose a template or a past operation."
        )
    if template and template not in templates():
        raise Invalid(
            f"there is no template {template!r}", field="template", cure="Choose another."
        )
    with writing(actor) as w:
        plan = shared.plan_of(actor, operation)
        if store.areas(operation).exists() or store.positions(operation).exists():
            raise Invalid("has a plan already", field="operation", cure="Add to it instead.")
        made = {"areas": 0, "positions": 0, "zones": 0}
        if copied_from:
            if copied_from == operation or not operations_of(actor).filter(id=copied_from).exists():
                raise NotFound("there is no such operation, or your agency takes no part in it")
            made = _copy(w, actor, plan, copied_from)
        data = {"template": template, "copied_from": copied_from, "made": made}
        w.append(terms.PLAN_BEGUN, operation, data, marking=shared.marking(plan))
        shared.reckon_ground(w, plan)
    return made


def _copy(w: Writing, actor: Actor, plan: Operation, past: str) -> dict[str, int]:
    marking, new = shared.marking(plan), {"": ""}
    areas, positions = list(store.areas(past, actor)), list(store.positions(past, actor))
    for a in areas:
        new[a.id] = new_id("are", w.at)
        data = {k: getattr(a, k) for k in ("kind", "label", "shape", "height_dm", "standoff_m")}
        w.append(terms.AREA_PLACED, new[a.id], {**data, "source": "copied"}, marking=marking)
    for p in positions:
        data = {k: getattr(p, k) for k in ("label", "lat", "lon", "height_dm", "metres")}
        data |= {"area": new.get(p.area, ""), "accepting": "", "asked_by": ""}
        data |= {"state": PositionState.LISTED.value, "mitigation": None}
        position = new_id("pos", w.at)
        w.append(terms.POSITION_LISTED, position, data, marking=marking)
        owe_owner(w, plan, position, p.label)
    zones = [z for z in store.zones(past, actor) if z.state != ZoneState.REMOVED]
    for z in zones:
        data = {k: getattr(z, k) for k in ("label", "shape", "method")}
        data |= {"area": new.get(z.area, ""), "team": "", "due_at": None}
        w.append(terms.ZONE_PLANNED, new_id("zon", w.at), data, marking=marking)
    words = store.brief(past, actor)
    if words.version:
        keep_brief(w, plan, replace(words, version=0))
    return {"areas": len(areas), "positions": len(positions), "zones": len(zones)}
