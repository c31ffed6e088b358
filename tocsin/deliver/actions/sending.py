"""Sending what is due: claim, send, note. A worker's step; any number of workers.

A delivery's way through a worker:
1. *Claimed*: a lease row says who holds it until when. Another worker takes it over only after that.
2. *Sent*: a thread sends it, and the moment the other side answers it writes the answer into the lease row,
   one statement, one commit. From then on nobody sends it again, whoever is killed.
3. *Noted*: answers are put on the record in batches, with what they cause, and their lease rows go.

Promise: no delivery is lost. None is sent twice but in one case: the process or the machine dies after the
other side took the message and before step 2 is kept, a few milliseconds (0.6 s where the machine loses power:
step 2 does not wait for the disk). No client of SMTP can close that gap (RFC 1047); it concerns at most one
message a sending thread, and the double carries the same Message-ID or webhook-id, so it is recognised.
"""

from __future__ import annotations

import atexit
import contextlib
import logging
import os
import queue
import secrets
import socket
import threading
import time
from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime, timedelta

from django.db import DatabaseError, connection

from tocsin.deliver import rules, terms
from tocsin.deliver.actions import letters, reaching
from tocsin.deliver.channels import Job, Roads, Undelivered
from tocsin.deliver.models import Delivery, Destination, Lease
from tocsin.deliver.terms import LEASE, Reason, State
from tocsin.kernel import clock, settings
from tocsin.people.terms import SYSTEM
from tocsin.people.visibility import marking_of
from tocsin.record.actions import Writing, writing
from tocsin.record.terms import stamp

log = logging.getLogger(__name__)

THREADS = 6
BATCH = 1000
_AHEAD = 24
"""Deliveries claimed ahead per thread: enough to keep it busy, few to hand over when a worker dies."""
_FRESH = timedelta(seconds=10)
"""A lease older than this is renewed before sending, so that it outlasts the send."""

_NOTE_EVERY = 0.3
"""Seconds between two batches put on the record while sending: a batch costs a disk write."""
_PAUSE = 0.02

_CLAIM = """
WITH due AS (
    SELECT d.id FROM deliver_delivery d
    WHERE d.next_try_at <= %(now)s AND NOT EXISTS (
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
_ANSWER = (
    "UPDATE deliver_lease SET result = %s, reason = %s, detail = %s, at = %s "
    "WHERE delivery = %s AND holder = %s AND result = ''"
)


def send_due(*, threads: int = THREADS, seconds: float = 2.0) -> int:
    """Send what is due, urgent first, until nothing is left or so many seconds passed; returns how many were
    noted. What the threads still have in hand then, they go on with: the next call notes it.

    `threads` = 0 sends within the caller's thread and connection, one after another: for replays and tests.
    """
    begin = time.monotonic()
    noted = note_answers()
    if threads == 0:
        while time.monotonic() - begin < seconds and (jobs := claim(BATCH, _HERE)):
            _send_here(jobs)
            noted += note_answers()
        return noted
    crew = _crew(threads)
    last = begin
    while time.monotonic() - begin < seconds:
        room = crew.room()
        jobs = claim(room, crew.holder) if room else []
        crew.put(jobs)
        if not jobs and not crew.busy():
            break
        if not jobs:
            crew.wait(_PAUSE)
        if time.monotonic() - last >= _NOTE_EVERY:
            noted += note_answers()
            last = time.monotonic()
    return noted + note_answers()


def claim(limit: int, holder: str) -> list[Job]:
    """Take up to `limit` due deliveries, urgent first, with all that is needed to send them."""
    if limit <= 0:
        return []
    now = clock.now()
    until = now + LEASE
    with connection.cursor() as cursor:
        cursor.execute(_CLAIM, {"now": now, "limit": limit, "holder": holder, "until": until})
        ids = [i for (i,) in cursor.fetchall()]
    return letters.jobs(ids, until) if ids else []


def _send_here(jobs: Sequence[Job]) -> None:
    """Send jobs here and now, one after another."""
    roads = Roads(settings.current())
    try:
        for job in jobs:
            _send(roads, job, _HERE)
    finally:
        roads.close()


def _send(roads: Roads, job: Job, holder: str) -> None:
    """Send one job and write down the answer, at once."""
    now = clock.now()
    if job.until - now < LEASE - _FRESH and not _renewed(job, holder, now):
        return
    try:
        state: State = roads.send(job)
        answer = (state.value, "", "")
    except Undelivered as e:
        result = State.FAILED if e.permanent else State.RETRYING
        answer = (result.value, e.reason.name, e.detail)
    except Exception:
        log.exception("sending %s failed in a way nobody foresaw", job.delivery)
        answer = (State.RETRYING.value, Reason.BAD_ANSWER.name, "an error of ours; see the log")
    if not _changed(_ANSWER, (*answer, clock.now(), job.delivery, holder)):
        log.warning("the lease of %s was lost while it was sent: it may go twice", job.delivery)


def _renewed(job: Job, holder: str, now: datetime) -> bool:
    return _changed(_RENEW, (now + LEASE, job.delivery, holder, now))


def _changed(statement: str, values: tuple[object, ...]) -> bool:
    """Run a statement on this thread's connection; whether it changed a row."""
    with connection.cursor() as cursor:
        cursor.execute(statement, values)  # type: ignore[arg-type]  # plain texts and times
        return bool(cursor.rowcount)


def note_answers() -> int:
    """Put finished sends on the record, a batch a transaction; returns how many. Any worker notes for all."""
    count = 0
    while True:
        with writing(SYSTEM) as w:
            rows = Lease.objects.select_for_update(skip_locked=True).exclude(result="")
            leases = list(rows.order_by("at")[:BATCH])
            if leases:
                _note(w, leases)
                Lease.objects.filter(delivery__in=[lease.delivery for lease in leases]).delete()
        count += len(leases)
        if len(leases) < BATCH:
            return count


def _note(w: Writing, leases: Sequence[Lease]) -> None:
    ids = [lease.delivery for lease in leases]
    places = Delivery.objects.filter(id__in=ids).values_list("destination", flat=True)
    rows = {r.id: r for r in reaching.locked(set(places))}
    deliveries = Delivery.objects.in_bulk(ids)  # as they stand under the lock
    failed: dict[str, list[str]] = defaultdict(list)
    for lease in leases:
        delivery = deliveries[lease.delivery]
        row = rows[delivery.destination]
        if lease.result in (State.SENT, State.DELIVERED):
            _arrived(w, lease, delivery, row)
        elif _failed(w, lease, delivery, row):
            failed[row.id].append(delivery.recipient)
    if failed:
        reaching.move_on(w, [rows[i] for i in sorted(failed)], same_person=True, failed=failed)


def _arrived(w: Writing, lease: Lease, delivery: Delivery, row: Destination) -> None:
    reached = State(lease.result)
    raises = row.closed_at is None and rules.raises(State(row.state), reached)
    data = {
        "id": delivery.id,
        "state": reached.value,
        "attempts": delivery.attempts + 1,
        "shown": State(delivery.state).rung < reached.rung,
        "raises": raises,
    }
    if raises:
        row.state = reached.value
    w.append(terms.DELIVERY_SENT, row.id, data, marking=marking_of(delivery), occurred_at=lease.at)


def _failed(w: Writing, lease: Lease, delivery: Delivery, row: Destination) -> bool:
    """Note a failure; returns whether the next way is to be tried at once."""
    at = lease.at or w.at
    attempts = delivery.attempts + 1
    needed = row.acknowledged_at is None and row.closed_at is None
    wait = rules.wait(delivery.id, attempts) if lease.result == State.RETRYING else None
    again = wait is not None and needed and delivery.state in (State.QUEUED, State.RETRYING)
    given_up = lease.result == State.RETRYING and wait is None
    state = State.RETRYING if again else State.FAILED
    if not needed:
        state = State.STOPPED
    data = {
        "id": delivery.id,
        "failure": "temporary" if again else "permanent",
        "reason": Reason.TOO_LONG.name if given_up else lease.reason,
        "attempts": attempts,
        "next_try_at": stamp(at + wait) if again and wait else None,
        "state": "" if State(delivery.state).rung > State.QUEUED.rung else state.value,
        "detail": w.keep(row.id, {"detail": lease.detail}, sealed=True) if lease.detail else None,
    }
    w.append(terms.DELIVERY_FAILED, row.id, data, marking=marking_of(delivery), occurred_at=at)
    newest = delivery.recipient == row.current or row.precedence == "FLASH"
    return needed and not again and newest and delivery.state != State.PASSED


class Crew:
    """Threads that send, each with its own connections. They know jobs only; the caller claims and notes."""

    def __init__(self, threads: int) -> None:
        self.holder = f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(4)}"
        self._answered = threading.Event()
        self._size = threads * _AHEAD
        self._jobs: queue.SimpleQueue[Job | None] = queue.SimpleQueue()
        self._held = 0
        self._lock = threading.Lock()
        self._threads = [
            threading.Thread(target=self._run, name=f"send-{i}", daemon=True)
            for i in range(threads)
        ]
        for thread in self._threads:
            thread.start()

    def room(self) -> int:
        """How many more to claim: none while more than half of the last are still to be sent."""
        return self._size - self._held if self._held <= self._size // 2 else 0

    def busy(self) -> bool:
        return self._held > 0

    def wait(self, seconds: float) -> None:
        """Until something was sent, or so long."""
        self._answered.wait(seconds)
        self._answered.clear()

    def put(self, jobs: Sequence[Job]) -> None:
        with self._lock:
            self._held += len(jobs)
        for job in jobs:
            self._jobs.put(job)

    def close(self) -> None:
        """Finish the messages under way, give back what was not begun, end the threads."""
        while not self._jobs.empty():
            with contextlib.suppress(queue.Empty):
                self._jobs.get_nowait()
        for _ in self._threads:
            self._jobs.put(None)
        for thread in self._threads:
            thread.join()
        with contextlib.suppress(DatabaseError):
            Lease.objects.filter(holder=self.holder, result="").delete()

    def _run(self) -> None:
        roads = Roads(settings.current())
        ready = False
        while (job := self._jobs.get()) is not None:
            try:
                if not ready:
                    with connection.cursor() as cursor:
                        cursor.execute("SET synchronous_commit TO off")
                    ready = True
                _send(roads, job, self.holder)
            except DatabaseError:
                log.exception(
                    "the database went away; %s is sent again after its lease", job.delivery
                )
                connection.close()
                ready = False
            finally:
                with self._lock:
                    self._held -= 1
                self._answered.set()
        roads.close()
        connection.close()


_HERE = f"{socket.gethostname()}:{os.getpid()}:here"
_crews: dict[int, Crew] = {}


def _crew(threads: int) -> Crew:
    """This process's crew of that size, made on first use."""
    if threads not in _crews:
        if not _crews:
            atexit.register(close_crews)
        _crews[threads] = Crew(threads)
    return _crews[threads]


def close_crews() -> None:
    """End the sending threads of this process cleanly: another worker need not wait for leases to end."""
    while _crews:
        _crews.popitem()[1].close()
