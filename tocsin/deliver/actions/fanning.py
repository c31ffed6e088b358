"""From a released warning to destinations and their first deliveries. A worker's step, safe to repeat.

Promise: each warning edition reaches each seat once per occasion (a unique key says so); a worker killed
in the middle leaves whole destinations, and the next one goes on with those that are missing.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from django.db import connection
from django.db.models import Q, QuerySet

from tocsin.deliver import rules, store, terms
from tocsin.deliver.actions import reaching
from tocsin.deliver.actions.going import clear_taken_back
from tocsin.deliver.actions.reaching import Target
from tocsin.deliver.models import Delivery, Destination, Lease, Recipient
from tocsin.deliver.terms import FLASH_ANSWER, Closed, Entrant, Occasion, State
from tocsin.duties.actions import open_duty
from tocsin.duties.rules import due
from tocsin.duties.store import ladder
from tocsin.duties.terms import Precedence
from tocsin.kernel.ids import new_id
from tocsin.people.actions import share
from tocsin.people.models import Operation, Share
from tocsin.people.terms import SYSTEM
from tocsin.people.visibility import marking_of
from tocsin.record.actions import Writing, writing
from tocsin.warn.models import Warning
from tocsin.warn.terms import Seat
from tocsin.warn.terms import State as WarningState

BATCH = 1000
"""Deliveries a transaction: large enough for 10,000 in seconds, small enough that the urgent never wait."""

_WANTED = """
SELECT id, occasion FROM (
    SELECT w.id, w.precedence, w.released_at, 'release' AS occasion FROM warn_warning w
    WHERE w.state = 'RELEASED' AND NOT EXISTS (
        SELECT 1 FROM deliver_halt h WHERE h.warning = w.id AND h.state = 'TAKEN_BACK') AND (
        NOT EXISTS (SELECT 1 FROM deliver_fanout f WHERE f.warning = w.id AND f.occasion = 'release')
        OR EXISTS (
            SELECT 1 FROM people_operation o, jsonb_array_elements(o.must_know) m
            WHERE o.id = w.operation AND NOT EXISTS (
                SELECT 1 FROM deliver_destination d
                WHERE d.warning = w.id AND d.occasion = 'release'
                AND d.seat_agency = m->>'agency' AND d.seat_role = m->>'role')))
    UNION ALL
    SELECT w.id, w.precedence, w.released_at, 'cancel' FROM warn_warning w
    WHERE w.state = 'CANCELLED'
    AND EXISTS (SELECT 1 FROM deliver_fanout f WHERE f.warning = w.id AND f.occasion = 'release')
    AND NOT EXISTS (SELECT 1 FROM deliver_fanout f WHERE f.warning = w.id AND f.occasion = 'cancel')
) AS found
ORDER BY array_position(ARRAY['FLASH', 'IMMEDIATE', 'PRIORITY', 'ROUTINE'], precedence), released_at
"""


def fan_out() -> int:
    """Address every released, updated or cancelled warning that is not addressed yet, urgent first.

    Also: sends to roles that got a first line in the directory since, reaches roles that became must-know
    since, and closes what a newer edition, a cancellation or the expiry made moot.
    Returns how many destinations it touched.
    """
    count = 0
    busy: set[tuple[str, str]] = set()
    while (wanted := _most_urgent(busy)) is not None:
        warning, occasion = wanted
        made, done = _address(warning, Occasion(occasion))
        count += made
        if done:
            busy.add(wanted)  # done, or another worker has it
    return count + _staff() + clear_taken_back() + _close()


def _most_urgent(but: set[tuple[str, str]]) -> tuple[str, str] | None:
    """What to address next. Asked anew for each batch: what is urgent need not wait for ten thousand others."""
    with connection.cursor() as cursor:
        cursor.execute(_WANTED)
        found: list[tuple[str, str]] = cursor.fetchall()
    return next((w for w in found if w not in but), None)


def _address(warning: str, occasion: Occasion) -> tuple[int, bool]:
    """One transaction: open destinations for seats that have none, at most `BATCH` deliveries of them.

    1. Lock the warning; another worker that holds it does the work instead.
    2. Take the seats that are missing, with who may be asked for each.
    3. Open destination, duty and first deliveries of each; note the fan-out when none is left.
    Returns (destinations opened, whether this warning is done).
    """
    with writing(SYSTEM) as w:
        row = Warning.objects.select_for_update(skip_locked=True).filter(id=warning).first()
        state = WarningState.RELEASED if occasion is Occasion.RELEASE else WarningState.CANCELLED
        if row is None or row.state != state:
            return 0, True
        operation = Operation.objects.filter(id=row.operation).first() if row.operation else None
        missing = _missing(row, occasion, operation)
        chunk = missing[:BATCH]
        lead = operation.lead_agency if operation else ""
        able = store.entrants(chunk, sender=row.agency, lead=lead)
        got = _got(row, occasion)
        _share(w, row, chunk)
        opened = deliveries = 0
        for seat in chunk:
            if deliveries >= BATCH:
                break
            deliveries += _open(w, row, occasion, operation, seat, able[seat], got.get(seat, {}))
            opened += 1
        done = opened == len(missing)
        if done:
            total = Destination.objects.filter(warning=warning, occasion=occasion.value).count()
            data = {"occasion": occasion.value, "destinations": total + opened}
            w.append(terms.FANNED_OUT, warning, data, marking=marking_of(row))
    return opened, done


def _missing(row: Warning, occasion: Occasion, operation: Operation | None) -> list[Seat]:
    """Seats to address that are not yet: must-know first, then the distribution, then those of before."""
    before = Destination.objects.filter(series=row.series, occasion=Occasion.RELEASE.value)
    if occasion is Occasion.CANCEL:
        seats = []
        before = _told(before.filter(warning=row.id))
    else:
        must = operation.must_know if operation else []
        seats = store.seats_of([*must, *row.distribution])
        before = before.exclude(warning=row.id)
    reached = before.order_by("seat_agency", "seat_role").values_list("seat_agency", "seat_role")
    seats += [Seat(*s) for s in reached.distinct()]
    made = Destination.objects.filter(warning=row.id, occasion=occasion.value)
    have = {Seat(*s) for s in made.values_list("seat_agency", "seat_role")}
    return [s for s in dict.fromkeys(seats) if s not in have]


def _told(rows: QuerySet[Destination]) -> QuerySet[Destination]:
    """Roles that have it, or may have it by now: something left, is in a worker's hands, or was said by voice."""
    left = Delivery.objects.exclude(sent_at=None, delivered_at=None)
    held = Delivery.objects.filter(id__in=Lease.objects.values("delivery"))
    return rows.filter(
        Q(id__in=left.filter(warning__in=rows.values("warning")).values("destination"))
        | Q(id__in=held.values("destination"))
        | Q(acknowledged_at__isnull=False)
    )


def _got(row: Warning, occasion: Occasion) -> dict[Seat, dict[str, int]]:
    """Seat -> who was sent what this replaces, and by which of their ways."""
    earlier = Destination.objects.filter(series=row.series, occasion=Occasion.RELEASE.value)
    if occasion is Occasion.CANCEL:
        earlier = earlier.filter(warning=row.id)
    elif row.edition == 1:
        return {}
    else:
        earlier = earlier.exclude(warning=row.id)
    seats = {d: Seat(a, r) for d, a, r in earlier.values_list("id", "seat_agency", "seat_role")}
    left = Delivery.objects.filter(destination__in=earlier.values("id")).exclude(
        sent_at=None, delivered_at=None
    )
    out: dict[Seat, dict[str, int]] = defaultdict(dict)
    for destination, recipient, place in left.order_by("queued_at", "id").values_list(
        "destination", "recipient", "place"
    ):
        out[seats[destination]].setdefault(recipient, place)
    return out


def _share(w: Writing, row: Warning, seats: Sequence[Seat]) -> None:
    """Let the agencies addressed see the warning, where release did not already."""
    have = set(Share.objects.filter(subject=row.id).values_list("agency", flat=True))
    new = {s.agency for s in seats} - have - {row.agency}
    share(w, subject=row.id, agencies=sorted(new), marking=marking_of(row))


def _open(
    w: Writing,
    row: Warning,
    occasion: Occasion,
    operation: Operation | None,
    seat: Seat,
    able: Sequence[tuple[Entrant, Recipient]],
    got: dict[str, int],
) -> int:
    """Open one destination with its duty and first deliveries; returns how many deliveries."""
    marking = marking_of(row)
    target = Target(new_id("dst", w.at), row.id, seat, row.agency, row.precedence, marking)
    entrants = [e for e, _ in able]
    flash = row.precedence == Precedence.FLASH
    if got and not flash:
        hops = rules.again_hops(entrants, got)
    else:
        hops = rules.first_hops(entrants, flash=flash)
    must = store.seats_of(operation.must_know) if operation else []
    data = {
        "warning": row.id,
        "series": row.series,
        "edition": row.edition,
        "occasion": occasion.value,
        "sender": row.agency,
        "seat_agency": seat.agency,
        "seat_role": seat.role,
        "must_know": seat in must,
        "precedence": row.precedence,
        "state": (State.QUEUED if hops else State.NOBODY).value,
    }
    w.append(terms.DESTINATION_OPENED, target.id, data, marking=marking)
    share(w, subject=target.id, agencies=[seat.agency], marking=marking)
    _owe(w, target, occasion, operation)
    if not hops:
        start = operation.starts_at if operation else None
        reaching.reach_by_hand(w, target, "the directory names nobody", start)
    return reaching.queue(w, target, hops, {e.id: r for e, r in able})


def _owe(w: Writing, target: Target, occasion: Occasion, operation: Operation | None) -> None:
    about = f" for {operation.name}" if operation else ""
    title = f"Acknowledge the {target.precedence} warning{about}"
    if occasion is Occasion.CANCEL:
        title = f"Acknowledge that the warning{about} is cancelled"
    if occasion is Occasion.PURGE:
        title = "Remove your copies of a warning that was purged, and say so"
    start = operation.starts_at if operation else None
    usual = due(ladder("acknowledge"), w.at, start).at
    sooner = w.at + FLASH_ANSWER
    flash = target.precedence == Precedence.FLASH and sooner < usual
    open_duty(
        w,
        "acknowledge",
        target.id,
        title,
        target.marking,
        owner_agency=target.seat.agency,
        owner_role=target.seat.role,
        precedence=Precedence(target.precedence),
        event_start=start,
        due_at=sooner if flash else None,
    )


_STAFFED = """
SELECT d.id FROM deliver_destination d LEFT JOIN people_operation o ON o.id = d.operation
WHERE d.state = 'NOBODY' AND d.closed_at IS NULL AND NOT EXISTS (
    SELECT 1 FROM deliver_halt h WHERE h.warning = d.warning AND h.state = 'TAKEN_BACK') AND EXISTS (
    SELECT 1 FROM deliver_recipient r WHERE r.active AND r.seat_agency = d.seat_agency
    AND r.seat_role = d.seat_role AND r.agency IN (d.seat_agency, d.sender, o.lead_agency))
ORDER BY d.opened_at LIMIT %s
"""


def _staff() -> int:
    """Send what waited for somebody to be named in the directory."""
    with connection.cursor() as cursor:
        cursor.execute(_STAFFED, [BATCH])
        ids = [i for (i,) in cursor.fetchall()]
    if not ids:
        return 0
    with writing(SYSTEM) as w:
        rows = [r for r in reaching.locked(ids) if r.state == State.NOBODY and not r.closed_at]
        able = reaching.entrants_of(rows)
        return sum(1 for row in rows if reaching.staffed(w, row, able[row.id]))


_CLOSED = {
    WarningState.SUPERSEDED: Closed.REPLACED,
    WarningState.CANCELLED: Closed.CANCELLED,
    WarningState.EXPIRED: Closed.EXPIRED,
}
_MOOT = """
SELECT d.id, w.state FROM deliver_destination d JOIN warn_warning w ON w.id = d.warning
WHERE d.acknowledged_at IS NULL AND d.closed_at IS NULL AND d.occasion = 'release'
AND w.state IN ('SUPERSEDED', 'CANCELLED', 'EXPIRED')
AND (w.state <> 'CANCELLED' OR EXISTS (
    SELECT 1 FROM deliver_fanout f WHERE f.warning = w.id AND f.occasion = 'cancel'))
AND (w.state <> 'SUPERSEDED' OR EXISTS (
    SELECT 1 FROM deliver_destination n WHERE n.series = d.series AND n.edition > d.edition
    AND n.seat_agency = d.seat_agency AND n.seat_role = d.seat_role))
ORDER BY d.id LIMIT %s
"""


def _close() -> int:
    """Close destinations whose warning no longer holds, once its successor or cancellation went out."""
    with connection.cursor() as cursor:
        cursor.execute(_MOOT, [BATCH])
        states = dict(cursor.fetchall())
    if not states:
        return 0
    with writing(SYSTEM) as w:
        duties = reaching.locked_duties(states)
        rows = [r for r in reaching.locked(states) if not r.acknowledged_at and not r.closed_at]
        ids = {r.id for r in rows}
        reaching.stop_pending(w, rows)
        for row in rows:
            why = _CLOSED[WarningState(states[row.id])]
            stood = row.state in (State.NOBODY, State.QUEUED, State.FAILED)
            data = {"why": why.name, "state": State.STOPPED.value if stood else ""}
            w.append(terms.DESTINATION_CLOSED, row.id, data, marking=marking_of(row))
        reaching.discharge(
            w, [d for d in duties if d.subject in ids], "the warning no longer holds"
        )
    return len(rows)
