"""Areas on the map: placed, changed, taken off, one by one or from a file."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tocsin.kernel.errors import Invalid
from tocsin.kernel.ids import new_id
from tocsin.people.models import Operation
from tocsin.people.rules import permit
from tocsin.people.terms import Actor, Permission
from tocsin.plan import store, terms
from tocsin.plan.actions import shared
from tocsin.plan.features import Feature
from tocsin.plan.geometry import Point
from tocsin.plan.models import Area, Position
from tocsin.plan.terms import PROTECTED, AreaKind
from tocsin.record.actions import Writing, writing

HEIGHT_CAP_M = 900


def place_area(
    actor: Actor,
    *,
    operation: str,
    kind: str,
    label: str,
    points: Sequence[Point],
    height_m: int = 0,
    standoff_m: int = 0,
) -> str:
    """Put a piece of ground on the map; returns its id. Raises: Forbidden, NotFound, Invalid."""
    permit(actor, Permission.MANAGE_OPERATION)
    with writing(actor) as w:
        plan = shared.plan_of(actor, operation)
        feature = Feature(kind, label, tuple(points), height_m, standoff_m)
        made = _place(w, plan, feature, "drawn")
        _reckon(w, plan, kind)
    return made


def place_features(
    actor: Actor, *, operation: str, features: Sequence[Feature], source: str
) -> list[str]:
    """Put everything read from a file on the map, or nothing of it; returns the ids.

    Raises: Forbidden, NotFound, Invalid naming the first that cannot be.
    """
    permit(actor, Permission.MANAGE_OPERATION)
    with writing(actor) as w:
        plan = shared.plan_of(actor, operation)
        made = [_place(w, plan, f, source) for f in features]
        _reckon(w, plan, *{f.kind for f in features})
    return made


def change_area(actor: Actor, *, area: str, version: int, **changes: Any) -> None:
    """Change label, kind, points, height_m or standoff_m of an area. Raises: Forbidden, NotFound, Conflict, Invalid."""
    permit(actor, Permission.MANAGE_OPERATION)
    if unknown := set(changes) - {"label", "kind", "points", "height_m", "standoff_m"}:
        raise Invalid("cannot be changed", field=", ".join(sorted(unknown)), cure="Leave it out.")
    with writing(actor) as w:
        row, plan = shared.opened(actor, Area, area, version)
        feature = Feature(
            changes.get("kind", row.kind),
            changes.get("label", row.label),
            tuple(changes.get("points", store.points(row.shape))),
            changes.get("height_m", row.height_dm // 10),
            changes.get("standoff_m", row.standoff_m),
        )
        data = {**_data(feature), "version": row.version + 1}
        w.append(terms.AREA_CHANGED, row.id, data, marking=shared.marking(plan))
        _reckon(w, plan, row.kind, feature.kind)


def remove_area(actor: Actor, *, area: str, version: int) -> None:
    """Take an area off the map; it stays on the record. Raises: Forbidden, NotFound, Conflict."""
    permit(actor, Permission.MANAGE_OPERATION)
    with writing(actor) as w:
        row, plan = shared.opened(actor, Area, area, version)
        data = {"state": "REMOVED", "version": row.version + 1}
        w.append(terms.AREA_CHANGED, row.id, data, marking=shared.marking(plan))
        _reckon(w, plan, row.kind)


def _place(w: Writing, plan: Operation, feature: Feature, source: str) -> str:
    area = new_id("are", w.at)
    w.append(
        terms.AREA_PLACED, area, {**_data(feature), "source": source}, marking=shared.marking(plan)
    )
    return area


def _data(f: Feature) -> dict[str, Any]:
    if f.kind not in set(AreaKind):
        raise Invalid(
            f"{f.kind!r} is no kind of area", field="kind", cure=f"Use {', '.join(AreaKind)}."
        )
    return {
        "kind": str(AreaKind(f.kind).value),
        "label": shared.label(f.label),
        "shape": shared.shape(f.points, f.kind),
        "height_dm": shared.whole(f.height_m, "height_m", HEIGHT_CAP_M) * 10,
        "standoff_m": shared.whole(f.standoff_m, "standoff_m", shared.STANDOFF_CAP_M),
    }


def _reckon(w: Writing, plan: Operation, *kinds: str) -> None:
    """After the ground changed: distances to what is protected, and what is uncovered."""
    w.flush()
    if set(kinds) & set(PROTECTED):
        for row in Position.objects.filter(operation=plan.id).exclude(state="REMOVED"):
            metres = shared.metres_to(plan.id, Point(row.lat, row.lon), row.area)
            if metres != row.metres:
                w.append(
                    terms.POSITION_CHANGED, row.id, {"metres": metres}, marking=shared.marking(plan)
                )
    shared.reckon_ground(w, plan)
