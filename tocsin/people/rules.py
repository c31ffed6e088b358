"""Need to know, authority and currency, decided purely."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from tocsin.kernel.errors import Forbidden
from tocsin.people.terms import Actor, Permission, Role
from tocsin.record.terms import Marking, Tlp

_OPERATION_WIDE = {Tlp.AMBER, Tlp.GREEN, Tlp.CLEAR}
_COMMUNITY_WIDE = {Tlp.GREEN, Tlp.CLEAR}
_OWN_RED = {
    Role.COLLECTOR,
    Role.RELEASE_AUTHORITY,
    Role.OPERATION_LEAD,
    Role.PRIVACY_OFFICER,
    Role.INSPECTOR,
}


class Sight(StrEnum):
    """Why an actor may, or may not, see a thing."""

    SYSTEM = "the system itself"
    OWN_AGENCY = "belongs to your agency"
    OPERATION = "shared with the agencies of an operation you take part in"
    COMMUNITY = "marked for the whole community"
    SHARED = "shared with your agency by name"
    NO_CONTENT = "your role carries no content"
    RED_ELSEWHERE = "marked RED: only those named may see it"
    NOT_YOURS = "belongs to another agency and is not shared with yours"


SEEN = frozenset({Sight.SYSTEM, Sight.OWN_AGENCY, Sight.OPERATION, Sight.COMMUNITY, Sight.SHARED})


def sight(actor: Actor, marking: Marking, *, shared: bool = False) -> Sight:
    """Whether and why `actor` may see something so marked (TLP 2.0, agency, operation).

    `shared` says that the thing was shared with the actor's agency by name (a released warning).
    `people.visibility.visible_to` is the same rule in SQL; a property test holds them together.
    """
    if actor.system:
        return Sight.SYSTEM
    if Permission.READ_CONTENT not in actor.permissions:
        return Sight.NO_CONTENT
    if shared:
        return Sight.SHARED
    if marking.agency == actor.agency and actor.agency:
        if marking.tlp == Tlp.RED and not actor.roles & _OWN_RED:
            return Sight.RED_ELSEWHERE
        return Sight.OWN_AGENCY
    if marking.tlp in _COMMUNITY_WIDE:
        return Sight.COMMUNITY
    if marking.operation in actor.operations and marking.tlp in _OPERATION_WIDE:
        return Sight.OPERATION
    return Sight.RED_ELSEWHERE if marking.tlp == Tlp.RED else Sight.NOT_YOURS


def may(actor: Actor, permission: Permission) -> bool:
    """Whether a role of the actor carries the permission; the system may everything it is coded to do."""
    return actor.system or permission in actor.permissions


def permit(actor: Actor, permission: Permission) -> None:
    """First line of every action. Raises: Forbidden naming what is lacking."""
    if not may(actor, permission):
        held = ", ".join(sorted(r.title for r in actor.roles)) or "no role"
        raise Forbidden(
            f"to {permission.value} you need a role that carries it; you hold {held}",
            cure="Ask your administrator for the role, or hand the task to someone who has it.",
        )


def permit_on(
    actor: Actor, permission: Permission, marking: Marking, *, shared: bool = False
) -> None:
    """Permission, and sight of the thing acted on. Raises: Forbidden."""
    permit(actor, permission)
    why = sight(actor, marking, shared=shared)
    if why not in SEEN:
        raise Forbidden(why.value)


def is_current(expires: list[datetime], now: datetime) -> bool:
    """A collector is current while a qualification has not expired; having none at all counts as lapsed."""
    return any(at > now for at in expires)
