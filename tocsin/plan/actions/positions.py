"""Positions with line of sight: listed, asked of an agency, accepted by somebody of it, checked in."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from tocsin.duties.actions import discharge, open_duty
from tocsin.duties.terms import Precedence
from tocsin.kernel.errors import Conflict, Forbidden, Invalid
from tocsin.kernel.ids import new_id
from tocsin.people.models import Member, Operation
from tocsin.people.rules import permit
from tocsin.people.terms import Actor, Permission
from tocsin.plan import terms
from tocsin.plan.actions import shared
from tocsin.plan.actions.areas import HEIGHT_CAP_M
from tocsin.plan.geometry import Point
from tocsin.plan.models import Area, Position
from tocsin.plan.rules import next_check_in
from tocsin.plan.terms import PROTECTED, PositionState
from tocsin.record.actions import Writing, writing
from tocsin.record.terms import stamp

CHECK_IN_S = (60, 4 * 3600)
_DUTIES = ("accept_position", "check_in_position")


def list_position(
    actor: Actor,
    *,
    operation: str,
    label: str,
    at: Point,
    height_m: int = 0,
    area: str = "",
    mitigation: str = "",
    accepting: str = "",
) -> str:
    """Put a position with line of sight on the plan; returns its id. The agency named owes an answer.

    Until somebody of that agency accepts, it is assumed, and red. Raises: Forbidden, NotFound, Invalid.
    """
    permit(actor, Permission.MANAGE_OPERATION)
    position = new_id("pos")
    with writing(actor) as w:
        plan = shared.plan_of(actor, operation)
        data: dict[str, Any] = {
            "label": shared.label(label),
            **_place(plan, at, area),
            "height_dm": shared.whole(height_m, "height_m", HEIGHT_CAP_M) * 10,
            "accepting": shared.takes_part(plan, accepting, "accepting") if accepting else "",
            "asked_by": actor.person if accepting else "",
            "state": (PositionState.ASSUMED if accepting else PositionState.LISTED).value,
        }
        if mitigation.strip():
            data["mitigation"] = w.keep(position, {"text": mitigation.strip()})
        w.append(terms.POSITION_LISTED, position, data, marking=shared.marking(plan))
        _ask(w, plan, position, data["label"], accepting)
        shared.reckon_ground(w, plan)
    return position


def change_position(actor: Actor, *, position: str, version: int, **changes: Any) -> None:
    """Change label, at, height_m, area, mitigation or accepting. What was accepted was accepted as it stood: unless
    only the label changes, the agency must accept anew.

    Raises: Forbidden, NotFound, Conflict, Invalid.
    """
    permit(actor, Permission.MANAGE_OPERATION)
    allowed = {"label", "at", "height_m", "area", "mitigation", "accepting"}
    if unknown := set(changes) - allowed:
        raise Invalid("cannot be changed", field=", ".join(sorted(unknown)), cure="Leave it out.")
    with writing(actor) as w:
        row, plan = shared.opened(actor, Position, position, version)
        data: dict[str, Any] = {"version": row.version + 1}
        if "label" in changes:
            data["label"] = shared.label(changes["label"])
        if "at" in changes or "area" in changes:
            at = changes.get("at", Point(row.lat, row.lon))
            data |= _place(plan, at, changes.get("area", row.area))
        if "height_m" in changes:
            data["height_dm"] = shared.whole(changes["height_m"], "height_m", HEIGHT_CAP_M) * 10
        if "mitigation" in changes:
            text = changes["mitigation"].strip()
            data["mitigation"] = w.keep(position, {"text": text}) if text else None
        asked = changes.get("accepting", row.accepting)
        if set(changes) - {"label"}:
            data["accepting"] = shared.takes_part(plan, asked, "accepting") if asked else ""
            data["asked_by"] = actor.person if asked else ""
            data["state"] = (PositionState.ASSUMED if asked else PositionState.LISTED).value
            discharge(w, position, _DUTIES, "the position was changed")
        w.append(terms.POSITION_CHANGED, position, data, marking=shared.marking(plan))
        if "state" in data:
            _ask(w, plan, position, data.get("label", row.label), asked)


def accept_position(
    actor: Actor,
    *,
    position: str,
    version: int,
    person: str,
    check_in_every_s: int,
    mitigation: str = "",
) -> None:
    """Accept a position for one's own agency: what is done about it, by which person, who checks in how often.

    Never by the one who put the agency's name there. Raises: Forbidden, NotFound, Conflict, Invalid.
    """
    permit(actor, Permission.TAKE_PART)
    with writing(actor) as w:
        row, plan = shared.opened(actor, Position, position, version)
        _answering(actor, row)
        if row.state == PositionState.ACCEPTED:
            raise Conflict(
                "it is accepted already", cure="Change it first, if it is to be held otherwise."
            )
        if not Member.objects.filter(person=person, agency=row.accepting, left_at=None).exists():
            raise Invalid(
                "is not of your agency", field="person", cure="Name a person of your agency."
            )
        if not CHECK_IN_S[0] <= check_in_every_s <= CHECK_IN_S[1]:
            raise Invalid(
                "is out of reach", field="check_in_every_s", cure="Give 1 minute to 4 hours."
            )
        if not (text := mitigation.strip()) and not row.mitigation:
            raise Invalid(
                "says nothing",
                field="mitigation",
                cure="Say what is done: two officers on the roof.",
            )
        due = next_check_in(w.at, check_in_every_s, plan.starts_at, plan.ends_at, first=True)
        kept = w.keep(position, {"text": text}) if text else {"vault": row.mitigation}
        data = {
            "version": row.version + 1,
            "person": person,
            "check_in_every_s": check_in_every_s,
            "check_in_due": stamp(due) if due else None,
            "mitigation": kept,
        }
        w.append(terms.POSITION_ACCEPTED, position, data, marking=shared.marking(plan))
        discharge(w, position, "accept_position", "accepted")
        if due:
            _owe_check_in(w, plan, row, person, due)


def decline_position(actor: Actor, *, position: str, version: int, reason: str) -> None:
    """Say for one's own agency that it does not hold the position, and why. It is red, and the lead is asked anew.

    Raises: Forbidden, NotFound, Conflict, Invalid.
    """
    permit(actor, Permission.TAKE_PART)
    if len(reason.strip()) < 5:
        raise Invalid("says too little", field="reason", cure="Say why: no officers left for it.")
    with writing(actor) as w:
        row, plan = shared.opened(actor, Position, position, version)
        _answering(actor, row)
        data = {"version": row.version + 1, "reason": w.keep(position, {"text": reason.strip()})}
        w.append(terms.POSITION_DECLINED, position, data, marking=shared.marking(plan))
        discharge(w, position, _DUTIES, "declined")
        owe_owner(w, plan, position, row.label)


def check_in_position(actor: Actor, *, position: str, at: datetime | None = None) -> None:
    """The named person says that the position is held (`at` = as told); the next check-in is due an interval later.

    A lead of the accepting agency may say so for them. Raises: Forbidden, NotFound, Conflict.
    """
    permit(actor, Permission.READ_CONTENT)
    with writing(actor) as w:
        row, plan = shared.opened(actor, Position, position, None)
        theirs = actor.agency == row.accepting and Permission.TAKE_PART in actor.permissions
        if not (actor.system or actor.person == row.person or theirs):
            raise Forbidden(
                "only the person named for a position, or their own agency, checks in there"
            )
        if row.state != PositionState.ACCEPTED:
            raise Conflict("nobody has accepted the position", cure="Accept it first.")
        held_still(w, plan, row, at)


def held_still(w: Writing, plan: Operation, row: Position, at: datetime | None = None) -> None:
    """Note, within the caller's transaction and authority, that an accepted position is held (`at` = as told)."""
    due = next_check_in(w.at, row.check_in_every_s, plan.starts_at, plan.ends_at, first=False)
    data = {"check_in_due": stamp(due) if due else None}
    marking = shared.marking(plan)
    w.append(terms.POSITION_CHECKED_IN, row.id, data, marking=marking, occurred_at=at or w.at)
    discharge(w, row.id, "check_in_position", "checked in")
    if due:
        _owe_check_in(w, plan, row, row.person, due)


def move_check_ins(w: Writing, plan: Operation) -> int:
    """After the operation moved in time: every check-in bends to the new hours. Returns how many moved.

    From the last check-in, else from now as at acceptance; one that would be past by then counts from now.
    """
    moved = 0
    rows = Position.objects.select_for_update().filter(operation=plan.id)
    for row in rows.filter(state=PositionState.ACCEPTED.value).order_by("id"):
        since, first = row.checked_in_at or w.at, row.checked_in_at is None
        hours = (row.check_in_every_s, plan.starts_at, plan.ends_at)
        due = next_check_in(since, *hours, first=first)
        if due == row.check_in_due:
            continue
        if due is not None and due < w.at:
            due = next_check_in(w.at, *hours, first=False)
        moved += 1
        data = {"check_in_due": stamp(due) if due else None}
        w.append(terms.POSITION_CHANGED, row.id, data, marking=shared.marking(plan))
        discharge(w, row.id, "check_in_position", "the operation moved")
        if due:
            _owe_check_in(w, plan, row, row.person, due)
    return moved


def remove_position(actor: Actor, *, position: str, version: int, reason: str) -> None:
    """Take a position off the plan, for a reason that is recorded. Raises: Forbidden, NotFound, Conflict, Invalid."""
    permit(actor, Permission.MANAGE_OPERATION)
    if len(reason.strip()) < 5:
        raise Invalid(
            "says too little", field="reason", cure="Say why: it cannot be seen from there."
        )
    with writing(actor) as w:
        row, plan = shared.opened(actor, Position, position, version)
        data = {"version": row.version + 1, "state": PositionState.REMOVED.value}
        data["why"] = w.keep(position, {"text": reason.strip()})
        w.append(terms.POSITION_CHANGED, position, data, marking=shared.marking(plan))
        discharge(w, position, _DUTIES, "taken off the plan")


def _place(plan: Operation, at: Point, area: str) -> dict[str, Any]:
    """Where it is and what it looks upon. Raises: Invalid."""
    if (
        area
        and not Area.objects.filter(
            id=area, operation=plan.id, kind__in=PROTECTED, state="LIVE"
        ).exists()
    ):
        raise Invalid(
            "is no stage or route of this plan", field="area", cure="Choose one, or none."
        )
    [[lat, lon]] = shared.shape([at], terms.AreaKind.PLACE.value)
    return {"area": area, "lat": lat, "lon": lon, "metres": shared.metres_to(plan.id, at, area)}


def _answering(actor: Actor, row: Position) -> None:
    """Raises: Forbidden unless the actor answers for the agency that was asked, and did not do the asking."""
    if not row.accepting or (actor.agency != row.accepting and not actor.system):
        raise Forbidden("only somebody of the agency that was asked answers for it")
    if actor.person == row.asked_by:
        raise Forbidden(
            "whoever puts an agency's name to a position does not accept it",
            cure="Let a colleague of yours accept it.",
        )


def _ask(w: Writing, plan: Operation, position: str, label: str, agency: str) -> None:
    if not agency:
        owe_owner(w, plan, position, label)
        return
    open_duty(
        w,
        "accept_position",
        position,
        f"Accept or decline the position: {label}",
        shared.marking(plan),
        owner_agency=agency,
        owner_role=shared.role_asked(agency),
        precedence=Precedence.PRIORITY,
        event_start=plan.starts_at,
    )


def owe_owner(w: Writing, plan: Operation, position: str, label: str) -> None:
    """Nobody was asked, or nobody would: whoever leads the operation owes it an owner."""
    open_duty(
        w,
        "accept_position",
        position,
        f"Find an agency that holds the position: {label}",
        shared.marking(plan),
        owner_agency=plan.lead_agency,
        owner_role=shared.role_asked(plan.lead_agency),
        precedence=Precedence.PRIORITY,
        event_start=plan.starts_at,
    )


def _owe_check_in(w: Writing, plan: Operation, row: Position, person: str, due: Any) -> None:
    open_duty(
        w,
        "check_in_position",
        row.id,
        f"Check in at {row.label}",
        shared.marking(plan),
        owner_agency=row.accepting,
        owner_role=shared.role_asked(row.accepting),
        owner_person=person,
        precedence=Precedence.IMMEDIATE,
        due_at=due,
    )
