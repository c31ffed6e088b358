"""A release while it goes out: held up, let go on, or taken back where it has not left yet.

What has left cannot be taken back, and nothing here says otherwise: whoever has it is told by cancelling the
warning. What a worker has in hand at that moment (a few dozen messages) still leaves, and is counted as left.
"""

from __future__ import annotations

from tocsin.deliver import terms
from tocsin.deliver.actions import reaching
from tocsin.deliver.models import Delivery, Destination, Halt
from tocsin.deliver.terms import Closed, Going, Occasion, State
from tocsin.kernel.errors import Conflict, Forbidden
from tocsin.people.rules import permit
from tocsin.people.terms import SYSTEM, Actor, Permission
from tocsin.people.visibility import get_visible, marking_of
from tocsin.record.actions import Writing, writing
from tocsin.warn.models import Warning

BATCH = 1000
_NOT_LEFT = (State.QUEUED.value, State.RETRYING.value)


def pause(actor: Actor, *, warning: str) -> None:
    """Nothing more of a warning leaves until it goes on. Raises: Forbidden, NotFound, Conflict."""
    permit(actor, Permission.RELEASE)
    _change(actor, warning, Going.PAUSED, {Going.GOING})


def go_on(actor: Actor, *, warning: str) -> None:
    """A paused release goes on. Raises: Forbidden, NotFound, Conflict."""
    permit(actor, Permission.RELEASE)
    _change(actor, warning, Going.GOING, {Going.PAUSED})


def take_back(actor: Actor, *, warning: str) -> None:
    """What has not left yet never leaves, and asks for no answer; who has it keeps it and still owes one.

    The worker's `clear_taken_back` ends the deliveries. Raises: Forbidden, NotFound, Conflict.
    """
    permit(actor, Permission.RELEASE)
    _change(actor, warning, Going.TAKEN_BACK, {Going.GOING, Going.PAUSED})


def _change(actor: Actor, warning: str, to: Going, of: set[Going]) -> None:
    row = get_visible(actor, Warning.objects.all(), id=warning)
    if row.agency != actor.agency:
        raise Forbidden("only the agency that sends a warning holds it up")
    with writing(actor) as w:
        Warning.objects.select_for_update().get(id=warning)
        kept = Halt.objects.filter(warning=warning).first()
        now = Going(kept.state) if kept else Going.GOING
        if now not in of or row.released_at is None:
            raise Conflict(
                f"it is {now.value.lower().replace('_', ' ')} by now", cure="Reload the page."
            )
        w.append(terms.SENDING_CHANGED, warning, {"state": to.value}, marking=marking_of(row))


def clear_taken_back() -> int:
    """End what never left of warnings that were taken back; returns how many. A worker's step."""
    count = 0
    for warning in Halt.objects.filter(state=Going.TAKEN_BACK.value).values_list(
        "warning", flat=True
    ):
        count += _clear(warning)
    return count


def _clear(warning: str) -> int:
    """One batch of roles of one warning: their pending deliveries stop; a role that got nothing is closed."""
    release = Destination.objects.filter(warning=warning, occasion=Occasion.RELEASE.value)
    open_ones = release.filter(closed_at=None, acknowledged_at=None)
    pending = Delivery.objects.filter(warning=warning, state__in=_NOT_LEFT)
    pending = pending.filter(destination__in=release.values("id"))
    ids = set(pending.order_by("id").values_list("destination", flat=True)[:BATCH])
    ids |= set(open_ones.filter(state=State.NOBODY.value).values_list("id", flat=True)[:BATCH])
    if not ids:
        return 0
    with writing(SYSTEM) as w:
        duties = reaching.locked_duties(ids)
        rows = reaching.locked(ids)
        stopped = reaching.stop_pending(w, rows)
        bare = _without_any(rows)
        for row in bare:
            _close(w, row)
        gone = {r.id for r in bare}
        reaching.discharge(w, [d for d in duties if d.subject in gone], Closed.TAKEN_BACK.value)
    return stopped + len(bare)


def _without_any(rows: list[Destination]) -> list[Destination]:
    """Roles of which nobody has anything: no message left, nobody answered."""
    ids = [r.id for r in rows]
    left = Delivery.objects.filter(destination__in=ids).exclude(sent_at=None, delivered_at=None)
    has = set(left.values_list("destination", flat=True))
    return [
        r for r in rows if r.id not in has and r.acknowledged_at is None and r.closed_at is None
    ]


def _close(w: Writing, row: Destination) -> None:
    data = {"why": Closed.TAKEN_BACK.name, "state": State.STOPPED.value}
    w.append(terms.DESTINATION_CLOSED, row.id, data, marking=marking_of(row))


__all__ = ["clear_taken_back", "go_on", "pause", "take_back"]
