"""Who may decide on a warning, and when: pure decisions that return a named reason."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from tocsin.kernel.errors import Conflict, Forbidden, Invalid
from tocsin.people.terms import Actor, Permission, Role
from tocsin.warn.terms import UNDECIDED, UNDER_REVIEW, WRITABLE, Act, Seat, State

_FROM: Mapping[Act, frozenset[State]] = {
    Act.SUBMITTED: WRITABLE,
    Act.HANDED_OVER: WRITABLE,
    Act.ABANDONED: WRITABLE,
    Act.HELD: UNDER_REVIEW,
    Act.HOLD_LIFTED: frozenset({State.HELD}),
    Act.RETURNED: UNDER_REVIEW,
    Act.REFUSED: UNDER_REVIEW,
    Act.RELEASED: UNDER_REVIEW,
    Act.RELEASED_FIRST: UNDECIDED,
    Act.CONFIRMED: frozenset({State.RELEASED}),
    Act.CANCELLED: frozenset({State.RELEASED}),
    Act.EXPIRED: frozenset({State.RELEASED}),
    Act.SUPERSEDED: frozenset({State.RELEASED}),
}


class Right(StrEnum):
    """Why a person may, or may not, decide on a warning."""

    RELEASE_AUTHORITY = "you are a release authority of the agency that wrote it"
    REACHED = "the review was not answered in time and reached you"
    LEAD = "you lead the operation it is about"
    NOT_PERMITTED = "your role does not carry release"
    AUTHOR = "you wrote it, or a part of it: somebody else must decide"
    RELEASED_IT = "you released it: somebody else must look at it afterwards"
    NOT_REACHED = "the review is with another release authority, and has not reached you"


MAY = frozenset({Right.RELEASE_AUTHORITY, Right.REACHED, Right.LEAD})


@dataclass(frozen=True, slots=True)
class Standing:
    """What a right to decide is judged by. `told` = those whom the ladder of the review has reached."""

    agency: str
    lead_agency: str
    authors: frozenset[str]
    told: frozenset[str]
    releaser: str = ""


def right_to_review(actor: Actor, warning: Standing) -> Right:
    """Whether `actor` may release, return, refuse or hold.

    The author never may, whatever the role (incidents A: no reviewer of one's own draft). Beside the
    writing agency's release authorities, those whom the ladder reached may: that is the alternate.
    """
    if Permission.RELEASE not in actor.permissions:
        return Right.NOT_PERMITTED
    if actor.person in warning.authors:
        return Right.AUTHOR
    if Role.RELEASE_AUTHORITY in actor.roles and actor.agency == warning.agency:
        return Right.RELEASE_AUTHORITY
    return Right.REACHED if actor.person in warning.told else Right.NOT_REACHED


def right_to_release_now(actor: Actor, warning: Standing) -> Right:
    """Whether `actor` may release at once and have it reviewed after: as above, and the operation's lead."""
    right = right_to_review(actor, warning)
    if right is Right.NOT_REACHED and Role.OPERATION_LEAD in actor.roles:
        return Right.LEAD if actor.agency in (warning.agency, warning.lead_agency) else right
    return right


def right_to_confirm(actor: Actor, warning: Standing) -> Right:
    """Whether `actor` may give the review that was owed after a release: neither author nor releaser."""
    right = right_to_release_now(actor, warning)
    return Right.RELEASED_IT if right in MAY and actor.person == warning.releaser else right


def demand(right: Right) -> Right:
    """The right itself when it allows. Raises: Forbidden with the reason when it does not."""
    if right not in MAY:
        raise Forbidden(
            right.value,
            field="releaser",
            cure="Ask a release authority who took no part in writing it.",
        )
    return right


def from_state(state: State, act: Act) -> None:
    """Raises: Conflict when a warning in `state` cannot be the object of `act`."""
    if state not in _FROM[act]:
        raise Conflict(
            f"it is {state.words}, so it cannot be {act.words}",
            field="state",
            cure="Reload the page to see where it stands.",
        )


def allowed(state: State) -> frozenset[Act]:
    """The acts that a warning in `state` can be the object of."""
    return frozenset(act for act, states in _FROM.items() if state in states)


def check_hold(until: datetime, now: datetime, event_start: datetime | None) -> None:
    """A hold ends by itself, and before the event: a draft is never parked past it (incidents A, 5 Jan).

    Raises: Invalid naming the latest time allowed.
    """
    if until <= now:
        raise Invalid("the hold would already be over", field="until", cure="Give a time to come.")
    if event_start is not None and now < event_start < until:
        raise Invalid(
            "the hold would last past the start of the event",
            field="until",
            cure="Give a time before the event starts, or release or refuse it now.",
        )


def check_review_owed(*, review_after: bool, confirmed: bool) -> None:
    """Raises: Conflict when a released warning owes no review."""
    if not review_after or confirmed:
        raise Conflict("no review is owed on this warning", field="state")


def check_reason(text: str, field: str, least: int = 10) -> str:
    """The reason, stripped. Raises: Invalid when it says nothing."""
    reason = text.strip()
    if len(reason) < least:
        raise Invalid("say why; it stays on the record", field=field, cure="A sentence is enough.")
    return reason


def seats(rows: Iterable[Mapping[str, str]]) -> tuple[Seat, ...]:
    """Distribution as values, each seat once, in the order given. Raises: Invalid for a half-named one."""
    found: dict[Seat, None] = {}
    for row in rows:
        if not row.get("agency") or not row.get("role"):
            raise Invalid(
                "a recipient needs an agency and a role", field="distribution", cure="Name both."
            )
        found[Seat(row["agency"], row["role"])] = None
    return tuple(found)


def next_releaser(
    holders: Sequence[str], leads: Sequence[str], authors: Collection[str], told: Collection[str]
) -> str:
    """Whom to ask when a review was not answered: a release authority who was not asked yet, then the
    operation's lead; '' when there is nobody new. An author is never asked."""
    for person in (*holders, *leads):
        if person not in authors and person not in told:
            return person
    return ""
