"""`visible_to`: the one door through which content is read. Default is deny; lists and details agree."""

from __future__ import annotations

from typing import TypeVar

from django.db.models import Model, Q, QuerySet

from tocsin.kernel.errors import NotFound
from tocsin.people.models import Share
from tocsin.people.rules import _COMMUNITY_WIDE, _OPERATION_WIDE, _OWN_RED, SEEN, Sight, sight
from tocsin.people.terms import Actor, Permission
from tocsin.record.terms import Marking, Tlp

M = TypeVar("M", bound=Model)


def visible_to(actor: Actor, rows: QuerySet[M], *, subject: str = "id") -> QuerySet[M]:
    """The rows `actor` may see. `subject` names the column that holds what may be shared by name."""
    if actor.system:
        return rows
    if Permission.READ_CONTENT not in actor.permissions:
        return rows.none()
    own = Q(agency=actor.agency)
    if not actor.roles & _OWN_RED:
        own &= ~Q(tlp=Tlp.RED)
    if not actor.agency:
        own = Q(pk__in=[])
    community = Q(tlp__in=[t.value for t in _COMMUNITY_WIDE])
    operation = Q(operation__in=list(actor.operations), tlp__in=[t.value for t in _OPERATION_WIDE])
    shares = Share.objects.filter(agency=actor.agency).values("subject")
    return rows.filter(own | community | operation | Q(**{f"{subject}__in": shares}))


def get_visible(actor: Actor, rows: QuerySet[M], **lookup: object) -> M:
    """The one row, when the actor may see it. Raises: NotFound, the same for absent and hidden."""
    row = visible_to(actor, rows).filter(**lookup).first()
    if row is None:
        raise NotFound("there is no such thing, or it is not yours to see")
    return row


def marking_of(row: Model) -> Marking:
    """The marking a `Marked` row carries."""
    return Marking(agency=row.agency, tlp=row.tlp, operation=row.operation)  # type: ignore[attr-defined]


def why_visible(actor: Actor, row: Model) -> Sight:
    """The reason why a row is, or is not, visible; shown beside the row."""
    shared = (
        bool(actor.agency) and Share.objects.filter(subject=row.pk, agency=actor.agency).exists()
    )
    return sight(actor, marking_of(row), shared=shared)


__all__ = ["SEEN", "get_visible", "marking_of", "visible_to", "why_visible"]
