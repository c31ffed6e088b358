"""Sending what is due: claim, send, note. A worker's step; any number of workers.

A delivery's way through a worker:
1. *Claimed*: a lease row says who holds it until when. Another worker takes it over only after that.
2. *Sent*: a thread sends it, and the moment the other side answers it appends the answer to the journal.
   From then on nobody sends it again, whoever is killed.
3. *Noted*: answers are put on the record in batches, with what they cause; lease rows and journal go.

Promise: no delivery is lost. None is sent twice but in one case: the process or the machine dies after the
other side took the message and before its answer is read and appended, well under a millisecond after it came.
No client of SMTP can close that gap (RFC 1047); it concerns at most one message a sending thread, and the
double carries the same Message-ID or webhook-id, so it is recognised.
"""

from __future__ import annotations

import atexit
import contextlib
import logging
import os
import secrets
import socket
import time
from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from django.db import DatabaseError, connection

from tocsin.deliver import rules, store, terms
from tocsin.deliver.actions import letters, reaching
from tocsin.deliver.actions.crews import LANES, Crew
from tocsin.deliver.actions.journal import Answer, Journal, Segment, left_behind
from tocsin.deliver.channels import Job, Later, Roads, Undelivered
from tocsin.deliver.models import Delivery, Destination, Lease
from tocsin.deliver.terms import LEASE, Channel, Reason, State
from tocsin.kernel import clock, settings
from tocsin.people.terms import SYSTEM
from tocsin.people.visibility import marking_of
from tocsin.record.actions import Writing, writing
from tocsin.record.terms import stamp, unstamp

log = logging.getLogger(__name__)

BATCH = 1000
_FRESH = timedelta(seconds=10)
"""A lease older than this is renewed before sending, so that it outlasts the send."""
_NOTE_EVERY_S = 0.3
"""Between two batches put on the record while sending: a batch costs a disk write."""
_PAUSE_S = 0.02
_QUIET_S = 0.1
"""Until a lane that had nothing to do is asked again."""

_CLAIM = """
WITH due AS (
    SELECT d.id FROM deliver_delivery d
    WHERE d.next_try_at <= %(now)s AND d.channel = ANY(%(channels)s) AND d.urgency >= %(least)s
    AND NOT (d.warning = ANY(%(halted)s) AND EXISTS (
        SELECT 1 FROM deliver_destination t WHERE t.id = d.destination AND t.occasion = 'release'))
    AND NOT EXISTS (
        SELECT 1 FROM deliver_lease l
        WHERE l.delivery = d.id AND (l.result <> '' OR l.until > %(now)s))
    ORDER BY d.urgency DESC, d.next_try_at LIMIT %(limit)s FOR UPDATE OF d SKIP LOCKED)
INSERT INTO deliver_lease AS l (delivery, holder, until, result, reason, detail, at)
SELECT id, %(holder)s, %(until)s, '', '', '', NULL FROM due
ON CONFLICT (delivery) DO UPDATE SET holder = excluded.holder, until = excluded.until
WHERE l.result = '' AND l.until <= %(now)s
RETURNING l.delivery
"""
_RENEW = "UPDATE deliver_lease SET until = %s WHERE delivery = %s AND holder = %s AND result = '' AND until > %s"
_WRONG_ADDRESS = {Reason.NO_SUCH_ADDRESS.name, Reason.GONE.name}
_EVERY = tuple(c for lane in LANES for c in lane.channels)
_HERE = f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(4)}"


def send_due(*, threads: int | None = None, seconds: float = 2.0) -> int:
    """Send what is due, urgent first, until nothing is left or so many seconds passed; returns how many were
    noted. What the threads still have in hand then, they go on with: the next call notes it.

    `threads` = 0 sends within the caller's thread and connection, one after another: for replays and tests.
    """
    begin = time.monotonic()
    noted = note_left_behind()
    if threads == 0:
        while time.monotonic() - begin < seconds and (jobs := claim(BATCH, _HERE)):
            _send_here(jobs)
            noted += note_answers()
        return noted
    crews = _all_crews()
    last = begin
    while time.monotonic() - begin < seconds:
        claimed = sum(_feed(crew) for crew in crews)
        if not claimed and not any(c.busy for c in crews):
            break
        if not claimed:
            time.sleep(_PAUSE_S)
        if time.monotonic() - last >= _NOTE_EVERY_S:
            noted += note_answers()
            last = time.monotonic()
    return noted + note_answers()


def _feed(crew: Crew) -> int:
    """Give a crew as much as it has room for; what is urgent also where it has none. Returns how many."""
    now = time.monotonic()
    if now < crew.ask_again:
        return 0
    room, least = crew.room()
    jobs = claim(room, _HERE, channels=crew.lane.channels, least=least) if room else []
    crew.ask_again = now + (0.0 if jobs else _PAUSE_S if crew.busy else _QUIET_S)
    crew.put(jobs)
    crew.tend()
    return len(jobs)


def claim(
    limit: int, holder: str, *, channels: Sequence[Channel] = _EVERY, least: int = 0
) -> list[Job]:
    """Take up to `limit` due deliveries, urgent first, with all that is needed to send them.

    `least` = the lowest urgency to take. What its sender has paused or taken back stays where it is.
    """
    now = clock.now()
    until = now + LEASE
    values: dict[str, Any] = {
        "now": now,
        "limit": limit,
        "holder": holder,
        "until": until,
        "channels": [c.value for c in channels],
        "least": least,
        "halted": store.halted(),
    }
    with connection.cursor() as cursor:
        cursor.execute(_CLAIM, values)
        ids = [i for (i,) in cursor.fetchall()]
    return letters.jobs(ids, until) if ids else []


def _send_here(jobs: Sequence[Job]) -> None:
    """Send jobs here and now, one after another."""
    roads = Roads(settings.current())
    try:
        for job in jobs:
            _send(roads, job)
    finally:
        roads.close()


def _send(roads: Roads, job: Job) -> None:
    """Send one job and write down the answer, at once."""
    now = clock.now()
    if job.until - now < LEASE - _FRESH and not _renewed(job, now):
        return
    result, reason, detail = State.RETRYING, "", ""
    try:
        result = roads.send(job)
    except Later as e:
        Lease.objects.filter(delivery=job.delivery, holder=_HERE).update(until=now + e.wait)
        return
    except Undelivered as e:
        result = State.FAILED if e.permanent else State.RETRYING
        reason, detail = e.reason.name, e.detail
    except Exception:
        log.exception("sending %s failed in a way nobody foresaw", job.delivery)
        reason, detail = Reason.BAD_ANSWER.name, "an error of ours; see the log"
    _journal().write(
        Answer(job.delivery, job.tries, result.value, reason, detail, stamp(clock.now()))
    )


def _renewed(job: Job, now: datetime) -> bool:
    with connection.cursor() as cursor:
        cursor.execute(_RENEW, (now + LEASE, job.delivery, _HERE, now))
        return bool(cursor.rowcount)


def note_answers() -> int:
    """Put what this process has sent on the record; returns how many."""
    segment = _journal().turn()
    return _noted(segment) if segment else 0


def note_left_behind() -> int:
    """Put on the record what workers that are gone had sent, and what this one has; returns how many."""
    count = note_answers()
    _from_leases()
    for segment in left_behind(_folder()):
        if segment.answers:
            log.warning("noting %d sends of a worker that is gone", len(segment.answers))
        count += _noted(segment)
    return count


def _from_leases() -> None:
    """Take over answers as the version before kept them: in the lease rows."""
    for lease in Lease.objects.exclude(result="").order_by("at"):
        tries = Delivery.objects.get(id=lease.delivery).attempts
        at = stamp(lease.at or clock.now())
        answer = Answer(lease.delivery, tries, lease.result, lease.reason, lease.detail, at)
        _journal().write(answer)
    note_answers()


def _noted(segment: Segment) -> int:
    """Note a segment, a batch a transaction. A kill in between notes the rest later, and nothing twice."""
    try:
        for start in range(0, len(segment.answers), BATCH):
            batch = segment.answers[start : start + BATCH]
            with writing(SYSTEM) as w:
                _note(w, batch)
                Lease.objects.filter(delivery__in=[a.delivery for a in batch]).delete()
    except BaseException:
        segment.leave()
        raise
    segment.done()
    return len(segment.answers)


def _note(w: Writing, answers: Sequence[Answer]) -> None:
    ids = [a.delivery for a in answers]
    places = Delivery.objects.filter(id__in=ids).values_list("destination", flat=True)
    rows = {r.id: r for r in reaching.locked(set(places))}
    deliveries = Delivery.objects.in_bulk(ids)  # as they stand under the lock
    failed: dict[str, list[str]] = defaultdict(list)
    for answer in answers:
        delivery = deliveries.get(answer.delivery)
        if delivery is None or delivery.attempts > answer.tries:
            continue  # a copy of the database from before, or noted already
        delivery.attempts = answer.tries + 1
        row = rows[delivery.destination]
        if answer.result in (State.SENT, State.DELIVERED):
            _arrived(w, answer, delivery, row)
        elif _failed(w, answer, delivery, row):
            failed[row.id].append(delivery.recipient)
    if failed:
        reaching.move_on(w, [rows[i] for i in sorted(failed)], same_person=True, failed=failed)


def _arrived(w: Writing, answer: Answer, delivery: Delivery, row: Destination) -> None:
    reached = State(answer.result)
    raises = row.closed_at is None and rules.raises(State(row.state), reached)
    data = {
        "id": delivery.id,
        "state": reached.value,
        "attempts": delivery.attempts,
        "shown": State(delivery.state).rung < reached.rung,
        "raises": raises,
    }
    if raises:
        row.state = reached.value
    w.append(
        terms.DELIVERY_SENT,
        row.id,
        data,
        marking=marking_of(delivery),
        occurred_at=unstamp(answer.at),
    )


def _failed(w: Writing, answer: Answer, delivery: Delivery, row: Destination) -> bool:
    """Note a failure; returns whether the next way is to be tried at once."""
    at = unstamp(answer.at)
    attempts = delivery.attempts
    needed = row.acknowledged_at is None and row.closed_at is None
    wait = rules.wait(delivery.id, attempts) if answer.result == State.RETRYING else None
    again = wait is not None and needed and delivery.state in (State.QUEUED, State.RETRYING)
    given_up = answer.result == State.RETRYING and wait is None
    state = State.RETRYING if again else State.FAILED
    if not needed:
        state = State.STOPPED
    data = {
        "id": delivery.id,
        "failure": "temporary" if again else "permanent",
        "reason": Reason.TOO_LONG.name if given_up else answer.reason,
        "attempts": attempts,
        "next_try_at": stamp(at + wait) if again and wait else None,
        "state": "" if State(delivery.state).rung > State.QUEUED.rung else state.value,
        "detail": w.keep(row.id, {"detail": answer.detail}, sealed=True) if answer.detail else None,
        "flags": delivery.recipient if answer.reason in _WRONG_ADDRESS and not again else "",
    }
    w.append(terms.DELIVERY_FAILED, row.id, data, marking=marking_of(delivery), occurred_at=at)
    newest = delivery.recipient == row.current or row.precedence == "FLASH"
    return needed and not again and newest and delivery.state != State.PASSED


_crews: list[Crew] = []
_journals: dict[Path, Journal] = {}


def _all_crews() -> list[Crew]:
    """This process's crews, made on first use."""
    if not _crews:
        atexit.register(close_crews)
        _crews.extend(Crew(lane, _send) for lane in LANES)
    return _crews


def close_crews() -> None:
    """End the sending threads of this process cleanly: another worker need not wait for leases to end."""
    left = [job.delivery for crew in _crews for job in crew.close()]
    _crews.clear()
    with contextlib.suppress(DatabaseError):
        Lease.objects.filter(delivery__in=left, holder=_HERE, result="").delete()
        note_answers()


def _folder() -> Path:
    """Where the journals of this database are: another one's answers are not ours to note, or to delete."""
    return settings.current().data_dir / "sends" / str(connection.settings_dict["NAME"])


def _journal() -> Journal:
    return _journals.setdefault(_folder(), Journal(_folder()))
