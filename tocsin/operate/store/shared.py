"""The door through which what belongs to an operation is read."""

from __future__ import annotations

from typing import TypeVar

from django.db.models import Model, QuerySet

from tocsin.people.models import Operation
from tocsin.people.terms import Actor
from tocsin.people.visibility import visible_to

Row = TypeVar("Row", bound=Model)


def of(
    actor: Actor, model: type[Row], operation: Operation, *, subject: str = "id"
) -> QuerySet[Row]:
    """What of a kind is the operation's and this actor's to see."""
    rows: QuerySet[Row] = model.objects.filter(operation=operation.id)  # type: ignore[attr-defined]
    return visible_to(actor, rows, subject=subject)
