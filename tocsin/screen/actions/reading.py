"""Reading a source by its connector: what it hands out is taken in, where it was left off is kept with it."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path

from tocsin.collect import rules
from tocsin.collect.actions.sources import note_health
from tocsin.collect.configs import FileConfig, MailboxConfig, password, read_config
from tocsin.collect.models import Run, Source
from tocsin.collect.pseudonyms import pseudonym
from tocsin.collect.sources import feeds, files, letters, mailbox
from tocsin.collect.sources.batch import Batch, Cursor
from tocsin.collect.sources.feeds import FeedSource
from tocsin.collect.sources.mapping import Mapping
from tocsin.collect.sources.partner import CapSource, PartnerSource, TaxiiSource
from tocsin.collect.store import charter as charter_of
from tocsin.collect.terms import (
    FailReason,
    FeedState,
    Fetched,
    Item,
    Permanence,
    Refused,
    SourceKind,
    SourceState,
)
from tocsin.kernel import clock, settings
from tocsin.kernel.errors import Conflict, Invalid, TocsinError
from tocsin.people.terms import SYSTEM, Actor
from tocsin.record.actions import Writing, writing
from tocsin.screen import store
from tocsin.screen.actions.intake import AT_ONCE, Watch, permit_collect, take_chunk
from tocsin.screen.taken import Taken

PRUNE_EVERY = 1000  # readings

_log = logging.getLogger("tocsin.screen")
Progress = Callable[[Batch, Taken], None]
Filter = Callable[[Item | Refused], bool]


def read_file(
    actor: Actor,
    *,
    source: str,
    path: Path,
    again: bool = False,
    mapping: Mapping | None = None,
    watch: Watch | None = None,
    progress: Progress | None = None,
) -> tuple[Fetched, Taken]:
    """Take in a file for a source of kind `file`; returns how the reading ended, and what became of its rows.

    A file that was read before goes on behind the last row read, unless `again`. `mapping` stands in for the
    source's own, this once.
    Raises: Forbidden; NotFound; Conflict when the source is paused; Invalid for a mapping that does not fit.
    """
    row = store.source(source)
    permit_collect(actor, row)
    if row.state == SourceState.PAUSED:
        raise Conflict("the source is paused", field="source", cure="Resume it first.")
    ruling = rules.in_order(
        charter_of(row), purpose=row.purpose, operation=row.operation, now=clock.now()
    )
    if not ruling.allowed:
        raise Invalid(ruling.plain, field=ruling.field, cure=ruling.cure)
    config = read_config(SourceKind(row.kind), row.config)
    if not isinstance(config, FileConfig):
        raise Invalid(
            "this source does not read files", field="source", cure="Use one of kind file."
        )
    if not path.is_file():
        raise Invalid(f"there is no file {path}", field="path", cure="Check the path.")
    what = pseudonym("file", str(path.resolve()))
    cursor = {} if again else store.cursor(row.id, what)
    started = time.monotonic()
    mapping = mapping or config.mapping
    if mapping is None:
        batch = letters.fetch(letters.LetterFile(str(path)), cursor)
    else:
        batch = files.fetch(files.FileSource(str(path), mapping, config.format), cursor)
    taken = take_batch(row, batch, actor=actor, what=what, watch=watch, progress=progress)
    finish(row, batch.outcome, taken, what=what, took_ms=int((time.monotonic() - started) * 1000))
    return batch.outcome, taken


def fetch(row: Source, cursor: Cursor) -> Batch:
    """Ask a feed or a mailbox what is new. Never raises: what goes wrong is the batch's outcome."""
    ruling = rules.in_order(
        charter_of(row), purpose=row.purpose, operation=row.operation, now=clock.now()
    )
    if not ruling.allowed:
        said = f"{ruling.plain} {ruling.cure}"
        return _failed(cursor, FailReason.NOT_AUTHORISED, Permanence.PERMANENT, said)
    allow_private = settings.current().allow_private_addresses
    try:
        config = read_config(SourceKind(row.kind), row.config)
        if isinstance(config, FeedSource):
            return feeds.fetch(config, cursor, allow_private=allow_private)
        if isinstance(config, MailboxConfig):
            secret = password(config)
            return mailbox.fetch(
                config.source(), cursor, password=secret, allow_private=allow_private
            )
        if isinstance(config, PartnerSource):
            return _from_partner(config, cursor, allow_private=allow_private)
    except TocsinError as error:
        said = " ".join(f"{part.rstrip('.')}." for part in (error.message, error.cure) if part)
        said = f"{error.field} {said}" if error.field else said
        return _failed(cursor, FailReason.PROTOCOL, Permanence.PERMANENT, said)
    except Exception as error:  # noqa: BLE001 - one source must not stop the others
        _log.exception("reading source %s", row.id)
        said = f"Something went wrong inside ({type(error).__name__}); the log says more."
        return _failed(cursor, FailReason.PROTOCOL, Permanence.TEMPORARY, said)
    said = f"A source of kind {row.kind} is not read on a clock."
    return _failed(cursor, FailReason.PROTOCOL, Permanence.PERMANENT, said)


def _from_partner(config: PartnerSource, cursor: Cursor, *, allow_private: bool) -> Batch:
    """Ask a partner's system; what reads its format is loaded here, since most sites never need it."""
    from tocsin.collect.sources import cap, misp, taxii  # noqa: PLC0415

    if isinstance(config, CapSource):
        return cap.fetch(config, cursor, allow_private=allow_private)
    if isinstance(config, TaxiiSource):
        secret = password(config)
        return taxii.fetch(config, cursor, password=secret, allow_private=allow_private)
    return misp.fetch(config, cursor, key=password(config), allow_private=allow_private)


def take_batch(
    row: Source,
    batch: Batch,
    *,
    actor: Actor = SYSTEM,
    what: str = "",
    keep: Filter | None = None,
    watch: Watch | None = None,
    progress: Progress | None = None,
) -> Taken:
    """Take in what a connector hands out. The cursor is saved in the transaction of the records it covers; the
    connector reads on (perhaps over the network) only between transactions."""
    total = Taken()
    for records, cursor in _chunks(batch):

        def save(w: Writing, _: Taken, cursor: Cursor = cursor) -> None:
            store.save_cursor(row.id, what, cursor)

        wanted = [r for r in records if keep(r)] if keep else records
        total.add(take_chunk(row, wanted, actor=actor, watch=watch, saving=save))
        if progress:
            progress(batch, total)
    return total


def finish(
    row: Source, outcome: Fetched, taken: Taken, *, what: str = "", took_ms: int = 0
) -> None:
    """Note how a reading ended: a row for the health page, and on the record when the health changed."""
    at = clock.now()
    with writing(SYSTEM) as w:
        run = Run.objects.create(
            source=row.id,
            what=what,
            at=at,
            took_ms=took_ms,
            state=outcome.state.value,
            reason=outcome.reason.value,
            permanence=outcome.permanence.value,
            note=outcome.note[:500],
            items=outcome.items,
            refused=outcome.refused,
            flagged=taken.flagged,
        )
        if row.kind != SourceKind.FILE:
            locked = Source.objects.select_for_update().get(id=row.id)
            note_health(w, locked, store.health(locked, at))
    if run.id % PRUNE_EVERY == 0:
        store.prune_runs()


def _chunks(batch: Batch) -> Iterator[tuple[list[Item | Refused], Cursor]]:
    records = iter(batch)
    while chunk := list(islice(records, AT_ONCE)):
        yield chunk, dict(batch.cursor)


def _failed(cursor: Cursor, reason: FailReason, permanence: Permanence, said: str) -> Batch:
    return Batch(cursor).end(Fetched(FeedState.FAILED, reason, permanence, said))
