"""An operation moves in time, and everything that hangs on its hours with it."""

from __future__ import annotations

from datetime import datetime

from tocsin.duties.actions import move_event
from tocsin.people.models import Operation
from tocsin.people.rules import permit
from tocsin.people.terms import Actor, Permission
from tocsin.plan.actions.positions import move_check_ins
from tocsin.record.actions import writing


def move_operation(
    actor: Actor, *, operation: str, version: int, starts_at: datetime, ends_at: datetime
) -> int:
    """Move an operation: every open duty and every position's check-in bends to the new hours. Returns how many did.

    The hours of posts stay: people were asked for them. Raises: Forbidden, Conflict, Invalid.
    """
    permit(actor, Permission.MANAGE_OPERATION)
    with writing(actor) as w:
        moved = move_event(
            actor, operation=operation, version=version, starts_at=starts_at, ends_at=ends_at
        )
        plan = Operation.objects.select_for_update().get(id=operation)
        return moved + move_check_ins(w, plan)
