"""Reading feeds and mailboxes on their own clocks: the worker's loop."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from datetime import timedelta

from tocsin.collect import health, rules
from tocsin.collect.models import Source
from tocsin.collect.sources.batch import Batch
from tocsin.collect.terms import (
    FailReason,
    FeedState,
    Fetched,
    Item,
    Permanence,
    Refused,
)
from tocsin.kernel import clock
from tocsin.people.terms import Actor
from tocsin.screen import store
from tocsin.screen.actions.intake import permit_collect
from tocsin.screen.actions.reading import fetch, finish, take_batch
from tocsin.screen.taken import Taken

POLLED = tuple(sorted(health.POLLED))
_AT_ONCE = 8
_CLAIM = timedelta(minutes=15)  # after that, another worker may try: this one has died
_LONGEST_WAIT = timedelta(hours=1)

_log = logging.getLogger("tocsin.screen")
_last_seen: dict[str, set[int]] = {}


def poll_due(limit: int = 40) -> int:
    """Read the feeds and mailboxes that are due; returns how many were read. The worker's loop.

    1. Claim due sources by a conditional update: any number of workers, each source to one of them.
    2. Ask them, several at once, outside any transaction.
    3. Take in what each had, as it answers; a failing source is noted as failing and stops nobody.
    """
    claimed = store.claim_due(POLLED, clock.now(), _CLAIM, limit)
    if claimed:
        with ThreadPoolExecutor(max_workers=_AT_ONCE, thread_name_prefix="fetch") as pool:
            asked: dict[Future[tuple[Batch, float]], Source] = {
                pool.submit(_timed, row, cursor): row for row, cursor in claimed
            }
            for answer in as_completed(asked):
                _take(asked[answer], *answer.result())
    return len(claimed)


def poll_now(actor: Actor, *, source: str) -> Fetched:
    """Read one source at once, whatever its clock says; returns how it went. Raises: Forbidden; NotFound."""
    row = store.source(source)
    permit_collect(actor, row)
    return _take(row, *_timed(row, store.cursor(row.id, "")))


def forget() -> None:
    """Forget the last answers, as a new process has."""
    _last_seen.clear()


def _timed(row: Source, cursor: dict[str, str]) -> tuple[Batch, float]:
    started = time.monotonic()
    return fetch(row, cursor), started


def _take(row: Source, batch: Batch, started: float) -> Fetched:
    taken = Taken()
    try:
        taken = take_batch(row, batch, keep=_new_to(row.id))
        outcome = batch.outcome
        store.save_cursor(row.id, "", batch.cursor)
    except Exception as error:  # noqa: BLE001 - one source must not stop the others
        _log.exception("taking in source %s", row.id)
        said = f"Something went wrong inside ({type(error).__name__}); the log says more."
        outcome = Fetched(FeedState.FAILED, FailReason.PROTOCOL, Permanence.TEMPORARY, said)
        _last_seen.pop(row.id, None)
    finish(row, outcome, taken, took_ms=int((time.monotonic() - started) * 1000))
    store.schedule(row.id, clock.now() + _wait(row))
    return outcome


def _wait(row: Source) -> timedelta:
    """Every so often; a source that fails again and again is asked less often, at least hourly."""
    failures = store.health(row, clock.now()).failures
    every = timedelta(seconds=row.every_s)
    return max(every, min(every * (1 << min(max(0, failures - 1), 10)), _LONGEST_WAIT))


def _new_to(source: str) -> Callable[[Item | Refused], bool]:
    """Whether an item was not in the last answer already: a feed repeats its entries at every reading, and counting
    them each time would make a quiet feed look busy. Only marks of the last answer are held, in memory, and keyed by
    this process's own hash seed."""
    before = _last_seen.get(source, set())
    now = _last_seen[source] = set[int]()

    def keep(record: Item | Refused) -> bool:
        if isinstance(record, Item):
            mark = hash((rules.identity(record), rules.content_hash(record)))
        else:
            mark = hash((record.where, record.reason, record.raw))
        now.add(mark)
        return mark not in before

    return keep
