"""Moving a destination on: queue the next try, or say that everything was tried.

These run inside the transaction of whoever calls them. Order of locks, everywhere in this stage:
duties, then destinations, then leases; a destination's lock guards its deliveries.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from tocsin.deliver import rules, store, terms
from tocsin.deliver.models import Delivery, Destination, Recipient
from tocsin.deliver.terms import Entrant, Hop, State, Why
from tocsin.duties.actions import act, discharge_rows, open_duty
from tocsin.duties.models import Duty
from tocsin.duties.terms import Precedence
from tocsin.kernel.ids import new_id
from tocsin.people.models import Operation
from tocsin.people.store import agency_names
from tocsin.people.terms import Role
from tocsin.people.visibility import marking_of
from tocsin.record.actions import Writing
from tocsin.record.terms import Marking
from tocsin.warn.terms import Seat

LIVE = frozenset({State.QUEUED, State.RETRYING, State.SENT, State.DELIVERED, State.OPENED})
KINDS = ("acknowledge", "reach_by_hand")


@dataclass(frozen=True, slots=True)
class Target:
    """What a try needs to know of its destination."""

    id: str
    warning: str
    seat: Seat
    sender: str
    precedence: str
    marking: Marking

    @classmethod
    def of(cls, row: Destination) -> Target:
        seat = Seat(row.seat_agency, row.seat_role)
        return cls(row.id, row.warning, seat, row.sender, row.precedence, marking_of(row))


def queue(w: Writing, target: Target, hops: Iterable[Hop], listed: Mapping[str, Recipient]) -> int:
    """Queue a delivery for each hop; the sender finds them at once. Returns how many."""
    count = 0
    for hop in hops:
        row = listed[hop.recipient]
        data = {
            "id": new_id("dlv", w.at),
            "warning": target.warning,
            "recipient": row.id,
            "card": row.card,
            "place": hop.place,
            "channel": row.kinds[hop.place],
            "why": hop.reason,
            "urgency": rules.urgency(target.precedence),
        }
        w.append(terms.DELIVERY_QUEUED, target.id, data, marking=target.marking)
        count += 1
    return count


def reach_by_hand(w: Writing, target: Target, why: str, event_start: datetime | None) -> None:
    """Owe the sender's release authority a call to a role that no way in the directory leads to."""
    role = store.roles().get(target.seat.role, target.seat.role)
    agency = agency_names().get(target.seat.agency, target.seat.agency)
    open_duty(
        w,
        "reach_by_hand",
        target.id,
        f"Call the {role} of {agency}: {why}",
        target.marking,
        owner_agency=target.sender,
        owner_role=Role.RELEASE_AUTHORITY.value,
        precedence=Precedence(target.precedence),
        event_start=event_start,
    )


def locked(ids: Collection[str]) -> list[Destination]:
    """The destinations, locked in the one order."""
    return list(Destination.objects.select_for_update().filter(id__in=set(ids)).order_by("id"))


def move_on(
    w: Writing,
    rows: Sequence[Destination],
    *,
    same_person: bool,
    failed: Mapping[str, Sequence[str]] | None = None,
    passed: bool = False,
) -> None:
    """Try the next way or the next person for destinations the caller has locked and that have no answer.

    `failed` = destination -> recipients who could not be reached (empty: nobody answered); `passed` = the
    one asked last said that it is not for them.
    Five queries for any number of destinations.
    """
    rows = [r for r in rows if r.acknowledged_at is None and r.closed_at is None]
    if not rows:
        return
    w.flush()
    past: dict[str, list[Delivery]] = defaultdict(list)
    for d in Delivery.objects.filter(destination__in=[r.id for r in rows]).order_by(
        "queued_at", "id"
    ):
        past[d.destination].append(d)
    operations = _operations(rows)
    able = entrants_of(rows, operations)
    for row in rows:
        operation = operations.get(row.operation)
        start = operation.starts_at if operation else None
        for unreached in failed[row.id] if failed else [""]:
            hops = _hops(row, past[row.id], able[row.id], same_person, unreached, passed)
            _move(w, row, past[row.id], able[row.id], start, hops, bool(unreached))


def _operations(rows: Sequence[Destination]) -> dict[str, Operation]:
    return {o.id: o for o in Operation.objects.filter(id__in={r.operation for r in rows})}


def entrants_of(
    rows: Sequence[Destination], operations: Mapping[str, Operation] | None = None
) -> dict[str, list[tuple[Entrant, Recipient]]]:
    """Destination -> who may be asked for its seat, as the directory stands now."""
    operations = _operations(rows) if operations is None else operations
    groups: dict[tuple[str, str], list[Destination]] = defaultdict(list)
    for row in rows:
        operation = operations.get(row.operation)
        groups[(row.sender, operation.lead_agency if operation else "")].append(row)
    out = {}
    for (sender, lead), members in groups.items():
        seats = {Seat(r.seat_agency, r.seat_role) for r in members}
        found = store.entrants(seats, sender=sender, lead=lead)
        out.update({r.id: found[Seat(r.seat_agency, r.seat_role)] for r in members})
    return out


def _hops(
    row: Destination,
    past: Sequence[Delivery],
    able: Sequence[tuple[Entrant, Recipient]],
    same_person: bool,
    unreached: str,
    passed: bool,
) -> list[Hop]:
    """The next tries; nobody who said "not for me" is asked again."""
    out = {d.recipient for d in past if d.state == State.PASSED} | (
        {row.current} if passed else set()
    )
    hops = rules.next_hops(
        [e for e, _ in able if e.id not in out],
        store.tried(past),
        unreached or row.current,
        same_person=same_person,
        everyone=row.precedence == Precedence.FLASH and not passed,
        failed=bool(unreached),
    )
    return [replace(h, reason=Why.PASSED_ON.name) for h in hops] if passed else hops


def _move(
    w: Writing,
    row: Destination,
    past: Sequence[Delivery],
    able: Sequence[tuple[Entrant, Recipient]],
    event_start: datetime | None,
    hops: Sequence[Hop],
    failed: bool,
) -> None:
    target = Target.of(row)
    if hops:
        if row.state == State.NOBODY:
            w.append(terms.DESTINATION_STAFFED, row.id, {}, marking=target.marking)
        queue(w, target, hops, {e.id: r for e, r in able})
        return
    if failed and any(d.state in LIVE for d in past):
        return
    if row.exhausted_at is None and row.state != State.NOBODY:
        arrived = any(d.sent_at or d.delivered_at for d in past)
        data = {"state": "" if arrived else State.FAILED.value}
        w.append(terms.DESTINATION_EXHAUSTED, row.id, data, marking=target.marking)
        reach_by_hand(w, target, "every way in the directory was tried", event_start)


def stop_pending(w: Writing, rows: Sequence[Destination], *, but: str = "") -> int:
    """Take back what has not left yet for destinations that need it no more; `but` = the one answered.

    Returns how many."""
    waiting = Delivery.objects.filter(
        destination__in=[r.id for r in rows], state__in=[State.QUEUED.value, State.RETRYING.value]
    )
    count = 0
    for d in waiting.exclude(id=but).order_by("id"):
        w.append(terms.DELIVERY_STOPPED, d.destination, {"id": d.id}, marking=marking_of(d))
        count += 1
    return count


def locked_duties(ids: Collection[str]) -> list[Duty]:
    """The open duties of destinations, locked: take these before the destinations themselves."""
    rows = Duty.objects.select_for_update().filter(
        subject__in=set(ids), kind__in=KINDS, discharged_at=None
    )
    return list(rows.order_by("id"))


def discharge(w: Writing, duties: Iterable[Duty], outcome: str) -> None:
    """End duties the caller has locked with `locked_duties`."""
    discharge_rows(w, duties, outcome)


@act("next_channel")
def next_channel(w: Writing, duties: list[Duty]) -> None:
    """No answer yet: the next way to the same person (for a FLASH, to everybody)."""
    move_on(w, locked([d.subject for d in duties]), same_person=True)


@act("next_person")
def next_person(w: Writing, duties: list[Duty]) -> None:
    """Still no answer: the next person of the role."""
    move_on(w, locked([d.subject for d in duties]), same_person=False)


def staffed(w: Writing, row: Destination, able: Sequence[tuple[Entrant, Recipient]]) -> int:
    """Send to a role that had nobody in the directory until now. Returns how many deliveries."""
    flash = row.precedence == Precedence.FLASH
    hops = rules.first_hops([e for e, _ in able], flash=flash, why=Why.NEWLY_LISTED)
    if hops:
        w.append(terms.DESTINATION_STAFFED, row.id, {}, marking=marking_of(row))
    return queue(w, Target.of(row), hops, {e.id: r for e, r in able})
