"""Following streams: one task for each source and partition, any number of processes, each part to one of them."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from random import Random

from django.db import connections

from tocsin.collect import rules, terms
from tocsin.collect.configs import password, read_config
from tocsin.collect.models import Source
from tocsin.collect.sources import streams
from tocsin.collect.sources.batch import Broken, Cursor
from tocsin.collect.sources.jetstream import Jetstream, JetstreamSource
from tocsin.collect.sources.mastodon import Mastodon, MastodonSource
from tocsin.collect.sources.nats_stream import NatsSource, NatsStream
from tocsin.collect.sources.streams import Gap, Part, Stream
from tocsin.collect.store import charter as charter_of
from tocsin.collect.terms import (
    FailReason,
    FeedState,
    Fetched,
    Item,
    Permanence,
    SourceKind,
    SourceState,
)
from tocsin.kernel import clock, settings
from tocsin.kernel.errors import TocsinError
from tocsin.people.visibility import marking_of
from tocsin.record.actions import Writing
from tocsin.record.terms import stamp
from tocsin.screen import store
from tocsin.screen.actions.intake import take_chunk
from tocsin.screen.actions.reading import finish
from tocsin.screen.taken import Taken

STREAMED = (SourceKind.JETSTREAM.value, SourceKind.MASTODON.value, SourceKind.NATS.value)
LEASE = timedelta(seconds=60)
"""How long a part belongs to who took it, from its last sign of life; after that another worker goes on."""

_NOTED_S = 60.0
_AT_ONCE = 16  # tasks of a process
_RESTING = timedelta(minutes=10)  # after a failure that trying again cannot mend

_log = logging.getLogger("tocsin.screen")
Ends = Callable[[Part], bool]


class LostLease(Exception):
    """Another worker has taken this part over; what was about to be stored is not."""


class Following:
    """A process's tasks. `step` is the worker's loop."""

    def __init__(self) -> None:
        self._tasks: dict[tuple[str, str], threading.Thread] = {}

    def step(self) -> int:
        """Start a task for each part of a stream that is due and belongs to nobody; returns how many."""
        self._tasks = {key: task for key, task in self._tasks.items() if task.is_alive()}
        room = _AT_ONCE - len(self._tasks)
        claimed = store.claim_streams(STREAMED, clock.now(), LEASE, room) if room > 0 else []
        for row, what, cursor, until in claimed:
            task = threading.Thread(
                target=_task,
                args=(row, what, cursor, until),
                name=f"stream {row.name}",
                daemon=True,
            )
            self._tasks[row.id, what] = task
            task.start()
        return len(claimed)


def _task(row: Source, what: str, cursor: Cursor, until: datetime) -> None:
    try:
        follow(row, what, cursor, until)
    except Exception:  # noqa: BLE001 - the lease runs out, and somebody goes on
        _log.exception("following %s", row.id)
    finally:
        connections.close_all()


def follow(
    row: Source, what: str, cursor: Cursor, until: datetime, *, ends: Ends = lambda part: False
) -> Fetched:
    """Follow one part of a stream until it breaks off, the source is paused or `ends` says so.

    1. Connect behind the cursor.
    2. Each part is screened and stored in one transaction with its cursor and the renewed lease; a lease that another
       worker holds by now rolls it back.
    3. However it ends: a note for the health page, and when to connect again. Nothing here waits for that time.
    """
    session = _Session(row, what, cursor, until)
    try:
        for part in _open(row, what).parts(cursor):
            session.take(part)
            if ends(part) or not session.wanted():
                break
        outcome = Fetched(FeedState.OK if session.items else FeedState.EMPTY)
    except LostLease:
        _log.info("stream %s %s is followed elsewhere now", row.id, what)
        return Fetched(FeedState.EMPTY)
    except Broken as broken:
        outcome = broken.outcome
        if broken.reason is FailReason.TOO_LARGE:
            session.skip(broken.message)
    except TocsinError as error:
        said = f"{error.field} {error.message} {error.cure}".strip()
        outcome = Fetched(FeedState.FAILED, FailReason.PROTOCOL, Permanence.PERMANENT, said)
    session.note(outcome)
    session.release(outcome)
    return outcome


def _open(row: Source, what: str) -> Stream:
    ruling = rules.in_order(
        charter_of(row), purpose=row.purpose, operation=row.operation, now=clock.now()
    )
    if not ruling.allowed:
        raise Broken(
            FailReason.NOT_AUTHORISED, Permanence.PERMANENT, ruling.plain, cure=ruling.cure
        )
    config = read_config(SourceKind(row.kind), row.config)
    allow_private = settings.current().allow_private_addresses
    if isinstance(config, JetstreamSource):
        return Jetstream(config, allow_private=allow_private)
    if isinstance(config, MastodonSource):
        return Mastodon(config, token=password(config), allow_private=allow_private)
    if isinstance(config, NatsSource):
        return NatsStream(config, int(what.removeprefix(store.PART)), token=password(config))
    raise Broken(FailReason.PROTOCOL, Permanence.PERMANENT, f"A {row.kind} is no stream.")


class _Session:
    """One connection's worth of what came in, and the lease on it."""

    def __init__(self, row: Source, what: str, cursor: Cursor, until: datetime) -> None:
        self.row = row
        self.items = 0
        self._what = what
        self._cursor = cursor
        self._until = until
        self._taken = Taken()
        self._refused = self._since = 0
        self._noted = time.monotonic()
        self._gaps: list[Gap] = []

    def take(self, part: Part) -> None:
        """Store a part with its cursor; of an empty one only the sign of life. Raises: LostLease."""
        self._gaps += part.gaps
        if part.records or part.gaps:
            taken = take_chunk(self.row, part.records, saving=lambda w, _: self._save(w, part))
            self._taken.add(taken)
            items = sum(isinstance(r, Item) for r in part.records)
            self.items += items
            self._since += items
            self._refused += len(part.records) - items
        else:
            self._renew(part.cursor)
        self._cursor = part.cursor
        if time.monotonic() - self._noted > _NOTED_S:
            self.note(Fetched(FeedState.OK if self._since else FeedState.EMPTY))

    def wanted(self) -> bool:
        """Whether the source is still to be followed, with the settings this session began with."""
        now = store.source(self.row.id)
        return now.state == SourceState.ACTIVE and now.version == self.row.version

    def skip(self, why: str) -> None:
        """Give up on the place the cursor is at, and say what may be missing: trying again would end here again."""
        gap = Gap(f"{why} What followed, up to the next connection, may be missing.")
        self.take(Part([], {}, [gap]))

    def note(self, outcome: Fetched) -> None:
        """A row for the health page: what came since the last one, and what may be missing."""
        gaps = " ".join(dict.fromkeys(_told(gap) for gap in self._gaps))
        note = " ".join(filter(None, (outcome.note, gaps)))
        said = Fetched(
            outcome.state, outcome.reason, outcome.permanence, note, self._since, self._refused
        )
        finish(self.row, said, self._taken, what=self._what)
        self._taken, self._gaps, self._since, self._refused = Taken(), [], 0, 0
        self._noted = time.monotonic()

    def release(self, outcome: Fetched) -> None:
        """Let go of the part, and say when to connect again."""
        now, wait = clock.now(), timedelta()
        if outcome.state is FeedState.FAILED:
            failures = store.health(self.row, now).failures
            permanent = outcome.permanence is Permanence.PERMANENT
            wait = _RESTING if permanent else streams.wait(failures, _RNG)
        store.release_stream(self.row.id, self._what, self._until, now + wait)

    def _save(self, w: Writing, part: Part) -> None:
        self._renew(part.cursor)
        for gap in part.gaps:
            data = {
                "part": self._what,
                "after": stamp(gap.after) if gap.after else None,
                "until": stamp(gap.until) if gap.until else None,
                "missed": gap.missed,
            }
            w.append(terms.SOURCE_GAPPED, self.row.id, data, marking=marking_of(self.row))

    def _renew(self, cursor: Cursor) -> None:
        until = max(clock.now() + LEASE, self._until + timedelta(microseconds=1))
        if not store.renew_stream(self.row.id, self._what, self._until, until, cursor):
            raise LostLease
        self._until = until


_RNG = Random()  # noqa: S311 - spreads reconnections, no secret


def _told(gap: Gap) -> str:
    when = (
        f" From {gap.after:%d %b %H:%M} to {gap.until:%H:%M} UTC."
        if gap.after and gap.until
        else ""
    )
    return f"{gap.plain}{when}"
